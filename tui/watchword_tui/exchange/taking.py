"""Accepted entries of an import, put into the vault's document. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from watchword_otp import InvalidKeyError, Kind, Secret
from watchword_otp.value import Value
from watchword_tui.exchange.model import ForeignKey
from watchword_tui.exchange.plan import account_of
from watchword_tui.vault.rows import SOURCE, foreign_row, new_id

if TYPE_CHECKING:
    from watchword_otp import Key
    from watchword_tui.accounts import Account
    from watchword_tui.exchange.model import Entry
    from watchword_tui.exchange.plan import Accepted
    from watchword_tui.vault.document import Document
    from watchword_tui.vault.rows import Row


class Taken(Value, frozen=True):
    """What came of it."""

    document: Document
    uses: dict[str, int]
    """How often the other app says each new account was used, by UUID; for `UsageBook.take_over`."""


def taken(document: Document, accepted: Accepted) -> Taken:
    """Put what was accepted into `document`: new rows at its end, other keys into known accounts.

    Keys of kinds that are not made here come last.

    A replaced account keeps its note, groups and place; where both have the same secret it keeps the
    higher HOTP counter, for a code that was used is not to come again (RFC 4226 section 7.2).

    Raises:
        VaultError: A replaced account is not there any more.
    """
    fresh = [(new_id(), entry) for entry in accepted.new]
    own = [(identity, entry) for identity, entry in fresh if entry.foreign is None]
    rows = [
        foreign_row(identity, key.kind, (entry.issuer, entry.name, entry.note), _info(key))
        for identity, entry in fresh
        if (key := entry.foreign) is not None
    ]
    changed = [
        _with_key(account, entry)
        for identity, entry in accepted.replaced
        if (account := document.row(identity).account) is not None
    ]
    document = document.with_changed(changed)
    document = document.with_added(account_of(entry, SOURCE, identity) for identity, entry in own)
    return Taken(document.with_rows(rows), {identity: entry.uses for identity, entry in own})


def kept_keys(document: Document) -> tuple[ForeignKey, ...]:
    """The foreign keys that the document keeps for other apps."""
    return tuple(key for row in document.quarantined if (key := _foreign_key(row)) is not None)


def _with_key(account: Account, entry: Entry) -> Account:
    assert entry.key is not None  # noqa: S101 - only rows with a key can replace one
    key = entry.key
    if _counts_on(account.key, key):
        key = replace(key, counter=account.key.counter)
    return replace(account, key=key, notices=key.warnings(), note=account.note or entry.note)


def _counts_on(old: Key, new: Key) -> bool:
    return old.kind is new.kind is Kind.HOTP and old.secret == new.secret and old.counter > new.counter


def _info(key: ForeignKey) -> dict[str, Any]:
    """The key as Aegis keeps it."""
    return {
        "secret": key.secret.base32(),
        "algo": key.algorithm,
        "digits": key.digits,
        "period": key.period,
        "pin": key.pin,
    }


def _foreign_key(row: Row) -> ForeignKey | None:
    info = row.fields.get("info")
    kind = row.fields.get("type")
    if kind not in {"motp", "yandex"} or not isinstance(info, dict):
        return None
    try:
        return ForeignKey(
            kind=kind,
            secret=Secret.from_base32(info["secret"]),
            algorithm=info["algo"],
            digits=info["digits"],
            period=info["period"],
            pin=info.get("pin", ""),
        )
    except (KeyError, TypeError, InvalidKeyError):
        return None
