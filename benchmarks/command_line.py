"""How long one code on the command line takes: against a Python that does nothing, and against others.

A subject is a whole process. oathtool reads a secret from a file, as `watchword code` does;
otpclient-cli opens an encrypted database, so it is held against an encrypted vault, and both ask for
the passphrase on a terminal and are answered at once.
"""

from __future__ import annotations

import importlib.util
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import ratio
from benchmarks.harness import (
    BIN,
    ONE_URI,
    ROOT,
    UnavailableError,
    find_test_helpers,
    one_account,
    plain_environment,
)
from benchmarks.typed import typed

from watchword_otp import code_at, parse_uri, step_at

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.bench import Bench

ROUNDS = 21

_PASSPHRASE = "nobody types this"

_NOTHING = "python -c pass"
_FILE = "watchword code, a file"
_PLAIN = "watchword code, a plain vault"
_KEYRING = "watchword code, a keyring's vault"
_TYPED = "watchword code, a vault and its passphrase"
_OATHTOOL = "oathtool, a file"
_OTPCLIENT = "otpclient-cli, its file and passphrase"

_GOALS = {
    (_FILE, _NOTHING): 12,
    (_PLAIN, _NOTHING): 15,
    (_KEYRING, _NOTHING): 15,
    (_FILE, _OATHTOOL): 150,
    (_TYPED, _OTPCLIENT): 6,
}
"""How many times the other's time ours may take at most."""


def measure(bench: Bench) -> None:
    """Time all subjects that can be had in turns, and hold ours against the others."""
    subjects = _ours(bench)
    for name, others in {_KEYRING: _keyring, _OATHTOOL: _oathtool, _OTPCLIENT: _otpclient}.items():
        with bench.apart():
            other = others(bench)
            # What is there but does not work is left out, too.
            other()
            subjects[name] = other
    series = {each.subject: each for each in bench.in_turns(ROUNDS, subjects, "time")}
    bench.add(
        *(
            ratio(f"{ours} / {theirs}", series[ours], series[theirs], goal)
            for (ours, theirs), goal in _GOALS.items()
            if ours in series and theirs in series
        )
    )


def _ours(bench: Bench) -> dict[str, Callable[[], float]]:
    """What needs nobody else."""
    environment = plain_environment(bench.folder)
    accounts = one_account(bench.folder)
    plain, sealed = bench.folder / "plain.json", bench.folder / "typed.json"
    add = ["import", str(accounts), "--yes"]
    _run([*add, "--plain", "--vault", str(plain)], bench.folder, environment)
    _run([*add, *_sealed(bench.folder, sealed)], bench.folder, environment)
    return {
        _NOTHING: _timed([str(BIN / "python"), "-c", "pass"], bench.folder, environment),
        _FILE: _timed([*_code(), "--accounts", str(accounts)], bench.folder, environment),
        _PLAIN: _timed([*_code(), "example", "--vault", str(plain)], bench.folder, environment),
        _TYPED: _answered([*_code(), "example", "--vault", str(sealed)], bench.folder),
    }


def _keyring(bench: Bench) -> Callable[[], float]:
    """Make an encrypted vault that a keyring opens."""
    if importlib.util.find_spec("keyring") is None:
        raise UnavailableError("the library keyring is not installed; run: make")
    desktop = {
        **plain_environment(bench.folder),
        "PYTHONPATH": str(ROOT),
        "PYTHON_KEYRING_BACKEND": "benchmarks.file_keyring.FileKeyring",
        "WATCHWORD_BENCH_KEYRING": str(bench.folder / "keyring.json"),
    }
    vault = bench.folder / "keyring-vault.json"
    opened = _sealed(bench.folder, vault)
    _run(["import", str(one_account(bench.folder)), "--yes", *opened], bench.folder, desktop)
    _run(["vault", "keyring", "add", *opened], bench.folder, desktop)
    return _timed([*_code(), "example", "--vault", str(vault)], bench.folder, desktop)


def _oathtool(bench: Bench) -> Callable[[], float]:
    """Give it the same secret in a file."""
    program = bench.program("oathtool")
    secret = bench.folder / "secret"
    secret.write_text(parse_uri(ONE_URI).secret.base32(), encoding="ascii")
    command = [str(program), "--totp", "--base32", f"@{secret}"]
    return _timed(command, bench.folder, plain_environment(bench.folder))


def _otpclient(bench: Bench) -> Callable[[], float]:
    """Give it a database with the same account, and settings that name it."""
    program = bench.program("otpclient-cli")
    find_test_helpers()
    from made_exports import otpclient  # noqa: PLC0415 - not found before

    key = parse_uri(ONE_URI)
    row: dict[str, object] = {
        "type": "TOTP",
        "label": key.name,
        "issuer": key.issuer,
        "secret": key.secret.base32(),
    }
    row |= {"digits": key.digits, "period": key.period, "algo": key.algorithm}
    database = bench.folder / "otpclient.enc"
    database.write_bytes(otpclient([row], _PASSPHRASE.encode(), version=1))
    settings = bench.folder / ".config" / "otpclient.cfg"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text(f"[config]\ndb_path={database}\nuse_secret_service=false\n", encoding="utf-8")
    command = [str(program), "show", "-a", key.name, "-i", key.issuer, "-m"]
    return _answered(command, bench.folder)


def _code() -> list[str]:
    return [str(BIN / "watchword"), "code"]


def _sealed(folder: Path, vault: Path) -> list[str]:
    """Options that name an encrypted vault and its passphrase."""
    passphrase = folder / "passphrase"
    passphrase.touch(0o600)
    passphrase.write_text(_PASSPHRASE, encoding="utf-8")
    return ["--vault", str(vault), "--passphrase-file", str(passphrase)]


def _run(arguments: list[str], folder: Path, environment: Mapping[str, str]) -> None:
    subprocess.run(
        [str(BIN / "watchword"), *arguments],
        check=True,
        cwd=folder,
        env=environment,
        capture_output=True,
    )


def _timed(command: list[str], folder: Path, environment: Mapping[str, str]) -> Callable[[], float]:
    def once() -> float:
        started = time.perf_counter()
        subprocess.run(command, check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
        return time.perf_counter() - started

    return once


def _answered(command: list[str], folder: Path) -> Callable[[], float]:
    """Time a command on a terminal that is given the passphrase, and see that the code is right."""
    key = parse_uri(ONE_URI)

    def once() -> float:
        earliest = step_at(key, time.time())
        seconds, shown = typed(command, folder, _PASSPHRASE)
        # A new one may begin in between.
        codes = {code_at(key, step) for step in range(earliest, step_at(key, time.time()) + 1)}
        if not any(code in shown for code in codes):
            raise UnavailableError(f"{Path(command[0]).name} shows another code: {shown.strip()}")
        return seconds

    return once
