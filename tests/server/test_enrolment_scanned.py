"""An enrolment as a phone goes through it: scan the server's QR code, compute a code, confirm by it.

Nothing of ours is in between: two scanners read the picture, a parser after the public "Key Uri Format"
takes the URI apart, and oathtool computes the code.
"""

from __future__ import annotations

import asyncio
import base64
import io
import subprocess
from itertools import product
from typing import TYPE_CHECKING

import pytest
import zxingcpp
from PIL import Image

from key_routes import check, confirm, make
from phone_apps import APPS, google
from programs import require_program
from qr_reader import greymap, scan
from unit.otp.terminal_picture import half_block_modules, on_a_dark_screen

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from phone_apps import Entry
    from servers import RunningServer


def oathtool(entry: Entry, now: float) -> str:
    """The code of an account at Unix second `now`."""
    moment = [f"--totp={entry.algorithm}", f"--now=@{int(now)}", f"--time-step-size={entry.period}s"]
    ended = subprocess.run(
        [require_program("oathtool"), "--base32", f"--digits={entry.digits}", *moment, "-"],
        input=base64.b32encode(entry.secret),
        capture_output=True,
        check=True,
    )
    return ended.stdout.decode().strip()


async def scanned(client: httpx.AsyncClient, form: str, folder: Path) -> str:
    """What two scanners read in the server's picture of alice's key, byte for byte the same."""
    answer = await client.get("/v1/keys/alice/qr", params={"format": form})
    assert answer.status_code == 200
    picture = answer.content
    if form == "text":
        picture = greymap(on_a_dark_screen(half_block_modules(answer.text)))
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))
    assert await asyncio.to_thread(scan, picture, folder) == found.bytes
    return found.bytes.decode()


@pytest.mark.parametrize(
    ("algorithm", "digits", "period"), product(["SHA1", "SHA256", "SHA512"], [6, 8], [30, 60])
)
async def test_oathtools_code_of_the_scanned_key_confirms_it(
    server: RunningServer,
    client: httpx.AsyncClient,
    tmp_path: Path,
    algorithm: str,
    digits: int,
    period: int,
) -> None:
    made = await make(client, algorithm=algorithm, digits=digits, period=period, issuer="Größe & Söhne")
    entry = google(await scanned(client, "png", tmp_path))

    assert (entry.issuer, entry.account) == ("Größe & Söhne", "alice")
    assert (entry.algorithm, entry.digits, entry.period) == (algorithm, digits, period)
    first = await asyncio.to_thread(oathtool, entry, server.clock())
    assert (await confirm(client, first)).status_code == 200
    assert (await check(client, first)).json()["reason"] == "replayed"
    server.clock.advance(made.key.period)
    second = await asyncio.to_thread(oathtool, entry, server.clock())
    assert (await check(client, second)).json()["valid"] is True


async def test_every_form_says_the_same_to_every_app(client: httpx.AsyncClient, tmp_path: Path) -> None:
    await make(client, issuer="Example Co", account="alice@example.com")
    uri = (await client.get("/v1/keys/alice/qr", params={"format": "uri"})).text.strip()
    read = {await scanned(client, form, tmp_path) for form in ("png", "text")}
    assert read == {uri}
    (entry,) = {app(uri) for app in APPS.values()}
    assert (entry.issuer, entry.account) == ("Example Co", "alice@example.com")
