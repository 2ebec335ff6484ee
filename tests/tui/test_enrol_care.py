"""What people do while they enrol: type past the field, leave too early, work in a small window."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from textual import events

from apps import GITHUB, account_of, profile_of, settled
from dialogs import on_screen, said, shows, until
from enrolments import begin, code, opened, send
from servers import RunningServer, running_server
from watchword_tui.accounts import Loaded
from watchword_tui.app import WatchwordApp
from watchword_tui.screens.confirm import ConfirmScreen
from watchword_tui.screens.enrol import EnrolScreen
from watchword_tui.screens.recovery_codes import RecoveryCodesScreen
from watchword_tui.session import Session
from watchword_tui.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from textual.pilot import Pilot


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RunningServer]:
    async with running_server(tmp_path, key=GITHUB) as running:
        yield running


class TestUnsavedRecoveryCodes:
    """They are shown once: no way out takes them along without a word."""

    @pytest.fixture
    async def shown(self, server: RunningServer, tmp_path: Path) -> AsyncIterator[Pilot[None]]:
        """The app that can lock, with the recovery codes on the screen."""
        folder = tmp_path / "mine"
        folder.mkdir()
        session = Session(
            Settings(profiles=(profile_of(server),), server="dev", lock_after=300),
            Loaded((account_of(GITHUB),), ()),
            clock=server.clock,
            reload=lambda: Loaded((account_of(GITHUB),), ()),
        )
        app = WatchwordApp(session)
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            await settled(pilot)
            key = await begin(pilot, tmp_path)
            await send(pilot, code(key, server))
            await on_screen(pilot, RecoveryCodesScreen)
            yield pilot

    @pytest.mark.parametrize("keys", ["l", "ctrl+l", "ctrl+q", "escape", "enter", "k"])
    async def test_every_key_that_leaves_asks_first(self, shown: Pilot[None], keys: str) -> None:
        await shown.press(keys)
        await on_screen(shown, ConfirmScreen)
        assert "They are not shown again." in said(shown)
        await shown.press("n")
        await on_screen(shown, RecoveryCodesScreen)

    async def test_the_idle_lock_says_how_to_get_new_ones(
        self, shown: Pilot[None], server: RunningServer
    ) -> None:
        server.clock.advance(301)
        cast("WatchwordApp", shown.app).lock_if_idle()
        await shows(shown, "Nobody typed for 5 min.", "watchword-server keys recovery-codes alice")

    async def test_saved_they_hold_nobody_up(
        self, shown: Pilot[None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        await shown.press("s")
        await shows(shown, "Save the recovery codes")
        await shown.press("enter")
        await shows(shown, "✓ Saved in ~/recovery-codes-alice.txt.")
        await shown.press("enter")
        await settled(shown)


class TestTyping:
    @pytest.mark.parametrize("text", ["123-456", "123 456", "  123456\n", "code: 123456"])
    async def test_what_stands_around_a_pasted_code_is_dropped(
        self, server: RunningServer, tmp_path: Path, text: str
    ) -> None:
        async with opened(server) as pilot:
            await begin(pilot, tmp_path)
            screen = await on_screen(pilot, EnrolScreen)
            screen.panel.field.post_message(events.Paste(text))
            await until(pilot, lambda: screen.panel.code == "123456", "the code")

    async def test_a_slip_of_a_letter_does_not_lock(self, server: RunningServer, tmp_path: Path) -> None:
        async with opened(server) as pilot:
            await begin(pilot, tmp_path)
            screen = await on_screen(pilot, EnrolScreen)
            await pilot.press("1", "l", "x", "2")
            assert pilot.app.screen is screen
            assert screen.panel.field.value == "12"

    @pytest.mark.parametrize("size", [(60, 16), (62, 18)])
    async def test_in_a_small_window_the_field_is_in_sight(
        self, server: RunningServer, tmp_path: Path, size: tuple[int, int]
    ) -> None:
        async with opened(server) as pilot:
            await begin(pilot, tmp_path)
            screen = await on_screen(pilot, EnrolScreen)
            await pilot.resize_terminal(*size)
            await pilot.pause()
            await pilot.press("7")
            await until(pilot, lambda: " 7 " in said(pilot), "the digit")
            assert screen.panel.field.region.bottom <= size[1]
