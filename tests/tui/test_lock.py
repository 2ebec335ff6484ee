"""Locked: the codes are gone from the screen and from memory, until the passphrase is typed."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest
from textual.widgets import Input

from apps import NOWHERE, MemoryKeychain, account_of, lines, press, settled, text
from servers import NOON, Clock
from watchword_otp import Key, Secret, code_at, step_at
from watchword_tui.accounts import Account, Loaded, grouped
from watchword_tui.app import WatchwordApp
from watchword_tui.keeper import Keeper, VaultState
from watchword_tui.screens.unlock import UnlockScreen
from watchword_tui.session import Session
from watchword_tui.settings import ServerProfile, Settings
from watchword_tui.vault.document import Document
from watchword_tui.vault.store import VaultStore
from watchword_tui.vault.vault import create_vault, read_vault

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

PASSPHRASE = "correct horse"
KEPT = Key(secret=Secret(b"nobody else has this"), issuer="Kept", name="alice@example.com")
FILE_KEY = Key(secret=Secret(b"a key from a plain file"), issuer="From a file", name="bob")


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON + 4.25)


def make_session(
    folder: Path,
    clock: Clock,
    *,
    passphrase: str | None = PASSPHRASE,
    keychain: MemoryKeychain | None = None,
    lock_after: int = 300,
) -> Session:
    store = VaultStore(folder / "vault.json")
    vault = create_vault(store, passphrase, Document().with_added([account_of(KEPT)]))
    if keychain is not None:
        vault.add_keyring(keychain)
    profile = ServerProfile("dev", NOWHERE)
    settings = Settings((profile,), profile.name, vault=store.path, lock_after=lock_after)
    keeper = Keeper(store, keychain or MemoryKeychain())

    def load() -> Loaded:
        return Loaded((Account(FILE_KEY, "otp.txt"),), ())

    return Session(settings, load(), clock=clock, keeper=keeper, reload=load)


def shown_code(clock: Clock) -> str:
    return grouped(code_at(KEPT, step_at(KEPT, clock.now)))


def is_locked(pilot: Pilot[None]) -> bool:
    return isinstance(pilot.app.screen, UnlockScreen)


async def lock_screen(pilot: Pilot[None]) -> None:
    """Wait until the lock screen is whole."""
    for _ in range(100):
        await pilot.pause()
        if is_locked(pilot) and "Enter opens" in text(pilot):
            break
    assert is_locked(pilot)


async def type_passphrase(pilot: Pilot[None], passphrase: str) -> None:
    await lock_screen(pilot)
    field = pilot.app.screen.query_one(Input)
    field.value = passphrase
    await pilot.press("enter")
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


def secrets_left(content: bytes) -> list[Secret]:
    """Secrets of this content that something still holds, besides the test's own key."""
    gc.collect()
    found = [one for one in gc.get_objects() if type(one) is Secret and one is not KEPT.secret]
    return [one for one in found if one.reveal() == content]


async def test_an_encrypted_vault_begins_locked_and_shows_no_account(
    tmp_path: Path, clock: Clock
) -> None:
    app = WatchwordApp(make_session(tmp_path, clock))
    async with app.run_test(notifications=True) as pilot:
        await lock_screen(pilot)
        assert is_locked(pilot)
        assert "locked" in text(pilot)
        assert "Kept" not in text(pilot)
        await type_passphrase(pilot, PASSPHRASE)
        await settled(pilot)
        assert not is_locked(pilot)
        assert shown_code(clock) in text(pilot)
        assert "From a file" in text(pilot)


async def test_a_wrong_passphrase_is_told_and_the_field_is_empty_again(
    tmp_path: Path, clock: Clock
) -> None:
    app = WatchwordApp(make_session(tmp_path, clock))
    async with app.run_test(notifications=True) as pilot:
        await lock_screen(pilot)
        await type_passphrase(pilot, "wrong horse")
        assert is_locked(pilot)
        assert "The passphrase does not open the vault. Try again." in text(pilot)
        assert app.screen.query_one(Input).value == ""
        assert "wrong horse" not in text(pilot)
        await type_passphrase(pilot, PASSPHRASE)
        await settled(pilot)
        assert shown_code(clock) in text(pilot)


async def test_a_damaged_vault_is_not_called_a_wrong_passphrase(tmp_path: Path, clock: Clock) -> None:
    app = WatchwordApp(make_session(tmp_path, clock))
    path = tmp_path / "vault.json"
    async with app.run_test(notifications=True) as pilot:
        await lock_screen(pilot)
        data = path.read_bytes()
        place = data.index(b'"salt":"') + len(b'"salt":"')
        digit = b"0" if data[place : place + 1] != b"0" else b"1"
        path.write_bytes(data[:place] + digit + data[place + 1 :])
        await type_passphrase(pilot, PASSPHRASE)
        shown = " ".join(text(pilot).split())
        assert "damaged" in shown
        assert "There is no backup of it: put a copy of yours in its place" in shown


