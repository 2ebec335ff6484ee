"""How keys and times look in JSON."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import msgspec

from watchword_otp import Algorithm, Kind
from watchword_server.problems import PRECONDITION_FAILED, ProblemError
from watchword_server.store.records import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp import web

    from watchword_server.store.records import StoredKey

IF_MATCH = "If-Match"

_ETAG = re.compile(r'"([0-9]{1,18})-([0-9]{1,18})"')


class SuccessorView(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pending key that will replace an active one."""

    created_at: datetime
    expires_at: datetime | None


class KeyView(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key without its secret."""

    name: str
    status: Annotated[Status, msgspec.Meta(description="`pending` until its first code, then `active`.")]
    kind: Kind
    algorithm: Algorithm
    digits: int
    period: Annotated[int, msgspec.Meta(description="Seconds; without meaning for hotp.")]
    issuer: Annotated[str, msgspec.Meta(description="As apps show it; empty for the server's.")]
    account: Annotated[str, msgspec.Meta(description="As apps show it; empty for the name.")]
    window: Annotated[
        int | None,
        msgspec.Meta(description="Steps either side (hotp: counters ahead); null for the server's."),
    ]
    created_at: datetime
    confirmed_at: datetime | None
    expires_at: Annotated[
        datetime | None, msgspec.Meta(description="When a pending key ceases to wait for its code.")
    ]
    last_accepted_at: datetime | None
    offset: Annotated[
        int | None, msgspec.Meta(description="Steps the last accepted code was ahead (+) or behind (-).")
    ]
    drift: Annotated[int, msgspec.Meta(description="Steps a resync has moved the window by.")]
    successor: Annotated[
        SuccessorView | None, msgspec.Meta(description="What a rotation made, until it is confirmed.")
    ]


def view_of(keys: Sequence[StoredKey]) -> KeyView:
    """One name's key: the active one and its pending successor, or a pending one alone."""
    first, *others = keys
    return KeyView(
        name=first.name,
        status=first.status,
        kind=first.kind,
        algorithm=first.algorithm,
        digits=first.digits,
        period=first.period,
        issuer=first.issuer,
        account=first.account,
        window=first.window,
        created_at=moment(first.created_at),
        confirmed_at=moment_or_none(first.confirmed_at),
        expires_at=moment_or_none(first.expires_at),
        last_accepted_at=moment_or_none(first.state.consumed_at),
        offset=first.state.offset,
        drift=first.state.drift,
        successor=SuccessorView(
            created_at=moment(others[0].created_at), expires_at=moment_or_none(others[0].expires_at)
        )
        if others
        else None,
    )


def moment(seconds: float) -> datetime:
    """Unix seconds as JSON has them: RFC 3339, UTC, whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC)


def moment_or_none(seconds: float | None) -> datetime | None:
    """The same for what may not be there."""
    return None if seconds is None else moment(seconds)


def etag_of(stored: StoredKey) -> str:
    """The key's version for `If-Match`; what checks change does not move it."""
    return f'"{stored.id}-{stored.version}"'


def seen_version(request: web.Request) -> tuple[int, int] | None:
    """The number and version in `If-Match` (RFC 9110 section 13.1.1); None for any.

    Raises:
        ProblemError: 412: it names no version of any key.
    """
    sent = request.headers.get(IF_MATCH, "*").strip()
    if sent == "*":
        return None
    match = _ETAG.fullmatch(sent)
    if match is None:
        raise ProblemError(PRECONDITION_FAILED, "If-Match takes one ETag as it came, or *")
    return int(match[1]), int(match[2])
