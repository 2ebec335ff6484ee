"""From a plan that the person agreed to, to the change of the vault. Pure but for fresh UUIDs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from watchword_otp import InvalidKeyError, Kind, Secret
from watchword_tui.exchange.model import ForeignKey
from watchword_tui.exchange.plan import account_of
from watchword_tui.vault.rows import SOURCE, Row, foreign_row, new_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchword_otp import Key
    from watchword_tui.accounts import Account
    from watchword_tui.exchange.model import Entry
    from watchword_tui.exchange.plan import Accepted
    from watchword_tui.vault.document import Document

_FOREIGN_KINDS = frozenset({"motp", "yandex"})


@dataclass(frozen=True, slots=True)
class Intake:
    """What comes into the vault, with its UUIDs; made once, so that the counts fit the accounts."""

    accounts: tuple[Account, ...]
    """To add."""
    kept: tuple[Row, ...]
    """To add as they are: keys of kinds whose codes are not made here."""
    replaced: tuple[tuple[str, Entry], ...]
    """The UUID of an account, and what takes its place."""
    uses: dict[str, int]
    """How often the other app used each new account, by UUID."""

    def into(self, document: Document) -> Document:
        """The document with all of it.

        An account that is replaced keeps its note, groups and star, and a HOTP counter never goes
        back under the same secret.

        Raises:
            VaultError: An account that is to be replaced is not there any more.
        """
        changed = [
            _replaced(account, entry)
            for identity, entry in self.replaced
            if (account := document.row(identity).account) is not None
        ]
        return document.with_changed(changed).with_added(self.accounts).with_rows(self.kept)

    @property
    def words(self) -> str:
        """What was done, such as "214 added, 3 replaced"."""
        counts = (
            (len(self.accounts), "added"),
            (len(self.replaced), "replaced"),
            (len(self.kept), "kept for other apps"),
        )
        return ", ".join(f"{count} {what}" for count, what in counts if count) or "nothing added"


def intake_of(accepted: Accepted) -> Intake:
    """Give every accepted entry its UUID."""
    accounts = []
    kept = []
    uses = {}
    for entry in accepted.new:
        identity = new_id()
        if entry.foreign is not None:
            kept.append(_foreign_row(identity, entry, entry.foreign))
            continue
        accounts.append(account_of(entry, SOURCE, identity))
        if entry.uses:
            uses[identity] = entry.uses
    return Intake(tuple(accounts), tuple(kept), accepted.replaced, uses)


def foreign_keys(rows: Iterable[Row]) -> set[ForeignKey]:
    """The keys for other apps among a vault's quarantined rows, to tell which are there already."""
    return {key for row in rows if (key := _foreign_key(row)) is not None}


def _replaced(account: Account, entry: Entry) -> Account:
    assert entry.key is not None  # noqa: S101 - the plan replaces with keys only
    return replace(
        account,
        key=_counted_on(account.key, entry.key),
        notices=entry.notices,
        note=entry.note or account.note,
        favourite=account.favourite or entry.favourite,
        groups=tuple(dict.fromkeys((*account.groups, *entry.groups))),
    )


def _counted_on(old: Key, new: Key) -> Key:
    if old.kind is new.kind is Kind.HOTP and old.secret == new.secret:
        return replace(new, counter=max(old.counter, new.counter))
    return new


def _foreign_row(identity: str, entry: Entry, foreign: ForeignKey) -> Row:
    info: dict[str, object] = {
        "secret": foreign.secret.base32(),
        "algo": foreign.algorithm,
        "digits": foreign.digits,
        "period": foreign.period,
        "pin": foreign.pin,
    }
    return foreign_row(identity, foreign.kind, (entry.issuer, entry.name, entry.note), info)


def _foreign_key(row: Row) -> ForeignKey | None:
    fields = row.fields
    info = fields.get("info")
    if fields.get("type") not in _FOREIGN_KINDS or not isinstance(info, dict):
        return None
    try:
        return ForeignKey(
            kind=str(fields["type"]),
            secret=Secret.from_base32(str(info.get("secret", ""))),
            algorithm=str(info.get("algo", "")),
            digits=int(info.get("digits", 6)),
            period=int(info.get("period", 30)),
            pin=str(info.get("pin", "")),
        )
    except (InvalidKeyError, TypeError, ValueError):
        return None
