"""The enrolment screen in tests: its QR code read as a camera would, its words as a person does."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, cast

from apps import lines, make_app, profile_of, settled
from dialogs import on_screen, type_in, until
from qr_reader import decode_qr
from watchword_otp import Key, code_at, parse_uri, step_at
from watchword_tui.screens.enrol import EnrolScreen
from watchword_tui.screens.enrol_form import EnrolForm
from watchword_tui.widgets.qr_view import QrView

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from rich.color import Color
    from textual.pilot import Pilot

    from servers import RunningServer
    from watchword_tui.app import WatchwordApp
    from watchword_tui.settings import ServerProfile


def modules(view: QrView) -> list[list[bool]]:
    """The modules as the screen's colours have them, true for dark, read from what is drawn."""
    rows = []
    for y in range(view.size.height):
        upper, lower = [], []
        for characters, style, _ in view.render_line(y):
            assert style is not None
            assert style.color is not None
            assert style.bgcolor is not None
            for character in characters:
                background = _is_dark(style.bgcolor)
                upper.append(background)
                lower.append(_is_dark(style.color) if character == "▄" else background)
        rows += [upper, lower]
    return rows


def _is_dark(color: Color) -> bool:
    """Whether a colour is black; it is white otherwise, exactly."""
    triplet = color.get_truecolor()
    assert triplet in {(0, 0, 0), (255, 255, 255)}
    return triplet == (0, 0, 0)


def told(pilot: Pilot[None]) -> str:
    """What stands beside the QR code, in one line."""
    words = pilot.app.screen.query("#words")
    left = words.first().region.x if words else 0
    return " ".join(" ".join(line[left:] for line in lines(pilot)).split())


async def tells(pilot: Pilot[None], *words: str) -> str:
    """Wait until all these words stand beside the QR code; give what stands there."""
    await until(pilot, lambda: all(one in told(pilot) for one in words), repr(words))
    return told(pilot)


@contextlib.asynccontextmanager
async def opened(
    server: RunningServer, profile: ServerProfile | None = None, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[Pilot[None]]:
    """The app with one account, in front of the server."""
    app = make_app(clock=server.clock, profiles=[profile or profile_of(server)])
    async with app.run_test(size=size, notifications=True) as pilot:
        await settled(pilot)
        yield pilot


async def fill(pilot: Pilot[None], name: str, issuer: str = "", account: str = "") -> None:
    """Press e, and fill the form in."""
    await pilot.press("e")
    await on_screen(pilot, EnrolForm)
    await type_in(pilot, name)
    for text in (issuer, account):
        if text:
            await pilot.press("tab")
            await type_in(pilot, text)
    await pilot.press("enter")


async def begin(pilot: Pilot[None], tmp_path: Path, name: str = "alice", **labels: str) -> Key:
    """Enrol until the QR code is there; give the key that a phone reads off it."""
    await fill(pilot, name, **labels)
    screen = await on_screen(pilot, EnrolScreen)
    view = screen.query_one(QrView)
    await until(pilot, lambda: view.size.width > 0, "the QR code")
    return parse_uri(decode_qr(modules(view), tmp_path))


def code(key: Key, server: RunningServer, offset: int = 0) -> str:
    return code_at(key, step_at(key, server.clock()) + offset)


async def send(pilot: Pilot[None], digits: str) -> None:
    """Type a code that the phone shows, and Enter."""
    screen = await on_screen(pilot, EnrolScreen)
    await until(pilot, lambda: screen.panel.field.has_focus, "the field's focus")
    screen.panel.field.value = ""
    await type_in(pilot, digits)
    await pilot.press("enter")


def lead(pilot: Pilot[None], profile: ServerProfile, url: str) -> None:
    """Let the app's client of a server ask elsewhere from now on, as after a change of the network."""
    app = cast("WatchwordApp", pilot.app)
    app._session.client(profile)._http.base_url = url


async def status(server: RunningServer, name: str = "alice") -> str | None:
    async with server.client() as client:
        answer = await client.get(f"/v1/keys/{name}")
    return answer.json()["status"] if answer.status_code == 200 else None
