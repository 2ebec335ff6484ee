"""A PostgreSQL and its replica: what was committed is on both, and either may be lost.

with running_pair() as pair:
    pair.primary.kill()
    pair.promote()                       # the replica takes changes from now on
    connection = await asyncpg.connect(pair.dsn())

Both are durable. A commit waits until the replica has written it down; without the replica it waits on.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from postgres_engine import USER, Cluster
from throwaway import throwaway

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Pair:
    """Two clusters in one place; `configure` the primary to be read-only, `kill` either."""

    primary: Cluster
    replica: Cluster

    def dsn(self, database: str = "postgres") -> str:
        """Where a database is, on whichever of the two takes changes."""
        hosts = ",".join(f"127.0.0.1:{one.port}" for one in (self.primary, self.replica))
        account = f"{USER}:{self.primary.password}"
        return f"postgresql://{account}@{hosts}/{quote(database)}?target_session_attrs=read-write"

    def promote(self) -> None:
        """Have the replica take changes, and wait until it does. It tells the primary nothing."""
        self.replica.run("pg_ctl", "promote", "--wait", "--pgdata", self.replica.data)

    def require_replica(self, *, required: bool) -> None:
        """Have commits on the primary wait for the replica, as they do from the start, or for nobody."""
        self.primary.configure(synchronous_standby_names=self.replica.name if required else "")


@contextlib.contextmanager
def running_pair() -> Iterator[Pair]:
    """Make a cluster, copy it while it runs, and have the copy follow it."""
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(throwaway("pair"))
        primary = stack.enter_context(contextlib.closing(Cluster(place, "primary")))
        primary.make(durable=True)
        primary.start()
        # The copy has the same accounts, so the same password.
        replica = stack.enter_context(contextlib.closing(Cluster(place, "replica", primary.password)))
        replica.run(
            "pg_basebackup",
            *("--dbname", primary.tcp_dsn(application_name=replica.name), "--pgdata", replica.data),
            *("--write-recovery-conf", "--checkpoint", "fast", "--no-sync"),
        )
        replica.configure()
        replica.start()
        pair = Pair(primary, replica)
        pair.require_replica(required=True)
        yield pair
