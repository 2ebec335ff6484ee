"""Lists of otpauth:// URIs, one a line: what nearly every app reads, labels and keys only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_otp import format_uri
from watchword_tui.exchange.model import Writer, Written
from watchword_tui.exchange.writers.parts import labelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword_tui.accounts import Account


def write(accounts: Sequence[Account], _passphrase: str) -> Written:
    """Write the list; see `Writer`."""
    return Written("".join(f"{format_uri(labelled(one.key))}\n" for one in accounts).encode())


WRITER = Writer(name="otpauth", title="otpauth list", suffix=".txt", encrypts=False, write=write)
