"""Making, replacing and revoking tokens. A token is shown once; afterwards only its hash is known."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from watchword_server.audit import Event
from watchword_server.errors import Reason, RefusedError
from watchword_server.ledger import Act
from watchword_server.store.protocol import TokenNameTakenError
from watchword_server.store.records import AddToken, Changes, PutToken, Wanted
from watchword_server.tokens import Scope, Token, digest_of, new_token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword_server.audit import Caller
    from watchword_server.ledger import Ledger
    from watchword_server.store.records import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """What a token is to be."""

    name: str
    """Canonical, as `names.is_canonical` says."""
    scopes: frozenset[Scope]
    keys: frozenset[str] | None = None
    """The keys it may touch; None for all."""
    rate_limit: int | None = None
    """Requests a minute; None for no limit."""
    lifetime: float | None = None
    """Seconds until it expires; None for never."""


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A token and its text."""

    token: Token
    text: str = field(repr=False)
    """To be shown this once."""


async def create_token(
    ledger: Ledger, new: NewToken, caller: Caller, *, granted_by: Token | None = None
) -> MadeToken:
    """Make a token.

    Args:
        ledger: Where tokens are.
        new: What it is to be.
        caller: Who asks.
        granted_by: The token by which it is asked for; None at the command line.

    Raises:
        RefusedError: `TOKEN_EXISTS`; `BEYOND_YOURS` if it could touch keys its giver cannot.
        StoreError: See `Ledger.transact`.
    """
    if granted_by is not None and granted_by.keys is not None:
        if new.keys is None or not new.keys <= granted_by.keys:
            message = "a token that is limited to some keys makes only tokens for these"
            raise RefusedError(Reason.BEYOND_YOURS, message)
    text = new_token()

    def work(_: Snapshot, now: float) -> tuple[Act, MadeToken]:
        token = Token(
            name=new.name,
            digest=digest_of(text),
            scopes=new.scopes,
            keys=new.keys,
            rate_limit=new.rate_limit,
            created_at=now,
            expires_at=None if new.lifetime is None else now + new.lifetime,
        )
        event = _event("token.create", token, caller, now, " ".join(sorted(token.scopes)))
        return Act(Changes(others=[AddToken(token)]), [event]), MadeToken(token, text)

    try:
        return await ledger.transact(Wanted(), work)
    except TokenNameTakenError:
        message = f"there is a token {new.name} already"
        raise RefusedError(Reason.TOKEN_EXISTS, message) from None


async def rotate_token(ledger: Ledger, name: str, caller: Caller, *, grace: float) -> MadeToken:
    """Replace a token by a new one of the same name and rights; the old one counts on for `grace` s.

    Raises:
        RefusedError: `NO_SUCH_TOKEN`.
        StoreError: See `Ledger.transact`.
    """
    text = new_token()

    def work(snapshot: Snapshot, now: float) -> tuple[Act, MadeToken]:
        old = find_token(snapshot.tokens, name, now)
        ends_at = now + grace if old.expires_at is None else min(now + grace, old.expires_at)
        new = replace(old, digest=digest_of(text), created_at=now, last_used_at=None)
        put = PutToken(replace(old, replaced_at=now, expires_at=ends_at))
        event = _event("token.rotate", new, caller, now, f"the old one counts for {grace:.0f} s")
        return Act(Changes(others=[put, AddToken(new)]), [event]), MadeToken(new, text)

    return await ledger.transact(Wanted(tokens=True), work)


async def revoke_token(ledger: Ledger, name: str, caller: Caller) -> None:
    """Make a token, and any it replaced, count no more.

    Raises:
        RefusedError: `NO_SUCH_TOKEN`.
        StoreError: See `Ledger.transact`.
    """

    def work(snapshot: Snapshot, now: float) -> tuple[Act, None]:
        found = [each for each in snapshot.tokens if each.name == name and each.counts(now)]
        if not found:
            raise _no_such_token(name)
        puts = [PutToken(replace(each, revoked_at=now)) for each in found]
        return Act(Changes(others=puts), [_event("token.revoke", found[-1], caller, now)]), None

    await ledger.transact(Wanted(tokens=True), work)


def find_token(tokens: Sequence[Token], name: str, now: float) -> Token:
    """The token of this name that counts and was not replaced.

    Raises:
        RefusedError: `NO_SUCH_TOKEN`.
    """
    for token in tokens:
        if token.name == name and token.replaced_at is None and token.counts(now):
            return token
    raise _no_such_token(name)


def _no_such_token(name: str) -> RefusedError:
    return RefusedError(Reason.NO_SUCH_TOKEN, f"there is no active token {name}")


def _event(what: str, token: Token, caller: Caller, now: float, detail: str = "") -> Event:
    return Event(
        at=now,
        event=what,
        actor=caller.actor,
        address=caller.address,
        request_id=caller.request_id,
        detail=f"{token.name}: {detail}" if detail else token.name,
    )
