"""The QR code on the screen: the server's default key, and an account of the list for a second phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from apps import GITHUB, NOWHERE, make_app, panel_of, press, profile_of, running, settled, text
from dialogs import on_screen, until
from enrolments import modules, tells, told
from qr_reader import decode_qr
from servers import NOON, Clock, running_server
from watchword_otp import Algorithm, Key, Secret, code_at, format_uri, parse_uri, step_at
from watchword_otp.key_qr import make_key_qr
from watchword_tui.screens.codes import CodesScreen
from watchword_tui.screens.confirm import ConfirmScreen
from watchword_tui.screens.enrol import EnrolScreen
from watchword_tui.screens.enrol_form import EnrolForm
from watchword_tui.settings import ServerProfile
from watchword_tui.widgets.qr_view import QrView

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot


async def enrol_default(pilot: Pilot[None]) -> None:
    """Press e, and Enter in the empty form."""
    await pilot.press("e")
    await on_screen(pilot, EnrolForm)
    await pilot.press("enter")
    await on_screen(pilot, EnrolScreen)


async def show_account(pilot: Pilot[None]) -> QrView:
    """Show the highlighted account's key, and say yes."""
    await pilot.press("q")
    await on_screen(pilot, ConfirmScreen)
    await pilot.press("y")
    screen = await on_screen(pilot, EnrolScreen)
    await until(pilot, lambda: "By hand" in told(pilot), "the key")
    return screen.query_one(QrView)


class TestDefaultKey:
    async def test_it_is_drawn_checked_and_kept(self, tmp_path: Path) -> None:
        async with running_server(tmp_path, key=GITHUB) as server:
            app = make_app([], clock=server.clock, profiles=[profile_of(server)])
            async with running(app) as (pilot, screen):
                await enrol_default(pilot)
                await tells(pilot, "Enrol: dev's default key", "By hand")
                uri = decode_qr(modules(app.screen.query_one(QrView)), tmp_path)
                assert parse_uri(uri).secret == server.key.secret
                await pilot.press(*server.code(), "enter")
                await tells(pilot, "✓ Accepted")
                await pilot.press("k")
                await settled(pilot)
                assert "1 account" in text(pilot)
                assert screen.card.code == server.code()
                # The code was consumed: the server judged it, not this screen.
                await press(pilot, "v", "enter")
                assert "already used" in text(pilot)
                await press(pilot, "escape")
                await enrol_default(pilot)
                await tells(pilot, "By hand")
                await press(pilot, "k")
                assert "1 account " in text(pilot)

    async def test_a_used_code_shows_that_the_phone_has_the_key(self, tmp_path: Path) -> None:
        async with running_server(tmp_path, key=GITHUB) as server:
            app = make_app(clock=server.clock, profiles=[profile_of(server)])
            async with running(app) as (pilot, screen):
                await press(pilot, "v", "enter")
                panel_of(screen)
                await press(pilot, "escape")
                await enrol_default(pilot)
                await tells(pilot, "By hand")
                await pilot.press(*server.code(), "enter")
                await tells(pilot, "✗ Not valid", "already used")
                assert not app.screen.query_one("#confirm-row").display

    async def test_the_key_by_hand_stands_beside_it_in_groups_of_four(self, tmp_path: Path) -> None:
        async with running_server(tmp_path, key=GITHUB) as server:
            app = make_app(clock=server.clock, profiles=[profile_of(server)])
            async with running(app) as (pilot, _):
                await enrol_default(pilot)
                await tells(pilot, "GEZD GNBV GY3T QOJQ GEZD GNBV", "TOTP, SHA1, 6 digits, 30 s")

    async def test_a_server_that_does_not_give_its_key_says_why(self, tmp_path: Path) -> None:
        async with running_server(tmp_path) as server:
            profile = profile_of(server, token=server.check_token)
            app = make_app(clock=server.clock, profiles=[profile])
            async with running(app) as (pilot, screen):
                await enrol_default(pilot)
                await tells(pilot, "scope qr")
                await pilot.press("k", "r", "n", "escape")
                await on_screen(pilot, CodesScreen)
                assert pilot.app.screen is screen
        app = make_app(clock=Clock(), profiles=[ServerProfile("dev", NOWHERE)])
        async with running(app) as (pilot, _):
            await enrol_default(pilot)
            await tells(pilot, "! Dev cannot be reached", "Is the server running?")


