"""Every command that reads accounts says the same about what it could not read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from desk import Desk, Here


@pytest.mark.parametrize("command", ["code", "qr"])
def test_where_no_line_can_be_read_it_is_not_called_empty(here: Here, desk: Desk, command: str) -> None:
    desk.write("broken.txt", "otpauth://totp/nonsense\n")
    ended = here(command, "--accounts", "broken.txt")

    assert (ended.status, ended.out) == (2, "")
    assert ended.err.splitlines() == [
        "watchword: broken.txt, line 1: the URI has no secret",
        "watchword: no account could be read; correct what is named above",
    ]
