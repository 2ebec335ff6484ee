"""A place to run the commands in as a stranger would, and to see afterwards what they left there."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_FOLDERS = {
    "HOME": "home",
    "XDG_CACHE_HOME": "home/.cache",
    "XDG_CONFIG_HOME": "home/.config",
    "XDG_DATA_HOME": "home/.local/share",
    "XDG_RUNTIME_DIR": "home/.run",
    "XDG_STATE_HOME": "home/.local/state",
    "TMPDIR": "temporary",
}


@dataclass(frozen=True)
class Sandbox:
    """Empty folders, and an environment in which everything points there."""

    folder: Path
    environment: Mapping[str, str]

    @property
    def work(self) -> Path:
        """The working directory."""
        return self.folder / "work"

    def leftovers(self) -> list[str]:
        """What is there that was not: files, folders, running processes."""
        return sorted([*self._files(), *self._processes()])

    def _files(self) -> Iterator[str]:
        expected = {self.folder / name for name in (*_FOLDERS.values(), "home/.local", "work")}
        for path in self.folder.rglob("*"):
            if path not in expected:
                yield str(path.relative_to(self.folder))

    def _processes(self) -> Iterator[str]:
        # Their environment points here too, whatever else they have cleared from it.
        mark = os.fsencode(self.folder)
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes():
                    yield f"process {(process / 'cmdline').read_bytes()!r}"
            except OSError:
                continue  # it ended, or is somebody else's


def make_sandbox(folder: Path) -> Sandbox:
    """Make an empty place in `folder`."""
    for name in (*_FOLDERS.values(), "work"):
        (folder / name).mkdir(mode=0o700, parents=True)
    environment = {variable: str(folder / name) for variable, name in _FOLDERS.items()}
    environment |= {
        "LANG": "C.UTF-8",
        "PATH": os.environ["PATH"],
        "TERM": "xterm-256color",
    }
    return Sandbox(folder, environment)
