"""Rows of PostgreSQL's tables: read in the order of their keys, and made up for what they differ in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg

from watchword_server.store.protocol import Cause, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword_server.rowdiff import Difference
    from watchword_server.store.postgres_pool import Connection
    from watchword_server.store.tables import Column, Row, Table


def select(table: Table) -> str:
    """The statement that gives the rows of a table."""
    names = ", ".join(_quoted(each.name) for each in table.columns)
    order = ", ".join(
        _quoted(each.name) + (' COLLATE "C"' if each.kind == "text" else "") for each in table.key
    )
    where = f" WHERE {table.where}" if table.where else ""
    return f"SELECT {names} FROM {table.name}{where} ORDER BY {order}"  # noqa: S608 - our own text


async def make_up(connection: Connection, table: Table, difference: Difference) -> None:
    """Make up for a difference, in the transaction that is open.

    Raises:
        StoreError: A row has a value that PostgreSQL cannot hold.
        asyncpg.PostgresError: The database failed.
    """
    rows = [*difference.new, *difference.changed]
    old = [*map(table.key_of, difference.changed), *difference.gone]
    try:
        if old:
            await _delete(connection, table, table.key, old)
        if not difference.is_last_there:
            await _delete_rivals(connection, table, rows)
        names = [each.name for each in table.columns]
        await connection.copy_records_to_table(table.name, records=rows, columns=names)
    except (asyncpg.DataError, ValueError, OverflowError):
        raise _unfit(table, rows) from None


async def _delete_rivals(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Remove rows that have what only one row may have, and one of these is to have it.

    They come later in the order of the keys, for what comes before is as it should be; they are put
    right then.
    """
    unique = table.unique
    counted = [] if unique is None else [row for row in rows if unique.counts(row)]
    if unique is None or not counted:
        return
    places = [table.place(name) for name in unique.columns]
    columns = [table.columns[place] for place in places]
    values = [tuple(row[place] for place in places) for row in counted]
    await _delete(connection, table, columns, values, unique.where)


async def _delete(
    connection: Connection,
    table: Table,
    columns: Sequence[Column],
    values: Sequence[Row],
    where: str = "TRUE",
) -> None:
    arrays = ", ".join(f"${number}::{each.kind}[]" for number, each in enumerate(columns, 1))
    names = ", ".join(f"{each.name}_" for each in columns)
    same = " AND ".join(f"t.{each.name} = w.{each.name}_" for each in columns)
    await connection.execute(
        f"DELETE FROM {table.name} AS t USING unnest({arrays}) AS w ({names})"  # noqa: S608 - our own text
        f" WHERE {same} AND {where}",
        *map(list, zip(*values, strict=True)),
    )


def _unfit(table: Table, rows: Sequence[Row]) -> StoreError:
    for row in rows:
        for column, value in zip(table.columns, row, strict=True):
            if not column.takes(value):
                key = ", ".join(
                    each.hex() if isinstance(each, bytes) else str(each) for each in table.key_of(row)
                )
                message = (
                    f"PostgreSQL cannot hold the {column.name} of row {key} of {table.name};"
                    " somebody changed the database by hand: put that right"
                )
                return StoreError(message, Cause.DAMAGED)
    message = f"PostgreSQL does not take a row of {table.name}; see its log"
    return StoreError(message)


def _quoted(name: str) -> str:
    return f'"{name}"'
