"""How long a thousand accounts take to be imported, beyond what importing one takes."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

from benchmarks.figures import Figure
from benchmarks.harness import BIN, plain_environment

from watchword_otp import Key, Secret, format_uri
from watchword_tui.vault.store import VaultStore
from watchword_tui.vault.vault import create_vault, read_vault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.bench import Bench

ROUNDS = 7
ACCOUNTS = 1000


def measure(bench: Bench) -> None:
    """Time `watchword import` of 1,000 accounts and of one, each into an empty plain vault."""
    many, one = bench.in_turns(
        ROUNDS,
        {
            f"watchword import, {ACCOUNTS:,} accounts": _timed(bench.folder, ACCOUNTS),
            "watchword import, one account": _timed(bench.folder, 1),
        },
        "time",
    )
    beyond = Figure(
        name=f"import of {ACCOUNTS:,} accounts, beyond start-up",
        value=many.median - one.median,
        unit="s",
        goal=0.5,
    )
    bench.add(beyond)


def _timed(folder: Path, count: int) -> Callable[[], float]:
    source = folder / f"export-{count}.txt"
    keys = (Key(secret=Secret.generate(), issuer=f"Issuer {n}", name=f"person{n}") for n in range(count))
    source.write_text("\n".join(format_uri(key) for key in keys) + "\n")
    source.chmod(0o600)
    vault = folder / f"vault-{count}.json"
    command = [str(BIN / "watchword"), "import", str(source), "--yes", "--vault", str(vault)]
    environment = plain_environment(folder)

    def run() -> float:
        vault.unlink(missing_ok=True)
        create_vault(VaultStore(vault), None)
        started = time.perf_counter()
        subprocess.run(command, check=True, cwd=folder, env=environment, capture_output=True)
        spent = time.perf_counter() - started
        found = len(read_vault(VaultStore(vault)).open_plain().document.accounts)
        if found != count:
            message = f"{found} accounts were imported, not {count}"
            raise RuntimeError(message)
        return spent

    return run
