"""What is refused, to the person at the command line or to whoever sent a request."""

from __future__ import annotations

from enum import StrEnum


def why(error: OSError) -> str:
    """What the system says about a failure, to stand in a sentence."""
    return (error.strerror or "no access").lower()


class UserError(Exception):
    """Something the person who started the server can mend; the message says what and how."""


class GaveUpError(Exception):
    """The server cannot go on, and nobody need change anything: another start may go well."""


class Reason(StrEnum):
    """Why something cannot be done to a key or a token as it is."""

    NO_SUCH_KEY = "no-such-key"
    """No key of this name, or none in the state that is needed."""
    KEY_EXISTS = "key-exists"
    """A key of this name is there already."""
    NOT_PENDING = "not-pending"
    """The key is confirmed already, or its time to be confirmed is over, or the ticket is used."""
    CHANGED = "changed"
    """The key is not the one that was seen: someone changed it in between."""
    NO_SUCH_TOKEN = "no-such-token"  # noqa: S105 - a reason, not a token
    """No token of this name that counts."""
    TOKEN_EXISTS = "token-exists"  # noqa: S105 - as above
    """A token of this name counts already."""
    CONTRADICTORY_TOKEN = "contradictory-token"  # noqa: S105 - as above
    """What the token may do and what it is limited to do not go together."""


class RefusedError(Exception):
    """It cannot be done to things as they are, and nothing was changed."""

    def __init__(self, reason: Reason, message: str) -> None:
        """Say in a sentence what is in the way."""
        super().__init__(message)
        self.reason = reason
