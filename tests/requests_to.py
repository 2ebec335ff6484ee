"""Requests to the declared routes, for tests that hold for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import inspect

from watchword_server.api import BodyType

if TYPE_CHECKING:
    from watchword_server.api import Endpoint


def path_of(endpoint: Endpoint) -> str:
    """The endpoint's path, with the examples of its parameters in it."""
    return endpoint.path.format(**{each.name: each.example for each in endpoint.operation.path})


def name_of(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


def body_of(endpoint: Endpoint) -> dict[str, Any]:
    """A body of the right form: the required members, with the smallest values there are."""
    shape = endpoint.operation.body
    if shape is None:
        return {}
    kind = inspect.type_info(shape)
    assert isinstance(kind, inspect.StructType)
    return {field.encode_name: _smallest(field.type) for field in kind.fields if field.required}


def sent_with(endpoint: Endpoint, members: dict[str, Any]) -> dict[str, Any]:
    """Arguments for httpx that send these members as the endpoint's body."""
    if endpoint.operation.body is None:
        return {}
    is_json = endpoint.operation.body_type is BodyType.JSON
    return {"json" if is_json else "data": members}


def _smallest(kind: inspect.Type) -> Any:
    value: Any
    match kind:
        case inspect.Metadata():
            value = _smallest(kind.type)
        case inspect.StrType():
            value = "1" * (kind.min_length or 6)
        case inspect.IntType():
            value = kind.ge or 0
        case inspect.BoolType():
            value = False
        case inspect.ListType():
            value = [_smallest(kind.item_type)] * (kind.min_length or 0)
        case inspect.LiteralType():
            value = kind.values[0]
        case inspect.EnumType():
            value = msgspec.to_builtins(next(iter(kind.cls)))
        case _:
            raise NotImplementedError(f"no smallest {kind}: say here what it is")
    return value
