"""What `--ssh` makes of the settings: a folder that is not left, and a vault for each person."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from watchword_otp.value import Value
from watchword_tui.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from watchword_tui.settings import Settings

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
_PEOPLE = "people"


class FarEnd(Value, frozen=True):
    """The app at somebody else's terminal."""

    folder: Path
    """The only folder whose files can be named in the app; absolute, without links."""
    usage: Path | None = None
    """Where the counts of use are kept, if not where they always are."""


def at_far_end(settings: Settings, person: str | None = None) -> Settings:
    """Keep what the app reads and writes within its data folder; make the folder, and go there.

    Args:
        settings: The settings of the account.
        person: Whose part of the account it is; None is the account's own vault. A person has vault,
            counts and files in a folder of the name, and no passphrase but the one that is typed.

    Raises:
        SettingsError: `person` is no name, or the folder cannot be used.
    """
    from watchword_tui.settings import default_vault  # noqa: PLC0415 - it names FarEnd

    folder = default_vault().parent
    if person is not None:
        if not _NAME.fullmatch(person):
            raise SettingsError(
                f"{person!r} is no name of a person",
                "a small letter or digit, then at most 31 of these, dots, dashes and underscores",
            )
        folder = folder / _PEOPLE / person
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = folder.resolve(strict=True)
        # What is typed without a folder is in this one.
        os.chdir(folder)
    except OSError as error:
        raise SettingsError(f"cannot use the folder {folder}: {error.strerror}") from None
    if person is None:
        return replace(settings, far=FarEnd(folder))
    return replace(
        settings,
        far=FarEnd(folder, usage=folder / "usage.json"),
        vault=folder / "vault.json",
        passphrase_file=None,
    )
