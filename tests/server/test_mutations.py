"""Take one guard out of the server, and the tests must notice. Otherwise they hold nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import watchword_server

ROOT = Path(__file__).parents[2]
PACKAGE = Path(watchword_server.__file__).parent


@dataclass(frozen=True)
class Mutant:
    """A place in the package, and the tests that stand guard over it."""

    file: str
    guard: str
    """Text that is there exactly once."""
    instead: str
    tests: str


MUTANTS = {
    "rows of an advance are not counted": Mutant(
        "store/sqlite_apply.py",
        "    _require(connection.executemany(_ADVANCE, rows).rowcount, len(rows))\n",
        "    connection.executemany(_ADVANCE, rows)\n",
        "tests/server/test_store.py::TestSettle",
    ),
    "rows of other changes are not counted": Mutant(
        "store/sqlite_apply.py",
        "    _require(connection.execute(statement, parameters).rowcount, 1)\n",
        "    connection.execute(statement, parameters)\n",
        "tests/server/test_store.py::TestSingleUse",
    ),
    "the store lets a step go back": Mutant(
        "store/sqlite_apply.py",
        "  AND (last_step < ? OR (last_step = ? AND NOT ?))\n",
        "  AND (last_step < ? OR last_step = ? OR ? IN (0, 1))\n",
        "tests/server/test_store.py::TestSettle",
    ),
    "the store does not compare the state before": Mutant(
        "store/sqlite_apply.py",
        "  AND last_step = ? AND failures = ?\n",
        "  AND (last_step = ? OR failures = ? OR TRUE)\n",
        "tests/server/test_store.py::TestSettle",
    ),
    "a transaction does not shut others out while it reads": Mutant(
        "store/sqlite_connection.py",
        'raw.execute("BEGIN IMMEDIATE")',
        'raw.execute("BEGIN")',
        "tests/server/test_once.py::TestTwoStores",
    ),
    "a used step is not known": Mutant(
        "verifier.py",
        "    if step > state.last_step:\n",
        "    if step >= 0:\n",
        "tests/server/test_verifier.py::TestReplay",
    ),
    "an older step is accepted after a newer one": Mutant(
        "verifier.py",
        "    if step > state.last_step:\n",
        "    if step != state.last_step:\n",
        "tests/server/test_verifier.py::TestReplay",
    ),
    "no attempt is booked": Mutant(
        "verifier.py",
        "    booked = book(state, now)\n",
        "    booked = state\n",
        "tests/server/test_verifier.py::TestLock",
    ),
    "a locked key is compared": Mutant(
        "verifier.py",
        "    refused = barred(state, now)\n",
        "    refused = None\n",
        "tests/server/test_verifier.py::TestLock",
    ),
    "a batch books each attempt on the state before it": Mutant(
        "sitting.py",
        "        self._states[name] = decision.state\n",
        "        self._states.setdefault(name, decision.state)\n",
        "tests/server/test_once.py::TestOneProcess::test_wrong_ones_cannot_exceed_the_budget",
    ),
    "a pair of old codes moves the window": Mutant(
        "resync.py",
        "    if found <= state.last_step:\n",
        "    if found < 0:\n",
        "tests/server/test_resync.py",
    ),
    "a locked key is resynced": Mutant(
        "resync.py",
        "    refused = barred(state, now)\n",
        "    refused = None\n",
        "tests/server/test_resync.py",
    ),
    "examining costs nothing": Mutant(
        "resync.py",
        "        state=book(state, now) if compared else state,\n",
        "        state=state,\n",
        "tests/server/test_resync.py",
    ),
    "a locked key redeems a recovery code": Mutant(
        "recovery.py",
        "    refused = barred(state, now)\n",
        "    refused = None\n",
        "tests/security/test_advisories_budget.py::test_w18_a_key_locked_meanwhile_is_locked_at_redemption_too",
    ),
    "a pending key has a budget of its own": Mutant(
        "enrolment.py",
        "        state = _with_budget_of(holder.state, pending.state)\n",
        "        state = pending.state\n",
        "tests/security/test_advisories_budget.py::test_w18_a_key_locked_meanwhile_is_locked_at_confirmation_too",
    ),
    "a recovery code costs nothing": Mutant(
        "recovery.py",
        "    booked = book(state, now)\n",
        "    booked = state\n",
        "tests/security/test_advisories_budget.py::test_w16_w17_every_way_in_spends_the_same_budget_and_respects_the_same_lock",
    ),
    "a decision leaves no row": Mutant(
        "ledger.py",
        "            if act.events:\n",
        "            if not act:\n",
        "tests/server/test_audit.py",
    ),
    "a clock set back is taken for the time": Mutant(
        "ledger.py",
        "    if now < written_at - CLOCK_TOLERANCE:\n",
        "    if now < 0:\n",
        "tests/server/test_faults.py::TestClock",
    ),
    "a clock creeps back within the tolerance": Mutant(
        "ledger.py",
        "                latest = now if whatever_the_clock else max(now, snapshot.head.at)\n",
        "                latest = now\n",
        "tests/server/test_ledger.py",
    ),
    "an overwritten database is used from the cache": Mutant(
        "store/sqlite_connection.py",
        "        if header != _HEADER:\n",
        "        if header is None:\n",
        "tests/server/test_faults.py::test_a_fault_is_named_judges_nothing_and_passes",
    ),
    "a log that was removed is written on": Mutant(
        "store/sqlite_connection.py",
        "        if is_another or (self._log is not None and self._log != _identity(self._log_path)):\n",
        "        if is_another:\n",
        "tests/server/test_faults.py::test_a_log_that_was_removed_takes_nothing_along",
    ),
    "a retry of another request gets its answer": Mutant(
        "sitting.py",
        "            if before.fingerprint == retry.fingerprint:\n",
        "            if before.fingerprint:\n",
        "tests/server/test_idempotency.py",
    ),
    "a secret opens wherever it stands": Mutant(
        "seal.py",
        '    return f"watchword 1 {number} {purpose}".encode()\n',
        '    return f"watchword 1 {number}".encode()\n',
        "tests/server/test_seal.py",
    ),
}


_PLUGINS = ("-p", "pytest_asyncio.plugin", "-p", "pytest_timeout")
"""All that these tests need: to load the others takes longer than to run them."""


def copy_package(folder: Path) -> Path:
    shutil.copytree(PACKAGE, folder / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder / PACKAGE.name


def run_tests(folder: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """Run tests against the copy of the server in `folder`."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *_PLUGINS, *tests],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


def test_it_is_the_copy_that_is_tested(tmp_path: Path) -> None:
    """A whole one passes and one with a part missing does not even begin."""
    copy = copy_package(tmp_path)
    tests = "tests/server/test_verifier.py"
    assert run_tests(tmp_path, tests).returncode == pytest.ExitCode.OK
    (copy / "verifier.py").unlink()
    broken = run_tests(tmp_path, tests)
    assert "No module named 'watchword_server.verifier'" in broken.stdout + broken.stderr


@pytest.mark.parametrize("name", MUTANTS)
def test_without_the_guard_a_test_fails(tmp_path: Path, name: str) -> None:
    mutant = MUTANTS[name]
    file = copy_package(tmp_path) / mutant.file
    whole = file.read_text(encoding="utf-8")
    assert whole.count(mutant.guard) == 1, f"{mutant.file} has changed: find the guard's new place"
    file.write_text(whole.replace(mutant.guard, mutant.instead), encoding="utf-8")
    ran = run_tests(tmp_path, mutant.tests)
    assert ran.returncode == pytest.ExitCode.TESTS_FAILED, ran.stdout
    assert "FAILED" in ran.stdout
