"""Keys from elsewhere: lists of otpauth URIs, google-authenticator's PAM files, CSV, sealed exports.

The parsers are pure. A line that cannot be used is named by its number, never by its content: it may
hold a secret.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from watchword_otp import InvalidKeyError, Kind, UriError, read_uri
from watchword_server.errors import UserError
from watchword_server.keypolicy import require_strong
from watchword_server.names import is_canonical
from watchword_server.verifier import NEVER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watchword_otp import Key

MAX_FILE = 64 * 1024 * 1024
"""Bytes of the longest file read."""

_NOT_IN_NAMES = re.compile(r"[^a-z0-9._-]+")
_MAX_NAME = 64


class Form(StrEnum):
    """What a file of keys can be."""

    OTPAUTH = "otpauth"
    """One otpauth:// URI a line; blank lines and those that begin with # are passed over."""
    PAM = "pam"
    """One key, as google-authenticator's PAM module keeps it in ~/.google_authenticator."""
    CSV = "csv"
    """A table with a header."""
    SEALED = "sealed"
    """What `watchword-server export` writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A key that a file holds."""

    line: int
    """Where it stands."""
    name: str
    """What it will be called; canonical."""
    key: Key
    """With its labels; HOTP: with the counter of its next code."""
    window: int | None = None
    """Steps either side, or counters ahead; None for the server's setting."""
    last_step: int = NEVER
    """The last step that was used elsewhere; HOTP keys tell it by their counter."""
    tells_use: bool = False
    """Whether the file says what was used; if not, a code used elsewhere a moment ago counts again."""
    drift: int = 0
    """Steps by which its clock is known to be off."""
    notices: Sequence[str] = ()
    """What was unusual, one sentence each."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be used."""

    line: int
    message: str
    """Why, and what to do; never what stands there."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file holds."""

    entries: Sequence[Entry] = ()
    bad: Sequence[BadLine] = field(default=())


class LineError(Exception):
    """A line, or a value in it, that cannot be used; the message never shows it."""


def form_of(text: str) -> Form:
    """Tell what a file is by how it begins.

    Raises:
        UserError: It could be anything.
    """
    lines = [line.strip() for line in text.removeprefix("\ufeff").split("\n")]
    first = next((line for line in lines if line and not line.startswith("#")), "")
    if first.startswith("{"):
        return Form.SEALED
    if first.lower().startswith(("otpauth:", "steam:")):
        return Form.OTPAUTH
    if any(line.startswith('" ') for line in lines):
        return Form.PAM
    if "secret" in [cell.strip('" \t').lower() for cell in first.split(",")]:
        return Form.CSV
    message = f"it is none of {', '.join(Form)} at first sight; say which with --format"
    raise UserError(message)


def parse_otpauth(text: str) -> Parsed:
    """Read one otpauth:// or steam:// URI a line. A key is called after its account, or its issuer."""

    def one(line: int, content: str) -> Entry:
        try:
            found = read_uri(content)
            require_strong(found.key)
        except (UriError, InvalidKeyError) as error:
            raise LineError(str(error)) from None
        name = canonical(found.key.name or found.key.issuer)
        is_hotp = found.key.kind is Kind.HOTP
        return Entry(line=line, name=name, key=found.key, tells_use=is_hotp, notices=found.notices)

    return each_line(text, one)


def each_line(text: str, one: Callable[[int, str], Entry]) -> Parsed:
    """Have every line made an entry, but for blank ones and those that begin with #.

    Args:
        text: The file.
        one: Gets the line's number and the line; raises `LineError` if it cannot be used.
    """
    entries, bad = [], []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            entries.append(one(number, line))
        except LineError as error:
            bad.append(BadLine(number, str(error)))
    return without_twins(Parsed(entries, bad))


def without_twins(parsed: Parsed) -> Parsed:
    """The same, with every further entry of one name made a bad line."""
    seen: dict[str, int] = {}
    entries, bad = [], [*parsed.bad]
    for entry in parsed.entries:
        first = seen.setdefault(entry.name, entry.line)
        if first == entry.line:
            entries.append(entry)
        else:
            message = f"its name {entry.name} is that of line {first} already; change one of them"
            bad.append(BadLine(entry.line, message))
    return Parsed(entries, sorted(bad, key=lambda each: each.line))


def canonical(label: str) -> str:
    """The one spelling of a name made from a label.

    Accents go, other characters become dashes. Two labels that lead to one name are not one key:
    whoever imports refuses the second.

    Raises:
        LineError: Nothing is left of it.
    """
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    name = _NOT_IN_NAMES.sub("-", plain)[:_MAX_NAME].strip("._-")
    if not is_canonical(name):
        message = "its name has none of a-z and 0-9; give it another name"
        raise LineError(message)
    return name
