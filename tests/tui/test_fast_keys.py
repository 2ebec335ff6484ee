"""Keys that come faster than screens open and close: a slow line delivers many at once."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import msgspec
import pytest
from msgspec.structs import replace
from textual import events
from textual.keys import key_to_character

from apps import GITHUB, account_of
from dialogs import kept, on_screen, on_vault, said, shows, until
from watchword_otp import Key, Kind, Secret
from watchword_tui.screens.account_form import AccountForm
from watchword_tui.screens.choose import ChooseScreen
from watchword_tui.screens.codes import CodesScreen
from watchword_tui.screens.confirm import ConfirmScreen
from watchword_tui.screens.unlock import UnlockScreen
from watchword_tui.vault.document import Document, read_document

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

AWS = Key(secret=Secret(b"abcdefghijklmnopqrst"), issuer="AWS", name="root")
HOTP = Key(secret=Secret(b"12345678901234567890"), kind=Kind.HOTP, counter=7, issuer="Old token")
KEYS = (
    *"afpineEdynumxiqvcJKosl.",
    *("escape", "enter", "slash", "space", "question_mark", "left_square_bracket"),
    *("right_square_bracket", "ctrl+p", "ctrl+l", "ctrl+s", "ctrl+g", "f1", "tab", "down", "up"),
)
BURSTS = 60


def at_once(pilot: Pilot[None], *keys: str) -> None:
    """Send keys as one write of the terminal does: none waits for what another begins."""
    for key in keys:
        pilot.app.post_message(events.Key(key, key if len(key) == 1 else key_to_character(key)))


def some_vault() -> Document:
    """Accounts of two kinds, a group, and a row that cannot be understood."""
    grouped = replace(account_of(GITHUB), groups=("Work",))
    document = Document().with_added([grouped, account_of(AWS), account_of(HOTP)])
    fields = msgspec.json.decode(document.written())
    fields["entries"][1]["info"]["secret"] = "not a secret!"
    return read_document(msgspec.json.encode(fields))


@pytest.mark.parametrize("seed", range(5))
async def test_bursts_of_keys_leave_the_app_alive(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    left = BURSTS
    while left:
        folder = tmp_path / str(left)
        folder.mkdir()
        async with on_vault(folder, some_vault()) as pilot:
            while left and pilot.app.is_running:
                left -= 1
                at_once(pilot, *chance.choices(KEYS, k=chance.randint(1, 8)))
                if chance.random() < 0.5:
                    await pilot.pause()
            # The palette offers to quit.
            if pilot.app.is_running:
                await back_to_the_list(pilot)


async def back_to_the_list(pilot: Pilot[None]) -> None:
    """Leave what is open; a lock screen of a plain vault opens with Enter."""

    async def is_there() -> bool:
        await pilot.pause(0.05)
        return isinstance(pilot.app.screen, CodesScreen) and pilot.app.screen.is_whole

    for _ in range(60):
        if await is_there():
            return
        top = pilot.app.screen
        await pilot.press(
            "y"
            if isinstance(top, ConfirmScreen)
            else "enter"
            if isinstance(top, UnlockScreen)
            else "escape"
        )
    raise AssertionError(f"no way back from {pilot.app.screen}: {said(pilot)}")


async def test_a_letter_of_a_menu_typed_twice_chooses_once(tmp_path: Path) -> None:
    async with on_vault(tmp_path, [GITHUB]) as pilot:
        await pilot.press("a")
        await on_screen(pilot, ChooseScreen)
        at_once(pilot, "f", "f")
        await on_screen(pilot, AccountForm)
        await shows(pilot, "Add an account")


async def test_enter_typed_twice_on_a_button_answers_once(tmp_path: Path) -> None:
    async with on_vault(tmp_path, [GITHUB, AWS]) as pilot:
        await pilot.press("d")
        await on_screen(pilot, ConfirmScreen)
        at_once(pilot, "enter", "enter", "escape", "n")
        screen = await on_screen(pilot, CodesScreen)
        await until(pilot, lambda: pilot.app.screen is screen, "the list")
        assert len(kept(tmp_path).accounts) == 2


async def test_the_palette_left_twice_leaves_the_list(tmp_path: Path) -> None:
    async with on_vault(tmp_path, [GITHUB]) as pilot:
        at_once(pilot, "ctrl+p", "escape", "escape", "ctrl+p", "enter", "enter", "escape")
        await pilot.pause()
        await back_to_the_list(pilot)
