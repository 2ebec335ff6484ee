"""Moving in: choosing files, what an import would do, and what it then does to a real vault file."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING

import pytest
from textual.widgets import Input

from apps import GITHUB, account_of
from dialogs import HOSTILE, kept, on_screen, on_vault, said, shows, type_in, until
from watchword_otp import Key, Kind, Secret, clean_label, format_uri
from watchword_otp.qr import make_qr
from watchword_tui.exchange.cost import pbkdf2_cost
from watchword_tui.exchange.model import Cost, Format, Reading
from watchword_tui.exchange.writers import aegis, migration
from watchword_tui.screens import reading_screen
from watchword_tui.screens.account_form import AccountForm
from watchword_tui.screens.codes import CodesScreen
from watchword_tui.screens.file_picker import FilePicker
from watchword_tui.screens.import_screen import ImportScreen
from watchword_tui.screens.reading_screen import ReadingScreen
from watchword_tui.usage import UsageBook
from watchword_tui.widgets.plan_table import PlanTable

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from watchword_tui.exchange.model import Ask
    from watchword_tui.exchange.source import Source

AWS = Key(secret=Secret(b"abcdefghijklmnopqrst"), issuer="AWS", name="root")
COUNTED = Key(secret=Secret(b"c" * 20), kind=Kind.HOTP, counter=5, issuer="Counted", name="me")
PASSPHRASE = "correct horse battery"


def renamed(key: Key, issuer: str) -> Key:
    return Key(secret=key.secret, issuer=issuer, name=key.name)


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder the app was started in, in a home of its own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "inbox"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def write_list(folder: Path, *keys: Key, more: str = "", name: str = "list.txt") -> None:
    (folder / name).write_text("".join(f"{format_uri(key)}\n" for key in keys) + more)


async def pick(pilot: Pilot[None], name: str, key: str = "i") -> None:
    await pilot.press(key)
    await on_screen(pilot, FilePicker)
    await type_in(pilot, name)
    await pilot.press("enter")


async def preview(pilot: Pilot[None], name: str) -> ImportScreen:
    await pick(pilot, name)
    return await on_screen(pilot, ImportScreen)


class TestPreview:
    async def test_it_says_what_each_row_is_and_writes_nothing(
        self, tmp_path: Path, inbox: Path
    ) -> None:
        write_list(inbox, GITHUB, renamed(AWS, "Amazon"), COUNTED, more="otpauth://totp/x?secret=1\n")
        async with on_vault(tmp_path, [GITHUB, AWS]) as pilot:
            before = (tmp_path / "vault.json").read_bytes()
            await preview(pilot, "list.txt")
            await shows(
                pilot,
                "1 new, 1 changed, 1 duplicate, 1 invalid",
                "changed Amazon root issuer was AWS",
                "new Counted",
                "duplicate GitHub",
                "invalid x",
                "Enter adds 1.",
            )
            await pilot.press("escape")
            await on_screen(pilot, CodesScreen)

            assert (tmp_path / "vault.json").read_bytes() == before

    async def test_enter_writes_what_is_chosen_and_undo_takes_it_back(
        self, tmp_path: Path, inbox: Path
    ) -> None:
        write_list(inbox, renamed(AWS, "Amazon"), COUNTED)
        async with on_vault(tmp_path, [GITHUB, AWS]) as pilot:
            await preview(pilot, "list.txt")
            await pilot.press("space")
            await shows(pilot, "~ replace", "Enter adds 1 and replaces 1.")
            await pilot.press("enter")
            await on_screen(pilot, CodesScreen)
            await shows(pilot, "1 added, 1 replaced", "Amazon", "Counted")
            assert [one.issuer for one in kept(tmp_path).accounts] == ["GitHub", "Amazon", "Counted"]
            assert kept(tmp_path).accounts[2].key == COUNTED
            await pilot.press("u")
            await shows(pilot, "Import is taken back")

            assert [one.issuer for one in kept(tmp_path).accounts] == ["GitHub", "AWS"]

    async def test_a_new_row_can_be_left_out_and_a_changed_one_kept_twice(
        self, tmp_path: Path, inbox: Path
    ) -> None:
        write_list(inbox, renamed(AWS, "Amazon"), COUNTED)
        async with on_vault(tmp_path, [AWS]) as pilot:
            await preview(pilot, "list.txt")
            await pilot.press("c", "c", "down", "space")
            await shows(pilot, "- skip new", "Enter adds 1.")
            await pilot.press("enter")
            await on_screen(pilot, CodesScreen)

            assert [one.issuer for one in kept(tmp_path).accounts] == ["AWS", "Amazon"]

    async def test_with_nothing_chosen_enter_does_nothing(self, tmp_path: Path, inbox: Path) -> None:
        write_list(inbox, GITHUB)
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await preview(pilot, "list.txt")
            await shows(pilot, "1 duplicate", "Nothing is chosen")
            await pilot.press("enter")
            await pilot.pause()

            assert isinstance(pilot.app.screen, ImportScreen)

    async def test_a_thousand_rows_are_a_list_that_scrolls(self, tmp_path: Path, inbox: Path) -> None:
        keys = [
            Key(secret=Secret(f"{number:020}".encode()), issuer=f"Shop {number}", name="me")
            for number in range(1000)
        ]
        write_list(inbox, *keys)
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await preview(pilot, "list.txt")
            await shows(pilot, "1,000 new", "Shop 0", "Enter adds 1,000.")
            await pilot.press("G")
            await shows(pilot, "Shop 999")
            await pilot.press("enter")
            await on_screen(pilot, CodesScreen)
            await shows(pilot, "1,000 added")

            assert len(kept(tmp_path).accounts) == 1001

    async def test_what_the_other_app_knows_comes_along(self, tmp_path: Path, inbox: Path) -> None:
        row = {
            "secret": AWS.secret.base32(), "issuer": "AWS", "label": "root", "digits": 6, "period": 30,
            "type": "TOTP", "algorithm": "SHA1", "tags": ["Work"], "used_frequency": 7,
        }  # fmt: skip
        (inbox / "andotp.json").write_text(json.dumps([row]))
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await preview(pilot, "andotp.json")
            await pilot.press("enter")
            await on_screen(pilot, CodesScreen)

            account = kept(tmp_path).accounts[1]
            assert (account.key, account.groups) == (AWS, ("Work",))
            assert UsageBook(tmp_path / "usage.json").use_of(account.id).count == 7

    async def test_hostile_labels_are_harmless(self, tmp_path: Path, inbox: Path) -> None:
        label = clean_label(HOSTILE)
        key = Key(secret=Secret(b"h" * 20), issuer=label.replace(":", ""), name=label)
        write_list(inbox, key, name="[@click=app.quit]\x1b[31m.txt")
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await preview(pilot, "[@")
            await shows(pilot, "[/] [@click=app.quit]")
            await pilot.press("enter")
            await on_screen(pilot, CodesScreen)

            assert kept(tmp_path).accounts[1].name == label


class TestSeveralFiles:
    async def test_parts_of_a_google_export_come_together(self, tmp_path: Path, inbox: Path) -> None:
        keys = [
            account_of(Key(secret=Secret(bytes([65 + n]) * 20), issuer=f"S{n}", name="n"))
            for n in range(2)
        ]
        pages = migration.qr_pages(keys, 6).pages
        assert len(pages) == 2
        for number, page in enumerate(pages):
            (inbox / f"part{number}.png").write_bytes(make_qr(page.uri).png())
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await preview(pilot, "part0.png")
            await shows(pilot, "part 2 of 2 is missing: scan it too")
            await pilot.press("plus")
            await on_screen(pilot, FilePicker)
            await type_in(pilot, "part1.png")
            await pilot.press("enter")
            await on_screen(pilot, ImportScreen)
            words = await shows(pilot, "2 new", "2 files")
            assert "missing" not in words
            await pilot.press("enter")
            await on_screen(pilot, CodesScreen)

            assert [one.issuer for one in kept(tmp_path).accounts] == ["GitHub", "S0", "S1"]

    async def test_an_image_with_one_code_opens_the_form(self, tmp_path: Path, inbox: Path) -> None:
        (inbox / "code.png").write_bytes(make_qr(format_uri(AWS)).png())
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await pilot.press("a")
            await shows(pilot, "Add an account")
            await pick(pilot, "code.png")
            await on_screen(pilot, AccountForm)
            await shows(pilot, "AWS", "root")
            await pilot.press("ctrl+s")
            await on_screen(pilot, CodesScreen)

            assert kept(tmp_path).accounts[1].key == AWS


class TestPassphrases:
    @pytest.fixture
    def vault(self, inbox: Path) -> Path:
        path = inbox / "aegis.json"
        path.write_bytes(aegis.ENCRYPTED.write([account_of(AWS)], PASSPHRASE).content)
        return path

    async def test_three_tries_then_the_reason(self, tmp_path: Path, vault: Path) -> None:
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await pick(pilot, vault.name)
            await on_screen(pilot, ReadingScreen)
            await shows(pilot, "Type the passphrase")
            for words in ("2 tries are left", "one try is left"):
                await type_in(pilot, "wrong one")
                assert "wrong one" not in said(pilot)
                await pilot.press("enter")
                await shows(pilot, words)
            await type_in(pilot, "wrong one")
            await pilot.press("enter")
            await until(pilot, lambda: not pilot.app.screen.query_one(Input).display, "the end")
            await pilot.press("escape")
            await on_screen(pilot, CodesScreen)

    async def test_the_right_one_opens_the_preview(self, tmp_path: Path, vault: Path) -> None:
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await pick(pilot, vault.name)
            await shows(pilot, "Type the passphrase")
            await type_in(pilot, PASSPHRASE)
            await pilot.press("enter")
            await on_screen(pilot, ImportScreen)
            await shows(pilot, "Aegis", "1 new", "AWS")

    async def test_esc_gives_up(self, tmp_path: Path, vault: Path) -> None:
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await pick(pilot, vault.name)
            await shows(pilot, "Type the passphrase")
            await pilot.press("escape")
            await on_screen(pilot, CodesScreen)


class TestReading:
    async def test_what_is_no_export_is_said_with_what_to_do(self, tmp_path: Path, inbox: Path) -> None:
        (inbox / "a.pdf").write_bytes(b"%PDF-1.7\n" + b"x" * 100)
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await pick(pilot, "a.pdf")
            await shows(pilot, "! a.pdf is")
            await pilot.press("escape")
            await on_screen(pilot, CodesScreen)

    async def test_costly_work_is_asked_for_and_the_screen_lives_meanwhile(
        self, tmp_path: Path, inbox: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # The work itself: as long as it takes until the test has seen the screen move.
        seen = asyncio.Event()
        loop = asyncio.get_running_loop()
        costs: list[Cost] = []

        def read(_source: Source, ask: Ask) -> Reading:
            cost = pbkdf2_cost(400_000_000)
            costs.append(cost)
            assert ask.allow(cost)
            asyncio.run_coroutine_threadsafe(seen.wait(), loop).result()
            return Reading(entries=())

        slow = Format(name="slow", title="Slow", recognise=lambda _source: True, read=read)
        monkeypatch.setattr("watchword_tui.exchange.reading.FORMATS", (slow,))
        monkeypatch.setattr(reading_screen, "_TICK", 0.05)
        (inbox / "slow.bin").write_bytes(b"slow")
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await pick(pilot, "slow.bin")
            await shows(pilot, "Opening it takes about", "Go on?")
            await pilot.press("enter")
            await until(pilot, lambda: bool(re.search("Opening it … [0-9]+ s", said(pilot))), "seconds")
            seen.set()
            await on_screen(pilot, ImportScreen)

            assert len(costs) == 1

    async def test_a_pipe_that_nobody_writes_to_is_left_with_esc(self, tmp_path: Path) -> None:
        waiting = asyncio.Event()
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            loop = asyncio.get_running_loop()

            def block() -> Source:
                return asyncio.run_coroutine_threadsafe(waiting.wait(), loop).result()  # type: ignore[return-value] # it never ends

            await pilot.app.push_screen(ReadingScreen("pipe", block))
            await shows(pilot, "Reading …")
            await pilot.press("escape")
            await on_screen(pilot, CodesScreen)
            waiting.set()


class TestPicker:
    async def test_tab_completes_and_arrows_choose(self, tmp_path: Path, inbox: Path) -> None:
        (inbox / "exports").mkdir()
        write_list(inbox / "exports", AWS, name="accounts-phone.txt")
        write_list(inbox / "exports", COUNTED, name="accounts-tablet.txt")
        (inbox / "exports" / ".hidden.txt").write_text("x")
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await pilot.press("i")
            picker = await on_screen(pilot, FilePicker)
            await pilot.press("e", "tab")
            await until(pilot, lambda: picker.query_one(Input).value == "~/inbox/exports/", "the folder")
            words = await shows(pilot, "accounts-phone.txt", "accounts-tablet.txt")
            assert "hidden" not in words
            await pilot.press("a", "tab")
            await until(pilot, lambda: picker.query_one(Input).value.endswith("/accounts-"), "the rest")
            await pilot.press("down", "enter")
            await on_screen(pilot, ImportScreen)
            await shows(pilot, "Counted")

    async def test_folders_are_walked_both_ways(self, tmp_path: Path, inbox: Path) -> None:
        (inbox / "exports").mkdir()
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await pilot.press("i")
            picker = await on_screen(pilot, FilePicker)
            await pilot.press("enter")
            await until(pilot, lambda: picker.query_one(Input).value.endswith("inbox/exports/"), "in")
            await pilot.press("ctrl+up")
            await until(pilot, lambda: picker.query_one(Input).value == "~/inbox/", "out")
            await pilot.press("up", "enter")
            await until(pilot, lambda: picker.query_one(Input).value == "~/", "home")

    @pytest.mark.usefixtures("inbox")
    async def test_what_is_not_there_is_said(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await pilot.press("i")
            picker = await on_screen(pilot, FilePicker)
            await type_in(pilot, "nothing")
            await shows(pilot, "Nothing here begins with nothing.")
            picker.query_one(Input).value = "/no/such/folder/"
            await shows(pilot, "cannot look into /no/such/folder")
            await pilot.press("enter", "escape")
            await on_screen(pilot, CodesScreen)

    async def test_a_double_click_takes_a_file(self, tmp_path: Path, inbox: Path) -> None:
        write_list(inbox, AWS)
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await pilot.press("i")
            await on_screen(pilot, FilePicker)
            await shows(pilot, "list.txt")
            await pilot.click("FileList", offset=(6, 1), times=2)
            screen = await on_screen(pilot, ImportScreen)

            assert screen.query_one(PlanTable).count == 1
