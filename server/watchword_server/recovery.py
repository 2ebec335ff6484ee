"""Recovery codes (look-up secrets, NIST SP 800-63B-4 section 3.1.2): a way in when the phone is gone.

Ten at a time, each good once. A code has 120 random bits, so a fast hash is enough to keep it
(the standard asks for a slow one below 112). They spend the same budget of attempts as codes do.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watchword_server.audit import key_event
from watchword_server.errors import Reason, RefusedError
from watchword_server.ledger import Act
from watchword_server.store.records import Changes, PutRecovery, UseRecovery, Wanted, moved
from watchword_server.verifier import Decision, Verdict, barred, book, describe, unlocked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword_server.audit import Caller
    from watchword_server.ledger import Ledger
    from watchword_server.store.records import RecoveryCode, Snapshot, StoredKey

RECOVERY_CODES = 10
"""How many are made at a time."""

RECOVERY_BITS = 120
"""Random bits of each."""

_GROUP = 4
_FORM = re.compile(r"[A-Z2-7]{24}")
_NOISE = re.compile(r"[\s-]+")


@dataclass(frozen=True, slots=True)
class Redemption:
    """What became of a recovery code."""

    decision: Decision
    """The verdict, as for a check."""
    remaining: int
    """Codes that are left."""


@dataclass(frozen=True, slots=True)
class FreshCodes:
    """New recovery codes."""

    codes: Sequence[str] = field(repr=False)
    """To be shown this once."""


def new_recovery_codes() -> list[str]:
    """Make ten codes as people get them: base32 in groups of four."""
    found = []
    for _ in range(RECOVERY_CODES):
        text = base64.b32encode(secrets.token_bytes(RECOVERY_BITS // 8)).decode().lower()
        found.append("-".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP)))
    return found


def recovery_digest(key_id: int, code: str) -> bytes:
    """How a code of one key is kept, however it is written: case, spaces and dashes do not matter."""
    return hashlib.sha256(b"recovery %d %b" % (key_id, _compact(code).encode())).digest()


def looks_like_recovery_code(code: str) -> bool:
    """Tell whether `code` has the form of one, however it is written."""
    return _FORM.fullmatch(_compact(code)) is not None


async def replace_recovery_codes(ledger: Ledger, name: str, caller: Caller) -> FreshCodes:
    """Give an active key new recovery codes; those it had are void.

    Raises:
        RefusedError: `NO_SUCH_KEY`.
        StoreError: See `Ledger.transact`.
    """
    codes = new_recovery_codes()

    def work(snapshot: Snapshot, now: float) -> tuple[Act, FreshCodes]:
        stored = active_key(snapshot, name)
        digests = [recovery_digest(stored.id, code) for code in codes]
        event = key_event("recovery.create", stored, caller, now)
        return Act(Changes(others=[PutRecovery(stored.id, digests)]), [event]), FreshCodes(codes)

    return await ledger.transact(Wanted(names=[name]), work)


async def redeem(ledger: Ledger, name: str, code: str, caller: Caller) -> Redemption:
    """Judge a recovery code: valid once, under the key's one lock and budget of attempts.

    Raises:
        RefusedError: `NO_SUCH_KEY`.
        StoreError: See `Ledger.transact`.
    """

    def work(snapshot: Snapshot, now: float) -> tuple[Act, Redemption]:
        stored = active_key(snapshot, name)
        decision, used = _judge(stored, snapshot.recovery, code, now)
        changes = Changes(advances=moved(stored, decision.state))
        if used is not None:
            changes.others = [UseRecovery(stored.id, used.digest, now)]
        event = key_event("redeem", stored, caller, now, decision=decision)
        left = sum(each.used_at is None for each in snapshot.recovery) - (used is not None)
        return Act(changes, [event]), Redemption(decision, left)

    return await ledger.transact(Wanted(names=[name], recovery=True), work)


def _judge(
    stored: StoredKey, known: Sequence[RecoveryCode], code: str, now: float
) -> tuple[Decision, RecoveryCode | None]:
    state = stored.state
    refused = barred(state, now)
    if refused is not None:
        return describe(refused, state, now), None
    if not looks_like_recovery_code(code):
        return describe(Verdict.MALFORMED, state, now), None
    booked = book(state, now)
    digest = recovery_digest(stored.id, code)
    found = None
    for each in known:
        if hmac.compare_digest(each.digest, digest):
            found = each
    if found is None:
        return describe(Verdict.WRONG, booked, now), None
    if found.used_at is not None:
        return describe(Verdict.REPLAYED, state, now), None
    return describe(Verdict.ACCEPTED, unlocked(state), now), found


def active_key(snapshot: Snapshot, name: str) -> StoredKey:
    """The active key of this name.

    Raises:
        RefusedError: `NO_SUCH_KEY`.
    """
    stored = snapshot.find(name)
    if stored is None:
        raise RefusedError(Reason.NO_SUCH_KEY, "there is no active key of this name")
    return stored


def _compact(code: str) -> str:
    # Unlike upper(), this leaves the long s and the dotless i what they are: no letters of base32.
    return _NOISE.sub("", code).translate(_CAPITALS)


_CAPITALS = {ord(letter): letter.upper() for letter in "abcdefghijklmnopqrstuvwxyz"}
