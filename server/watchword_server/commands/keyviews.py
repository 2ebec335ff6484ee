"""What is shown of a key: never its secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_server.commands.shown import instant, moment
from watchword_server.verifier import NEVER

if TYPE_CHECKING:
    from watchword_server.store.records import StoredKey

COLUMNS = (
    "NAME",
    "STATUS",
    "KIND",
    "ISSUER",
    "ACCOUNT",
    "LAST USED",
    "OFFSET",
    "FAILURES",
    "LOCKED UNTIL",
)


def key_row(stored: StoredKey) -> tuple[str, ...]:
    """A key as a row under `COLUMNS`."""
    state = stored.state
    locked = "disabled" if state.is_disabled else moment(state.locked_until or None)
    return (
        stored.name,
        stored.status,
        stored.kind,
        stored.issuer or "-",
        stored.account or "-",
        moment(state.consumed_at, "never"),
        "-" if state.offset is None else f"{state.offset:+d}",
        str(state.failures),
        locked,
    )


def key_members(stored: StoredKey) -> dict[str, object]:
    """A key as members of a JSON object; times as in RFC 3339."""
    state = stored.state
    return {
        "name": stored.name,
        "status": stored.status,
        "kind": stored.kind,
        "algorithm": stored.algorithm,
        "digits": stored.digits,
        "period": stored.period,
        "issuer": stored.issuer,
        "account": stored.account,
        "window": stored.window,
        "version": stored.version,
        "created_at": instant(stored.created_at),
        "confirmed_at": instant(stored.confirmed_at),
        "expires_at": instant(stored.expires_at),
        "last_step": None if state.last_step == NEVER else state.last_step,
        "last_used_at": instant(state.consumed_at),
        "offset": state.offset,
        "drift": state.drift,
        "failures": state.failures,
        "disabled": state.is_disabled,
        "locked_until": instant(state.locked_until or None),
    }