class TestSecondPhone:
    async def test_a_key_is_shown_only_after_a_question(self) -> None:
        app = make_app(clock=Clock())
        async with running(app) as (pilot, screen):
            await press(pilot, "q")
            assert "Show the key of GitHub (alice@example.com)" in text(pilot)
            assert "GEZD" not in text(pilot)
            await press(pilot, "enter")
            assert app.screen is screen
            await press(pilot, "q", "escape")
            assert app.screen is screen
            await press(pilot, "q", "y")
            assert "GEZD" in text(pilot)
            assert "Keep it" not in text(pilot)
            await press(pilot, "escape")
            assert "GEZD" not in text(pilot)

    async def test_its_code_is_compared_here_without_any_server(self) -> None:
        app = make_app(clock=Clock())
        async with running(app) as (pilot, _):
            await show_account(pilot)
            step = step_at(GITHUB, NOON)
            await pilot.press(*code_at(GITHUB, step + 4), "enter")
            await tells(pilot, "! The same key", "4 steps ahead")
            await pilot.press(*code_at(GITHUB, step), "enter")
            await tells(pilot, "✓ The same codes")
            await press(pilot, "escape")
            assert isinstance(app.screen, CodesScreen)

    async def test_an_app_that_ignores_the_algorithm_is_found_out(self) -> None:
        strong = Key(secret=Secret(b"12345678901234567890"), algorithm=Algorithm.SHA256, issuer="Bank")
        app = make_app([strong], clock=Clock(NOON + 30))
        async with running(app) as (pilot, _):
            await show_account(pilot)
            await pilot.press(*code_at(GITHUB, step_at(GITHUB, NOON + 30)), "enter")
            await tells(pilot, "✗ Another code", "use another app")


# Up to 60 characters of issuer and account together: plain, with spaces, as people write them.
LABELS = [
    ("A" * 30, "a" * 30),
    ("Example Bank of Northern Europe", "mary.ann.smith@example.com"),
    ("The Long Name of Some Company", "jo@a-rather-long-name.example"),
    ("Org: with a colon", "user+tag/role?x=1&y=2#z@example.org"),
    ("Größere Übungsbücherei", "jürgen.müller@example.org"),
]


class TestRoom:
    @pytest.mark.parametrize("size", [(80, 24), (120, 40)])
    @pytest.mark.parametrize(("issuer", "name"), LABELS)
    async def test_issuer_and_account_of_sixty_characters_fit(
        self, size: tuple[int, int], issuer: str, name: str, tmp_path: Path
    ) -> None:
        key = Key(secret=Secret.generate(), issuer=issuer, name=name)
        app = make_app([key], clock=Clock())
        async with running(app, size) as (pilot, _):
            view = await show_account(pilot)
            assert app.screen.region.contains_region(view.region)
            assert app.screen.query_one("#outcome").region.bottom < size[1]
            assert parse_uri(decode_qr(modules(view), tmp_path)) == key

    async def test_what_does_not_fit_is_told_the_size_it_needs(self) -> None:
        key = Key(secret=Secret.generate(), issuer="橡皮鸭" * 10, name="一个很长的账户名字" * 3)
        needed = make_key_qr(key).code.size + 2
        app = make_app([key], clock=Clock())
        async with running(app) as (pilot, _):
            await show_account(pilot)
            assert f"needs {needed + 33} columns by {(needed + 1) // 2} rows" in told(pilot)
            assert key.secret.base32()[:4] in told(pilot)

    async def test_a_window_too_small_is_told_the_size_and_grows(self, tmp_path: Path) -> None:
        app = make_app(clock=Clock())
        async with running(app, (70, 18)) as (pilot, _):
            await show_account(pilot)
            assert "72 columns by 20 rows" in told(pilot)
            assert "GEZD GNBV" in text(pilot)
            await pilot.resize_terminal(80, 24)
            await settled(pilot)
            assert decode_qr(modules(app.screen.query_one(QrView)), tmp_path) == format_uri(GITHUB)


class TestDrawings:
    async def test_a_key_goes_round_all_of_them_and_each_can_be_read(self, tmp_path: Path) -> None:
        app = make_app(clock=Clock())
        async with running(app, (130, 50)) as (pilot, _):
            view = await show_account(pilot)
            seen = []
            for _ in range(4):
                found = modules(view)
                # Black, and wider than it is high in cells where two are a module.
                seen.append((found[0][0], view.size.width))
                if view.size.width > 2 * view.size.height - 4 and view.size.width > 60:
                    found = [row[::2] for row in found[::2]]
                inverted = found[0][0]
                upright = [[module is not inverted for module in row] for row in found]
                decoded = decode_qr(upright, tmp_path)
                assert decoded == format_uri(GITHUB)
                await pilot.press("r")
                await pilot.pause()
            assert [dark for dark, _ in seen] == [False, False, True, True]
            assert seen[0][1] == seen[2][1] < seen[1][1] == seen[3][1]
            assert (modules(view)[0][0], view.size.width) == seen[0]

    async def test_one_that_does_not_fit_says_so_and_the_next_may(self) -> None:
        app = make_app(clock=Clock())
        async with running(app) as (pilot, _):
            view = await show_account(pilot)
            await pilot.press("r")
            await tells(pilot, "The QR code in two cells needs 111 columns by 39 rows")
            assert view.size.width == 0
            await pilot.press("r")
            await tells(pilot, "Scan this")
            assert view.size.width > 0

    @pytest.mark.parametrize("theme", ["ansi-light", "ansi-dark", "watchword", "watchword-light"])
    @pytest.mark.parametrize("no_color", ["", "1"])
    async def test_no_theme_or_filter_changes_black_and_white(
        self, theme: str, no_color: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if no_color:
            monkeypatch.setenv("NO_COLOR", no_color)
        app = make_app(clock=Clock(), theme=theme)
        async with running(app) as (pilot, _):
            view = await show_account(pilot)
            assert view.get_line_filters() == ()
            assert decode_qr(modules(view), tmp_path) == format_uri(GITHUB)
