"""A real PostgreSQL in a throw-away folder, started in a second: no root, no service, no name.

with running_cluster() as cluster:
    connection = await asyncpg.connect(cluster.dsn())
    cluster.kill()                       # as a power cut: every process at once
    cluster.start()                      # on the same files

Its functions wait for programs; where an event loop must go on meanwhile, call them in a thread.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote, urlencode

import asyncpg

from loopback import free_port
from postgres_binaries import find_postgres
from processes import descendants, is_running, wait_until
from programs import cannot_run
from throwaway import throwaway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    import trustme

    from throwaway import Argument, Place

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

USER = "watchword"
"""The superuser of every cluster."""

_TRIES = 5
_TAKEN = "Address already in use"
_RELOADED = "reloading configuration files"
_MEMORY, _STATUS = 6, 7
"""Lines of `postmaster.pid`, from 0."""
_FAST = {
    "shared_buffers": "32MB",
    "autovacuum": "off",
    "checkpoint_timeout": "1h",
    "fsync": "off",
    "full_page_writes": "off",
    "max_wal_senders": "0",
    "max_wal_size": "64MB",
    "wal_level": "minimal",
}
"""For tests that ask what is stored, not whether it outlives the machine. Kills do no harm even so:
what was written is the system's, not the process's."""


class Cluster:
    """A PostgreSQL server and its files.

    Attributes:
        place: Where it is, and what else may be started there.
        name: Its folder in that place, and its log's name.
        binaries: The folder of its programs.
        port: Where it listens on 127.0.0.1.
        password: Its superuser's, over TCP; the socket asks for none.
        data: The folder of the database's files.
    """

    def __init__(
        self, place: Place, name: str = "db", password: str | None = None, data: Path | None = None
    ) -> None:
        self.place = place
        self.name = name
        self.data = data or place.path / name
        self.binaries = place.within_reach(find_postgres() / "postgres").parent
        self.port = free_port()
        self.password = password or secrets.token_urlsafe(12)
        self._settings: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._has_run = False

    @property
    def log(self) -> str:
        """What it has written about itself."""
        path = self.place.log(self.name)
        return path.read_text("utf-8") if path.exists() else ""

    @property
    def pid(self) -> int:
        """The number of its first process, which all others hang on."""
        assert self._process is not None, f"{self.name} does not run"
        return self._process.pid

    def dsn(self, database: str = "postgres") -> str:
        """Where a database is, over the Unix socket."""
        query = urlencode({"host": self.place.path, "port": self.port})
        return f"postgresql://{USER}@/{quote(database)}?{query}"

    def tcp_dsn(
        self,
        database: str = "postgres",
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        **parameters: str,
    ) -> str:
        """Where a database is, over TCP: of itself, or of what stands before it at another `port`."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        return f"postgresql://{USER}:{self.password}@{host}:{port or self.port}/{quote(database)}{query}"

    def run(self, program: str, *arguments: Argument) -> str:
        """Run one of PostgreSQL's programs, of the same version, as the server's user."""
        return self.place.run([self.binaries / program, *arguments])

    def make(self, *, durable: bool = False) -> None:
        """Make its files, with settings for tests about data, or `durable` as they come."""
        password = self.place.write(f"{self.name}.password", f"{self.password}\n")
        self.run(
            "initdb",
            *("--pgdata", self.data, "--username", USER, "--pwfile", password),
            *("--encoding", "UTF8", "--locale", "C", "--no-sync"),
            *(() if durable else ("--wal-segsize", "1")),
            *("--auth-local", "trust", "--auth-host", "scram-sha-256"),
        )
        self.configure(**{} if durable else _FAST)

    def speak_tls(self, authority: trustme.CA) -> None:
        """Before it starts: have it speak TLS, as `localhost`, and nothing else over TCP."""
        if not self.run("postgres", "-C", "ssl_library", "-D", self.data).strip():
            cannot_run(f"the PostgreSQL in {self.binaries} was built without TLS")
        made = authority.issue_cert("localhost")
        chain = b"".join(pem.bytes() for pem in made.cert_chain_pems)
        self.configure(
            ssl="on",
            ssl_cert_file=str(self.place.write(f"{self.name}.crt", chain)),
            ssl_key_file=str(self.place.write(f"{self.name}.key", made.private_key_pem.bytes())),
        )
        rules = self.data / "pg_hba.conf"
        rules.write_text(rules.read_text("utf-8").replace("\nhost ", "\nhostssl "), "utf-8")

    def configure(self, **settings: str) -> None:
        """Add settings. A server that runs takes up at once what it can, the rest when it starts."""
        self._settings |= settings
        self._write_settings()
        if self._process is not None:
            told = self.log.count(_RELOADED)
            self._process.send_signal(signal.SIGHUP)
            wait_until(lambda: self.log.count(_RELOADED) > told, "it reads its settings again")

    def start(self) -> None:
        """Start it on its files, and wait until it takes connections."""
        for _ in range(_TRIES):
            told = len(self.log)
            if self._starts():
                return
            said = self.log[told:]
            # Between the choice of a port and its use somebody else may have taken it.
            assert _TAKEN in said, said
            assert not self._has_run, f"somebody took port {self.port} meanwhile"
            self.port = free_port()
            self._write_settings()
        raise AssertionError(f"no free port in {_TRIES} tries")

    def stop(self) -> None:
        """Stop it in good order; whoever is connected is sent away."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill every process of it at once, as a power cut does; the files stay as they are."""
        first = self.pid
        # Stopped, it starts no more of them while they are counted.
        os.kill(first, signal.SIGSTOP)
        others = descendants(first)
        for pid in others:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._end(signal.SIGKILL)
        wait_until(lambda: not any(map(is_running, others)), "all have gone")

    def close(self) -> None:
        """End it without ceremony: its files are of no more use."""
        if self._process is not None:
            self._end(signal.SIGQUIT)
        elif (left := self._lock_file()) is not None:
            # Killed and not started again, it has left the system a few bytes of shared memory.
            subprocess.run(["ipcrm", "-m", left[_MEMORY].split()[1]], check=False)

    def _starts(self) -> bool:
        conf = f"config_file={self._settings_file}"
        process = self.place.start(self.name, [self.binaries / "postgres", "-D", self.data, "-c", conf])

        def is_ready() -> bool:
            lines = self._lock_file()
            return lines is not None and lines[:1] == [str(process.pid)] and lines[_STATUS:] == ["ready"]

        wait_until(lambda: is_ready() or process.poll() is not None, f"{self.name} is ready")
        if process.poll() is not None:
            self.place.stop(process, signal.SIGQUIT)
            return False
        self._process = process
        self._has_run = True
        return True

    def _end(self, number: signal.Signals) -> None:
        assert self._process is not None
        self.place.stop(self._process, number)
        self._process = None

    def _lock_file(self) -> list[str] | None:
        """What a running server notes about itself, line by line; a killed one leaves it behind."""
        try:
            return [line.strip() for line in (self.data / "postmaster.pid").read_text().splitlines()]
        except FileNotFoundError:
            return None

    @property
    def _settings_file(self) -> Path:
        return self.place.path / f"{self.name}.conf"

    def _write_settings(self) -> None:
        written = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.place.path),
            # In its own folder, not where kills would leave it behind.
            "dynamic_shared_memory_type": "mmap",
            **self._settings,
        }
        lines = [f"{name} = {_quoted(value)}\n" for name, value in written.items()]
        self.place.write(self._settings_file.name, "".join(lines))


@contextlib.asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Connection]:
    """A connection for a look, or for a change behind everybody's back."""
    opened = await asyncpg.connect(dsn)
    try:
        yield opened
    finally:
        await opened.close()


async def ask(dsn: str, question: str) -> object:
    """Connect, ask for one value, and hang up."""
    async with connected(dsn) as connection:
        return await connection.fetchval(question)


def _quoted(value: str) -> str:
    doubled = value.replace("'", "''")
    return f"'{doubled}'"


@contextlib.contextmanager
def running_cluster(
    *, durable: bool = False, in_memory: bool = True, authority: trustme.CA | None = None
) -> Iterator[Cluster]:
    """Make a cluster and start it.

    Args:
        durable: Have it sync and log as it comes, instead of as fast as can be.
        in_memory: Keep its files there, if there is room. Processes can be killed either way; what a
            commit costs shows on a disk alone.
        authority: Who vouches for it: it speaks TLS, as `localhost`.
    """
    with (
        throwaway("pg", in_memory=in_memory) as place,
        contextlib.closing(Cluster(place)) as cluster,
    ):
        cluster.make(durable=durable)
        if authority is not None:
            cluster.speak_tls(authority)
        cluster.start()
        yield cluster
