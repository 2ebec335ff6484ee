"""Keys in a table: comma-separated values with a header (RFC 4180), one key a line."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, TypeVar

from watchword_otp import Algorithm, InvalidKeyError, Key, Kind, Secret, clean_label
from watchword_otp.key import STEAM_DIGITS
from watchword_server.errors import UserError
from watchword_server.imports import Entry, LineError, Parsed, canonical, each_line
from watchword_server.keypolicy import require_strong
from watchword_server.verifier import MAX_WINDOW, NEVER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

COLUMNS = (
    *("name", "secret", "issuer", "account", "algorithm", "digits"),
    *("period", "kind", "counter", "window", "last_step", "drift"),
)
"""What a header may name, and an export names: `name` and `secret` are needed."""

_T = TypeVar("_T", Kind, Algorithm)

_MAX_LINE = 16_384
_NUMBER = re.compile(r"[0-9]{1,19}")
_SIGNED = re.compile(r"-?[0-9]{1,19}")
_MAX_STEP = 2**62
_MAX_DRIFT = 2**31


def parse_csv(text: str) -> Parsed:
    """Read a table of keys; an empty cell means what a new key would have.

    Raises:
        UserError: The header is not one. It is not shown: it may be a key.
    """
    lines = text.removeprefix("\ufeff").split("\n")
    at = next((index for index, line in enumerate(lines) if line.strip()), 0)
    try:
        header = [cell.strip().lower() for cell in _cells(lines[at])]
    except LineError as error:
        raise UserError(f"line {at + 1} is no header: {error}") from None
    if not {"name", "secret"} <= set(header) or len(set(header)) != len(header):
        message = f"line {at + 1} must be a header that names name and secret, each column once"
        raise UserError(message)
    strange = [str(index) for index, name in enumerate(header, start=1) if name not in COLUMNS]
    if strange:
        message = f"column {', '.join(strange)} of the header is none of {', '.join(COLUMNS)}"
        raise UserError(message)

    def one(line: int, content: str) -> Entry:
        cells = _cells(content)
        if len(cells) != len(header):
            message = f"it has {len(cells)} cells and the header {len(header)}"
            raise LineError(message)
        return _entry(line, dict(zip(header, (cell.strip() for cell in cells), strict=True)))

    # The header's line stays as a blank one, so that numbers count from the file's first line.
    return each_line("\n".join([*([""] * (at + 1)), *lines[at + 1 :]]), one)


def write_csv(rows: Iterable[Sequence[object]]) -> str:
    """A table under `COLUMNS` that `parse_csv` reads."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return text.getvalue()


def _cells(line: str) -> list[str]:
    if len(line) > _MAX_LINE:
        message = f"it has more than {_MAX_LINE} characters"
        raise LineError(message)
    try:
        (cells,) = csv.reader([line.rstrip("\r")], strict=True)
    except (csv.Error, ValueError):
        message = "it is no line of comma-separated values"
        raise LineError(message) from None
    return cells


def _entry(line: int, cells: Mapping[str, str]) -> Entry:
    kind = _choice(Kind, cells.get("kind", "").lower() or "totp", "kind")
    window = cells.get("window", "")
    try:
        key = Key(
            secret=Secret.from_base32(cells["secret"]),
            kind=kind,
            algorithm=_choice(Algorithm, cells.get("algorithm", "").upper() or "SHA1", "algorithm"),
            digits=_number(cells, "digits", STEAM_DIGITS if kind is Kind.STEAM else 6),
            period=_number(cells, "period", 30),
            counter=_number(cells, "counter", 0),
            issuer=clean_label(cells.get("issuer", "")),
            name=clean_label(cells.get("account", "")),
        )
        require_strong(key)
    except InvalidKeyError as error:
        raise LineError(str(error)) from None
    if window and _number(cells, "window", 0) > MAX_WINDOW:
        message = f"its window is not from 0 to {MAX_WINDOW}"
        raise LineError(message)
    last_step = _number(cells, "last_step", NEVER, _SIGNED)
    if not NEVER <= last_step <= _MAX_STEP or abs(_number(cells, "drift", 0, _SIGNED)) > _MAX_DRIFT:
        message = "its last_step or its drift is out of range"
        raise LineError(message)
    if kind is Kind.HOTP and last_step != NEVER:
        message = "a key that counts by use tells what was used by its counter: leave last_step empty"
        raise LineError(message)
    return Entry(
        line=line,
        name=canonical(cells["name"]),
        key=key,
        window=_number(cells, "window", 0) if window else None,
        last_step=last_step,
        tells_use=kind is Kind.HOTP or bool(cells.get("last_step")),
        drift=_number(cells, "drift", 0, _SIGNED),
        notices=key.warnings(),
    )


def _choice(choices: type[_T], text: str, what: str) -> _T:
    try:
        return choices(text)
    except ValueError:
        message = f"its {what} is none of {', '.join(choices)}"
        raise LineError(message) from None


def _number(
    cells: Mapping[str, str], column: str, default: int, pattern: re.Pattern[str] = _NUMBER
) -> int:
    text = cells.get(column, "")
    if not text:
        return default
    if not pattern.fullmatch(text):
        message = f"its {column} is no whole number"
        raise LineError(message)
    return int(text)
