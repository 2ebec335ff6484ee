"""The first thing kept needs a vault: two fields, or none after a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual import events
from textual.widgets import Input

from apps import NOWHERE, MemoryKeychain, press, settled, text
from servers import NOON, Clock
from watchword_tui.accounts import Loaded
from watchword_tui.app import WatchwordApp
from watchword_tui.errors import VaultError
from watchword_tui.keeper import Keeper, VaultState
from watchword_tui.screens.create_vault import CreateVaultScreen
from watchword_tui.session import Session
from watchword_tui.settings import ServerProfile, Settings
from watchword_tui.vault.store import VaultStore
from watchword_tui.vault.vault import read_vault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from textual.pilot import Pilot

PASSPHRASE = "four random words here"


def make_session(folder: Path) -> Session:
    profile = ServerProfile("dev", NOWHERE)
    store = VaultStore(folder / "data" / "vault.json")
    settings = Settings((profile,), profile.name, vault=store.path)
    keeper = Keeper(store, MemoryKeychain())
    return Session(settings, Loaded((), ()), clock=Clock(NOON), keeper=keeper)


class Asked:
    """The app with the question on the screen, and what came of it."""

    def __init__(self, session: Session, pilot: Pilot[None], answers: list[bool | None]) -> None:
        assert session.keeper is not None
        self.keeper = session.keeper
        self.pilot = pilot
        self.answers = answers

    async def fill_in(self, first: str, second: str) -> None:
        for name, value in (("#first", first), ("#second", second)):
            self.pilot.app.screen.query_one(name, Input).value = value


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[Asked]:
    session = make_session(tmp_path)
    app = WatchwordApp(session)
    answers: list[bool | None] = []
    async with app.run_test(notifications=True) as pilot:
        await settled(pilot)
        await app.push_screen(CreateVaultScreen(session), answers.append)
        await pilot.pause()
        yield Asked(session, pilot, answers)


async def test_a_passphrase_typed_twice_makes_an_encrypted_vault(asked: Asked) -> None:
    await asked.fill_in(PASSPHRASE, PASSPHRASE)
    asked.pilot.app.screen.query_one("#second").focus()
    await press(asked.pilot, "enter")

    assert asked.answers == [True]
    assert asked.keeper.state is VaultState.OPEN
    closed = read_vault(asked.keeper.store)
    assert closed.encrypted
    assert closed.open_with_passphrase(PASSPHRASE).document.accounts == ()
    assert asked.keeper.store.path.stat().st_mode & 0o777 == 0o600
    assert asked.keeper.store.path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("short", "short", "A passphrase needs at least 8 characters"),
        (PASSPHRASE, "four random words her", "The two are not the same"),
    ],
)
async def test_a_passphrase_that_will_not_do_is_told(
    asked: Asked, first: str, second: str, said: str
) -> None:
    await asked.fill_in(first, second)
    await asked.pilot.click("#make")
    await settled(asked.pilot)

    assert said in " ".join(text(asked.pilot).split())
    assert asked.answers == []
    assert asked.keeper.state is VaultState.MISSING


async def test_without_a_passphrase_only_after_a_question(asked: Asked) -> None:
    await asked.pilot.click("#plain")
    await asked.pilot.pause()
    assert "Whoever can read the file" in text(asked.pilot)
    await press(asked.pilot, "n")
    assert asked.keeper.state is VaultState.MISSING
    await asked.pilot.click("#plain")
    await asked.pilot.pause()
    await press(asked.pilot, "y")

    assert asked.answers == [True]
    assert not read_vault(asked.keeper.store).encrypted


async def test_leaving_makes_nothing(asked: Asked) -> None:
    await press(asked.pilot, "escape")

    assert asked.answers == [False]
    assert asked.keeper.state is VaultState.MISSING


async def test_a_place_that_cannot_be_written_is_told_and_the_question_stays(asked: Asked) -> None:
    folder = asked.keeper.store.path.parent
    folder.write_text("a file where the folder should be")
    await asked.fill_in(PASSPHRASE, PASSPHRASE)
    await asked.pilot.click("#make")
    await settled(asked.pilot)

    assert asked.answers == []
    assert "Cannot write" in text(asked.pilot)


def test_a_session_that_keeps_nothing_has_no_vault_to_make() -> None:
    profile = ServerProfile("dev", NOWHERE)
    session = Session(Settings((profile,), profile.name), Loaded((), ()), clock=Clock(NOON))

    with pytest.raises(VaultError, match="nothing is kept here"):
        CreateVaultScreen(session)


async def test_what_is_typed_in_one_go_goes_into_both_fields(asked: Asked) -> None:
    # As a password manager types it: nothing waits for the screen in between.
    for key in ("a", "b", "tab", "c", "d"):
        asked.pilot.app.post_message(events.Key(key, key if len(key) == 1 else None))
    await settled(asked.pilot)

    assert asked.pilot.app.screen.query_one("#first", Input).value == "ab"
    assert asked.pilot.app.screen.query_one("#second", Input).value == "cd"


async def test_the_buttons_can_be_reached_in_a_small_window(tmp_path: Path) -> None:
    session = make_session(tmp_path)
    app = WatchwordApp(session)
    async with app.run_test(size=(60, 16)) as pilot:
        await settled(pilot)
        await app.push_screen(CreateVaultScreen(session))
        make = app.screen.query_one("#make")
        make.focus()
        await pilot.pause(0.3)
        assert app.screen.region.contains_region(make.region)
        assert "Make it" in text(pilot)
