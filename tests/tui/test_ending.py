"""The app leaves by itself: nobody types, or a session is over; and says why on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from apps import NOWHERE, MemoryKeychain, account_of, lines, press, settled, text
from dialogs import until
from servers import NOON, Clock
from watchword_otp import Key, Secret
from watchword_tui.accounts import Loaded
from watchword_tui.app import WatchwordApp
from watchword_tui.far_end import FarEnd
from watchword_tui.keeper import Keeper
from watchword_tui.screens.unlock import UnlockScreen
from watchword_tui.session import Session
from watchword_tui.settings import ServerProfile, Settings
from watchword_tui.vault.document import Document
from watchword_tui.vault.store import VaultStore
from watchword_tui.vault.vault import create_vault

if TYPE_CHECKING:
    from pathlib import Path

PASSPHRASE = "correct horse"
KEPT = Key(secret=Secret(b"another one than others"), issuer="Kept", name="alice@example.com")


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON + 4.25)


def make_app(
    folder: Path,
    clock: Clock,
    *,
    passphrase: str | None = None,
    far: bool = True,
    lock_after: int = 0,
    exit_after: int | None = None,
    session_limit: int | None = None,
) -> tuple[WatchwordApp, Session]:
    store = VaultStore(folder / "vault.json")
    create_vault(store, passphrase, Document().with_added([account_of(KEPT)]))
    profile = ServerProfile("dev", NOWHERE)
    settings = Settings(
        (profile,),
        profile.name,
        vault=store.path,
        lock_after=lock_after,
        exit_after=exit_after,
        session_limit=session_limit,
        far=FarEnd(folder) if far else None,
    )
    keeper = Keeper(store, MemoryKeychain())
    if passphrase is None:
        keeper.open_quietly()
    else:
        keeper.open(passphrase)
    session = Session(
        settings, Loaded((), ()), clock=clock, keeper=keeper, reload=lambda: Loaded((), ())
    )
    return WatchwordApp(session), session


async def test_it_leaves_when_nobody_typed_and_says_why(tmp_path: Path, clock: Clock) -> None:
    app, session = make_app(tmp_path, clock)
    async with app.run_test(notifications=True) as pilot:
        await settled(pilot)
        clock.now += 899
        app.look_at_clock()
        assert app.is_running
        await press(pilot, "down")
        clock.now += 899
        app.look_at_clock()
        assert app.farewell == ""
        clock.now += 1
        app.look_at_clock()
        assert app.farewell == "Nobody typed for 15 min."
        await until(pilot, lambda: not app.is_running, "the end")
    assert app.return_code == 0
    assert session.accounts == ()


async def test_a_session_is_warned_of_then_over(tmp_path: Path, clock: Clock) -> None:
    app, _ = make_app(tmp_path, clock, exit_after=0, session_limit=3600)
    async with app.run_test(notifications=True) as pilot:
        await settled(pilot)
        clock.now += 3299
        app.look_at_clock()
        await settled(pilot)
        assert "This session ends" not in text(pilot)
        clock.now += 1
        app.look_at_clock()
        await settled(pilot)
        assert "This session ends in 5 min." in text(pilot)
        assert "Connect again to go on then." in text(pilot)
        clock.now += 300
        app.look_at_clock()
        assert app.farewell == "A session lasts 1 h."
        await until(pilot, lambda: not app.is_running, "the end")


async def test_at_ones_own_terminal_it_stays(tmp_path: Path, clock: Clock) -> None:
    app, _ = make_app(tmp_path, clock, far=False)
    async with app.run_test(notifications=True) as pilot:
        await settled(pilot)
        clock.now += 10_000_000
        app.look_at_clock()
        await settled(pilot)
        assert app.is_running
        assert app.farewell == ""


async def test_what_somebody_typed_far_away_does_not_stay_open_for_ever(
    tmp_path: Path, clock: Clock
) -> None:
    app, session = make_app(
        tmp_path, clock, passphrase=PASSPHRASE, lock_after=0, exit_after=0, session_limit=0
    )
    async with app.run_test(notifications=True) as pilot:
        await settled(pilot)
        assert "Kept" in text(pilot)
        clock.now += 900
        app.look_at_clock()
        await until(pilot, lambda: "Enter opens" in "\n".join(lines(pilot)), "the lock screen")
        assert isinstance(app.screen, UnlockScreen)
        assert "Nobody typed for 15 min." in text(pilot)
        assert session.accounts == ()
