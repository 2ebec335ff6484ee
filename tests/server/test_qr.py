from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from servers import RunningServer, running_server
from watchword_otp import parse_uri

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

TYPES = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "text": "text/plain; charset=utf-8",
    "uri": "text/uri-list; charset=utf-8",
}
BEGINNINGS = {"svg": b"<svg ", "png": b"\x89PNG\r\n", "text": b"\x1b[38;5;", "uri": b"otpauth://totp/"}


@pytest.mark.parametrize("path", ["/", "/qr"])
@pytest.mark.parametrize("format_", TYPES)
async def test_every_format_by_name(server: RunningServer, path: str, format_: str) -> None:
    async with server.client(server.qr_token) as client:
        answer = await client.get(path, params={"format": format_})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, TYPES[format_])
    assert answer.content.startswith(BEGINNINGS[format_])


@pytest.mark.parametrize(
    ("accept", "format_"),
    [
        (None, "svg"),
        ("*/*", "svg"),
        ("image/*", "svg"),
        ("image/svg+xml", "svg"),
        ("image/png", "png"),
        ("text/plain", "text"),
        ("text/uri-list", "uri"),
        ("text/html,application/xhtml+xml,image/avif,image/png,*/*;q=0.8", "png"),
        ("image/png;q=0.5, text/plain;q=0.9", "text"),
        ("text/html, */*;q=0.1", "svg"),
    ],
)
async def test_what_the_client_accepts(
    client: httpx.AsyncClient, accept: str | None, format_: str
) -> None:
    del client.headers["Accept"]
    answer = await client.get("/", headers={"Accept": accept} if accept else {})
    assert answer.headers["Content-Type"] == TYPES[format_]
    assert answer.headers["Vary"] == "Accept"


@pytest.mark.parametrize("accept", ["video/mp4", "application/json", "nonsense", "text/html"])
async def test_what_nobody_can_send(client: httpx.AsyncClient, accept: str) -> None:
    answer = await client.get("/", headers={"Accept": accept})
    assert answer.status_code == 406
    assert answer.json()["type"] == "urn:watchword:problem:not-acceptable"


async def test_an_unknown_format_is_refused_with_the_known_ones(client: httpx.AsyncClient) -> None:
    answer = await client.get("/qr", params={"format": "gif"})
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:watchword:problem:unknown-format"
    assert answer.json()["formats"] == ["svg", "png", "text", "uri"]


async def test_the_uri_is_the_key_with_its_labels(tmp_path: Path) -> None:
    async with running_server(tmp_path, issuer="Example & Söhne") as server, server.client() as client:
        text = (await client.get("/qr", params={"format": "uri"})).text
    assert text.endswith("\n")
    key = parse_uri(text)
    assert (key.secret, key.issuer, key.name) == (server.key.secret, "Example & Söhne", "default")


async def test_a_browser_may_show_the_svg_under_the_policy_it_comes_with(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    # Nothing in it needs what the policy forbids.
    for forbidden in ("style", "href", "<script", "<image", "url("):
        assert forbidden not in answer.text
