"""The benchmarks' own PostgreSQL: durable, on the project's disk, its files kept for the next run."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from typing import TYPE_CHECKING

import asyncpg
from benchmarks.harness import CACHE, find_test_helpers, say, skips_are_unavailable
from benchmarks.server_databases import made_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postgres_engine import Cluster

SETTINGS = {
    "shared_buffers": "1GB",
    # So that checkpoints do not fall into rounds of seconds. They are as far apart on busy databases.
    "checkpoint_timeout": "15min",
    "max_wal_size": "8GB",
    "track_wal_io_timing": "on",
}
"""What differs from PostgreSQL as it comes; above all fsync and synchronous_commit do not."""


@contextlib.contextmanager
def kept_cluster() -> Iterator[Cluster]:
    """Start the cluster whose databases are kept, and stop it in good order.

    Raises:
        UnavailableError: This machine has no PostgreSQL, or none that its user may run here.
    """
    find_test_helpers()
    from postgres_engine import Cluster  # noqa: PLC0415 - not found before
    from throwaway import throwaway  # noqa: PLC0415 - as above

    with skips_are_unavailable(), throwaway("bench") as place:
        version = version_of(place.run([Cluster(place).binaries / "postgres", "--version"]))
        folder = CACHE / "postgres" / f"{version}-{made_of('postgres_migrations', 'postgres_keys.py')}"
        with contextlib.closing(Cluster(place, data=folder / "data")) as cluster:
            if not (cluster.data / "global").exists():
                for other in folder.parent.glob(f"{version}-*"):
                    shutil.rmtree(other)
                say(f"making a PostgreSQL {version} in {folder.relative_to(CACHE.parents[1])}")
                folder.mkdir(parents=True, exist_ok=True)
                place.account.take(folder)
                cluster.make(durable=True)
            cluster.configure(**SETTINGS)
            cluster.start()
            try:
                asyncio.run(_set_password(cluster))
                yield cluster
            finally:
                cluster.stop()


async def _set_password(cluster: Cluster) -> None:
    """Give the user of files that were kept the password of this run, for TCP."""
    connection = await asyncpg.connect(cluster.dsn())
    try:
        await connection.execute(f"ALTER USER CURRENT_USER PASSWORD '{cluster.password}'")
    finally:
        await connection.close()


def version_of(said: str) -> str:
    """The version in what PostgreSQL says of itself, such as "postgres (PostgreSQL) 15.9"."""
    return said.partition("(PostgreSQL)")[2].split()[0]
