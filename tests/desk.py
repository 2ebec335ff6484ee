"""The `watchword` command as a person has it: a home, a folder to work in, a shell."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import signal
import struct
import sys
import termios
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from terminal import Terminal
from watchword_tui.accounts import read_uri_lines
from watchword_tui.vault.document import Document
from watchword_tui.vault.rows import SOURCE, new_id
from watchword_tui.vault.store import VaultStore
from watchword_tui.vault.vault import create_vault, read_vault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servers import RunningServer

WATCHWORD = str(Path(sys.executable).with_name("watchword"))

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
VPN = f"otpauth://hotp/VPN:alice?secret={SECRET}&counter=1"
VPN_CODE = "287082"
"""RFC 4226 appendix D, count 1. A counted code stays the same however long a test takes."""
GITHUB = f"otpauth://totp/GitHub:alice%40example.com?secret={SECRET}&issuer=GitHub"


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line of a failure; nothing else was written."""
        assert self.out == ""
        (line,) = self.err.splitlines()
        assert line.startswith("watchword: ")
        return line.removeprefix("watchword: ")


@dataclass(frozen=True)
class Desk:
    """Folders of a test's own, and the environment of its commands."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, content: str, mode: int = 0o600) -> Path:
        path = self.folder / name
        path.write_text(content, "utf-8")
        path.chmod(mode)
        return path

    @property
    def vault(self) -> Path:
        """Where the vault is looked for."""
        return self.folder / "home/.local/share/watchword/vault.json"

    def keep(self, *uris: str, passphrase: str | None = None) -> None:
        """Make a vault with these accounts; plain without a passphrase."""
        accounts = [
            replace(one, id=new_id()) for one in read_uri_lines("\n".join(uris), SOURCE).accounts
        ]
        create_vault(VaultStore(self.vault), passphrase, Document().with_added(accounts))

    def kept(self, passphrase: str | None = None) -> Document:
        """What is in the vault."""
        return self.kept_in(self.vault, passphrase)

    def kept_in(self, path: Path | str, passphrase: str | None = None) -> Document:
        """What is in another vault."""
        closed = read_vault(VaultStore(self.folder / path))
        opened = closed.open_plain() if passphrase is None else closed.open_with_passphrase(passphrase)
        return opened.document

    def use(self, server: RunningServer, token: str | None = None) -> None:
        """Ask this server from now on, with the token that may do all unless another is given."""
        self.environ["WATCHWORD_SERVER"] = server.url
        self.environ["WATCHWORD_TOKEN"] = server.token if token is None else token

    def environment(self) -> dict[str, str]:
        """Variables that lead nowhere but here."""
        home = str(self.folder / "home")
        return {
            "HOME": home,
            "XDG_CONFIG_HOME": f"{home}/.config",
            "XDG_DATA_HOME": f"{home}/.local/share",
            "XDG_STATE_HOME": f"{home}/.local/state",
            "LANG": "C.UTF-8",
            **self.environ,
        }

    async def start(
        self,
        *arguments: str,
        stdin: int = asyncio.subprocess.PIPE,
        stdout: int = asyncio.subprocess.PIPE,
        stderr: int = asyncio.subprocess.PIPE,
        environ: Mapping[str, str] | None = None,
        program: tuple[str, ...] = (WATCHWORD,),
    ) -> asyncio.subprocess.Process:
        """Start `watchword`, or another program, here."""
        return await asyncio.create_subprocess_exec(
            *program,
            *arguments,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], **self.environment(), **(environ or {})},
        )

    async def run(
        self, *arguments: str, stdin: bytes = b"", environ: Mapping[str, str] | None = None
    ) -> Ended:
        """Run `watchword` to its end; whatever happens, it shows no traceback."""
        process = await self.start(*arguments, environ=environ)
        out, err = await process.communicate(stdin)
        assert process.returncode is not None
        assert b"Traceback" not in err, err.decode()
        return Ended(process.returncode, out.decode(), err.decode())

    async def run_on_terminal(
        self,
        *arguments: str,
        size: tuple[int, int] = (80, 24),
        environ: Mapping[str, str] | None = None,
        program: tuple[str, ...] = (WATCHWORD,),
    ) -> Ended:
        """Run `watchword` on a terminal of so many columns and rows; all it shows is `out`.

        Nobody types there; who does is in `person`.
        """
        columns, rows = size
        ours, theirs = pty.openpty()
        try:
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            process = await self.start(
                *arguments, stdin=theirs, stdout=theirs, stderr=theirs, environ=environ, program=program
            )
        finally:
            os.close(theirs)
        shown = await asyncio.to_thread(_read_to_end, ours)
        status = await process.wait()
        return Ended(status, shown.decode().replace("\r\n", "\n"), "")

    def person(self, *arguments: str) -> Terminal:
        """Run `watchword` on a terminal at which somebody sits and types."""
        environment = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", **self.environment()}
        return Terminal([WATCHWORD, *arguments], self.folder, environment)


def _read_to_end(descriptor: int) -> bytes:
    parts = []
    # The end of a terminal is an error on Linux, and nothing more to read elsewhere.
    with os.fdopen(descriptor, "rb", buffering=0) as terminal, contextlib.suppress(OSError):
        while part := terminal.read(65536):
            parts.append(part)
    return b"".join(parts)


class Here(Protocol):
    """Runs `watchword` within this process: the same, but for the time a new interpreter takes."""

    def __call__(self, *arguments: str, stdin: bytes = b"") -> Ended: ...


def interrupt(process: asyncio.subprocess.Process) -> None:
    """Press Ctrl+C."""
    process.send_signal(signal.SIGINT)
