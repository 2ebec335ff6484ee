"""What is wrong with a body or a query, in our own words: which member, and what it has to be.

Values are never repeated: they may be codes or secrets.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, get_type_hints

import msgspec
from msgspec import inspect

if TYPE_CHECKING:
    from collections.abc import Iterable

_SAYABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
"""Names that are repeated to their sender: a code begins otherwise, and a token is longer."""


def fault_of(value: object, shape: type[msgspec.Struct]) -> str:
    """Say in a few words why `value` is not a `shape`: the first member that is wrong, and why.

    Args:
        value: What JSON, a form or a query gave.
        shape: What it was to be: a flat struct.
    """
    if not isinstance(value, dict):
        return "the body must be an object"
    fields = {field.encode_name: field for field in msgspec.structs.fields(shape)}
    for sent in value:
        if sent not in fields:
            called = f"called {sent}" if _SAYABLE.fullmatch(sent) else "of that name"
            return f"there is no member {called} here; known are: {', '.join(fields) or 'none'}"
    hints = get_type_hints(shape, include_extras=True)
    for name, field in fields.items():
        if name not in value:
            if field.required:
                return f"the member {name} is missing; it must be {_described(hints[field.name])}"
        elif not _fits(value[name], hints[field.name]):
            return f"the member {name} must be {_described(hints[field.name])}"
    return "its members do not go together"


def _fits(value: object, hint: object) -> bool:
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError:
        return False
    return True


def _described(hint: object) -> str:
    return _words(inspect.type_info(hint))


def _words(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata():
            words = _form(kind) or _words(kind.type)
        case inspect.NoneType():
            words = "null"
        case inspect.BoolType():
            words = "true or false"
        case inspect.IntType():
            words = f"a whole number{_range(kind.ge, kind.le, '')}"
        case inspect.StrType():
            words = f"text{_range(kind.min_length, kind.max_length, ' characters')}"
        case inspect.ListType():
            length = _range(kind.min_length, kind.max_length, " members")
            words = f"a list{length}, each {_words(kind.item_type)}"
        case inspect.LiteralType():
            words = _one_of(kind.values)
        case inspect.EnumType():
            words = _one_of(member.value for member in kind.cls)
        case inspect.UnionType():
            words = " or ".join(_words(each) for each in kind.types)
        case _:
            words = "as /openapi.json describes it"
    return words


def _form(kind: inspect.Metadata) -> str:
    """What text has to be that must match a pattern, which would say nothing to people."""
    has_pattern = isinstance(kind.type, inspect.StrType) and kind.type.pattern is not None
    described = (kind.extra_json_schema or {}).get("description")
    return f"text of the form: {described}" if has_pattern and described else ""


def _range(least: int | None, most: int | None, unit: str) -> str:
    match least, most:
        case None, None:
            return ""
        case None, _:
            return f" of at most {most}{unit}"
        case _, None:
            return f" of at least {least}{unit}"
        case _ if least == most:
            return f" of {least}{unit}"
        case _:
            return f" of {least} to {most}{unit}"


def _one_of(values: Iterable[object]) -> str:
    return f"one of {', '.join(map(str, values))}"
