"""What must be true before Textual may have the terminal."""

from __future__ import annotations

import pytest

from watchword_tui.errors import Exit, TerminalError
from watchword_tui.preflight import require_terminal, scrub_environment


def test_a_terminal_with_a_screen_will_do() -> None:
    require_terminal({"TERM": "xterm-256color"}, isatty=lambda _: True)


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_each_stream_must_be_a_terminal(missing: int) -> None:
    with pytest.raises(TerminalError) as caught:
        require_terminal({"TERM": "xterm"}, isatty=lambda descriptor: descriptor != missing)

    assert caught.value.exit_status == Exit.USAGE
    assert str(caught.value) == (
        "the app needs a terminal; for plain output use: watchword code, watchword check"
    )


@pytest.mark.parametrize("environ", [{}, {"TERM": ""}, {"TERM": "dumb"}, {"TERM": "unknown"}])
def test_a_terminal_without_a_screen_is_refused_with_the_remedy(environ: dict[str, str]) -> None:
    with pytest.raises(TerminalError) as caught:
        require_terminal(environ, isatty=lambda _: True)

    assert str(caught.value) == (
        f"the terminal type TERM={environ.get('TERM', '')!r} has no screen;"
        " set TERM, for example to xterm-256color"
    )


def test_what_would_freeze_the_size_or_make_textual_load_write_or_send_something_goes() -> None:
    environ = dict.fromkeys(
        [
            "COLUMNS",
            "LINES",
            "TEXTUAL",
            "TEXTUAL_LOG",
            "TEXTUAL_DRIVER",
            "TEXTUAL_DEVTOOLS_HOST",
            "TEXTUAL_SCREENSHOT",
            "TEXTUAL_SCREENSHOT_LOCATION",
            "TEXTUAL_PRESS",
            "TEXTUAL_DEBUG",
            "TEXTUAL_ANYTHING_NEW",
        ],
        "1",
    )

    scrub_environment(environ)

    assert environ == {}


def test_what_people_set_about_their_terminal_stays() -> None:
    environ = {
        "TERM": "xterm",
        "COLORTERM": "truecolor",
        "NO_COLOR": "1",
        "LANG": "C.UTF-8",
        "TEXTUAL_COLOR_SYSTEM": "256",
        "TEXTUAL_DISABLE_KITTY_KEY": "1",
    }
    before = dict(environ)

    scrub_environment(environ)

    assert environ == before
