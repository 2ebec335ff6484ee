"""The app for tests: in front of a real server, on the server's clock."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from watchword_otp import Key, Secret
from watchword_tui.accounts import Account, Loaded
from watchword_tui.app import WatchwordApp
from watchword_tui.keeper import Keeper
from watchword_tui.screens.codes import CodesScreen
from watchword_tui.session import Session
from watchword_tui.settings import ServerProfile, Settings
from watchword_tui.usage import UsageBook
from watchword_tui.vault.document import Document
from watchword_tui.vault.rows import SOURCE, new_id
from watchword_tui.vault.store import VaultStore
from watchword_tui.vault.vault import create_vault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from textual.pilot import Pilot

    from servers import RunningServer
    from watchword_tui.far_end import FarEnd
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


class MemoryKeychain:
    """A keyring in memory."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def get(self, slot_id: str) -> bytes | None:
        return self._kept.get(slot_id)

    def put(self, slot_id: str, key: bytes) -> None:
        self._kept[slot_id] = key

    def forget(self, slot_id: str) -> None:
        self._kept.pop(slot_id, None)


def account_of(
    key: Key, *, groups: Sequence[str] = (), note: str = "", favourite: bool = False
) -> Account:
    """An account as a vault keeps it, with a UUID of its own."""
    return Account(
        key,
        SOURCE,
        key.warnings(),
        id=new_id(),
        note=note,
        favourite=favourite,
        groups=tuple(groups),
    )


def make_vault_app(
    folder: Path,
    content: Sequence[Account | Key] | Document = (GITHUB,),
    *,
    clock: Callable[[], float],
    profiles: Sequence[ServerProfile] = (ServerProfile("dev", NOWHERE),),
    others: Sequence[Key] = (),
    sort: str = "file",
    hide_codes: bool = False,
    theme: str | None = None,
    far: FarEnd | None = None,
    show_only: bool = False,
) -> WatchwordApp:
    """The app on a plain vault in `folder`, made with `content` and open; `others` are outside of it."""
    if not isinstance(content, Document):
        accounts = [account_of(one) if isinstance(one, Key) else one for one in content]
        content = Document().with_added(accounts)
    store = VaultStore(folder / "vault.json")
    create_vault(store, None, content)
    keeper = Keeper(store, MemoryKeychain())
    assert keeper.open_quietly()
    settings = Settings(
        profiles=tuple(profiles),
        server=profiles[0].name,
        vault=store.path,
        sort=sort,
        hide_codes=hide_codes,
        theme=theme,
        far=far,
        show_only=show_only,
    )
    loaded = Loaded(tuple(Account(key, "test", key.warnings()) for key in others), ())
    usage = UsageBook(folder / "usage.json")
    return WatchwordApp(Session(settings, loaded, clock=clock, keeper=keeper, usage=usage))


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
        if codes.is_whole:
            break
        await pilot.pause()
    assert codes.is_whole, "the screen never became whole"
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()
    for _ in range(200):
        # The palette shows on a slow machine that it is still looking.
        if not pilot.app.screen.query("LoadingIndicator.--visible"):
            break
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
