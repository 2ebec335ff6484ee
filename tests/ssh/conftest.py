from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from desk import GITHUB
from sshd import PEOPLE, Sshd, running_sshd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from terminal import Terminal


@pytest.fixture(scope="session")
def alone() -> Iterator[Sshd]:
    """An account with a vault of one account, not encrypted."""
    with running_sshd() as running:
        running.desk.keep(GITHUB)
        yield running


@pytest.fixture(scope="session")
def people() -> Iterator[Sshd]:
    """An account that alice and bob share, with nothing in it yet."""
    with running_sshd(PEOPLE) as running:
        yield running


@pytest.fixture
def open_terminals() -> Iterator[Callable[[Terminal], Terminal]]:
    """Closes the terminals it is given when the test ends."""
    with contextlib.ExitStack() as stack:

        def closed_at_end(terminal: Terminal) -> Terminal:
            stack.callback(terminal.close)
            return terminal

        yield closed_at_end
