"""What a node that falls silent holds up, and for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from watchword_server.store.postgres_address import parse_address
from watchword_server.store.postgres_pool import Pool
from watchword_server.store.protocol import StoreError

if TYPE_CHECKING:
    from postgres_databases import Databases

_TAKE = "UPDATE key_numbers SET next = next WHERE id = 1"


async def test_what_a_silent_node_has_locked_is_free_before_others_give_up(databases: Databases) -> None:
    async with databases.lent() as database:
        silent, other = (Pool(parse_address(database.dsn), size=1) for _ in range(2))

        async def fall_silent() -> None:
            async with silent.transaction("one-row") as first:
                await first.execute(_TAKE)
                async with other.transaction("one-row") as second:
                    taken.append(await second.execute(_TAKE))

        taken: list[str] = []
        with pytest.raises(StoreError):
            await fall_silent()
        assert taken == ["UPDATE 1"]
        # It was the pause, and not the database: the next one is served.
        async with silent.transaction("one-row") as first:
            assert await first.execute(_TAKE) == "UPDATE 1"
        await silent.close()
        await other.close()
