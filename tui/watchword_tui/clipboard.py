"""Codes sent to the terminal's clipboard (xterm's OSC 52), also through tmux and GNU screen.

Nothing comes back: whether the terminal took it cannot be known, and nobody says it did.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_BLANK = " "
"""What replaces a code: tmux passes over an empty text."""


def copy_sequence(text: str, environ: Mapping[str, str]) -> str:
    """The control sequence that asks the terminal to put `text` into its clipboard.

    tmux takes the plain sequence with `set-clipboard on` and hands the wrapped one through with
    `allow-passthrough on`; screen hands the wrapped one through always.
    """
    encoded = base64.b64encode(text.encode()).decode("ascii")
    plain = f"\x1b]52;c;{encoded}\x07"
    term = environ.get("TERM", "")
    if environ.get("STY"):
        return _through_screen(plain)
    if environ.get("TMUX") or term.startswith("tmux"):
        return plain + _through_tmux(plain)
    if term.startswith("screen"):
        # One of the two at the other end of an SSH connection: each passes over what is not for it.
        return plain + _through_screen(plain)
    return plain


def clear_sequence(environ: Mapping[str, str]) -> str:
    """The control sequence that takes a code back: a blank in its place, then nothing."""
    return copy_sequence(_BLANK, environ) + copy_sequence("", environ)


def _through_tmux(sequence: str) -> str:
    doubled = sequence.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}\x1b\\"


def _through_screen(sequence: str) -> str:
    return f"\x1bP{sequence}\x1b\\"
