"""Every dialog as it looks, at the smallest comfortable size and at a roomy one.

`make snapshots` takes new pictures after a change that is meant; look at them before you commit.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from msgspec.structs import replace
from textual.widgets import Input

from apps import GITHUB, account_of, make_vault_app
from dialogs import HOSTILE, SIZES, on_screen, shows, type_in, until
from servers import NOON, Clock
from watchword_otp import Key, Kind, Secret, clean_label, format_uri
from watchword_tui.exchange.writers import aegis
from watchword_tui.screens.account_form import AccountForm
from watchword_tui.screens.ask import AskScreen
from watchword_tui.screens.choose import ChooseScreen
from watchword_tui.screens.codes import CodesScreen
from watchword_tui.screens.confirm import ConfirmScreen
from watchword_tui.screens.export_screen import ExportScreen
from watchword_tui.screens.file_picker import FilePicker
from watchword_tui.screens.group_picker import GroupPicker
from watchword_tui.screens.import_screen import ImportScreen
from watchword_tui.screens.qr_pages_screen import QrPagesScreen
from watchword_tui.screens.quarantine_screen import QuarantineScreen
from watchword_tui.screens.reading_screen import ReadingScreen
from watchword_tui.vault.document import Document, read_document

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from textual.pilot import Pilot

    Act = Callable[[Pilot[None]], Awaitable[None]]

AWS = Key(secret=Secret(b"abcdefghijklmnopqrst"), issuer="AWS", name="root@prod")
STEAM = Key(
    secret=Secret(b"abcdefghijklmnopqrsv"), kind=Kind.STEAM, digits=5, issuer="Steam", name="alice"
)
BANK = Key(secret=Secret.from_base32("JBSWY3DPEHPK3PXP"), issuer="Bank", name="80-bit key")
WIDE = Key(secret=Secret(b"h" * 20), issuer=clean_label(HOSTILE), name=clean_label(HOSTILE[::-1]))
COUNTED = Key(secret=Secret(b"c" * 20), kind=Kind.HOTP, counter=5, issuer="Counted", name="me")
BROKEN = {
    "type": "totp",
    "uuid": "11111111-1111-4111-8111-111111111111",
    "issuer": "Old bank",
    "name": "me@example.com",
    "note": HOSTILE,
    "info": {"secret": "JBSWY3DPEHPK3PXP1", "algo": "SHA1", "digits": 6, "period": 30},
}


def content() -> Document:
    row = read_document(msgspec.json.encode({"version": 3, "entries": [BROKEN], "groups": []})).rows
    accounts = [
        replace(
            account_of(GITHUB), groups=("Work", "Code"), note="Backup codes: in the safe", favourite=True
        ),
        replace(account_of(AWS), groups=("Work",)),
        account_of(STEAM),
        account_of(BANK),
        account_of(WIDE),
    ]
    return Document().with_added(accounts).with_rows(row)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose path is in no picture, with files of one day to choose from."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    inbox = tmp_path / "inbox"
    (inbox / "photos").mkdir(parents=True)
    monkeypatch.chdir(inbox)
    keys = [GITHUB, Key(secret=AWS.secret, issuer="Amazon", name="root@prod"), COUNTED, WIDE]
    lines = [*(format_uri(key) for key in keys), "otpauth://totp/Lost:me?secret=1&issuer=Lost"]
    lines += [
        format_uri(Key(secret=Secret(bytes([65 + n]) * 20), issuer=f"Shop {n}", name="me"))
        for n in range(20)
    ]
    (inbox / "list.txt").write_text("\n".join(lines))
    (inbox / "aegis-backup.json").write_bytes(
        aegis.ENCRYPTED.write([account_of(AWS)], "a passphrase").content
    )
    (inbox / "[red]x\x1b[31m.txt").write_text("x" * 3000)
    for path in inbox.iterdir():
        os.utime(path, (NOON, NOON))
    return tmp_path


@pytest.fixture
def picture(snap_compare: Any, home: Path) -> Callable[[tuple[int, int], Act], None]:
    """Compare the app after `act` with the picture on file."""

    def compare(size: tuple[int, int], act: Act) -> None:
        async def run(pilot: Pilot[None]) -> None:
            screen = pilot.app.screen
            assert isinstance(screen, CodesScreen)
            await until(pilot, lambda: screen.is_whole, "the list")
            await shows(pilot, "dev not reached")
            await act(pilot)
            await pilot.pause(0.1)

        app = make_vault_app(home, content(), clock=Clock(NOON + 12.0))
        assert snap_compare(app, terminal_size=size, run_before=run)

    return compare


async def pick(pilot: Pilot[None], name: str) -> None:
    await pilot.press("i")
    await on_screen(pilot, FilePicker)
    await type_in(pilot, name)
    await pilot.press("enter")


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
class TestPictures:
    def test_add(self, picture: Any, size: tuple[int, int]) -> None:
        async def act(pilot: Pilot[None]) -> None:
            await pilot.press("a")
            await on_screen(pilot, ChooseScreen)

        picture(size, act)

    def test_form_empty(self, picture: Any, size: tuple[int, int]) -> None:
        async def act(pilot: Pilot[None]) -> None:
            await pilot.press("a")
            await on_screen(pilot, ChooseScreen)
            await pilot.press("f")
            await on_screen(pilot, AccountForm)

        picture(size, act)

    def test_form_with_more(self, picture: Any, size: tuple[int, int]) -> None:
        async def act(pilot: Pilot[None]) -> None:
            await pilot.press("E")
            await on_screen(pilot, AccountForm)
            await pilot.press("ctrl+t", "ctrl+r")
            await shows(pilot, "Digits", "GEZD")

        picture(size, act)

    def test_form_refused(self, picture: Any, size: tuple[int, int]) -> None:
        async def act(pilot: Pilot[None]) -> None:
            await pilot.press("a")
            await on_screen(pilot, ChooseScreen)
            await pilot.press("f")
            form = await on_screen(pilot, AccountForm)
            form.query_one("#secret", Input).value = "JBSWY3DP1"
            await pilot.press("ctrl+s")
            await shows(pilot, "! Type an issuer")

        picture(size, act)

    def test_groups(self, picture: Any, size: tuple[int, int]) -> None:
        async def act(pilot: Pilot[None]) -> None:
            await pilot.press("m")
            await on_screen(pilot, GroupPicker)

        picture(size, act)

    def test_delete(self, picture: Any, size: tuple[int, int]) -> None:
        async def act(pilot: Pilot[None]) -> None:
            await pilot.press("G", "up", "d")
            await shows(pilot, "Delete [/]")

        picture(size, act)

    def test_quarantine(self, picture: Any, size: tuple[int, int]) -> None:
        async def act(pilot: Pilot[None]) -> None:
            await pilot.press("G", "enter")
            await on_screen(pilot, QuarantineScreen)

        picture(size, act)

    def test_file_picker(self, picture: Any, size: tuple[int, int]) -> None:
        async def act(pilot: Pilot[None]) -> None:
            await pilot.press("i")
            await on_screen(pilot, FilePicker)

        picture(size, act)

    def test_passphrase(self, picture: Any, size: tuple[int, int]) -> None:
        async def act(pilot: Pilot[None]) -> None:
            await pick(pilot, "aegis-backup.json")
            await on_screen(pilot, ReadingScreen)
            await shows(pilot, "Type the passphrase")
            await type_in(pilot, "wrong")
            await pilot.press("enter")
            await shows(pilot, "2 tries are left")

        picture(size, act)

    def test_import(self, picture: Any, size: tuple[int, int]) -> None:
        async def act(pilot: Pilot[None]) -> None:
            await pick(pilot, "list.txt")
            await on_screen(pilot, ImportScreen)
            await pilot.press("space")
            await shows(pilot, "replaces 1")

        picture(size, act)

    def test_export(self, picture: Any, size: tuple[int, int]) -> None:
        async def act(pilot: Pilot[None]) -> None:
            await pilot.press("x")
            await on_screen(pilot, ExportScreen)

        picture(size, act)

    def test_export_plain(self, picture: Any, size: tuple[int, int]) -> None:
        async def act(pilot: Pilot[None]) -> None:
            await pilot.press("x")
            await on_screen(pilot, ExportScreen)
            await pilot.press("down")
            await shows(pilot, "Not encrypted")

        picture(size, act)

    def test_qr_pages(
        self, picture: Any, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Every set of codes has a number of its own.
        monkeypatch.setattr("secrets.randbelow", lambda _: 7)

        async def act(pilot: Pilot[None]) -> None:
            await pilot.press("x")
            await on_screen(pilot, ExportScreen)
            await pilot.press("up", "end", "enter")
            await on_screen(pilot, ConfirmScreen)
            await pilot.press("y")
            await on_screen(pilot, QrPagesScreen)

        picture(size, act)

    def test_paste(self, picture: Any, size: tuple[int, int]) -> None:
        async def act(pilot: Pilot[None]) -> None:
            await pilot.press("a")
            await on_screen(pilot, ChooseScreen)
            await pilot.press("p")
            await on_screen(pilot, AskScreen)
            await type_in(pilot, "nonsense")
            await pilot.press("enter")
            await shows(pilot, "That is no otpauth")

        picture(size, act)

    def test_both_changed(self, picture: Any, size: tuple[int, int], home: Path) -> None:
        async def act(pilot: Pilot[None]) -> None:
            path = home / "vault.json"
            path.write_bytes(path.read_bytes() + b"\n")
            await pilot.press("down", "f")
            await on_screen(pilot, ChooseScreen)

        picture(size, act)
