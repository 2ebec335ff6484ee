"""Fields of JSON that somebody else wrote: a missing or odd one is no reason to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_otp import InvalidKeyError
from watchword_tui.errors import ForeignFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_ROWS = 50_000
"""Most rows of one file; a person has hundreds, and a company's list of passwords some thousands."""

_LARGEST = 2**63 - 1


def rows(value: object) -> Iterator[tuple[int, dict[str, object]]]:
    """The objects in a list that holds a file's rows, each with its number from 1.

    Raises:
        ForeignFileError: It is no list, or has more than `MAX_ROWS`.
    """
    if not isinstance(value, list):
        raise ForeignFileError("the file is damaged or cut short", "export it again from the app")
    return enumerate(objects(value), start=1)


def check_rows(count: int) -> None:
    """Refuse more rows than any export has.

    Raises:
        ForeignFileError: There are more than `MAX_ROWS`.
    """
    if count > MAX_ROWS:
        raise ForeignFileError(
            f"the file has more than {MAX_ROWS:,} rows: no export has",
            "name the file that the app exported",
        )


def objects(value: object) -> Iterator[dict[str, object]]:
    """The objects in a list; what is no list has none, and what is no object counts as empty.

    Raises:
        ForeignFileError: There are more than `MAX_ROWS`.
    """
    if isinstance(value, list):
        check_rows(len(value))
        for item in value:
            yield item if isinstance(item, dict) else {}


def child(table: dict[str, object], name: str) -> dict[str, object]:
    """The object behind `name`; empty where there is none."""
    found = table.get(name)
    return found if isinstance(found, dict) else {}


def text(table: dict[str, object], name: str, default: str = "") -> str:
    """The text behind `name`; a number is written out, all else is `default`."""
    found = table.get(name)
    if isinstance(found, str):
        return found
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    return default


def texts(value: object) -> tuple[str, ...]:
    """The texts in a list."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def number(table: dict[str, object], name: str, default: int) -> int:
    """The whole number behind `name`, also written as text or as 30.0; `default` if null or absent.

    Raises:
        InvalidKeyError: There is something, and it is no whole number.
    """
    found = table.get(name)
    if found is None or found == "":
        return default
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    if isinstance(found, str) and found.isascii() and found.strip().isdigit() and len(found) < 20:  # noqa: PLR2004 - 64 bits
        found = int(found)
    if isinstance(found, bool) or not isinstance(found, int) or abs(found) > _LARGEST:
        raise InvalidKeyError(f"the {name} is not a whole number")
    return found
