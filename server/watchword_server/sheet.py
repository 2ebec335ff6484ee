"""Recovery codes as a file to keep: plain text, so that it opens anywhere and prints from anything."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from watchword_server.labels import Labels

_NOT_FOR_NAMES = re.compile(r"[^a-z0-9]+")
_LONGEST_NAME = 40


def sheet_name(labels: Labels) -> str:
    """A name for the file that every system takes; the issuer stands in it as far as it is ASCII."""
    issuer = _NOT_FOR_NAMES.sub("-", labels.issuer.lower()).strip("-")[:_LONGEST_NAME].strip("-")
    return f"recovery-codes-{issuer}.txt" if issuer else "recovery-codes.txt"


def sheet_text(labels: Labels, codes: Sequence[str], made_at: datetime) -> str:
    """The file's text, its lines ended by CRLF, which every editor knows."""
    lines = [
        "Recovery codes",
        "",
        f"Issuer:  {labels.issuer}",
        f"Account: {labels.account}",
        f"Made:    {made_at:%Y-%m-%d %H:%M} UTC",
        "",
        *(f"{number:2}. {code}" for number, code in enumerate(codes, 1)),
        "",
        "Each code lets you in once when your phone is gone. Keep them where you keep passwords.",
        "",
    ]
    return "\r\n".join(lines)


def sheet_link(text: str) -> str:
    """The text as a `data:` URL (RFC 2397), to be saved without asking the server again."""
    return f"data:text/plain;charset=utf-8,{quote(text, safe='')}"
