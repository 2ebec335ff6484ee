"""What tests of several folders share: a PostgreSQL.

After all of tests/server has run: did its answers have every status that the document names?
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from postgres_databases import Databases
    from postgres_engine import Cluster
    from statuses import Reached

SERVER = Path(__file__).parent / "server"

_reached: pytest.StashKey[set[Reached]] = pytest.StashKey()
_is_whole: pytest.StashKey[bool] = pytest.StashKey()
_missing: pytest.StashKey[list[Reached]] = pytest.StashKey()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL of this worker's own, started for the first test that asks."""
    from postgres_engine import running_cluster  # noqa: PLC0415 - most tests need none

    with running_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def databases(postgres: Cluster) -> Iterator[Databases]:
    """Databases of that PostgreSQL with the schema of the server."""
    from postgres_databases import databases_of  # noqa: PLC0415 - as above
    from postgres_engine import connected  # noqa: PLC0415 - as above
    from watchword_server.store.postgres_schema import bring_up_to_date  # noqa: PLC0415 - as above

    async def make_schema(uri: str) -> None:
        async with connected(uri) as connection:
            await bring_up_to_date(connection)

    with databases_of(postgres, make_schema) as made:
        yield made


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what is about the server on each store; what is marked `sqlite` only there."""
    if "each_store" not in metafunc.fixturenames:
        return
    if metafunc.definition.get_closest_marker("sqlite") is None:
        metafunc.parametrize("each_store", ["sqlite", "postgresql"], indirect=True)


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    if any(SERVER in item.path.parents for item in items):
        items[0].config.stash[_is_whole] = False


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note whether every test of tests/server was asked for, and not only some."""
    collected = {item.path for item in session.items}
    has_all = collected >= set(SERVER.glob("test_*.py"))
    names_single_tests = any("::" in argument for argument in session.config.args)
    whole = session.config.stash.get(_is_whole, True) and has_all and not names_single_tests
    session.config.stash[_is_whole] = whole


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker of pytest-xdist has seen."""
    output = getattr(node, "workeroutput", {})
    stash = node.config.stash
    stash.setdefault(_reached, set()).update(map(tuple, output.get("statuses", ())))
    stash[_is_whole] = stash.get(_is_whole, True) and output.get("statuses_whole", False)


def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    if hasattr(config, "workeroutput"):
        config.workeroutput["statuses"] = [*_seen_here()]
        config.workeroutput["statuses_whole"] = config.stash.get(_is_whole, False)
        return
    config.stash[_missing] = []
    if session.exitstatus == pytest.ExitCode.OK and config.stash.get(_is_whole, False):
        from statuses import unreached  # noqa: PLC0415 - tests that need no server do not load it

        config.stash[_missing] = unreached(config.stash.get(_reached, set()) | _seen_here())
        if config.stash[_missing]:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if missing := config.stash.get(_missing, []):
        terminalreporter.section("documented statuses that no test of tests/server reaches", red=True)
        for method, path, status in missing:
            terminalreporter.line(f"{method} {path}: {status}")


def _seen_here() -> set[Reached]:
    statuses = sys.modules.get("statuses")
    return set() if statuses is None else statuses.REACHED
