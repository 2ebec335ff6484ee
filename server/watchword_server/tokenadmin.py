"""Making, replacing and revoking tokens. A token is shown once; afterwards only its hash is known."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from watchword_server.audit import Event
from watchword_server.errors import Reason, RefusedError
from watchword_server.ledger import Act
from watchword_server.store.protocol import TokenNameTakenError
from watchword_server.store.records import AddToken, Changes, PutToken, Wanted
from watchword_server.tokens import ABOUT_ALL_KEYS, Scope, Token, digest_of, new_token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword_server.audit import Caller
    from watchword_server.ledger import Ledger
    from watchword_server.store.records import Change, Snapshot


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


async def create_token(ledger: Ledger, new: NewToken, caller: Caller) -> MadeToken:
    """Make a token. The name of one that counts no more can be used again.

    Raises:
        RefusedError: `CONTRADICTORY_TOKEN` or `TOKEN_EXISTS`.
        StoreError: See `Ledger.transact`.
    """
    too_wide = sorted(new.scopes & ABOUT_ALL_KEYS)
    if new.keys is not None and too_wide:
        words = ", ".join(too_wide)
        message = f"{words} is about all keys, and this token is to be limited to some"
        raise RefusedError(Reason.CONTRADICTORY_TOKEN, message)
    text = new_token()

    def work(snapshot: Snapshot, now: float) -> tuple[Act, MadeToken]:
        others: list[Change] = [
            PutToken(replace(each, replaced_at=now))
            for each in snapshot.tokens
            if each.name == new.name and each.replaced_at is None and _is_over(each, now)
        ]
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
        others.append(AddToken(token))
        return Act(Changes(others=others), [event]), MadeToken(token, text)

    try:
        return await ledger.transact(Wanted(tokens=True), work)
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


def _is_over(token: Token, now: float) -> bool:
    return token.revoked_at is None and not token.counts(now)


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
