"""The tables of both databases, for what copies rows from the one to the other and compares them.

A row is a tuple of the same values on either side, the key's first; rows are read in the key's order,
text and bytes by their bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from watchword_server.store.closed import CLOSED
from watchword_server.store.records import LIVE

if TYPE_CHECKING:
    from collections.abc import Callable

Row: TypeAlias = tuple[Any, ...]

_INTEGERS = {"integer": 2**31, "bigint": 2**63}


@dataclass(frozen=True, slots=True)
class Column:
    """A column as PostgreSQL has it."""

    name: str
    kind: str
    """Its type in PostgreSQL."""
    source: str = ""
    """What SQLite has in its place; empty for a column of the same name."""

    def takes(self, value: object) -> bool:
        """Tell whether a value that SQLite holds is one that PostgreSQL holds too."""
        if isinstance(value, int):
            limit = _INTEGERS.get(self.kind, 0)
            return -limit <= value < limit
        return not (isinstance(value, str) and "\0" in value)


@dataclass(frozen=True, slots=True)
class Unique:
    """No two rows of some sort have the same values in these columns."""

    columns: tuple[str, ...]
    where: str
    """Which rows, in SQL."""
    counts: Callable[[Row], bool]
    """Whether a row is one of them."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table that both databases have."""

    name: str
    columns: tuple[Column, ...]
    key_length: int = 1
    """How many of the columns, from the first on, are the key."""
    unique: Unique | None = None
    """What is unique besides the key."""
    where: str = ""
    """Which rows are copied, in SQL; empty for all."""
    grows: str = ""
    """The column of numbers that new rows go on with, in a table whose rows never change."""

    @property
    def key(self) -> tuple[Column, ...]:
        """The columns of the key."""
        return self.columns[: self.key_length]

    def key_of(self, row: Row) -> Row:
        """The key of a row."""
        return row[: self.key_length]

    def place(self, column: str) -> int:
        """The place of a column's value in a row."""
        return [each.name for each in self.columns].index(column)


def _columns(text: str) -> tuple[Column, ...]:
    """Columns from lines of `name type`, or `name type = what SQLite has`."""
    found = []
    for line in text.strip().splitlines():
        column, _, source = line.partition("=")
        name, _, kind = column.strip().partition(" ")
        found.append(Column(name, kind.strip(), source.strip()))
    return tuple(found)


_KEYS = Table(
    "keys",
    _columns("""
        id bigint
        name text
        status text
        seal bigint
        secret bytea
        kind text
        algorithm text
        digits integer
        period integer
        issuer text
        account text
        window integer
        version bigint
        created_at double precision
        confirmed_at double precision
        expires_at double precision
        last_step bigint
        consumed_at double precision
        failures integer
        locked_until double precision
        offset bigint
        drift bigint
    """),
    unique=Unique(
        ("name", "status"),
        f"status IN ({', '.join(repr(each.value) for each in LIVE)})",
        lambda row: row[2] in LIVE,
    ),
)
_DELETED = Table(
    "deleted_keys", _columns("name text\nfingerprint bytea\nlast_step bigint"), key_length=2
)
_RECOVERY = Table(
    "recovery_codes",
    _columns("key_id bigint\ndigest bytea\nused_at double precision"),
    key_length=2,
)
_TICKETS = Table(
    "tickets",
    _columns("""
        digest bytea
        key_id bigint
        expires_at double precision
        used_at double precision
    """),
)
_ANSWERS = Table(
    "answers",
    _columns("""
        digest bytea
        fingerprint bytea
        answer bytea
        expires_at double precision
    """),
)
_TOKENS = Table(
    "tokens",
    _columns("""
        digest bytea
        name text
        scopes text
        keys text
        rate_limit integer
        created_at double precision
        expires_at double precision
        replaced_at double precision
        revoked_at double precision
        last_used_at double precision
        made bigint = id
    """),
    unique=Unique(
        ("name",),
        "replaced_at IS NULL AND revoked_at IS NULL",
        lambda row: row[7] is None and row[8] is None,
    ),
)
_META = Table("meta", _columns("name text\nvalue bytea"), where=f"name <> '{CLOSED}'")

AUDIT = Table(
    "audit",
    # SQLite has the one chain.
    _columns("chain integer = 0\nseq bigint\nevent text\nmac text"),
    key_length=2,
    grows="seq",
)
"""The audit log: rows are added at its end and forgotten at its beginning, and never changed."""

TABLES = (_KEYS, _DELETED, _RECOVERY, _TICKETS, _ANSWERS, _TOKENS, _META, AUDIT)
