"""A real pgbouncer before a cluster, which gives a connection away after every transaction."""

from __future__ import annotations

import contextlib
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loopback import answers, free_port
from postgres_engine import USER
from processes import wait_until
from programs import require_program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postgres_engine import Cluster

_TRIES = 5
_CONFIGURATION = """
[databases]
* = host={folder} port={behind}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {accounts}
pool_mode = transaction
default_pool_size = {connections}
"""


@dataclass(frozen=True)
class Pooler:
    """A pgbouncer that listens."""

    cluster: Cluster
    port: int

    def dsn(self, database: str = "postgres") -> str:
        """Where a database is, through it."""
        return self.cluster.tcp_dsn(database, port=self.port)


@contextlib.contextmanager
def pgbouncer(cluster: Cluster, connections: int = 2) -> Iterator[Pooler]:
    """Share so many connections to each database among all who come, a transaction at a time."""
    program = require_program("pgbouncer", "/usr/sbin")
    place = cluster.place
    accounts = place.write("pgbouncer.accounts", f'"{USER}" "{cluster.password}"\n')
    for _ in range(_TRIES):
        port = free_port()
        configuration = place.write(
            "pgbouncer.ini",
            _CONFIGURATION.format(
                folder=place.path,
                behind=cluster.port,
                port=port,
                accounts=accounts,
                connections=connections,
            ),
        )
        process = place.start("pgbouncer", [program, configuration])
        try:
            wait_until(lambda: process.poll() is not None or answers(port), "pgbouncer listens")  # noqa: B023 - at once
            if process.poll() is None:
                yield Pooler(cluster, port)
                return
            said = place.log("pgbouncer").read_text("utf-8")
            assert "Address already in use" in said, said
        finally:
            place.stop(process, signal.SIGTERM)
    raise AssertionError(f"no free port in {_TRIES} tries")
