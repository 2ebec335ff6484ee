"""Reading other apps' files for a command: passphrases asked for, costly work only after a yes."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watchword_tui.commands.asking import TRIES, ask_hidden, confirm, somebody_there
from watchword_tui.commands.common import say
from watchword_tui.errors import WatchwordError, WrongPassphraseError
from watchword_tui.exchange.cost import words
from watchword_tui.exchange.reading import read_entries, read_source, source_of
from watchword_tui.exchange.source import MAX_FILE_BYTES
from watchword_tui.private_file import read_passphrase

if TYPE_CHECKING:
    from pathlib import Path

    from watchword_tui.exchange.model import Cost
    from watchword_tui.exchange.reading import Recognised
    from watchword_tui.exchange.source import Source

STDIN = "-"
"""What stands for standard input."""


@dataclass(slots=True)
class FileAsk:
    """Asks the person about one file; what was answered once is not asked again.

    Attributes:
        name: The file's name, cleaned.
        passphrase_file: Where its passphrase is, instead of a question.
        allow_costly: Whether costly work is wanted, instead of a question.
    """

    name: str
    passphrase_file: Path | None = None
    allow_costly: bool = False
    _allowed: set[Cost] = field(default_factory=set)

    def passphrase(self) -> str:
        """The passphrase of the file.

        Raises:
            WatchwordError: Nobody can be asked, or its file cannot be read.
        """
        if self.passphrase_file is not None:
            return read_passphrase(self.passphrase_file)
        ways = "run it on a terminal, or name a file that holds it with --import-passphrase-file"
        return ask_hidden(f"Passphrase of {self.name}", ways)

    def allow(self, cost: Cost) -> bool:
        """Whether to go on with costly work.

        Raises:
            WatchwordError: Nobody can be asked.
            CancelledError: The answer was no.
        """
        if cost not in self._allowed:
            if not self.allow_costly:
                if not somebody_there():
                    raise WatchwordError(
                        f"opening {self.name} takes {words(cost)}",
                        "add --allow-costly if you trust the file",
                    )
                confirm(f"Opening {self.name} takes {words(cost)}. Go on?", yes=False, default=True)
            self._allowed.add(cost)
        say(f"opening {self.name}: {words(cost)} ...")
        return True


def read_file(
    path: Path, format_name: str, *, passphrase_file: Path | None, allow_costly: bool
) -> Recognised:
    """Read one file, or standard input for "-"; a passphrase may be typed wrong twice.

    Raises:
        ForeignFileError: It cannot be read.
        WrongPassphraseError: The passphrase was wrong each time.
        CancelledError: The person does not want to go on.
    """
    source = _source(path)
    ask = FileAsk(source.name, passphrase_file, allow_costly)
    which, left = "the passphrase", TRIES
    if passphrase_file is not None:
        which, left = f"the passphrase in {passphrase_file}", 1
    while True:
        try:
            return read_entries(source, ask, format_name)
        except WrongPassphraseError as error:
            left -= 1
            wrong = WrongPassphraseError(f"{which} does not open {source.name}", error.remedy)
            if not left:
                raise wrong from None
            say(f"{wrong}; try again")


def _source(path: Path) -> Source:
    if str(path) != STDIN:
        return read_source(path)
    if sys.stdin is None or sys.stdin.isatty():
        raise WatchwordError("there is nothing on standard input", "pipe the file in, or name it")
    return source_of("standard input", sys.stdin.buffer.read(MAX_FILE_BYTES + 1))
