"""What a setting must be, in words for people, from the type that its record gives it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import inspect

if TYPE_CHECKING:
    from collections.abc import Mapping

    import msgspec

_PLACE = re.compile(r"at `\$\.(\w+)")
"""Where the decoder says a value stands; what follows the name is inside of that setting."""


def complaint(kind: type[msgspec.Struct], table: Mapping[str, object], error: Exception) -> str:
    """Which setting of a table is wrong and what it must be, without the value.

    Args:
        kind: The record that the table was to become.
        table: The table as read.
        error: What the decoder said of it.
    """
    record = inspect.type_info(kind)
    assert isinstance(record, inspect.StructType)  # noqa: S101 - as `kind` is
    types = {field.encode_name: field.type for field in record.fields}
    if place := _PLACE.search(str(error)):
        return f"{place[1]} must be {_words(types[place[1]])}"
    missing = [one.encode_name for one in record.fields if one.required and one.encode_name not in table]
    return f"{missing[0]} is missing" if missing else "it must be a table"


def _words(kind: inspect.Type) -> str:
    match kind:
        case inspect.UnionType():
            words = _words(next(one for one in kind.types if not isinstance(one, inspect.NoneType)))
        case inspect.IntType():
            words = f"a whole number from {kind.ge} to {kind.le}"
        case inspect.BoolType():
            words = "true or false"
        case inspect.LiteralType():
            words = f"one of: {', '.join(map(str, kind.values))}"
        case inspect.VarTupleType():
            words = "a list of texts in quotes"
        case inspect.DictType(value_type=inspect.DictType()):
            words = "tables, each under a name of its own, such as [servers.home]"
        case inspect.DictType():
            words = "a table of texts in quotes"
        case _:
            words = "text in quotes"
    return words
