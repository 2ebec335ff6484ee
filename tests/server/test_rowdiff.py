"""What two tables differ in, whatever is in them and however it comes in pages."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from watchword_server.rowdiff import Digest, differences
from watchword_server.store.tables import Column, Table

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from watchword_server.store.tables import Row

TABLE = Table(
    "things", (Column("name", "text"), Column("number", "bigint"), Column("value", "bytea")), 2
)
KEYS = st.tuples(st.sampled_from(["a", "b", "ä", "\U0001f511"]), st.integers(0, 20))
CONTENTS = st.dictionaries(KEYS, st.binary(max_size=1), max_size=40)
CUTS = st.lists(st.integers(0, 40), max_size=8)


def rows_of(content: dict[tuple[str, int], bytes]) -> list[Row]:
    return sorted((*key, value) for key, value in content.items())


async def pages(rows: Sequence[Row], cuts: Sequence[int]) -> AsyncIterator[Sequence[Row]]:
    start = 0
    for end in (*sorted(cuts), len(rows)):
        yield rows[start:end]
        start = max(start, end)


@given(CONTENTS, CONTENTS, CUTS, CUTS)
def test_made_up_for_they_are_the_same(
    here: dict[tuple[str, int], bytes],
    there: dict[tuple[str, int], bytes],
    cuts: list[int],
    other_cuts: list[int],
) -> None:
    async def make_up() -> tuple[list[Row], int]:
        made = {TABLE.key_of(row): row for row in rows_of(there)}
        touched = seen = 0
        is_last = False
        async for part in differences(
            TABLE, pages(rows_of(here), cuts), pages(rows_of(there), other_cuts)
        ):
            assert not (is_last and part.gone)
            is_last = part.is_last_there
            for key in part.gone:
                del made[key]
            for row in part.changed:
                assert made[TABLE.key_of(row)] != row
            for row in part.new:
                assert TABLE.key_of(row) not in made
            made |= {TABLE.key_of(row): row for row in (*part.new, *part.changed)}
            touched += len(part.keys)
            seen += part.seen
        assert touched == sum(here.get(key) != there.get(key) for key in {*here, *there})
        return sorted(made.values()), seen

    assert asyncio.run(make_up()) == (rows_of(here), len(here))


@given(CONTENTS, CONTENTS, CUTS)
def test_the_hash_is_of_the_rows_and_not_of_the_pages(
    content: dict[tuple[str, int], bytes], other: dict[tuple[str, int], bytes], cuts: list[int]
) -> None:
    async def digest(rows: Sequence[Row], cuts: Sequence[int]) -> tuple[int, str]:
        made = Digest()
        async for page in pages(rows, cuts):
            made.add(page)
        return made.rows, made.hex

    one = asyncio.run(digest(rows_of(content), []))
    assert asyncio.run(digest(rows_of(content), cuts)) == one
    assert (asyncio.run(digest(rows_of(other), cuts)) == one) is (content == other)
