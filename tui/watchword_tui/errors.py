"""What can go wrong, in words for people: what happened, and what to do next."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit statuses of the command line."""

    OK = 0
    """Done; for `check`: the code is valid."""
    NOT_VALID = 1
    """`check`: the server refused the code; `doctor`: something is wrong; the app: it broke."""
    USAGE = 2
    """Wrong arguments, settings, files or terminal: nothing was tried."""
    SERVER = 3
    """The server could not be asked, or would not judge."""


class WatchwordError(Exception):
    """An expected failure; shown without a traceback.

    Attributes:
        message: What happened, one sentence without a full stop.
        remedy: What to do next, or "".
        exit_status: What the command line exits with.
    """

    exit_status = Exit.USAGE

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}" if self.remedy else self.message


class SettingsError(WatchwordError):
    """A setting, a settings file or a token file that cannot be used."""


class AccountsError(WatchwordError):
    """A file of accounts that cannot be read, or an account that cannot be found in it."""


class VaultError(WatchwordError):
    """A vault that cannot be read, written or created."""


class DamagedVaultError(VaultError):
    """A vault whose file is not as it was written, or no vault at all."""


class ForeignFileError(WatchwordError):
    """A file of another app that cannot be read or written."""


class WrongPassphraseError(WatchwordError):
    """The passphrase opens nothing."""


class CancelledError(WatchwordError):
    """The person said no; nothing was changed."""


class TerminalError(WatchwordError):
    """A terminal that cannot show what was asked for."""


class ServerError(WatchwordError):
    """The server gave no verdict."""

    exit_status = Exit.SERVER


class UnreachableError(ServerError):
    """No answer: refused, timed out, wrong name, or TLS failed.

    Attributes:
        may_have_arrived: Whether the server may have done what was asked, and only not said so.
    """

    def __init__(self, message: str, remedy: str = "", *, may_have_arrived: bool = False) -> None:
        super().__init__(message, remedy)
        self.may_have_arrived = may_have_arrived


class NotWatchwordError(ServerError):
    """Something answered that is no Watchword server."""


class UnauthorisedError(ServerError):
    """The token is missing, wrong, or may not do this."""


class RefusedError(ServerError):
    """The server understood and would not: no such key, malformed code, or its own fault."""


class LockedError(RefusedError):
    """The key takes no codes at the moment.

    Attributes:
        retry_after: Seconds until it takes codes again, or None: only the operator can unlock it.
    """

    def __init__(self, message: str, remedy: str, retry_after: int | None) -> None:
        super().__init__(message, remedy)
        self.retry_after = retry_after


class MalformedCodeError(RefusedError):
    """What was typed cannot be a code of this key; nothing was counted."""

    exit_status = Exit.USAGE


class NameTakenError(RefusedError):
    """The server has a key of this name already, pending or in use."""


class NoSuchKeyError(RefusedError):
    """The server has no key of this name."""


class NotPendingError(RefusedError):
    """The key waits for no first code: it is confirmed, or its time is over."""


class ChangedKeyError(RefusedError):
    """The key is not as it was when it was made: it was confirmed, or is another one."""


class WrongFirstCodeError(RefusedError):
    """The first code is not the key's; the message says what is probably wrong."""
