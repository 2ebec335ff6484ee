"""What changes the vault from the list: deleting, moving, groups, stars, undo, two programs at once."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import msgspec
import pytest
from msgspec.structs import replace
from textual.widgets import Input

from apps import GITHUB, NOWHERE, MemoryKeychain, account_of, make_app
from dialogs import HOSTILE, kept, on_screen, on_vault, said, shows, type_in, until
from servers import NOON, Clock
from watchword_otp import Key, Secret, clean_label
from watchword_tui.accounts import Loaded
from watchword_tui.app import WatchwordApp
from watchword_tui.keeper import Keeper
from watchword_tui.screens.account_form import AccountForm
from watchword_tui.screens.choose import ChooseScreen
from watchword_tui.screens.codes import CodesScreen
from watchword_tui.screens.confirm import ConfirmScreen
from watchword_tui.screens.create_vault import CreateVaultScreen
from watchword_tui.screens.group_picker import GroupPicker
from watchword_tui.screens.quarantine_screen import QuarantineScreen
from watchword_tui.screens.unlock import UnlockScreen
from watchword_tui.session import Session
from watchword_tui.settings import ServerProfile, Settings
from watchword_tui.vault.document import Document, read_document
from watchword_tui.vault.store import VaultStore
from watchword_tui.vault.vault import read_vault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from textual.pilot import Pilot

AWS = Key(secret=Secret(b"abcdefghijklmnopqrst"), issuer="AWS", name="root")
BANK = Key(secret=Secret(b"abcdefghijklmnopqrsu"), issuer="Bank", name="me")


def titles(folder: Path) -> list[str]:
    return [account.issuer for account in kept(folder).accounts]


def change_elsewhere(folder: Path, issuer: str) -> None:
    """Another program renames the first account meanwhile."""
    vault = read_vault(VaultStore(folder / "vault.json")).open_plain()
    first = vault.document.accounts[0]
    changed = replace(first, key=replace(first.key, issuer=issuer))
    vault.commit(vault.document.with_changed([changed]))


async def highlighted(pilot: Pilot[None]) -> str:
    screen = await on_screen(pilot, CodesScreen)
    account = screen.highlighted_account()
    return account.issuer if account else ""


class TestDeleting:
    async def test_the_answer_at_hand_is_no(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, [GITHUB, AWS]) as pilot:
            await pilot.press("d")
            await shows(pilot, "Delete GitHub (alice@example.com)?")
            await pilot.press("enter")
            await on_screen(pilot, CodesScreen)

            assert titles(tmp_path) == ["GitHub", "AWS"]

    async def test_undo_brings_it_back_to_its_place(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, [GITHUB, AWS, BANK]) as pilot:
            await pilot.press("down", "d")
            await on_screen(pilot, ConfirmScreen)
            await pilot.press("y")
            await shows(pilot, "Deleted", "u takes it back")
            assert titles(tmp_path) == ["GitHub", "Bank"]
            await pilot.press("u")
            await shows(pilot, "Undone")

            assert titles(tmp_path) == ["GitHub", "AWS", "Bank"]
            assert await highlighted(pilot) == "AWS"

    async def test_there_may_be_nothing_to_undo(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await pilot.press("u")
            await shows(pilot, "Nothing to undo")


class TestKeeping:
    async def test_a_key_is_kept_once_and_undone(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            screen = await on_screen(pilot, CodesScreen)
            screen.keep_in_vault(AWS)
            await shows(pilot, "Added", "AWS")
            assert titles(tmp_path) == ["GitHub", "AWS"]
            screen.keep_in_vault(AWS)
            await shows(pilot, "Nothing added")
            await pilot.press("u")
            await shows(pilot, "Undone")

            assert titles(tmp_path) == ["GitHub"]


class TestMoving:
    async def test_j_and_k_change_the_order_of_the_file(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, [GITHUB, AWS, BANK]) as pilot:
            await pilot.press("J")
            await until(pilot, lambda: titles(tmp_path) == ["AWS", "GitHub", "Bank"], "the move")
            await pilot.press("J")
            await until(pilot, lambda: titles(tmp_path) == ["AWS", "Bank", "GitHub"], "the second move")
            assert await highlighted(pilot) == "GitHub"
            await pilot.press("J")
            await shows(pilot, "No place to move to")
            await pilot.press("K", "K")
            await until(pilot, lambda: titles(tmp_path) == ["GitHub", "AWS", "Bank"], "the way back")

    async def test_in_a_group_it_passes_what_is_not_shown(self, tmp_path: Path) -> None:
        content = [
            replace(account_of(GITHUB), groups=("Work",)),
            account_of(AWS),
            replace(account_of(BANK), groups=("Work",)),
        ]
        async with on_vault(tmp_path, content) as pilot:
            await pilot.press("right", "J")
            await until(pilot, lambda: titles(tmp_path) == ["AWS", "Bank", "GitHub"], "the move")

    async def test_a_star_puts_it_first_and_stays(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, [GITHUB, AWS]) as pilot:
            await pilot.press("down", "f")
            await until(pilot, lambda: kept(tmp_path).accounts[1].favourite, "the star")
            assert await highlighted(pilot) == "AWS"
            await pilot.press("f")
            await until(pilot, lambda: not kept(tmp_path).accounts[1].favourite, "no star")


class TestGroups:
    async def test_one_is_made_marked_and_saved_in_one_step(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await pilot.press("m")
            await on_screen(pilot, GroupPicker)
            await shows(pilot, "No groups yet")
            await pilot.press("n")
            await shows(pilot, "New group")
            await type_in(pilot, "Work")
            await pilot.press("enter")
            await shows(pilot, "[x] Work", "new")
            await pilot.press("enter")
            await on_screen(pilot, CodesScreen)
            await until(pilot, lambda: kept(tmp_path).accounts[0].groups == ("Work",), "the group")
            await pilot.press("u")
            await shows(pilot, "Undone")

            assert kept(tmp_path).groups == ()

    async def test_renaming_and_deleting_leave_the_accounts(self, tmp_path: Path) -> None:
        content = Document().with_added(
            [
                replace(account_of(GITHUB), groups=("Work", "Old")),
                replace(account_of(AWS), groups=("Old",)),
            ]
        )
        async with on_vault(tmp_path, content) as pilot:
            await pilot.press("m")
            picker = await on_screen(pilot, GroupPicker)
            await pilot.press("r")
            await shows(pilot, "Rename")
            pilot.app.screen.query_one(Input).value = "Old"
            await pilot.press("enter")
            await shows(pilot, "There is a group of this name.")
            pilot.app.screen.query_one(Input).value = "Job"
            await pilot.press("enter")
            assert await on_screen(pilot, GroupPicker) is picker
            await shows(pilot, "Job", "was Work")
            await pilot.press("down", "d", "enter")
            await on_screen(pilot, CodesScreen)
            await until(pilot, lambda: len(kept(tmp_path).groups) == 1, "one group")

            assert [one.groups for one in kept(tmp_path).accounts] == [("Job",), ()]

    async def test_esc_leaves_everything_as_it_was(self, tmp_path: Path) -> None:
        content = [replace(account_of(GITHUB), groups=("Work",))]
        async with on_vault(tmp_path, content) as pilot:
            await pilot.press("m")
            await on_screen(pilot, GroupPicker)
            await pilot.press("space", "d", "escape")
            await on_screen(pilot, CodesScreen)

            assert kept(tmp_path).accounts[0].groups == ("Work",)


class TestTwoPrograms:
    async def test_merging_keeps_both_changes(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, [GITHUB, AWS]) as pilot:
            change_elsewhere(tmp_path, "Elsewhere")
            await pilot.press("down", "d")
            await on_screen(pilot, ConfirmScreen)
            await pilot.press("y")
            await on_screen(pilot, ChooseScreen)
            await shows(pilot, "Another program changed the vault")
            await pilot.press("m")
            words = await shows(pilot, "Elsewhere", "Merged")

            assert "u takes it back" not in words
            assert titles(tmp_path) == ["Elsewhere"]

    async def test_the_files_own_can_be_taken(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, [GITHUB, AWS]) as pilot:
            change_elsewhere(tmp_path, "Elsewhere")
            await pilot.press("down", "f")
            await on_screen(pilot, ChooseScreen)
            await pilot.press("t")
            await shows(pilot, "Elsewhere")

            assert titles(tmp_path) == ["Elsewhere", "AWS"]
            assert not kept(tmp_path).accounts[1].favourite

    async def test_not_now_saves_nothing_and_keeps_the_form(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await pilot.press("E")
            form = await on_screen(pilot, AccountForm)
            form.query_one("#name", Input).value = "mine"
            change_elsewhere(tmp_path, "Elsewhere")
            before = (tmp_path / "vault.json").read_bytes()
            await pilot.press("ctrl+s")
            await on_screen(pilot, ChooseScreen)
            await pilot.press("escape")
            assert await on_screen(pilot, AccountForm) is form

            assert (tmp_path / "vault.json").read_bytes() == before
            assert form.query_one("#name", Input).value == "mine"


def broken(issuer: str = "Broken", **info: object) -> Document:
    """A vault with GitHub and one row that cannot be understood."""
    fields = {
        "type": "totp",
        "uuid": "11111111-1111-4111-8111-111111111111",
        "issuer": issuer,
        "name": "row",
        "unknown": {"kept": True},
        "info": {"secret": "JBSWY3DPEHPK3PXP1", "algo": "SHA1", "digits": 6, "period": 30} | info,
    }
    content = msgspec.json.encode({"version": 3, "entries": [fields], "groups": []})
    return Document().with_added([account_of(GITHUB)]).with_rows(read_document(content).rows)


class TestQuarantine:
    async def test_the_reason_is_shown_and_the_secret_is_not(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, broken()) as pilot:
            await pilot.press("down", "enter")
            await on_screen(pilot, QuarantineScreen)
            words = await shows(pilot, "not base32", "secret hidden", "Broken row")
            assert "JBSWY" not in words
            await pilot.press("escape")
            await on_screen(pilot, CodesScreen)

            assert len(kept(tmp_path).quarantined) == 1

    async def test_it_is_fixed_in_the_form_and_unknown_fields_stay(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, broken()) as pilot:
            await pilot.press("down", "enter")
            await on_screen(pilot, QuarantineScreen)
            await pilot.press("f")
            form = await on_screen(pilot, AccountForm)
            await shows(pilot, "Fix Broken row", "character 17 is not base32")
            form.query_one("#secret", Input).value = "JBSWY3DPEHPK3PXP"
            await pilot.press("ctrl+s")
            await on_screen(pilot, CodesScreen)

            document = kept(tmp_path)
            assert not document.quarantined
            assert document.accounts[1].issuer == "Broken"
            assert document.rows[1].fields["unknown"] == {"kept": True}

    async def test_it_is_deleted_after_a_question_and_undone(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, broken()) as pilot:
            raw = kept(tmp_path).rows[1].raw
            await pilot.press("down", "enter")
            await on_screen(pilot, QuarantineScreen)
            await pilot.press("d")
            await on_screen(pilot, ConfirmScreen)
            await pilot.press("y")
            await shows(pilot, "Deleted")
            assert len(kept(tmp_path).rows) == 1
            await pilot.press("u")
            await shows(pilot, "Undone")

            assert kept(tmp_path).rows[1].raw == raw

    @pytest.mark.parametrize("key", ["E", "d"])
    async def test_the_keys_of_accounts_open_it_too(self, tmp_path: Path, key: str) -> None:
        async with on_vault(tmp_path, broken(HOSTILE)) as pilot:
            await pilot.press("down", key)
            await on_screen(pilot, QuarantineScreen)
            await shows(pilot, clean_label(HOSTILE)[:20])


async def test_without_a_vault_the_screen_says_how_to_have_one() -> None:
    app = make_app([GITHUB], clock=Clock(NOON))
    async with app.run_test(notifications=True) as pilot:
        await shows(pilot, "GitHub", "Server")
        await pilot.press("m")

        await shows(pilot, "There is no vault", "without --accounts")


class TestFirstVault:
    """Nothing is there yet: the first account makes the vault."""

    @contextlib.asynccontextmanager
    async def started(self, folder: Path) -> AsyncIterator[Pilot[None]]:
        path = folder / "vault.json"
        settings = Settings(profiles=(ServerProfile("dev", NOWHERE),), server="dev", vault=path)
        keeper = Keeper(VaultStore(path), MemoryKeychain())
        nothing = Loaded((), ())
        session = Session(settings, nothing, clock=Clock(NOON), keeper=keeper, reload=lambda: nothing)
        app = WatchwordApp(session)
        async with app.run_test(notifications=True) as pilot:
            await shows(pilot, "No accounts yet", "Server")
            yield pilot

    async def make_vault(self, pilot: Pilot[None]) -> AccountForm:
        await pilot.press("a")
        await on_screen(pilot, ChooseScreen)
        await pilot.press("f")
        await on_screen(pilot, CreateVaultScreen)
        await type_in(pilot, "correct horse battery")
        await pilot.press("enter")
        await type_in(pilot, "correct horse battery")
        await pilot.press("enter")
        return await on_screen(pilot, AccountForm)

    async def test_it_is_made_with_a_passphrase_and_then_kept_in(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as pilot:
            form = await self.make_vault(pilot)
            form.query_one("#issuer", Input).value = "Shop"
            form.query_one("#secret", Input).value = "JBSWY3DPEHPK3PXP"
            await pilot.press("ctrl+s")
            await on_screen(pilot, CodesScreen)

            vault = read_vault(VaultStore(tmp_path / "vault.json"))
            assert vault.encrypted
            opened = vault.open_with_passphrase("correct horse battery").document
            assert [one.issuer for one in opened.accounts] == ["Shop"]

    async def test_without_one_nothing_is_added(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as pilot:
            await pilot.press("a")
            await on_screen(pilot, ChooseScreen)
            await pilot.press("f")
            await on_screen(pilot, CreateVaultScreen)
            await pilot.press("escape")
            await on_screen(pilot, CodesScreen)

            assert not (tmp_path / "vault.json").exists()

    async def test_locking_takes_an_open_form_away(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as pilot:
            form = await self.make_vault(pilot)
            form.query_one("#issuer", Input).value = "Secretive"
            await pilot.press("ctrl+l")
            await on_screen(pilot, UnlockScreen)

            assert "Secretive" not in said(pilot)
            assert form not in pilot.app.screen_stack
