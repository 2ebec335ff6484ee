"""Many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from sshd import Sshd
    from terminal import Terminal

SESSIONS = 20


def test_twenty_sessions_at_once_all_show_the_codes_and_all_leave(
    alone: Sshd, open_terminals: Callable[[Terminal], Terminal]
) -> None:
    terminals = [open_terminals(alone.connect()) for _ in range(SESSIONS)]
    for terminal in terminals:
        terminal.wait_for(lambda screen: "GitHub" in screen and "^q Quit" in screen, "codes", seconds=55)
    assert len(alone.apps()) == SESSIONS
    for terminal in terminals:
        terminal.press("\x11")
    for terminal in terminals:
        assert terminal.wait_for_end() == 0
    wait_until(lambda: not alone.apps(), "all have gone")
