"""A folder and the programs in it, none of which outlives the tests, even if those are killed.

with throwaway("pg") as place:
    process = place.start("database", ["postgres", "-D", place.path / "data"])

Databases refuse to run as root. Where the tests are root's, the programs run as `nobody`, to whom the
folder belongs; otherwise as whoever runs the tests.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from programs import cannot_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_CARETAKER = Path(__file__).with_name("caretaker.py")
_MEMORY = Path("/dev/shm")
_ROOM = 1 << 30
"""Bytes. A database with its log and some copies takes a tenth of that."""
_LONGEST_FOLDER = 63
"""Bytes. A socket's path may have 103 on every system; its name and our folder's take up to 40."""

_PATIENCE = 20
"""Seconds for a program to end."""

Argument = str | Path


@dataclass(frozen=True)
class Account:
    """Whom programs run as: whoever runs the tests, unless it says somebody else."""

    uid: int | None = None
    gid: int | None = None

    @property
    def is_other(self) -> bool:
        return self.uid is not None

    @property
    def groups(self) -> list[int] | None:
        """What other groups it is in: somebody else is in none."""
        return [] if self.is_other else None

    def may_enter(self, folder: Path) -> bool:
        """Whether it may go to a folder; of whoever runs the tests that is taken for granted."""
        return not self.is_other or all(
            one.stat().st_mode & stat.S_IXOTH for one in (folder, *folder.parents)
        )

    def take(self, path: Path) -> None:
        """Have a file or folder belong to it."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


@dataclass
class Place:
    """A folder for programs, their files and their sockets: its path is short enough for those."""

    path: Path
    account: Account
    _caretaker: subprocess.Popen[str] = field(repr=False)
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list, repr=False)

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file that the programs here may read, and nobody else."""
        path = self.path / name
        path.touch(mode=0o600)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        self.account.take(path)
        return path

    def log(self, name: str) -> Path:
        """What a program here has written to its standard outputs."""
        return self.path / f"{name}.log"

    def start(
        self, name: str, command: Sequence[Argument], environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a program, `name` for its log."""
        with self.log(name).open("ab") as written:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
                # A ctrl+c is for the tests, which then end their programs.
                start_new_session=True,
                cwd=self.path,
                env=self._environment(environment),
                user=self.account.uid,
                group=self.account.gid,
                extra_groups=self.account.groups,
            )
        self._running.append(process)
        self._tell(f"+{process.pid}")
        return process

    def stop(self, process: subprocess.Popen[bytes], number: signal.Signals) -> None:
        """Send a program a signal that ends it, and wait for that; one that has ended is fine too."""
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            self._running.remove(process)
            self._tell(f"-{process.pid}")

    def run(self, command: Sequence[Argument], environment: Mapping[str, str] | None = None) -> str:
        """Run a program that ends by itself; give what it wrote."""
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
            cwd=self.path,
            env=self._environment(environment),
            user=self.account.uid,
            group=self.account.gid,
            extra_groups=self.account.groups,
        )
        assert ended.returncode == 0, ended.stdout
        return ended.stdout

    def within_reach(self, program: Path) -> Path:
        """A program that its user may start: itself, or a copy with the folders around it.

        A checkout in root's home is closed to everybody else, with all that is installed in it.
        """
        if self.account.may_enter(program.parent):
            return program
        around = program.parents[1]
        copy = self.path / "copied" / around.name
        if not copy.exists():
            shutil.copytree(around, copy, symlinks=True)
            self.account.take(copy.parent)
        return copy / program.relative_to(around)

    def end(self) -> None:
        """End what still runs, and remove the folder."""
        for process in self._running.copy():
            self.stop(process, signal.SIGQUIT)
        assert self._caretaker.stdin is not None
        self._caretaker.stdin.close()
        self._caretaker.wait(timeout=_PATIENCE)

    def _tell(self, line: str) -> None:
        assert self._caretaker.stdin is not None
        self._caretaker.stdin.write(f"{line}\n")
        self._caretaker.stdin.flush()

    def _environment(self, extra: Mapping[str, str] | None) -> dict[str, str]:
        # Nothing of the desk's: a PGPORT or a TZ there would change what is tested.
        return {
            "HOME": str(self.path),
            "LC_ALL": "C",
            "PATH": os.environ["PATH"],
            "TZ": "UTC",
            **(extra or {}),
        }


@contextlib.contextmanager
def throwaway(name: str, *, in_memory: bool = True) -> Iterator[Place]:
    """Make an empty place, `name` in its path; it is gone at the end, with all that runs there.

    `in_memory` spares many small files the delays of a busy disk; where there is no room, it is a disk.
    """
    account = _account()
    folder = _temporary_folder(account, in_memory=in_memory)
    path = Path(tempfile.mkdtemp(prefix=f"watchword-{name}-", dir=folder))
    caretaker = subprocess.Popen(
        [sys.executable, "-E", "-s", "-S", _CARETAKER, path],
        stdin=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    place = Place(path, account, caretaker)
    try:
        account.take(path)
        yield place
    finally:
        place.end()


def _account() -> Account:
    if os.geteuid() != 0:
        return Account()
    try:
        found = pwd.getpwnam("nobody")
    except KeyError:
        cannot_run("root may not run a database, and there is no account named nobody")
    return Account(found.pw_uid, found.pw_gid)


def _temporary_folder(account: Account, *, in_memory: bool) -> Path:
    """Where sockets' paths are short, and where `account` may go."""
    folders = [Path(tempfile.gettempdir()).resolve(), Path("/tmp"), Path("/var/tmp")]
    if in_memory and _has_room(_MEMORY):
        folders.insert(0, _MEMORY)
    for folder in folders:
        if len(os.fsencode(folder)) <= _LONGEST_FOLDER and account.may_enter(folder):
            return folder
    return cannot_run(f"of {folders} none is open to all and has a short path")


def _has_room(folder: Path) -> bool:
    """Whether there is such a folder, large enough for several workers, and for copies of programs."""
    if not os.access(folder, os.W_OK):
        return False
    told = os.statvfs(folder)
    return told.f_bavail * told.f_frsize >= _ROOM and not told.f_flag & os.ST_NOEXEC
