"""Which files a person may name in the app: any, or at the far end of SSH those of one folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_otp.value import Value
from watchword_tui.errors import ForeignFileError
from watchword_tui.folders import completed, look_into, shown

if TYPE_CHECKING:
    from pathlib import Path

    from watchword_tui.folders import Found


class Reach(Value, frozen=True):
    """All folders, or one with what is in it."""

    root: Path | None = None
    """The folder, absolute and without links; None for all."""

    def checked(self, path: Path) -> Path:
        """Give the path to use for `path`: within reach with all its links followed.

        Raises:
            ForeignFileError: It leads elsewhere.
        """
        if self.root is None:
            return path
        try:
            real = path.resolve()
        except (OSError, RuntimeError):
            # A link to itself; Python before 3.13 raises a RuntimeError.
            real = None
        if real is None or not real.is_relative_to(self.root):
            raise ForeignFileError(
                f"only files in {shown(self.root)} can be used here", "name one there"
            )
        return real

    def look_into(self, folder: Path, beginning: str = "") -> tuple[Found, ...]:
        """What of a folder is within reach, as `folders.look_into` gives it.

        Raises:
            ForeignFileError: The folder is out of reach, or cannot be read.
        """
        found = look_into(self.checked(folder), beginning)
        return found if self.root is None else tuple(one for one in found if self._holds(one.path))

    def completed(self, folder: Path, beginning: str) -> str:
        """The beginning of a name made as long as all that is within reach agrees.

        Raises:
            ForeignFileError: The folder is out of reach, or cannot be read.
        """
        return completed(self.look_into(folder, beginning), beginning)

    def above(self, folder: Path) -> Path | None:
        """The folder above, or None where that is out of reach."""
        parent = folder.resolve().parent
        return parent if self._holds(parent) else None

    def _holds(self, path: Path) -> bool:
        try:
            self.checked(path)
        except ForeignFileError:
            return False
        return True
