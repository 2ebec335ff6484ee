"""Adding and changing accounts in the form, as people do it: by keys, on a real vault file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual import events
from textual.widgets import Input, TextArea

from apps import GITHUB
from dialogs import HOSTILE, kept, on_screen, on_vault, said, shows, type_in
from watchword_otp import Key, Kind, Secret, code_at, format_uri
from watchword_tui.accounts import Account, grouped
from watchword_tui.screens.account_form import AccountForm
from watchword_tui.screens.codes import CodesScreen
from watchword_tui.screens.confirm import ConfirmScreen
from watchword_tui.vault.rows import SOURCE, new_id

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
NOW_STEP = 60_000_000


async def open_form(pilot: Pilot[None]) -> AccountForm:
    await pilot.press("a")
    await shows(pilot, "Add an account", "Paste")
    await pilot.press("f")
    return await on_screen(pilot, AccountForm)


async def paste(pilot: Pilot[None], field: str, text: str) -> None:
    pilot.app.screen.query_one(field, Input).focus()
    pilot.app.screen.query_one(field, Input).post_message(events.Paste(text))
    await pilot.pause()


class TestAdding:
    async def test_what_is_typed_is_in_the_file_and_highlighted(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await open_form(pilot)
            await type_in(pilot, "GitLab")
            await pilot.press("tab")
            await type_in(pilot, "bob")
            await pilot.press("tab")
            await type_in(pilot, SECRET.lower())
            await pilot.press("enter")
            screen = await on_screen(pilot, CodesScreen)

            account = kept(tmp_path).accounts[-1]
            assert (account.issuer, account.name) == ("GitLab", "bob")
            assert account.key == Key(secret=Secret.from_base32(SECRET), issuer="GitLab", name="bob")
            highlighted = screen.highlighted_account()
            assert highlighted is not None
            assert highlighted.id == account.id

    async def test_saving_twice_in_a_hurry_adds_it_once(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            form = await open_form(pilot)
            form.query_one("#issuer", Input).value = "Shop"
            await paste(pilot, "#secret", SECRET)
            form.action_save()
            form.action_save()
            await on_screen(pilot, CodesScreen)
            await shows(pilot, "Added")

            assert [one.issuer for one in kept(tmp_path).accounts] == ["GitHub", "Shop"]

    async def test_the_code_is_shown_before_anything_is_saved(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await open_form(pilot)
            await type_in(pilot, "GitLab")
            await paste(pilot, "#secret", SECRET)
            code = grouped(code_at(Key(secret=Secret.from_base32(SECRET), issuer="x"), NOW_STEP))

            await shows(pilot, code, "Compare it with another device")
            assert len(kept(tmp_path).accounts) == 1

    @pytest.mark.parametrize(
        ("typed", "words"),
        [
            ("JBSW1", "character 5 is not base32"),
            ("JBS", "cut short"),
            ("JBSWY3DPEHPK3PXQ", "80 bits: weak"),
            (SECRET, "160 bits"),
            ("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "GitHub (alice@example.com) has the same"),
        ],
    )
    async def test_a_secret_is_judged_as_it_is_typed(
        self, tmp_path: Path, typed: str, words: str
    ) -> None:
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await open_form(pilot)
            pilot.app.screen.query_one("#secret").focus()
            await type_in(pilot, typed)

            assert typed not in await shows(pilot, words)

    async def test_what_is_missing_is_said_and_the_focus_goes_there(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            form = await open_form(pilot)
            await paste(pilot, "#secret", SECRET)
            await pilot.press("ctrl+s")

            await shows(pilot, "! Type an issuer or a name.")
            assert form.focused is form.query_one("#issuer")
            assert len(kept(tmp_path).accounts) == 1

    @pytest.mark.parametrize("field", ["#issuer", "#secret"])
    async def test_a_uri_that_is_pasted_fills_the_form(self, tmp_path: Path, field: str) -> None:
        key = Key(
            secret=Secret(b"s" * 20), kind=Kind.HOTP, digits=8, counter=7, issuer="Shop", name="me"
        )
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await open_form(pilot)
            await paste(pilot, field, format_uri(key))
            await shows(pilot, "Shop", "counter 7", "HOTP, SHA1, 8 digits")
            await pilot.press("ctrl+s")
            await on_screen(pilot, CodesScreen)

            assert kept(tmp_path).accounts[-1].key == key

    async def test_a_uri_that_is_none_is_named_and_its_secret_stays_hidden(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await open_form(pilot)
            await paste(pilot, "#issuer", f"otpauth://totp/x?secret={SECRET}&digits=99")

            assert SECRET not in await shows(pilot, "digits must be 4 to 10")

    async def test_a_random_key_has_160_bits_and_is_shown_only_on_request(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await pilot.press("a")
            await shows(pilot, "Add an account")
            await pilot.press("n")
            await on_screen(pilot, AccountForm)
            await type_in(pilot, "Mine")
            hidden = await shows(pilot, "160 bits", "a new random one")
            await pilot.press("ctrl+s")
            await on_screen(pilot, CodesScreen)

            secret = kept(tmp_path).accounts[-1].key.secret
            assert secret.bits == 160
            assert grouped(secret.base32()) not in hidden

    async def test_steam_has_no_parameters_to_choose(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await open_form(pilot)
            await paste(pilot, "#secret", f"steam://{SECRET}")
            await pilot.press("ctrl+t")
            words = await shows(pilot, "STEAM", "5 letters and digits")

            assert "Digits" not in words

    async def test_a_pasted_line_opens_the_form(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await pilot.press("a")
            await shows(pilot, "Add an account")
            await pilot.press("p")
            await shows(pilot, "Paste an otpauth:// line")
            await type_in(pilot, "nonsense")
            await pilot.press("enter")
            await shows(pilot, "That is no otpauth:// line.")
            field = pilot.app.screen.query_one(Input)
            field.value = f"otpauth://totp/Shop:me?secret={SECRET}&issuer=Shop"
            assert SECRET not in said(pilot)
            await pilot.press("enter")
            await on_screen(pilot, AccountForm)
            await pilot.press("ctrl+s")
            await on_screen(pilot, CodesScreen)

            assert kept(tmp_path).accounts[-1].key.title == "Shop (me)"


class TestEditing:
    async def test_every_field_but_the_secret_is_filled(self, tmp_path: Path) -> None:
        key = Key(secret=Secret(b"s" * 20), issuer="Shop", name="me", period=60, digits=8)
        account = Account(
            key, SOURCE, (), id=new_id(), note="two\nlines", favourite=True, groups=("Work",)
        )
        async with on_vault(tmp_path, [account]) as pilot:
            await pilot.press("E")
            await on_screen(pilot, AccountForm)
            words = await shows(
                pilot, "Shop", "me", "Work", "two", "lines", "[x] Favourite", "every 60 s"
            )
            assert grouped(key.secret.base32())[:14] not in words
            await pilot.press("ctrl+r")
            await shows(pilot, grouped(key.secret.base32()))
            await pilot.press("ctrl+s")
            await on_screen(pilot, CodesScreen)

            assert kept(tmp_path).accounts[0].key == key
            assert kept(tmp_path).accounts[0].note == "two\nlines"

    async def test_another_name_is_saved_and_undone(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            before = (tmp_path / "vault.json").read_bytes()
            await pilot.press("E")
            form = await on_screen(pilot, AccountForm)
            form.query_one("#issuer", Input).value = "Other"
            await pilot.press("ctrl+s")
            await shows(pilot, "Saved", "Other")
            assert kept(tmp_path).accounts[0].issuer == "Other"
            assert kept(tmp_path).accounts[0].key.secret == GITHUB.secret
            await pilot.press("u")
            await shows(pilot, "Undone", "Edit is taken back")

            assert kept(tmp_path).accounts[0].issuer == "GitHub"
            assert (tmp_path / "vault.json").read_bytes() == before

    async def test_esc_asks_only_if_something_changed(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await pilot.press("E")
            await on_screen(pilot, AccountForm)
            # Looking at the secret changes nothing.
            await pilot.press("ctrl+r", "escape")
            await on_screen(pilot, CodesScreen)
            await pilot.press("E")
            await on_screen(pilot, AccountForm)
            await pilot.press("x", "escape")
            await on_screen(pilot, ConfirmScreen)
            await pilot.press("enter")
            form = await on_screen(pilot, AccountForm)
            assert form.query_one("#issuer", Input).value.endswith("x")
            await pilot.press("escape")
            await on_screen(pilot, ConfirmScreen)
            await pilot.press("y")
            await on_screen(pilot, CodesScreen)

            assert kept(tmp_path).accounts[0].issuer == "GitHub"

    async def test_an_account_of_a_file_cannot_be_changed_and_the_screen_says_how(
        self, tmp_path: Path
    ) -> None:
        async with on_vault(tmp_path, [], others=[GITHUB]) as pilot:
            for key in ("E", "d", "f", "K"):
                await pilot.press(key)
                await shows(pilot, "Not in the vault", "import it (i)")
            assert isinstance(pilot.app.screen, CodesScreen)

    async def test_hostile_labels_are_harmless(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            form = await open_form(pilot)
            await paste(pilot, "#issuer", HOSTILE)
            form.query_one("#name", Input).value = HOSTILE
            form.query_one("#note", TextArea).text = HOSTILE
            await paste(pilot, "#secret", SECRET)
            await shows(pilot, "160 bits")
            await pilot.press("ctrl+s")
            await on_screen(pilot, CodesScreen)
            await pilot.press("E")
            await on_screen(pilot, AccountForm)
            await shows(pilot, "[/] [@click=app.quit]")
            await pilot.press("escape", "d")
            await on_screen(pilot, ConfirmScreen)
            await shows(pilot, "Delete [/] [@click=app.quit]")

            assert "\x1b" not in kept(tmp_path).accounts[-1].issuer
            assert "\u202e" not in kept(tmp_path).accounts[-1].note


class TestSavingFails:
    async def test_a_folder_that_cannot_be_written_keeps_the_form(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            before = (tmp_path / "vault.json").read_bytes()
            await pilot.press("E")
            form = await on_screen(pilot, AccountForm)
            form.query_one("#issuer", Input).value = "Other"
            # Root may write anywhere, so the lock's place is taken by a folder.
            lock = tmp_path / ".vault.json.lock"
            lock.unlink(missing_ok=True)
            lock.mkdir()
            await pilot.press("ctrl+s")
            await shows(pilot, "Not saved")
            await pilot.press("enter")
            assert await on_screen(pilot, AccountForm) is form
            assert (tmp_path / "vault.json").read_bytes() == before
            lock.rmdir()
            await pilot.press("ctrl+s")
            await on_screen(pilot, CodesScreen)

            assert kept(tmp_path).accounts[0].issuer == "Other"


class TestMouse:
    async def test_menu_form_groups_and_saving_need_no_key(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await pilot.press("a")
            await shows(pilot, "Add an account")
            await pilot.click("OfferList", offset=(8, 0))
            form = await on_screen(pilot, AccountForm)
            form.query_one("#issuer", Input).value = "Shop"
            await paste(pilot, "#secret", SECRET)
            await pilot.click("#show")
            await shows(pilot, SECRET)
            await pilot.click("Tick")
            await pilot.click("#toggle-more")
            await shows(pilot, "Digits", "[x] Favourite")
            await pilot.click("#choose-groups")
            await shows(pilot, "No groups yet")
            await pilot.press("escape")
            assert await on_screen(pilot, AccountForm) is form
            await pilot.click("#save")
            await on_screen(pilot, CodesScreen)

            account = kept(tmp_path).accounts[1]
            assert (account.issuer, account.favourite) == ("Shop", True)

    async def test_cancel_is_a_button_too(self, tmp_path: Path) -> None:
        async with on_vault(tmp_path, [GITHUB]) as pilot:
            await open_form(pilot)
            await pilot.click("#cancel")
            await on_screen(pilot, CodesScreen)

            assert len(kept(tmp_path).accounts) == 1
