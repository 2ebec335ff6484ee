"""A copied code goes to the terminal's clipboard, is taken back, and secrets never go there."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from textual.widgets import Input

from apps import GITHUB, make_app, press, running, settled, text
from servers import NOON, Clock
from watchword_tui.accounts import grouped
from watchword_tui.clipboard import clear_sequence, copy_sequence

if TYPE_CHECKING:
    from watchword_tui.app import WatchwordApp

CODE = "492039"
ENCODED = base64.b64encode(CODE.encode()).decode()
PLAIN = f"\x1b]52;c;{ENCODED}\x07"
THROUGH_SCREEN = f"\x1bP{PLAIN}\x1b\\"
THROUGH_TMUX = f"\x1bPtmux;\x1b{PLAIN}\x1b\\"


@pytest.mark.parametrize(
    ("environ", "sent"),
    [
        ({"TERM": "xterm-256color"}, PLAIN),
        ({}, PLAIN),
        ({"TERM": "screen-256color", "TMUX": "/tmp/tmux-0/default,1,0"}, PLAIN + THROUGH_TMUX),
        ({"TERM": "tmux-256color"}, PLAIN + THROUGH_TMUX),
        ({"TERM": "screen", "STY": "1.pts-0.host"}, THROUGH_SCREEN),
        # At the other end of SSH it may be either.
        ({"TERM": "screen-256color"}, PLAIN + THROUGH_SCREEN),
    ],
)
def test_a_multiplexer_gets_what_it_hands_on(environ: dict[str, str], sent: str) -> None:
    assert copy_sequence(CODE, environ) == sent


def test_taking_back_leaves_nothing_even_where_an_empty_text_is_passed_over() -> None:
    assert clear_sequence({}) == "\x1b]52;c;IA==\x07\x1b]52;c;\x07"


class Sent:
    """What an app sent to its terminal, instead of a terminal."""

    def __init__(self, app: WatchwordApp, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sequences: list[str] = []
        assert app._driver is not None
        monkeypatch.setattr(app._driver, "write", self.sequences.append)

    @property
    def clipboard(self) -> list[str]:
        return [one for one in self.sequences if "\x1b]52" in one]


async def test_a_code_is_taken_back_if_nothing_was_copied_since(monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app(clock=Clock(NOON))
    app._environ = {}
    async with running(app) as (pilot, screen):
        sent = Sent(app, monkeypatch)
        await press(pilot, "c")
        code = screen.card.code
        assert sent.clipboard == [copy_sequence(code, {})]
        assert app.clipboard == code
        app.take_code_back()
        assert sent.clipboard[1:] == [clear_sequence({})]
        assert app.clipboard == ""
        app.take_code_back()
        assert len(sent.clipboard) == 2


async def test_what_was_copied_since_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app(clock=Clock(NOON))
    app._environ = {}
    async with running(app) as (pilot, _):
        sent = Sent(app, monkeypatch)
        await press(pilot, "c")
        timer = app._take_back
        assert timer is not None
        app.copy_to_clipboard("something marked on the screen")
        assert app._take_back is None
        assert sent.clipboard[1:] == [copy_sequence("something marked on the screen", {})]


async def test_it_says_that_the_code_was_sent_not_that_it_arrived() -> None:
    async with running(make_app(clock=Clock(NOON))) as (pilot, _):
        await press(pilot, "c")
        assert "Sent to your terminal" in text(pilot)


async def test_a_secret_is_never_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app(clock=Clock(NOON))
    async with running(app) as (pilot, screen):
        sent = Sent(app, monkeypatch)
        field = Input("JBSWY3DPEHPK3PXP", password=True, classes="secret")
        await screen.mount(field)
        field.focus()
        field.action_select_all()
        await press(pilot, "ctrl+c")
        assert sent.clipboard == []
        assert "Secrets are not copied." in text(pilot)


async def test_the_key_of_an_account_cannot_be_marked_and_copied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = make_app(clock=Clock(NOON))
    async with running(app) as (pilot, screen):
        sent = Sent(app, monkeypatch)
        await press(pilot, "q")
        await pilot.press("y")
        await settled(pilot)
        assert grouped(GITHUB.secret.base32())[:9] in text(pilot)
        assert app.screen is not screen
        await pilot.mouse_down(offset=(60, 2))
        await pilot.hover(offset=(79, 22))
        await pilot.mouse_up(offset=(79, 22))
        await press(pilot, "ctrl+c")
        assert sent.clipboard == []
