"""How long one code on the command line takes, against a Python that does nothing."""

from __future__ import annotations

import importlib.util
import shutil
import statistics
import subprocess
import time
from typing import TYPE_CHECKING

from benchmarks.harness import (
    BIN,
    ROOT,
    Figure,
    interleaved,
    milliseconds,
    one_account,
    plain_environment,
    say,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

ROUNDS = 21

_PASSPHRASE = "nobody types this"


def measure(folder: Path) -> list[Figure]:
    """Time `watchword code` on a file, a plain and a keyring's vault, and `python -c pass`, in turns."""
    environment = plain_environment(folder)
    accounts = one_account(folder)
    plain = folder / "plain.json"
    _run(["import", str(accounts), "--yes", "--plain", "--vault", str(plain)], folder, environment)
    subjects = {
        "watchword code / python -c pass": (["--accounts", str(accounts)], environment, 12),
        "watchword code example, plain vault / python -c pass": (
            ["example", "--vault", str(plain)],
            environment,
            15,
        ),
    }
    if importlib.util.find_spec("keyring"):
        sealed = folder / "sealed.json"
        desktop = _with_keyring(folder, environment, accounts, sealed)
        subjects["watchword code example, keyring / python -c pass"] = (
            ["example", "--vault", str(sealed)],
            desktop,
            15,
        )
    else:
        say("without the library keyring its figure is left out")
    code = [str(BIN / "watchword"), "code"]
    *codes, nothings = interleaved(
        ROUNDS,
        *(_timed([*code, *arguments], folder, environ) for arguments, environ, _ in subjects.values()),
        _timed([str(BIN / "python"), "-c", "pass"], folder, environment),
    )
    peer = _oathtool(folder, environment)
    return [
        Figure(
            name=name,
            value=statistics.median(samples) / statistics.median(nothings),
            unit="times",
            goal=goal,
            basis=f"{milliseconds(samples)} against {milliseconds(nothings)}, median of {ROUNDS}{peer}",
        )
        for (name, (_, _, goal)), samples in zip(subjects.items(), codes, strict=True)
    ]


def _oathtool(folder: Path, environment: Mapping[str, str]) -> str:
    """Say how long a peer written in C takes for one code of a secret in a file, if it is there."""
    program = shutil.which("oathtool")
    if program is None:
        return ""
    secret = folder / "secret"
    secret.write_text("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", encoding="utf-8")
    once = _timed([program, "--totp", "--base32", f"@{secret}"], folder, environment)
    return f"; oathtool {milliseconds([once() for _ in range(ROUNDS)])}"


def _with_keyring(
    folder: Path, environment: Mapping[str, str], accounts: Path, vault: Path
) -> dict[str, str]:
    """Make an encrypted vault that a keyring opens; give the environment in which it does."""
    desktop = {
        **environment,
        "PYTHONPATH": str(ROOT),
        "PYTHON_KEYRING_BACKEND": "benchmarks.file_keyring.FileKeyring",
        "WATCHWORD_BENCH_KEYRING": str(folder / "keyring.json"),
    }
    passphrase = folder / "passphrase"
    passphrase.touch(0o600)
    passphrase.write_text(_PASSPHRASE, encoding="utf-8")
    opened = ["--vault", str(vault), "--passphrase-file", str(passphrase)]
    _run(["import", str(accounts), "--yes", *opened], folder, desktop)
    _run(["vault", "keyring", "add", *opened], folder, desktop)
    return desktop


def _run(arguments: list[str], folder: Path, environment: Mapping[str, str]) -> None:
    subprocess.run(
        [str(BIN / "watchword"), *arguments],
        check=True,
        cwd=folder,
        env=environment,
        capture_output=True,
    )


def _timed(command: list[str], folder: Path, environment: Mapping[str, str]) -> Callable[[], float]:
    def run() -> float:
        started = time.perf_counter()
        subprocess.run(command, check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
        return time.perf_counter() - started

    return run
