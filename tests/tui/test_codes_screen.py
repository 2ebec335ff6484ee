"""The codes screen as a person meets it: keys, mouse, time, sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual import events
from textual.geometry import Region
from textual.widget import Widget
from textual.widgets import Input

from apps import GITHUB, lines, make_app, panel_of, press, profile_of, running, settled, text
from servers import NOON, Clock, running_server
from watchword_otp import Key, Kind, Secret, code_at, step_at
from watchword_tui.accounts import grouped
from watchword_tui.client import ValidatorClient
from watchword_tui.settings import ServerProfile
from watchword_tui.widgets.gauge import Gauge

if TYPE_CHECKING:
    from pathlib import Path

    from watchword_tui.answers import Contact

AWS = Key(secret=Secret(b"abcdefghijklmnopqrst"), issuer="AWS", name="root@prod")
BANK = Key(secret=Secret.from_base32("JBSWY3DPEHPK3PXP"), issuer="Bank", name="80-bit key")
SLOW = Key(secret=Secret(b"abcdefghijklmnopqrsu"), issuer="Slow", period=60)
STEAM = Key(secret=Secret(b"abcdefghijklmnopqrsv"), kind=Kind.STEAM, digits=5, issuer="Steam")
HOTP = Key(secret=Secret(b"12345678901234567890"), kind=Kind.HOTP, counter=7, issuer="Old token")


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON + 4.25)


async def test_it_shows_the_live_code_the_next_one_and_the_time_left(clock: Clock) -> None:
    async with running(make_app(clock=clock)) as (pilot, screen):
        step = step_at(GITHUB, clock.now)
        shown = text(pilot)
        assert grouped(code_at(GITHUB, step)) in shown
        assert f"then {grouped(code_at(GITHUB, step + 1))}" in shown
        assert screen.query_one(Gauge).text == "26 s"
        assert screen.card.code == code_at(GITHUB, step)


async def test_the_code_changes_when_its_step_ends(clock: Clock) -> None:
    async with running(make_app(clock=clock)) as (pilot, screen):
        before = screen.card.code
        clock.now = NOON + 29.999
        screen.tick()
        assert (screen.card.code, screen.query_one(Gauge).text) == (before, "1 s")
        clock.now = NOON + 30.0
        screen.tick()
        await pilot.pause()
        assert screen.card.code == code_at(GITHUB, step_at(GITHUB, clock.now)) != before
        assert screen.query_one(Gauge).text == "30 s"
        assert grouped(screen.card.code) in lines(pilot)[4]


async def test_a_clock_set_back_shows_the_codes_of_that_time(clock: Clock) -> None:
    async with running(make_app([GITHUB, AWS], clock=clock)) as (pilot, screen):
        clock.now -= 7200
        screen.tick()
        await pilot.pause()
        for key in (GITHUB, AWS):
            assert grouped(code_at(key, step_at(key, clock.now))) in text(pilot)


async def test_the_end_of_a_step_is_marked_by_more_than_colour(clock: Clock) -> None:
    async with running(make_app(clock=clock)) as (pilot, screen):
        assert "!" not in lines(pilot)[2]
        clock.now = NOON + 26
        screen.tick()
        await pilot.pause()
        assert "4 s!" in lines(pilot)[2]


async def test_each_period_in_use_has_a_gauge(clock: Clock) -> None:
    async with running(make_app([GITHUB, SLOW, HOTP], clock=clock)) as (_, screen):
        assert [(gauge.period, gauge.text) for gauge in screen.query(Gauge)] == [
            (30, "26 s"),
            (60, "56 s"),
        ]


async def test_a_weak_key_works_and_is_marked(clock: Clock) -> None:
    async with running(make_app([BANK], clock=clock)) as (pilot, _):
        assert grouped(code_at(BANK, step_at(BANK, clock.now))) in text(pilot)
        assert "! 80-bit secret" in text(pilot)


async def test_steam_shows_its_own_kind_of_code(clock: Clock) -> None:
    async with running(make_app([STEAM], clock=clock)) as (pilot, screen):
        assert code_at(STEAM, step_at(STEAM, clock.now)) in text(pilot)
        assert screen.card.code == code_at(STEAM, step_at(STEAM, clock.now))


@pytest.mark.parametrize(
    ("keys", "expected"),
    [(["down"], 1), (["j", "j"], 2), (["j", "k"], 0), (["G"], 29), (["end", "g"], 0), (["up"], 0)],
)
async def test_the_keyboard_moves_through_the_accounts(
    clock: Clock, keys: list[str], expected: int
) -> None:
    accounts = [Key(secret=Secret(bytes([n] * 20)), issuer=f"Issuer {n}") for n in range(30)]
    async with running(make_app(accounts, clock=clock)) as (pilot, screen):
        await press(pilot, *keys)
        assert screen.code_list.cursor == expected
        assert screen.card.code == code_at(accounts[expected], step_at(GITHUB, clock.now))
        assert f"▸  Issuer {expected} " in text(pilot)


async def test_the_mouse_highlights_and_a_double_click_copies(clock: Clock) -> None:
    app = make_app([GITHUB, AWS], clock=clock)
    async with running(app) as (pilot, screen):
        await pilot.click(screen.code_list, offset=(5, 1))
        await settled(pilot)
        highlighted = screen.highlighted_account()
        assert highlighted is not None
        assert highlighted.key == AWS
        await pilot.click(screen.code_list, offset=(5, 1), times=2)
        await settled(pilot)
        assert app.clipboard == code_at(AWS, step_at(AWS, clock.now))


@pytest.mark.parametrize("key", ["c", "enter"])
async def test_copying_says_what_can_be_known(clock: Clock, key: str) -> None:
    app = make_app(clock=clock)
    async with running(app) as (pilot, screen):
        await press(pilot, key)
        assert app.clipboard == screen.card.code
        assert "Sent to your terminal" in text(pilot)


async def test_without_accounts_it_says_how_to_get_one(clock: Clock) -> None:
    async with running(make_app([], clock=clock)) as (pilot, screen):
        assert "No accounts yet" in text(pilot)
        assert "0 accounts" in text(pilot)
        await press(pilot, "v", "1")
        assert panel_of(screen).code == "1"


async def test_problems_of_the_sources_are_shown(clock: Clock) -> None:
    app = make_app(clock=clock, problems=("otp.txt, line 3: the URI has no secret",))
    async with running(app, (120, 40)) as (pilot, _):
        assert "line 3" in text(pilot)


async def test_hostile_labels_neither_act_nor_crash(clock: Clock) -> None:
    hostile = [
        Key(secret=Secret(b"abcdefghijklmnopqrst"), issuer=label, name=label)
        for label in ("[/foo]", "[@click=app.quit]x[/]", "[link=a", "[b]bold", "{x}", "$accent")
    ]
    async with running(make_app(hostile, clock=clock)) as (pilot, screen):
        for index, key in enumerate(hostile):
            screen.code_list.cursor = index
            await settled(pilot)
            assert text(pilot).count(key.issuer) >= 2
            await press(pilot, "q")
            assert key.issuer in text(pilot)
            await press(pilot, "escape")


async def test_help_lists_the_keys_and_closes(clock: Clock) -> None:
    async with running(make_app(clock=clock)) as (pilot, screen):
        await press(pilot, "f1")
        assert "^p" in text(pilot)
        await press(pilot, "escape")
        assert pilot.app.screen is screen


async def test_the_palette_offers_what_the_keys_do_and_no_screenshot(clock: Clock) -> None:
    async with running(make_app(clock=clock)) as (pilot, screen):
        titles = {command.title for command in pilot.app.get_system_commands(screen)}
        assert {"Validate", "Copy", "Enrol", "QR code", "Next server", "Theme", "Quit"} <= titles
        assert "Screenshot" not in titles
        await press(pilot, "ctrl+p")
        await press(pilot, *"valid")
        await press(pilot, "enter")
        assert panel_of(screen).code == screen.card.code


async def test_a_terminal_too_small_is_told_what_is_needed(clock: Clock) -> None:
    async with running(make_app(clock=clock), (50, 14)) as (pilot, _):
        assert "At least 60 columns by 16 rows" in " ".join(text(pilot).split())
        await pilot.resize_terminal(60, 16)
        await settled(pilot)
        assert "Validate" in text(pilot)
        assert "too small" not in text(pilot)


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (100, 16), (100, 24), (120, 40), (200, 60)])
async def test_everything_needed_is_on_screen_at_every_size(clock: Clock, size: tuple[int, int]) -> None:
    async with running(make_app([GITHUB, AWS], clock=clock), size) as (pilot, screen):
        needed = ["#code", "#send", "#server", "#key", "#verdict", "CodeList"]
        if size[1] > 20:
            needed.append("CodeCard")
        for widget in needed:
            region = screen.query_one(widget).region
            assert region.area > 0
            assert screen.region.contains_region(region), widget
        assert "^q Quit" in text(pilot)


async def test_the_theme_of_the_settings_is_used_and_a_wrong_one_told(clock: Clock) -> None:
    async with running(make_app(clock=clock, theme="watchword-light")) as (pilot, _):
        assert pilot.app.theme == "watchword-light"
    async with running(make_app(clock=clock, theme="plaid"), (120, 40)) as (pilot, _):
        assert pilot.app.theme == "watchword-dark"
        assert "No theme plaid" in text(pilot)


async def test_an_idle_second_redraws_only_the_number(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(make_app(clock=clock)) as (_, screen):
        redrawn: list[tuple[str, tuple[object, ...]]] = []

        def note(widget: Widget, *regions: object, **_: object) -> Widget:
            redrawn.append((type(widget).__name__, regions))
            return widget

        clock.now = NOON + 6
        screen.tick()
        monkeypatch.setattr(Widget, "refresh", note)
        clock.now = NOON + 6.5
        screen.tick()
        assert redrawn == []
        clock.now = NOON + 7
        screen.tick()
        assert redrawn == [("Gauge", (Region(0, 0, 7, 1),))]


async def test_the_server_is_looked_for_and_its_clock_compared(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        app = make_app(clock=server.clock, profiles=[profile_of(server)])
        async with running(app) as (pilot, _):
            assert "clock ok" in lines(pilot)[0]
        slow = Clock(server.clock.now - 41)
        app = make_app(clock=slow, profiles=[profile_of(server)])
        async with running(app) as (pilot, _):
            assert "! this clock is 41 s slow" in lines(pilot)[0]


async def test_fields_do_not_blink(clock: Clock) -> None:
    async with running(make_app(clock=clock)) as (_, screen):
        assert [field.cursor_blink for field in screen.query(Input)] == [False, False, False]


async def test_what_is_typed_before_the_screen_is_whole_is_not_lost(tmp_path: Path) -> None:
    async with running_server(tmp_path, key=GITHUB) as server:
        app = make_app(clock=server.clock, profiles=[profile_of(server)])
        async with app.run_test() as pilot:
            app.post_message(events.Key("v", "v"))
            await settled(pilot)
            await press(pilot, "enter")
            assert "✓ Accepted" in text(pilot)


async def test_what_keeps_the_server_from_being_asked_is_told(clock: Clock, tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    token_file.write_text("ww_x")
    token_file.chmod(0o644)
    profile = ServerProfile("dev", "http://127.0.0.1:9", token_file=token_file)
    async with running(make_app(clock=clock, profiles=[profile]), (200, 60)) as (pilot, _):
        assert f"! the token file {token_file}" in lines(pilot)[0]


async def test_the_first_line_tells_what_a_check_has_just_learnt(tmp_path: Path) -> None:
    async with running_server(tmp_path, key=GITHUB) as server:
        app = make_app(clock=server.clock, profiles=[profile_of(server, token="ww_wrong")])
        async with running(app) as (pilot, _):
            assert "clock ok" in lines(pilot)[0]
            await press(pilot, "v", "enter")
            assert "! dev does not know this token" in lines(pilot)[0]


async def test_the_server_is_looked_for_once(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    probe = ValidatorClient.probe
    looks: list[str] = []

    async def counted(client: ValidatorClient) -> Contact:
        looks.append(client.profile.name)
        return await probe(client)

    monkeypatch.setattr(ValidatorClient, "probe", counted)
    async with running(make_app(clock=clock)):
        assert looks == ["dev"]


IMPLIED = ServerProfile("local", "http://127.0.0.1:9", implied=True)


async def test_without_a_server_the_list_has_the_room_until_validate_is_asked_for(clock: Clock) -> None:
    async with running(make_app(profiles=[IMPLIED], clock=clock)) as (pilot, screen):
        assert "Validate ──" not in text(pilot)
        assert "local" not in lines(pilot)[0]
        room = screen.code_list.size.height
        await press(pilot, "v")
        assert "type a code" not in text(pilot)
        assert panel_of(screen).code == screen.highlighted_code()
        assert screen.code_list.size.height < room
