"""Questions to the person: on the terminal itself, so that input and output may be pipes.

Nothing is asked where nobody is: the error then names the options that answer instead.
"""

from __future__ import annotations

import contextlib
import os
import sys
import termios
from typing import TYPE_CHECKING

import click

from watchword_otp import strip_controls
from watchword_tui.commands.common import say
from watchword_tui.errors import CancelledError, WatchwordError

if TYPE_CHECKING:
    from collections.abc import Iterator

TRIES = 3
"""How often a passphrase may be typed wrong."""

_LONGEST = 4096
"""Bytes of a line that a terminal hands over at most."""


def somebody_there() -> bool:
    """Whether a person can be asked: input or messages go to a terminal."""
    return any(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def ask(question: str, default: str = "") -> str:
    """Ask for a line; an empty one is the default.

    Raises:
        WatchwordError: Nobody can be asked.
        click.Abort: The person ended the input.
    """
    shown = f" [{default}]" if default else ""
    return _ask(f"{question}{shown}: ", echo=True).strip() or default


def ask_hidden(question: str, ways: str) -> str:
    """Ask for a line without showing it.

    Args:
        question: Such as "Passphrase".
        ways: What to do where nobody can be asked.

    Raises:
        WatchwordError: Nobody can be asked.
        click.Abort: The person ended the input.
    """
    return _ask(f"{question}: ", echo=False, ways=ways)


def ask_new_passphrase(what: str, ways: str) -> str:
    """Ask for a new passphrase, twice.

    Args:
        what: What it is for, such as "the vault".
        ways: What to do where nobody can be asked.

    Raises:
        WatchwordError: Nobody can be asked, or the two were never the same.
        click.Abort: The person ended the input.
    """
    from watchword_tui.errors import VaultError  # noqa: PLC0415 - kept beside what raises it
    from watchword_tui.vault.vault import check_passphrase  # noqa: PLC0415 - most commands need it not

    for _ in range(TRIES):
        first = ask_hidden(f"New passphrase of {what}", ways)
        try:
            check_passphrase(first)
        except VaultError as error:
            say(str(error))
            continue
        if ask_hidden("Again", ways) == first:
            return first
        say("the two are not the same; once more")
    raise CancelledError("no new passphrase was chosen", "nothing was changed")


def confirm(question: str, *, yes: bool, default: bool = False) -> None:
    """Go on only after a yes.

    Args:
        question: Ends with a question mark.
        yes: Whether the person said so already, with `--yes`.
        default: What Enter alone means.

    Raises:
        CancelledError: The answer was no.
        WatchwordError: Nobody can be asked.
        click.Abort: The person ended the input.
    """
    if yes:
        return
    choices = "[Y/n]" if default else "[y/N]"
    ways = "there is no terminal to ask on: add --yes if you mean it"
    for _ in range(TRIES):
        answer = _ask(f"{question} {choices} ", echo=True, ways=ways).strip().lower()
        if answer in {"y", "yes"} or (not answer and default):
            return
        if answer in {"n", "no"} or not answer:
            break
    raise CancelledError("nothing was changed")


def first_line(limit: int) -> str:
    """The first line of standard input, at most `limit` bytes, without its end."""
    if sys.stdin is None:
        return ""
    return sys.stdin.buffer.readline(limit).decode("utf-8", "replace").rstrip("\r\n")


def _ask(question: str, *, echo: bool, ways: str = "run it on a terminal") -> str:
    if not somebody_there():
        raise WatchwordError(f"nobody can be asked: {question.strip(' :')}", ways)
    with (
        _terminal() as (reading, writing),
        # Hidden before the question is there, or a quick answer would be seen.
        contextlib.nullcontext() if echo else _hidden(reading, writing),
    ):
        os.write(writing, strip_controls(question).encode())
        line = os.read(reading, _LONGEST)
    if not line:
        raise click.Abort
    try:
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise WatchwordError("what was typed is not UTF-8 text", "use a UTF-8 locale") from None


@contextlib.contextmanager
def _terminal() -> Iterator[tuple[int, int]]:
    """Descriptors to read answers from and to write questions to."""
    try:
        ours = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        # No controlling terminal, as in some containers.
        if sys.stdin is None or not sys.stdin.isatty():
            raise WatchwordError("nobody can be asked", "run it on a terminal") from None
        yield 0, 2
        return
    try:
        yield ours, ours
    finally:
        os.close(ours)


@contextlib.contextmanager
def _hidden(reading: int, writing: int) -> Iterator[None]:
    """Keep the terminal from showing what is typed."""
    before = termios.tcgetattr(reading)
    silent = list(before)
    silent[3] &= ~termios.ECHO
    try:
        # What was typed ahead is not an answer to this.
        termios.tcsetattr(reading, termios.TCSAFLUSH, silent)
        yield
    finally:
        termios.tcsetattr(reading, termios.TCSADRAIN, before)
        os.write(writing, b"\n")
