"""What happened to keys between a backup and the database that it replaces.

Blocking: for the command line, not for an event loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import sqlite3

# A number alone can have passed to another key in a database that was restored before.
_MOVED = """
SELECT name, status, id, created_at FROM {one}.keys AS one
WHERE status IN ('active', 'pending') AND NOT EXISTS (SELECT 1 FROM {other}.keys AS other
  WHERE other.id = one.id AND other.created_at = one.created_at AND other.status = one.status)
"""
_STATES = """
SELECT status, id, created_at FROM {schema}.keys WHERE name = ? AND status IN ('active', 'pending')
"""
_FATE = "SELECT status FROM replaced.keys WHERE id = ? AND created_at = ?"


class Since(msgspec.Struct, frozen=True, kw_only=True):
    """Names of keys by what happened to them since a backup, in order; each stands once."""

    rotated: tuple[str, ...] = ()
    """A successor was made: the backup knows only the key before."""
    created: tuple[str, ...] = ()
    """The backup does not have them."""
    deleted: tuple[str, ...] = ()
    """The backup has them still."""
    changed: tuple[str, ...] = ()
    """They had another secret in the end, through the settings, or were deleted and made anew."""
    confirmed: tuple[str, ...] = ()
    """Their first code was accepted; in the backup they wait for it."""


def since(connection: sqlite3.Connection) -> Since:
    """Compare the keys in `main`, a backup, with those in `replaced`, both attached.

    Raises:
        sqlite3.Error: One of them failed.
    """
    names = set()
    for one, other in (("main", "replaced"), ("replaced", "main")):
        names |= {row[0] for row in connection.execute(_MOVED.format(one=one, other=other))}
    found: dict[str, list[str]] = {field: [] for field in Since.__struct_fields__}
    for name in sorted(names):
        fate = _fate(connection, name)
        if fate is not None:
            found[fate].append(name)
    return Since(**{field: tuple(names) for field, names in found.items()})


def _fate(connection: sqlite3.Connection, name: str) -> str | None:
    then, now = (
        {
            status: (number, made)
            for status, number, made in connection.execute(_STATES.format(schema=schema), (name,))
        }
        for schema in ("main", "replaced")
    )
    if not then:
        return "created"
    if not now:
        return "deleted"
    if then.get("active") == now.get("active"):
        # A successor whose time was over is none that anybody has.
        return "rotated" if now.get("pending") not in {None, then.get("pending")} else None
    if "active" in then:
        row = connection.execute(_FATE, then["active"]).fetchone()
        return "rotated" if row == ("rotated",) else "changed"
    return "confirmed" if now.get("active") == then["pending"] else "changed"
