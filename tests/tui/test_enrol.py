"""Enrol: a key on the screen for a phone, and kept in the list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from apps import GITHUB, NOWHERE, make_app, press, profile_of, running, settled, text
from qr_reader import decode_qr
from servers import Clock, running_server
from watchword_otp import Key, Secret, format_uri, parse_uri
from watchword_tui.settings import ServerProfile
from watchword_tui.widgets.qr_view import QrView

if TYPE_CHECKING:
    from pathlib import Path


def modules(view: QrView) -> list[list[bool]]:
    """The modules as the screen's colours have them, true for dark, read from what is drawn."""
    rows = []
    for y in range(view.size.height):
        upper, lower = [], []
        for characters, style, _ in view.render_line(y):
            assert style is not None
            assert style.color is not None
            assert style.bgcolor is not None
            for character in characters:
                background = style.bgcolor.triplet == (0, 0, 0)
                upper.append(background)
                lower.append(style.color.triplet == (0, 0, 0) if character == "▄" else background)
        rows += [upper, lower]
    return rows


async def test_the_servers_key_is_drawn_and_can_be_kept(tmp_path: Path) -> None:
    async with running_server(tmp_path, key=GITHUB) as server:
        app = make_app([], clock=server.clock, profiles=[profile_of(server)])
        async with running(app) as (pilot, screen):
            await press(pilot, "e")
            assert "Enrol" in text(pilot)
            uri = decode_qr(modules(app.screen.query_one(QrView)), tmp_path)
            assert parse_uri(uri).secret == server.key.secret
            await press(pilot, "k")
            assert app.screen is screen
            assert "1 account" in text(pilot)
            assert screen.card.code == server.code()
            await press(pilot, "v", "enter")
            assert "✓ Accepted" in text(pilot)
            await press(pilot, "escape", "e", "k")
            assert "1 account " in text(pilot)


async def test_the_key_by_hand_stands_beside_it_in_groups_of_four(tmp_path: Path) -> None:
    async with running_server(tmp_path, key=GITHUB) as server:
        app = make_app(clock=server.clock, profiles=[profile_of(server)])
        async with running(app) as (pilot, _):
            await press(pilot, "e")
            assert "GEZD GNBV GY3T QOJQ GEZD GNBV" in text(pilot)
            assert "TOTP, SHA1, 6 digits, 30 s" in text(pilot)


async def test_an_accounts_key_is_shown_only_after_a_question() -> None:
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


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_issuer_and_account_of_sixty_characters_fit(size: tuple[int, int], tmp_path: Path) -> None:
    key = Key(secret=Secret.generate(), issuer="A" * 30, name="a" * 30)
    app = make_app([key], clock=Clock())
    async with running(app, size) as (pilot, _):
        await press(pilot, "q", "y")
        view = app.screen.query_one(QrView)
        assert app.screen.region.contains_region(view.region)
        assert decode_qr(modules(view), tmp_path) == format_uri(key)


async def test_a_window_too_small_is_told_the_size_and_grows(tmp_path: Path) -> None:
    app = make_app(clock=Clock())
    async with running(app, (70, 18)) as (pilot, _):
        await press(pilot, "q", "y")
        assert "72 columns by 20 rows" in " ".join(text(pilot).split())
        assert "GEZD GNBV" in text(pilot)
        await pilot.resize_terminal(80, 24)
        await settled(pilot)
        assert decode_qr(modules(app.screen.query_one(QrView)), tmp_path) == format_uri(GITHUB)


async def test_a_server_that_does_not_give_its_key_says_why(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        profile = profile_of(server, token=server.check_token)
        async with running(make_app(clock=server.clock, profiles=[profile])) as (pilot, screen):
            await press(pilot, "e")
            assert "scope qr" in text(pilot)
            await press(pilot, "k", "escape")
            assert pilot.app.screen is screen
    app = make_app(clock=Clock(), profiles=[ServerProfile("dev", NOWHERE)])
    async with running(app) as (pilot, _):
        await press(pilot, "e")
        assert "! dev cannot be reached" in text(pilot)
        assert "is the server running?" in text(pilot)


async def test_no_theme_or_filter_changes_black_and_white(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = make_app(clock=Clock(), theme="ansi-light")
    async with running(app) as (pilot, _):
        await press(pilot, "q", "y")
        view = app.screen.query_one(QrView)
        assert view.get_line_filters() == ()
        assert decode_qr(modules(view), tmp_path) == format_uri(GITHUB)
