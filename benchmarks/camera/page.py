"""The enrolment page of a real server in Chromium, light and dark."""

from __future__ import annotations

import io
import os
import subprocess
from typing import TYPE_CHECKING

import zxingcpp
from benchmarks.camera.distort import Picture
from benchmarks.camera.pictures import KEY, alone
from benchmarks.harness import BIN, UnavailableError, plain_environment, require_program
from benchmarks.server_processes import announced, server_command
from PIL import Image
from playwright.sync_api import Error, sync_playwright

from watchword_otp.qr import make_qr

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Literal

SCHEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")
_WINDOW = (1280, 900)


def pages(folder: Path) -> Iterator[tuple[str, str, Picture, Picture]]:
    """Photograph the page of a new key in each of `SCHEMES`, and a PNG with modules as large.

    Yields:
        The scheme, the key's URI, the page, the PNG.

    Raises:
        UnavailableError: There is no Chromium, or no scanner finds the QR code on the page as it is.
    """
    with announced(server_command(folder / "data"), folder) as (url, _):
        labels = ["--issuer", KEY.issuer, "--account", KEY.name]
        uri = _command(folder, "keys", "create", "alice", *labels, "--uri")
        link = _command(folder, "keys", "link", "alice", "--public-url", url)
        for scheme in SCHEMES:
            image = _screenshot(link, scheme)
            page = Picture(image, _symbol(image, uri), make_qr(uri).size)
            yield scheme, uri, page, alone(make_qr(uri), round(page.pitch), dark=scheme == "dark")


def _command(folder: Path, *arguments: str) -> str:
    ended = subprocess.run(
        [str(BIN / "watchword-server"), *arguments, "--data-dir", str(folder / "data")],
        env=plain_environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise UnavailableError(f"watchword-server {arguments[0]}: {ended.stderr.strip()}")
    return ended.stdout.strip()


def _screenshot(url: str, scheme: Literal["dark", "light"]) -> Image.Image:
    # Chromium's sandbox refuses to run as root, as containers do; it sees nothing but our own page.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=require_program("chromium"), args=arguments
            )
        except Error as error:
            raise UnavailableError(f"Chromium does not start: {error.message}") from None
        width, height = _WINDOW
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        page.goto(url)
        taken = page.screenshot(full_page=True)
        browser.close()
    return Image.open(io.BytesIO(taken)).convert("RGB")


def _symbol(image: Image.Image, uri: str) -> tuple[float, float, float, float]:
    """Where the QR code is; what else is on the page does not matter."""
    found = zxingcpp.read_barcodes(image)
    if [one.text for one in found] != [uri]:
        raise UnavailableError("no scanner finds the QR code on the page")
    position = found[0].position
    return (
        position.top_left.x,
        position.top_left.y,
        position.bottom_right.x + 1,
        position.bottom_right.y + 1,
    )
