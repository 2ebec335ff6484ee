"""The app for tests: in front of a real server, on the server's clock."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from watchword_otp import Key, Secret
from watchword_tui.accounts import Account, Loaded
from watchword_tui.app import WatchwordApp
from watchword_tui.screens.codes import CodesScreen
from watchword_tui.session import Session
from watchword_tui.settings import ServerProfile, Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from textual.pilot import Pilot

    from servers import RunningServer
    from watchword_tui.widgets.validate_panel import ValidatePanel

NOWHERE = "http://127.0.0.1:9"
"""The discard port: nothing listens on it."""

GITHUB = Key(secret=Secret(b"12345678901234567890"), issuer="GitHub", name="alice@example.com")


def profile_of(server: RunningServer, name: str = "dev", token: str | None = None) -> ServerProfile:
    """A profile of a running server, with the token that may do all unless another is given."""
    return ServerProfile(name, server.url, token=server.token if token is None else token or None)


def make_app(
    keys: Sequence[Key] = (GITHUB,),
    *,
    profiles: Sequence[ServerProfile] = (ServerProfile("dev", NOWHERE),),
    clock: Callable[[], float],
    problems: tuple[str, ...] = (),
    guide: str = "",
    theme: str | None = None,
) -> WatchwordApp:
    """The app with these keys as accounts."""
    settings = Settings(profiles=tuple(profiles), server=profiles[0].name, theme=theme)
    accounts = tuple(Account(key, "test", key.warnings()) for key in keys)
    return WatchwordApp(Session(settings, Loaded(accounts, problems), guide=guide, clock=clock))


@contextlib.asynccontextmanager
async def running(
    app: WatchwordApp, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[Pilot[None], CodesScreen]]:
    """Run the app without a terminal, with its toasts, until it has looked for its server."""
    async with app.run_test(size=size, notifications=True) as pilot:
        await settled(pilot)
        screen = app.screen
        assert isinstance(screen, CodesScreen)
        yield pilot, screen


def panel_of(screen: CodesScreen) -> ValidatePanel:
    """Validate, once the screen is whole."""
    assert screen.panel is not None
    return screen.panel


async def settled(pilot: Pilot[None]) -> None:
    """Wait until the screen is whole, and nothing is being asked or drawn."""
    await pilot.pause()
    codes = pilot.app.screen_stack[0]
    assert isinstance(codes, CodesScreen)
    for _ in range(200):
        if codes.panel is not None:
            break
        await pilot.pause()
    assert codes.panel is not None, "the screen never became whole"
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys and wait until their work is done."""
    await pilot.press(*keys)
    await settled(pilot)


def lines(pilot: Pilot[None]) -> list[str]:
    """What is on the screen, line by line, without the blanks at the ends."""
    return [
        "".join(segment.text for segment in strip).rstrip()
        for strip in pilot.app.screen._compositor.render_strips()
    ]


def text(pilot: Pilot[None]) -> str:
    """What is on the screen."""
    return "\n".join(lines(pilot))
