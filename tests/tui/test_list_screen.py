"""The list of a vault as a person uses it: finding, sorting, groups, hidden codes, HOTP, bad rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual import events
from textual.widgets import Input

from apps import GITHUB, account_of, lines, make_vault_app, press, running, settled, text
from dialogs import on_vault, shows, until
from servers import NOON, Clock
from watchword_otp import Key, Kind, Secret, code_at, step_at
from watchword_tui.accounts import grouped
from watchword_tui.keeper import Keeper
from watchword_tui.vault.document import Document, read_document
from watchword_tui.vault.store import VaultStore

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from apps import MemoryKeychain
    from watchword_tui.accounts import Account
    from watchword_tui.screens.codes import CodesScreen

BAD = read_document(
    b'{"version":3,"entries":[{"type":"totp","uuid":"bad","name":"bob","issuer":"Acme",'
    b'"info":{"secret":"not base32!"}}],"groups":[]}'
)


def account(issuer: str, name: str = "alice", **about: object) -> Account:
    key = Key(secret=Secret(f"{issuer:_<20}"[:20].encode()), issuer=issuer, name=name)
    return account_of(key, **about)  # type: ignore[arg-type] # what it keeps


HOTP = account_of(
    Key(secret=Secret(b"12345678901234567890"), kind=Kind.HOTP, counter=7, issuer="Old token")
)
MANY = [
    account("GitHub", groups=("Work", "Code"), note="Recovery codes are in the safe."),
    account("AWS", "root@prod", groups=("Work",)),
    account("Google", favourite=True),
    account("Dropbox"),
]


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON + 4.25)


def code_of(one: Account, clock: Clock) -> str:
    return grouped(code_at(one.key, step_at(one.key, clock.now)))


def issuers(screen: CodesScreen) -> list[str]:
    return [shown.line.issuer for shown in screen.code_list._shown]


def saved(folder: Path) -> Document:
    keeper = Keeper(VaultStore(folder / "vault.json"), _keychain())
    assert keeper.open_quietly()
    return keeper.vault.document


def _keychain() -> MemoryKeychain:
    from apps import MemoryKeychain  # noqa: PLC0415

    return MemoryKeychain()


async def find(pilot: Pilot[None], letters: str) -> None:
    await press(pilot, "slash", *letters)


class TestFinding:
    async def test_two_keys_and_enter_copy_a_code(self, clock: Clock, tmp_path: Path) -> None:
        app = make_vault_app(tmp_path, MANY, clock=clock)
        async with running(app) as (pilot, screen):
            await find(pilot, "gh")
            assert issuers(screen) == ["GitHub"]
            assert "1 of 4" in text(pilot)
            await press(pilot, "enter")
            assert grouped(app.clipboard) == code_of(MANY[0], clock)

    async def test_the_letters_found_are_underlined(self, clock: Clock, tmp_path: Path) -> None:
        async with running(make_vault_app(tmp_path, MANY, clock=clock)) as (pilot, screen):
            await find(pilot, "hub")
            strip = screen.code_list.render_line(0)
            marked = [one.text for one in strip if one.style and one.style.underline and one.style.bold]
            assert marked == ["Hub"]

    async def test_the_arrows_move_while_letters_are_typed(self, clock: Clock, tmp_path: Path) -> None:
        async with running(make_vault_app(tmp_path, MANY, clock=clock)) as (pilot, screen):
            await find(pilot, "o")
            before = screen.highlighted_account()
            await press(pilot, "down")
            assert screen.highlighted_account() != before
            await press(pilot, "up")
            assert screen.highlighted_account() == before

    async def test_escape_clears_then_leaves(self, clock: Clock, tmp_path: Path) -> None:
        async with running(make_vault_app(tmp_path, MANY, clock=clock)) as (pilot, screen):
            await find(pilot, "aws")
            assert len(issuers(screen)) == 1
            await press(pilot, "escape")
            assert len(issuers(screen)) == 4
            assert screen.focused is not screen.code_list
            await press(pilot, "escape")
            assert screen.focused is screen.code_list
            assert "of 4" not in text(pilot)
            assert screen.highlighted_account() == saved(tmp_path).accounts[1]

    async def test_the_filter_stays_when_the_list_is_gone_to(self, clock: Clock, tmp_path: Path) -> None:
        async with running(make_vault_app(tmp_path, MANY, clock=clock)) as (pilot, screen):
            await find(pilot, "aws")
            await press(pilot, "tab")
            assert (screen.focused, issuers(screen)) == (screen.code_list, ["AWS"])
            await press(pilot, "escape")
            assert len(issuers(screen)) == 4

    async def test_what_matches_nothing_says_so(self, clock: Clock, tmp_path: Path) -> None:
        async with running(make_vault_app(tmp_path, MANY, clock=clock)) as (pilot, _):
            await find(pilot, "[/x]")
            assert "Nothing fits “[/x]”" in text(pilot)
            assert "Esc  clears the filter" in text(pilot)
            await press(pilot, "enter")


class TestOrderAndGroups:
    async def test_o_sorts_in_another_way_and_keeps_the_highlight(
        self, clock: Clock, tmp_path: Path
    ) -> None:
        app = make_vault_app(tmp_path, MANY, clock=clock)
        async with running(app) as (pilot, screen):
            assert issuers(screen) == ["Google", "GitHub", "AWS", "Dropbox"]
            await press(pilot, "end", "c")
            app.clear_notifications()
            await press(pilot, "o")
            assert issuers(screen) == ["Google", "AWS", "Dropbox", "GitHub"]
            assert "by issuer" in text(pilot)
            assert screen.highlighted_account() == saved(tmp_path).accounts[3]
            await press(pilot, "o")
            assert issuers(screen) == ["Google", "Dropbox", "GitHub", "AWS"]
            assert "by use" in text(pilot)

    async def test_the_settings_give_the_order_at_the_start(self, clock: Clock, tmp_path: Path) -> None:
        async with running(make_vault_app(tmp_path, MANY, clock=clock, sort="issuer")) as (_, screen):
            assert issuers(screen) == ["Google", "AWS", "Dropbox", "GitHub"]

    async def test_left_and_right_go_through_the_groups(self, clock: Clock, tmp_path: Path) -> None:
        async with running(make_vault_app(tmp_path, MANY, clock=clock)) as (pilot, screen):
            assert "All   Work   Code   No group" in text(pilot)
            await press(pilot, "right")
            assert issuers(screen) == ["GitHub", "AWS"]
            await press(pilot, "left", "left")
            assert issuers(screen) == ["Google", "Dropbox"]

    async def test_a_click_chooses_a_group(self, clock: Clock, tmp_path: Path) -> None:
        async with running(make_vault_app(tmp_path, MANY, clock=clock)) as (pilot, screen):
            line = next(line for line in lines(pilot) if "No group" in line)
            await pilot.click("GroupLine", offset=(line.index("Code") + 1, 0))
            await settled(pilot)
            assert issuers(screen) == ["GitHub"]

    async def test_an_empty_group_says_so(self, clock: Clock, tmp_path: Path) -> None:
        document = Document().with_added(MANY).with_groups(["Nobody"])
        async with running(make_vault_app(tmp_path, document, clock=clock)) as (pilot, _):
            await press(pilot, "left", "left")
            assert "There is no account in Nobody" in text(pilot)

    async def test_note_groups_and_uses_are_on_the_card_where_there_is_room(
        self, clock: Clock, tmp_path: Path
    ) -> None:
        async with running(make_vault_app(tmp_path, MANY, clock=clock), (120, 40)) as (pilot, _):
            await press(pilot, "down", "c", "c", "up", "down")
            assert "in Work, Code  ·  used 2 times" in text(pilot)
            assert "Recovery codes are in the safe." in text(pilot)
            await pilot.resize_terminal(80, 24)
            await settled(pilot)
            assert "Recovery codes" not in text(pilot)


class TestHiding:
    async def test_codes_are_dots_until_asked_for(self, clock: Clock, tmp_path: Path) -> None:
        async with running(make_vault_app(tmp_path, MANY, clock=clock, hide_codes=True)) as (
            pilot,
            screen,
        ):
            code = code_of(MANY[2], clock)
            assert code not in text(pilot)
            assert "••• •••" in text(pilot)
            await press(pilot, "space")
            assert text(pilot).count(code) == 1
            assert code_of(MANY[0], clock) not in text(pilot)
            clock.now = NOON + 30
            screen.tick()
            await settled(pilot)
            assert code_of(MANY[2], clock) not in text(pilot)

    async def test_enter_shows_first_and_copies_then(self, clock: Clock, tmp_path: Path) -> None:
        app = make_vault_app(tmp_path, MANY, clock=clock, hide_codes=True)
        async with running(app) as (pilot, _):
            await press(pilot, "enter")
            assert app.clipboard == ""
            await press(pilot, "enter")
            assert grouped(app.clipboard) == code_of(MANY[2], clock)

    async def test_a_key_hides_and_shows_all(self, clock: Clock, tmp_path: Path) -> None:
        async with running(make_vault_app(tmp_path, MANY, clock=clock)) as (pilot, _):
            await press(pilot, "full_stop")
            assert "codes hidden" in text(pilot)
            assert code_of(MANY[1], clock) not in text(pilot)
            await press(pilot, "full_stop")
            assert code_of(MANY[1], clock) in text(pilot)


class TestHotp:
    async def test_a_code_is_shown_only_when_its_counter_is_saved(
        self, clock: Clock, tmp_path: Path
    ) -> None:
        async with running(make_vault_app(tmp_path, [HOTP, *MANY], clock=clock)) as (pilot, screen):
            await press(pilot, "end", "home", "down")
            assert "counter 7" in text(pilot)
            code = grouped(code_at(HOTP.key, 7))
            assert code not in text(pilot)
            await press(pilot, "n")
            assert code in text(pilot)
            assert saved(tmp_path).accounts[0].key.counter == 8
            await press(pilot, "down", "up")
            assert code not in text(pilot)
            assert "counter 8" in text(pilot)
            assert screen.highlighted_code() == ""

    async def test_it_is_copied_after_n_and_goes_after_a_minute(
        self, clock: Clock, tmp_path: Path
    ) -> None:
        app = make_vault_app(tmp_path, [HOTP], clock=clock)
        async with running(app) as (pilot, screen):
            await press(pilot, "enter")
            assert "n moves the counter on" in text(pilot)
            assert app.clipboard == ""
            await press(pilot, "n", "enter")
            assert app.clipboard == code_at(HOTP.key, 7)
            clock.advance(61)
            screen.tick()
            await settled(pilot)
            assert grouped(code_at(HOTP.key, 7)) not in text(pilot)

    async def test_a_counter_that_cannot_be_saved_shows_no_code(
        self, clock: Clock, tmp_path: Path
    ) -> None:
        folder = tmp_path / "vault"
        async with running(make_vault_app(folder, [HOTP], clock=clock)) as (pilot, _):
            (folder / "vault.json").write_text("{}")
            # Not `press`: a question may stay until it is answered.
            await pilot.press("n")
            for _ in range(20):
                await pilot.pause(0.02)
            assert grouped(code_at(HOTP.key, 7)) not in text(pilot)

    async def test_outside_the_vault_the_counter_lives_for_this_run(
        self, clock: Clock, tmp_path: Path
    ) -> None:
        app = make_vault_app(tmp_path, [], others=[HOTP.key], clock=clock)
        async with running(app, (120, 40)) as (pilot, _):
            await press(pilot, "n")
            assert grouped(code_at(HOTP.key, 7)) in text(pilot)
            assert "Counter not saved" in text(pilot)
            await press(pilot, "n")
            assert grouped(code_at(HOTP.key, 8)) in text(pilot)


async def test_quarantined_rows_stand_last_with_their_reason(clock: Clock, tmp_path: Path) -> None:
    document = Document().with_added(MANY).with_rows(BAD.rows)
    async with running(make_vault_app(tmp_path, document, clock=clock)) as (pilot, screen):
        assert "! Acme bob" in text(pilot)
        assert "not base32" in text(pilot)
        await press(pilot, "end")
        assert screen.highlighted_account() is None
        assert screen.highlighted_quarantined() == document.rows[-1]
        await press(pilot, "c", "n", "space", "v")


async def test_a_vault_of_bad_rows_only_lists_them(clock: Clock, tmp_path: Path) -> None:
    async with running(make_vault_app(tmp_path, BAD, clock=clock)) as (pilot, _):
        assert "! Acme bob" in text(pilot)
        assert "No accounts yet" not in text(pilot)


async def test_codes_about_to_change_have_a_mark_at_the_left(clock: Clock, tmp_path: Path) -> None:
    slow = account_of(Key(secret=Secret(b"abcdefghijklmnopqrst"), issuer="Slow", period=60))
    async with running(make_vault_app(tmp_path, [MANY[0], slow], clock=clock)) as (pilot, screen):
        assert "▌" not in text(pilot)
        clock.now = NOON + 26
        screen.tick()
        await pilot.pause()
        assert [line[0] for line in lines(pilot) if "GitHub   " in line or "Slow   " in line][:2] == [
            "▌",
            " ",
        ]


async def test_a_thousand_accounts_cost_codes_for_what_is_seen_only(
    clock: Clock, tmp_path: Path
) -> None:
    many = [account(f"Issuer {number}") for number in range(1000)]
    async with running(make_vault_app(tmp_path, many, clock=clock)) as (pilot, screen):
        assert len(screen._book._looks) <= screen.code_list.size.height
        await press(pilot, "end")
        assert "Issuer 999" in text(pilot)


async def test_the_scroll_bar_comes_and_goes_with_the_lines_and_not_after_them(
    clock: Clock, tmp_path: Path
) -> None:
    many = [account(f"Issuer {number}") for number in range(40)]
    async with running(make_vault_app(tmp_path, many, clock=clock)) as (pilot, screen):
        # At once, and still so when all is laid out: else it would be, and be drawn, twice.
        for letters, has_bar in [("zz", False), ("", True), ("39", False), ("i", True)]:
            screen.find(letters)
            assert screen.code_list.show_vertical_scrollbar is has_bar
            await settled(pilot)
            assert screen.code_list.show_vertical_scrollbar is has_bar


async def test_help_has_every_key_of_every_place(clock: Clock, tmp_path: Path) -> None:
    from watchword_tui.screens.help import bindings_of, sections  # noqa: PLC0415

    async with running(make_vault_app(tmp_path, clock=clock), (120, 60)) as (pilot, screen):
        await press(pilot, "f1")
        shown = text(pilot)
        for _, owners in sections():
            for owner in owners:
                for binding in bindings_of(owner):
                    assert binding.description in shown
        declared = {
            binding
            for owner in type(screen).__mro__
            if owner.__module__.startswith("watchword")
            for binding in bindings_of(owner)
        }
        listed = {
            binding for _, owners in sections() for owner in owners for binding in bindings_of(owner)
        }
        assert declared <= listed


async def test_the_palette_has_what_the_keys_of_the_list_do(clock: Clock, tmp_path: Path) -> None:
    async with running(make_vault_app(tmp_path, clock=clock)) as (pilot, screen):
        titles = {command.title for command in pilot.app.get_system_commands(screen)}
        assert {"Find", "Order", "Next group", "Hide codes", "Show the code", "Next code"} <= titles


async def test_letters_typed_right_behind_the_slash_go_into_the_filter(
    tmp_path: Path, clock: Clock
) -> None:
    async with running(make_vault_app(tmp_path, MANY, clock=clock)) as (pilot, screen):
        # As a slow line delivers them: nothing waits for the screen in between. g alone would move.
        for key, character in (("slash", "/"), ("g", "g"), ("i", "i")):
            pilot.app.post_message(events.Key(key, character))
        await settled(pilot)
        assert issuers(screen)[0] == "GitHub"
        assert screen.filter_bar is not None
        assert screen.filter_bar.field.value == "gi"


async def test_one_esc_brings_the_list_back_after_copying_what_was_found(tmp_path: Path) -> None:
    async with on_vault(tmp_path, [GITHUB]) as pilot:
        await pilot.press("slash", "g", "enter")
        await shows(pilot, "Sent to your terminal")
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.focused, Input), "the list")
