"""YAML that holds lists, tables and texts: no tags, no aliases, little depth, not much of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_tui.errors import ForeignFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import yaml

MAX_CHARACTERS = 512 * 1024
"""Most characters read: YAML is slow, and an account takes a hundred."""

_MAX_DEPTH = 8


def read_yaml(content: str) -> object:
    """The first document's content; every scalar is a text.

    Raises:
        ForeignFileError: It is no such YAML.
    """
    import yaml  # noqa: PLC0415 - rarely needed

    if len(content) > MAX_CHARACTERS:
        raise ForeignFileError(
            "the YAML file is larger than any export of accounts", "import it in parts"
        )
    # The parser that is written in C is ten times as fast, and not everywhere.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        events = yaml.parse(content, Loader=loader)
        for event in events:
            if not isinstance(event, (yaml.StreamStartEvent, yaml.DocumentStartEvent)):
                return _node(event, events, 0)
    except (yaml.YAMLError, RecursionError, ValueError):
        raise _no_yaml() from None
    raise _no_yaml()


def _node(event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> object:
    import yaml  # noqa: PLC0415 - as above

    if depth > _MAX_DEPTH:
        raise _no_yaml()
    if isinstance(event, yaml.ScalarEvent):
        return event.value
    if isinstance(event, yaml.SequenceStartEvent):
        items: list[object] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(_node(event, events, depth + 1))
        return items
    if isinstance(event, yaml.MappingStartEvent):
        table: dict[str, object] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            name = _node(event, events, depth + 1)
            value = _node(next(events), events, depth + 1)
            if isinstance(name, str):
                table[name] = value
        return table
    # An alias, which could make a small file large.
    raise _no_yaml()


def _no_yaml() -> ForeignFileError:
    return ForeignFileError("the YAML is damaged or not of the app", "export it again from the app")
