"""What is in a folder, for somebody who looks for a file by typing its path."""

from __future__ import annotations

import itertools
import os
import re
import stat
from pathlib import Path

from watchword_otp.value import Value
from watchword_tui.errors import ForeignFileError

MOST = 5_000
"""Entries of one folder that are looked at."""


class Found(Value, frozen=True):
    """A file or folder."""

    name: str
    """As the system gives it: not cleaned, perhaps with surrogates."""
    path: Path
    is_folder: bool
    size: int
    """Bytes."""
    modified: float
    """Unix seconds."""


def split(text: str) -> tuple[Path, str]:
    """The folder that a typed path names, and the beginning of a name in it.

    `~` is the home directory; nothing typed is the folder the app was started in. A path that begins
    anew behind a folder, with `/` or `~/`, is meant instead of it. Quotes around it are dropped:
    terminals put them there when a file is dragged in.
    """
    plain = text.strip()
    # The field begins with a folder, and people type, paste or drag a whole path behind it.
    plain = re.sub(r"^.*/(?=(?:['\"]?)(?:/|~/))", "", plain)
    if len(plain) > 1 and plain[0] == plain[-1] and plain[0] in "'\"":
        plain = plain[1:-1]
    head, _, tail = plain.rpartition("/")
    folder = Path(head or "/") if "/" in plain else Path.cwd()
    try:
        return folder.expanduser(), tail
    except RuntimeError:
        return folder, tail


def look_into(folder: Path, beginning: str = "") -> tuple[Found, ...]:
    """Folders, then files, whose names begin like that, by name; case is ignored.

    Hidden ones are left out unless the beginning asks for them. What is neither file nor folder is
    left out.

    Raises:
        ForeignFileError: The folder cannot be read.
    """
    wanted = beginning.casefold()
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in itertools.islice(entries, MOST):
                name = entry.name
                if not name.casefold().startswith(wanted) or (name[0] == "." and wanted[:1] != "."):
                    continue
                if (one := _found(entry)) is not None:
                    found.append(one)
    except OSError as error:
        raise ForeignFileError(f"cannot look into {folder}: {error.strerror}", "type another") from None
    return tuple(sorted(found, key=lambda one: (not one.is_folder, one.name.casefold(), one.name)))


def completed(found: tuple[Found, ...], beginning: str) -> str:
    """The beginning made as long as all that was found agrees; a folder alone gets its slash."""
    if not found:
        return beginning
    if len(found) == 1:
        return found[0].name + ("/" if found[0].is_folder else "")
    common = os.path.commonprefix([one.name for one in found])  # noqa: RUF071 - of names, letter by letter
    # Case is ignored when looking, so the names may not even agree in what was typed.
    return common if len(common) > len(beginning) else beginning


def shown(path: Path) -> str:
    """A path for people to go on typing: the home directory is `~`."""
    try:
        inside = path.relative_to(Path.home())
    except (ValueError, RuntimeError):
        return str(path)
    return f"~/{inside}" if inside.parts else "~"


def _found(entry: os.DirEntry[str]) -> Found | None:
    try:
        status = entry.stat()
    except OSError:
        # A link to nowhere, or gone meanwhile.
        return None
    is_folder = stat.S_ISDIR(status.st_mode)
    if not is_folder and not stat.S_ISREG(status.st_mode):
        return None
    return Found(entry.name, Path(entry.path), is_folder, status.st_size, status.st_mtime)
