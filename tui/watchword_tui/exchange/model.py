"""What is read from other apps' files and written to them; the same for every format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from watchword_otp.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watchword_otp import Key, Secret
    from watchword_tui.accounts import Account
    from watchword_tui.exchange.source import Source


class ForeignKey(Value, frozen=True, kw_only=True):
    """A key of a kind whose codes are not made here; the vault keeps it for the apps that do."""

    HIDDEN = frozenset({"pin"})

    kind: str
    """"motp" or "yandex", as an Aegis vault calls it."""
    secret: Secret
    algorithm: str
    digits: int
    period: int
    """Seconds."""
    pin: str = ""


class Entry(Value, frozen=True, kw_only=True):
    """One row of another app's file. It has a key, or a foreign key, or else a reason why not."""

    where: str
    """How to find the row in its file, such as "entry 3" or "line 7"; never a secret."""
    issuer: str = ""
    """Who handed the key out, cleaned; also of a row that cannot be used."""
    name: str = ""
    """The account at the issuer, cleaned; also of a row that cannot be used."""
    key: Key | None = None
    """The key, with the same issuer and name."""
    foreign: ForeignKey | None = None
    """What the row holds instead of a key whose codes can be made here."""
    reason: str = ""
    """Why there is no key, one sentence without a full stop; never a secret."""
    notices: tuple[str, ...] = ()
    """What was unusual and how it was read, one sentence each."""
    note: str = ""
    groups: tuple[str, ...] = ()
    favourite: bool = False
    uses: int = 0
    """How often its code was copied there."""


class Batch(Value, frozen=True):
    """One part of an export that was spread over several QR codes."""

    id: int
    index: int
    """Of this part, from 0."""
    size: int
    """Number of parts."""


class Reading(Value, frozen=True, kw_only=True):
    """What one file gave."""

    entries: tuple[Entry, ...]
    """In the file's order."""
    problems: tuple[str, ...] = ()
    """What concerns the file and not one row, one sentence each."""
    batches: tuple[Batch, ...] = ()
    """Which parts of larger exports the file held."""


class Cost(Value, frozen=True):
    """What deriving a key from a passphrase takes, from the parameters in the file."""

    what: str
    """Such as "Argon2id, 4 passes over 1 GiB"."""
    memory: int
    """Bytes."""
    seconds: float
    """A rough estimate for a common machine."""


class Ask(Protocol):
    """What reading a file may ask of the person. Both may block; both may raise `CancelledError`."""

    def passphrase(self) -> str:
        """The passphrase of the file that is being read; asked once for each attempt."""
        ...

    def allow(self, cost: Cost) -> bool:
        """Whether to go on with work that is costly; only asked beyond what everybody accepts."""
        ...


class Format(Value, frozen=True):
    """A kind of file that can be read."""

    name: str
    """For `--format`: lower case, such as "2fas"."""
    title: str
    """The app's own name, such as "2FAS"."""
    recognise: Callable[[Source], bool]
    """Whether the content is this format; cheap, and raises only what `read` may."""
    read: Callable[[Source, Ask], Reading]
    """Read the file.

    Raises:
        ForeignFileError: It cannot be read; the message says why and the remedy what to do.
        WrongPassphraseError: The passphrase is not the one the file was encrypted with.
    """
    guessed: bool = False
    """Whether nothing in such a file tells what it is, so that it may be any other."""


class Writer(Value, frozen=True):
    """A kind of file that can be written."""

    name: str
    """For `--format`: lower case, such as "2fas"."""
    title: str
    """What people call it, such as "2FAS"."""
    suffix: str
    """The usual end of a file's name, such as ".json"."""
    encrypts: bool
    """Whether it is written under a passphrase, or plain."""
    write: Callable[[Sequence[Account], str], Written]
    """Write the accounts; the passphrase is "" where the format has none.

    No exception leaves it for an account the format cannot hold: it is left out and named.
    """


class Written(Value, frozen=True):
    """A file's content, and what it could not take."""

    HIDDEN = frozenset({"content"})

    content: bytes
    left_out: tuple[str, ...] = ()
    """Accounts that the format cannot hold, with the reason, one sentence each."""
