"""Queries in: every member known, given once, and exactly what it must be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec import inspect

from watchword_server.faults import fault_of
from watchword_server.problems import MALFORMED_QUERY, ProblemError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

_Shape = TypeVar("_Shape", bound=msgspec.Struct)

_WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")
"""ASCII digits only, without sign or leading zeros, and below 2^63."""


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The query of an endpoint that takes none."""


def query_reader(shape: type[_Shape]) -> Callable[[web.Request], _Shape]:
    """Make a function that reads a request's query as `shape`.

    What it raises is a `ProblemError`, 400 `malformed-query`, naming the member that is wrong.
    """
    numbers = {field.name for field in inspect_fields(shape) if _is_number(field.type)}

    def read(request: web.Request) -> _Shape:
        sent: dict[str, object] = {}
        for name, value in request.query.items():
            if name in sent:
                raise ProblemError(MALFORMED_QUERY, "each member of the query can be given once")
            is_number = name in numbers and _WHOLE_NUMBER.fullmatch(value)
            sent[name] = int(value) if is_number else value
        try:
            return msgspec.convert(sent, shape)
        except msgspec.ValidationError:
            raise ProblemError(MALFORMED_QUERY, f"the query: {fault_of(sent, shape)}") from None

    return read


def inspect_fields(shape: type[msgspec.Struct]) -> tuple[inspect.Field, ...]:
    """The members of a struct, with their types resolved."""
    kind = inspect.type_info(shape)
    return kind.fields if isinstance(kind, inspect.StructType) else ()


def _is_number(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.Metadata):
        return _is_number(kind.type)
    if isinstance(kind, inspect.UnionType):
        return any(map(_is_number, kind.types))
    return isinstance(kind, inspect.IntType)