async def test_locking_replaces_the_codes_and_drops_every_secret(tmp_path: Path, clock: Clock) -> None:
    session = make_session(tmp_path, clock)
    app = WatchwordApp(session)
    async with app.run_test(notifications=True) as pilot:
        await lock_screen(pilot)
        await type_passphrase(pilot, PASSPHRASE)
        await settled(pilot)
        vault = tmp_path / "vault.json"
        secret = KEPT.secret.reveal()
        await pilot.press("question_mark")
        await pilot.press("ctrl+l")
        await lock_screen(pilot)
        assert len(app.screen_stack) == 1
        assert "Kept" not in text(pilot)
        assert shown_code(clock) not in text(pilot)
        assert session.accounts == ()
        # The screens before are taken apart behind the one that is shown.
        for _ in range(100):
            await pilot.pause()
            if not secrets_left(secret):
                break
        assert len(secrets_left(secret)) == 0
        await type_passphrase(pilot, PASSPHRASE)
        await settled(pilot)
        assert shown_code(clock) in text(pilot)
        assert read_vault(VaultStore(vault)).encrypted


async def test_it_locks_after_nobody_typed_for_the_set_time(tmp_path: Path, clock: Clock) -> None:
    app = WatchwordApp(make_session(tmp_path, clock))
    async with app.run_test(notifications=True) as pilot:
        await lock_screen(pilot)
        await type_passphrase(pilot, PASSPHRASE)
        await settled(pilot)
        clock.now += 299
        app.lock_if_idle()
        assert not is_locked(pilot)
        await press(pilot, "down")
        clock.now += 299
        app.lock_if_idle()
        assert not is_locked(pilot)
        clock.now += 1
        app.lock_if_idle()
        await lock_screen(pilot)
        assert "Nobody typed for 5 min." in text(pilot)


async def test_a_clock_that_was_set_back_locks(tmp_path: Path, clock: Clock) -> None:
    app = WatchwordApp(make_session(tmp_path, clock))
    async with app.run_test(notifications=True) as pilot:
        await lock_screen(pilot)
        await type_passphrase(pilot, PASSPHRASE)
        await settled(pilot)
        clock.now -= 7200
        app.lock_if_idle()
        await lock_screen(pilot)


async def test_it_never_locks_by_itself_where_that_is_set(tmp_path: Path, clock: Clock) -> None:
    app = WatchwordApp(make_session(tmp_path, clock, lock_after=0))
    async with app.run_test(notifications=True) as pilot:
        await lock_screen(pilot)
        await type_passphrase(pilot, PASSPHRASE)
        await settled(pilot)
        clock.now += 1_000_000
        app.lock_if_idle()
        assert not is_locked(pilot)


async def test_the_keyring_opens_the_vault_without_a_passphrase(tmp_path: Path, clock: Clock) -> None:
    session = make_session(tmp_path, clock, keychain=MemoryKeychain())
    keeper = session.keeper
    assert keeper is not None
    assert keeper.open_quietly()
    app = WatchwordApp(session)
    async with app.run_test(notifications=True) as pilot:
        await settled(pilot)
        assert shown_code(clock) in text(pilot)
        await pilot.press("l")
        await lock_screen(pilot)
        assert keeper.state is VaultState.LOCKED
        # Nothing typed: the keyring is asked.
        await type_passphrase(pilot, "")
        await settled(pilot)
        assert shown_code(clock) in text(pilot)


async def test_a_plain_vault_is_hidden_and_comes_back_with_enter(tmp_path: Path, clock: Clock) -> None:
    session = make_session(tmp_path, clock, passphrase=None)
    assert session.keeper is not None
    assert session.keeper.open_quietly()
    app = WatchwordApp(session)
    async with app.run_test(notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("l")
        await lock_screen(pilot)
        assert not app.screen.query(Input)
        assert "Kept" not in text(pilot)
        await press(pilot, "enter")
        assert shown_code(clock) in text(pilot)


async def test_the_lock_screen_takes_no_other_keys(tmp_path: Path, clock: Clock) -> None:
    app = WatchwordApp(make_session(tmp_path, clock, passphrase=None))
    async with app.run_test(notifications=True) as pilot:
        await lock_screen(pilot)
        await pilot.press("v", "c", "e", "a", "l", "ctrl+l", "question_mark", "escape")
        await lock_screen(pilot)
        assert len(app.screen_stack) == 1


async def test_the_lock_screen_is_whole_on_a_small_terminal(tmp_path: Path, clock: Clock) -> None:
    app = WatchwordApp(make_session(tmp_path, clock))
    async with app.run_test(size=(60, 16), notifications=True) as pilot:
        await lock_screen(pilot)
        shown = "\n".join(lines(pilot))
        assert "locked" in shown
        assert "passphrase" in shown
        assert "Enter opens" in shown


@pytest.mark.parametrize(("passphrase", "warned"), [(None, True), (PASSPHRASE, False)])
async def test_a_plain_vault_is_warned_of_for_as_long_as_it_is_plain(
    tmp_path: Path, clock: Clock, passphrase: str | None, *, warned: bool
) -> None:
    session = make_session(tmp_path, clock, passphrase=passphrase)
    keeper = session.keeper
    assert keeper is not None
    if passphrase:
        keeper.open(passphrase)
    else:
        keeper.open_quietly()
    app = WatchwordApp(session)
    async with app.run_test(notifications=True) as pilot:
        await settled(pilot)
        assert ("! not encrypted" in lines(pilot)[0]) == warned


async def test_the_first_lock_screen_has_the_colours_of_the_theme(tmp_path: Path, clock: Clock) -> None:
    app = WatchwordApp(make_session(tmp_path, clock))
    async with app.run_test(notifications=True) as pilot:
        await lock_screen(pilot)
        (segment,) = [
            segment
            for strip in app.screen._compositor.render_strips()
            for segment in strip
            if "locked" in segment.text
        ]
        assert segment.style is not None
        assert segment.style.color != segment.style.bgcolor
