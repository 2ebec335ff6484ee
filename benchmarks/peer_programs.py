"""What we are measured against: programs of this machine, and packages in environments of their own."""

from __future__ import annotations

import re
import shutil
import subprocess
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import CACHE, UnavailableError, require_program, say

if TYPE_CHECKING:
    from collections.abc import Sequence

_VERSIONS = """
import sys
from importlib.metadata import version
print(", ".join(f"{name} {version(name)}" for name in sys.argv[1:]))
"""


@dataclass(frozen=True)
class Peer:
    """A program, or several of one environment, that is there to be run."""

    path: Path
    """The program; of an environment the folder of its commands."""
    version: str
    """With the name."""


def installed_program(name: str) -> Peer:
    """Find a program of this machine, and ask it for its version.

    Raises:
        UnavailableError: It is not installed.
    """
    path = Path(require_program(name))
    asked = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"\d+(\.\d+)+", asked.stdout + asked.stderr)
    return Peer(path, f"{name} {found[0] if found else 'of no known version'}")


def installed_packages(environment: str, packages: Sequence[str]) -> Peer:
    """Find or make an environment with packages of PyPI, under `build/bench/peers`.

    Args:
        environment: What its folder is called.
        packages: As pip takes them.

    Raises:
        UnavailableError: They cannot be installed.
    """
    folder = CACHE / "peers" / environment
    commands = folder / "bin"
    python = str(commands / "python")
    wanted = "\n".join(packages)
    stamp = folder / "installed"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        _install(folder, packages)
        stamp.write_text(wanted, encoding="utf-8")
    names = [re.split(r"[<=>~!\[]", package)[0] for package in packages]
    asked = subprocess.run([python, "-c", _VERSIONS, *names], capture_output=True, text=True, check=True)
    return Peer(commands, asked.stdout.strip())


def _install(folder: Path, packages: Sequence[str]) -> None:
    say(f"installing {', '.join(packages)}")
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *packages]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        say(done.stderr.strip())
        raise UnavailableError(f"{', '.join(packages)} cannot be installed: {_reason(done.stderr)}")


def _reason(said: str) -> str:
    """The last line that pip said, without addresses and paths: it may get into a document."""
    last = (said.strip().splitlines() or ["no reason given"])[-1]
    return re.sub(r"\S*/\S*", "...", last)
