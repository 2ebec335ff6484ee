"""A real sshd on loopback with throw-away keys and the configuration in deploy/, and its clients."""

from __future__ import annotations

import contextlib
import getpass
import grp
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from desk import Desk
from loopback import answers, free_port
from processes import descendants, wait_until
from programs import cannot_run, require_program
from terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

SNIPPET = Path(__file__).parents[1] / "deploy/sshd_config"
APP = "/usr/local/bin/watchword"
"""What deploy/ calls the app."""

ALONE, PEOPLE = "watchword", "watchword-people"
"""The two accounts of deploy/."""

_TRIES = 5


@dataclass(frozen=True)
class Sshd:
    """A server that listens, for the account of whoever runs the tests."""

    process: subprocess.Popen[bytes]
    folder: Path
    """Keys, configuration and log."""
    home: Path
    """The home the app finds."""
    port: int
    config: Path
    log: Path

    def client(self, *options: str, port: int | None = None, key: str = "id") -> list[str]:
        """The command of a client that knows this server; a command to run may follow."""
        return [
            *(require_program("ssh"), "-F", "none", "-p", str(port or self.port)),
            *("-i", str(self.folder / key), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"),
            *("-o", f"UserKnownHostsFile={self.folder / 'known_hosts'}", "-o", "LogLevel=ERROR"),
            *options,
            f"{getpass.getuser()}@127.0.0.1",
        ]

    def connect(
        self,
        *options: str,
        port: int | None = None,
        key: str = "id",
        size: tuple[int, int] = (80, 24),
        environ: Mapping[str, str] | None = None,
        then: Sequence[str] = (),
    ) -> Terminal:
        """A person at a terminal who connects."""
        surroundings = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        command = [*self.client("-tt", *options, port=port, key=key), *then]
        return Terminal(command, self.folder, {**surroundings, **(environ or {})}, size)

    def ask(
        self, *options: str, key: str = "id", then: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Connect without a terminal here, and wait for the end."""
        return subprocess.run(
            [*self.client(*options, key=key), *then],
            env={"PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )

    @property
    def desk(self) -> Desk:
        """The account's own vault and settings."""
        return Desk(self.folder)

    def apps(self) -> list[int]:
        """The processes of the app that sessions of this server run."""
        return [pid for pid in descendants(self.process.pid) if "--ssh" in _arguments(pid)]

    def app(self) -> int:
        """The one that runs."""
        (pid,) = self.apps()
        return pid


def _arguments(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []


def session_of(pid: int) -> int:
    """The process of sshd that a session's program hangs on."""
    while "--ssh" in " ".join(_arguments(pid)):
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return pid


def app_command(home: Path) -> str:
    """The app of this checkout, at home in a folder of the test's own."""
    return shlex.join(["/usr/bin/env", f"HOME={home}", sys.executable, "-m", "watchword_tui"])


def keys_of(folder: Path, *names: str) -> None:
    """Make keys without a passphrase."""
    for name in names:
        subprocess.run(
            [
                require_program("ssh-keygen"),
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-C",
                name,
                "-f",
                folder / name,
            ],
            check=True,
        )


def snippet_for(account: str, app: str, keys: Path) -> str:
    """deploy/sshd_config as it is, with whoever runs the tests in the place of one of its accounts."""
    text = SNIPPET.read_text()
    assert APP in text
    text = re.sub(rf"(?m)^(Match User .*)\b(?<!-){account}(?![\w-])", rf"\1{getpass.getuser()}", text)
    return text.replace(APP, app).replace("/etc/ssh/watchword-people.keys", str(keys))


@contextlib.contextmanager
def running_sshd(
    account: str = ALONE, *, app_options: str = "", change: Callable[[str], str] = str
) -> Iterator[Sshd]:
    """Start sshd as deploy/ has it; `change` may edit that text for what a test cannot wait for."""
    sshd = require_program("sshd", "/usr/sbin")
    if os.getuid() != 0 and not _has_terminals_for_all():
        cannot_run("only root's sshd can hand out terminals here: /dev/pts is not the group tty's")
    folder = Path(tempfile.mkdtemp(prefix="watchword-ssh-"))
    home = folder / "home"
    home.mkdir()
    keys_of(folder, "host", "id", "alice", "bob")
    app = app_command(home)
    keys = folder / "authorized_keys"
    if account == PEOPLE:
        people = [
            f'command="{app} --ssh --person {name}",restrict,pty {(folder / f"{name}.pub").read_text()}'
            for name in ("alice", "bob")
        ]
        keys.write_text("".join(people))
    else:
        keys.write_text((folder / "id.pub").read_text())
    text = change(snippet_for(account, app, keys))
    if app_options:
        text = text.replace("--ssh", f"--ssh {app_options}")
    (folder / "watchword.conf").write_text(text + "\n")
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        yield stack.enter_context(_listening(sshd, folder, home, keys))


@contextlib.contextmanager
def _listening(sshd: str, folder: Path, home: Path, keys: Path) -> Iterator[Sshd]:
    for _ in range(_TRIES):
        running = _started(sshd, folder, home, keys)
        try:
            if running.process.poll() is None:
                yield running
                return
            assert "in use" in running.log.read_text(), running.log.read_text()
        finally:
            sessions = descendants(running.process.pid)
            running.process.terminate()
            running.process.wait(timeout=10)
            for pid in sessions:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
    raise AssertionError(f"no free port in {_TRIES} tries")


def _started(sshd: str, folder: Path, home: Path, keys: Path) -> Sshd:
    """Start sshd, and wait until it listens or has ended: the port may be taken meanwhile."""
    config, log = folder / "sshd_config", folder / "sshd.log"
    port = free_port()
    config.write_text(
        f"Include {folder / 'watchword.conf'}\n"
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder / 'host'}\nPidFile none\n"
        f"AuthorizedKeysFile {keys}\n"
        # The folders above are other people's; the account may be root, and have no password.
        "StrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\nPrintMotd no\n"
        "MaxStartups 100\nSubsystem sftp internal-sftp\n"
    )
    host = (folder / "host.pub").read_text().split()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:* {host[0]} {host[1]}\n")
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sshd, "-D", "-e", "-f", str(config)], stdin=subprocess.DEVNULL, stderr=written
        )
    wait_until(lambda: answers(port) or process.poll() is not None, "sshd listens")
    return Sshd(process, folder, home, port, config, log)


def _has_terminals_for_all() -> bool:
    """Whether a new terminal belongs to the group that sshd would have to give it to."""
    ours, theirs = os.openpty()
    try:
        return os.fstat(theirs).st_gid == grp.getgrnam("tty").gr_gid
    finally:
        os.close(ours)
        os.close(theirs)
