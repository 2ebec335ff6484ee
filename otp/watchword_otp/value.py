"""Values: small records that are handed around and never change.

msgspec makes them, in C. Defining a frozen dataclass takes half a millisecond, which an app notices that
needs thirty before its first frame, and making one of them takes ten times as long.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec


class Value(msgspec.Struct, frozen=True):
    """The base of values; `msgspec.structs.replace` gives one with other fields.

    What is read from JSON or TOML is a `msgspec.Struct` itself: its fields' types are looked up at run
    time, those of a value are not. Of what there are thousands, and holds nothing that could hold it, is
    no garbage collector's business: `gc=False`.
    """

    HIDDEN: ClassVar[frozenset[str]] = frozenset()
    """Names of the fields that no log, traceback or test may show."""

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__qualname__}({shown})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """What Rich and Textual show: they would else be given every field."""
        return [
            (name, getattr(self, name)) for name in self.__struct_fields__ if name not in self.HIDDEN
        ]
