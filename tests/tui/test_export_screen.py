"""Moving out: files other apps open, and QR codes off the screen."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from textual.widgets import Input, Select

from apps import GITHUB, account_of
from dialogs import kept, on_screen, on_vault, said, shows, type_in, until
from foreign import read_bytes
from watchword_otp import Key, Kind, Secret
from watchword_tui.exchange.writing import WRITERS
from watchword_tui.screens.codes import CodesScreen
from watchword_tui.screens.confirm import ConfirmScreen
from watchword_tui.screens.export_screen import ExportScreen
from watchword_tui.screens.message import MessageScreen
from watchword_tui.screens.qr_pages_screen import QrPagesScreen

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

AWS = Key(secret=Secret(b"abcdefghijklmnopqrst"), issuer="AWS", name="root")
STEAM = Key(secret=Secret(b"abcdefghijklmnopqrsv"), kind=Kind.STEAM, digits=5, issuer="Steam", name="me")
PASSPHRASE = "correct horse battery"
PLAIN_LIST = next(index for index, one in enumerate(WRITERS) if one.name == "otpauth")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def exports(home: Path) -> list[Path]:
    """The files that look like exports."""
    return [*home.glob("aegis*"), *home.glob("otpauth*")]


async def open_export(pilot: Pilot[None], index: int = 0) -> ExportScreen:
    await pilot.press("x")
    screen = await on_screen(pilot, ExportScreen)
    await pilot.press(*["down"] * index)
    await pilot.pause()
    return screen


class TestFiles:
    async def test_an_encrypted_file_opens_with_its_passphrase_only(self, home: Path) -> None:
        async with on_vault(home, [GITHUB, AWS]) as pilot:
            screen = await open_export(pilot)
            await shows(pilot, "Aegis", "encrypted", "all 2")
            await pilot.press("enter", "enter")
            await type_in(pilot, PASSPHRASE)
            await pilot.press("enter")
            await type_in(pilot, PASSPHRASE)
            name = screen.query_one("#file", Input).value
            assert PASSPHRASE not in said(pilot)
            await pilot.press("enter")
            await on_screen(pilot, CodesScreen)
            await shows(pilot, "2 accounts written")

            path = home / name.removeprefix("~/")
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            content = path.read_bytes()
            assert AWS.secret.base32().encode() not in content
            entries = read_bytes(content, PASSPHRASE, allows=True).reading.entries
            assert [one.key for one in entries] == [GITHUB, AWS]

    async def test_two_different_passphrases_write_nothing(self, home: Path) -> None:
        async with on_vault(home, [GITHUB]) as pilot:
            screen = await open_export(pilot)
            screen.query_one("#passphrase", Input).value = PASSPHRASE
            screen.query_one("#again", Input).value = PASSPHRASE + "!"
            await pilot.press("ctrl+s")
            await shows(pilot, "! The two passphrases are not the same.")
            screen.query_one("#passphrase", Input).value = "short"
            await pilot.press("ctrl+s")
            await shows(pilot, "at least 8 characters")

            assert not exports(home)

    async def test_a_plain_file_asks_first_and_refuses_to_overwrite(self, home: Path) -> None:
        async with on_vault(home, [GITHUB, AWS]) as pilot:
            screen = await open_export(pilot, PLAIN_LIST)
            await shows(pilot, "Not encrypted: whoever reads the file")
            screen.query_one("#file", Input).value = "~/list.txt"
            (home / "list.txt").write_text("mine")
            await pilot.press("ctrl+s")
            await on_screen(pilot, ConfirmScreen)
            await pilot.press("enter")
            assert await on_screen(pilot, ExportScreen) is screen
            await pilot.press("ctrl+s")
            await on_screen(pilot, ConfirmScreen)
            await pilot.press("y")
            await shows(pilot, "is there already. Name another file.")
            assert (home / "list.txt").read_text() == "mine"
            screen.query_one("#file", Input).value = "~/other.txt"
            await pilot.press("ctrl+s")
            await on_screen(pilot, ConfirmScreen)
            await pilot.press("y")
            await on_screen(pilot, CodesScreen)

            assert stat.S_IMODE((home / "other.txt").stat().st_mode) == 0o600
            entries = read_bytes((home / "other.txt").read_bytes()).reading.entries
            assert [one.key for one in entries] == [GITHUB, AWS]

    async def test_a_group_alone_can_be_written(self, home: Path) -> None:
        async with on_vault(home, [GITHUB, replace(account_of(AWS), groups=("Work",))]) as pilot:
            screen = await open_export(pilot, PLAIN_LIST)
            screen.query_one("#which", Select).value = "group:Work"
            screen.query_one("#file", Input).value = "~/work.txt"
            await pilot.press("ctrl+s")
            await shows(pilot, "Write 1 account to a file")
            await pilot.press("y")
            await on_screen(pilot, CodesScreen)

            entries = read_bytes((home / "work.txt").read_bytes()).reading.entries
            assert [one.key for one in entries] == [AWS]

    async def test_what_a_format_cannot_hold_is_named(self, home: Path) -> None:
        index = next(number for number, one in enumerate(WRITERS) if one.name == "qr")
        async with on_vault(home, [GITHUB, STEAM]) as pilot:
            await open_export(pilot, index)
            await pilot.press("ctrl+s")
            await on_screen(pilot, ConfirmScreen)
            await pilot.press("y")
            await on_screen(pilot, MessageScreen)
            await shows(pilot, "1 account left out", "Steam (me)")
            await pilot.press("enter")
            await on_screen(pilot, CodesScreen)

            assert len(kept(home).accounts) == 2


class TestCodes:
    async def test_pages_are_shown_after_a_question_and_turned(self, home: Path) -> None:
        keys = [Key(secret=Secret(bytes([65 + n]) * 20), issuer=f"S{n}", name="n") for n in range(5)]
        async with on_vault(home, [*keys, STEAM]) as pilot:
            await open_export(pilot, len(WRITERS))
            await pilot.press("enter")
            await shows(pilot, "Show the keys of 6 accounts as QR codes?")
            await pilot.press("y")
            await on_screen(pilot, QrPagesScreen)
            words = await shows(pilot, "Code 1 of", "S0 (n)", "Not here: Steam (me)")
            assert "needs" not in words
            await pilot.press("right")
            await shows(pilot, "Code 2 of")
            await pilot.press("left")
            await shows(pilot, "Code 1 of")
            await pilot.press("escape", "escape")
            await until(pilot, lambda: isinstance(pilot.app.screen, CodesScreen), "the list")
