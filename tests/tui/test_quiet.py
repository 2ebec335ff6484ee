"""What the app sends while something lies over the codes: over SSH every cell has its price."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from apps import GITHUB, make_app, running
from dialogs import on_screen, until
from enrolments import told
from servers import NOON, Clock
from watchword_otp import code_at, step_at
from watchword_tui.screens.confirm import ConfirmScreen
from watchword_tui.screens.enrol import EnrolScreen

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.pilot import Pilot

    from watchword_tui.screens.codes import CodesScreen


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Callable[[Pilot[None]], list[str]]:
    """Note from now on each time that something is sent to the terminal."""

    def watch(pilot: Pilot[None]) -> list[str]:
        sent: list[str] = []
        display = pilot.app._display

        def note(screen: Any, renderable: Any) -> None:
            if renderable is not None:
                sent.append(type(screen).__name__)
            display(screen, renderable)

        monkeypatch.setattr(pilot.app, "_display", note)
        return sent

    return watch


async def calm(pilot: Pilot[None], sent: list[str]) -> None:
    """Wait until what was begun is drawn, and forget it."""
    for _ in range(100):
        sent.clear()
        for _ in range(10):
            await pilot.pause(0.02)
        if not sent:
            return
    raise AssertionError("it never comes to rest")


async def pass_second(pilot: Pilot[None], codes: CodesScreen, clock: Clock, seconds: float = 1) -> None:
    """Let the clock go on and the list hear of it, as its timer would."""
    clock.advance(seconds)
    codes._tick()
    await pilot.pause()
    await pilot.pause()


async def test_under_a_page_nothing_is_sent(drawn: Callable[[Pilot[None]], list[str]]) -> None:
    clock = Clock(NOON + 5)
    async with running(make_app(clock=clock)) as (pilot, codes):
        await pilot.press("q", "y")
        await on_screen(pilot, EnrolScreen)
        await until(pilot, lambda: "By hand" in told(pilot), "the key")
        sent = drawn(pilot)
        await calm(pilot, sent)
        for _ in range(40):
            await pass_second(pilot, codes, clock)
        assert sent == []
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is codes, "the list")
        assert codes.card.code == code_at(GITHUB, step_at(GITHUB, clock.now)), "it has caught up"


async def test_under_a_dialog_only_new_codes_are_sent(
    drawn: Callable[[Pilot[None]], list[str]],
) -> None:
    clock = Clock(NOON + 5)
    async with running(make_app(clock=clock)) as (pilot, codes):
        await pilot.press("q")
        await on_screen(pilot, ConfirmScreen)
        sent = drawn(pilot)
        await pass_second(pilot, codes, clock)
        await calm(pilot, sent)
        for _ in range(15):
            await pass_second(pilot, codes, clock)
        assert sent == []
        await pass_second(pilot, codes, clock, 10)
        assert sent
        await pilot.press("n")
        await until(pilot, lambda: pilot.app.screen is codes, "the list")


async def test_on_the_list_each_second_is_one_small_thing(
    drawn: Callable[[Pilot[None]], list[str]],
) -> None:
    clock = Clock(NOON + 5)
    async with running(make_app(clock=clock)) as (pilot, codes):
        sent = drawn(pilot)
        await calm(pilot, sent)
        for _ in range(5):
            await pass_second(pilot, codes, clock)
        assert 5 <= len(sent) <= 10
