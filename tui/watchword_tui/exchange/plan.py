"""What an import would do to the vault, row by row, before anything is written. Pure."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING

from watchword_otp import Kind
from watchword_otp.value import Value
from watchword_tui.accounts import Account

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from watchword_otp import Key, Secret
    from watchword_tui.exchange.model import Entry, ForeignKey


class Verdict(StrEnum):
    """What a row is to the vault; the value is what people read."""

    NEW = "new"
    CHANGED = "changed"
    """The vault has the same secret otherwise, or the same account with another secret."""
    DUPLICATE = "duplicate"
    """The vault, or a row of the same import, has the same key under the same labels."""
    KEPT = "kept"
    """New, and of a kind whose codes are not made here."""
    INVALID = "invalid"


class Choice(StrEnum):
    """What to do with a row; the value is what people read."""

    SKIP = "skip"
    ADD = "add"
    """Add it; of a changed row, keep both."""
    REPLACE = "replace"
    """Put it in the place of the account it differs from."""


_CHOICES = {
    Verdict.NEW: (Choice.ADD, Choice.SKIP),
    Verdict.CHANGED: (Choice.SKIP, Choice.REPLACE, Choice.ADD),
    Verdict.DUPLICATE: (Choice.SKIP,),
    Verdict.KEPT: (Choice.ADD, Choice.SKIP),
    Verdict.INVALID: (Choice.SKIP,),
}


class PlannedRow(Value, frozen=True, kw_only=True):
    """One entry, and what it is to the vault."""

    entry: Entry
    verdict: Verdict
    account: Account | None = None
    """The account in the vault that it equals or differs from."""
    remarks: tuple[str, ...] = ()
    """Why, in words without a secret: the differences, the twin's place, the reason it is invalid."""

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What a person may choose; the first is what happens unless they do."""
        return _CHOICES[self.verdict]


class Accepted(Value, frozen=True):
    """What to write, after the person agreed."""

    new: tuple[Entry, ...]
    """Entries to add, with a key or a foreign key."""
    replaced: tuple[tuple[str, Entry], ...]
    """The id of an account in the vault, and the entry whose key it gets; each id once."""


class ImportPlan(Value, frozen=True):
    """Every row of an import, in the files' order."""

    rows: tuple[PlannedRow, ...]

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many rows there are of each verdict; all verdicts, in their order."""
        found = Counter(row.verdict for row in self.rows)
        return {verdict: found[verdict] for verdict in Verdict}

    @property
    def summary(self) -> str:
        """The counts in words: "3 new, 2 duplicates"."""
        parts = [
            f"{count:,} {verdict}{'s' if verdict is Verdict.DUPLICATE and count > 1 else ''}"
            for verdict, count in self.counts.items()
            if count
        ]
        return ", ".join(parts) or "nothing to import"

    def choices(self, changed: Choice = Choice.SKIP) -> dict[int, Choice]:
        """The choice for each row's index to begin with: `changed` for changed rows, else the first."""
        return {
            index: changed if row.verdict is Verdict.CHANGED else row.choices[0]
            for index, row in enumerate(self.rows)
        }

    def accepted(self, choices: Mapping[int, Choice]) -> Accepted:
        """What to write under `choices`, by row index; a row without one is skipped.

        Where two rows would replace one account the first does, and the second is added: nothing
        that was chosen is lost.

        Raises:
            ValueError: A row's verdict does not allow what was chosen.
        """
        new: list[Entry] = []
        replaced: dict[str, Entry] = {}
        for index, row in enumerate(self.rows):
            choice = choices.get(index, Choice.SKIP)
            if choice not in row.choices:
                raise ValueError(f"a row that is {row.verdict} cannot be chosen to {choice}")
            if choice is Choice.REPLACE and row.account is not None and row.account.id not in replaced:
                replaced[row.account.id] = row.entry
            elif choice is not Choice.SKIP:
                new.append(row.entry)
        return Accepted(tuple(new), tuple(replaced.items()))


def plan_import(
    entries: Sequence[Entry], accounts: Iterable[Account], kept: Collection[ForeignKey] = ()
) -> ImportPlan:
    """Compare what was read with what the vault has.

    Args:
        entries: What was read, of all files.
        accounts: The vault's accounts.
        kept: The foreign keys that the vault keeps already.
    """
    vault = _Vault(accounts)
    first = _first_of_each(entries)
    rows = []
    for index, entry in enumerate(entries):
        twin = first.get(_identity(entry), index)
        if entry.key is None and entry.foreign is None:
            row = PlannedRow(entry=entry, verdict=Verdict.INVALID, remarks=(entry.reason,))
        elif twin != index:
            remark = f"the same as {entries[twin].where}"
            row = PlannedRow(entry=entry, verdict=Verdict.DUPLICATE, remarks=(remark,))
        elif entry.key is not None:
            row = vault.compare(entry, entry.key)
        elif entry.foreign in kept:
            row = PlannedRow(entry=entry, verdict=Verdict.DUPLICATE, remarks=(entry.reason,))
        else:
            row = PlannedRow(entry=entry, verdict=Verdict.KEPT, remarks=(entry.reason,))
        rows.append(row)
    return ImportPlan(tuple(rows))


def account_of(entry: Entry, source: str, identity: str) -> Account:
    """The account that an accepted entry becomes; `identity` is its id in the vault.

    Raises:
        ValueError: The entry has no key, or one whose codes are not made here.
    """
    if entry.key is None:
        raise ValueError("an entry without a key is no account")
    return Account(
        entry.key,
        source,
        entry.notices,
        id=identity,
        note=entry.note,
        favourite=entry.favourite,
        groups=entry.groups,
    )


class _Vault:
    """The vault's accounts, found by secret and by labels."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self._by_secret: dict[Secret, list[Account]] = {}
        self._by_labels: dict[object, Account] = {}
        for account in accounts:
            self._by_secret.setdefault(account.key.secret, []).append(account)
            self._by_labels.setdefault(_labels(account.key), account)

    def compare(self, entry: Entry, key: Key) -> PlannedRow:
        nearest: tuple[Account, tuple[str, ...]] | None = None
        for account in self._by_secret.get(key.secret, ()):
            found = _differences(account.key, key)
            if not found:
                return PlannedRow(entry=entry, verdict=Verdict.DUPLICATE, account=account)
            if nearest is None or len(found) < len(nearest[1]):
                nearest = account, found
        if nearest is None and key.title and (named := self._by_labels.get(_labels(key))) is not None:
            nearest = named, ("another secret", *_differences(named.key, key))
        if nearest is None:
            return PlannedRow(entry=entry, verdict=Verdict.NEW)
        account, found = nearest
        return PlannedRow(entry=entry, verdict=Verdict.CHANGED, account=account, remarks=found)


def _labels(key: Key) -> object:
    return key.issuer.casefold(), key.name.casefold(), key.kind


def _differences(old: Key, new: Key) -> tuple[str, ...]:
    """How `new` differs from `old`, the secret aside; a HOTP counter only where it is ahead.

    Two counters of different secrets have nothing to do with each other.
    """
    found = [
        f"{what} {before or 'empty'}"
        for what, before, after in (
            ("issuer was", old.issuer, new.issuer),
            ("name was", old.name, new.name),
            ("type was", old.kind.upper(), new.kind.upper()),
            ("algorithm was", old.algorithm, new.algorithm),
            ("digits were", old.digits, new.digits),
            ("period was", f"{old.period} s", f"{new.period} s"),
        )
        if before != after
    ]
    if old.kind is new.kind is Kind.HOTP and old.secret == new.secret and new.counter > old.counter:
        found.append(f"counter was {old.counter}")
    return tuple(found)


def _identity(entry: Entry) -> object:
    """What makes two entries of one import the same; a HOTP counter does not."""
    key = entry.key
    if key is None:
        return entry.foreign, entry.issuer, entry.name
    return key.secret, key.kind, key.algorithm, key.digits, key.period, key.issuer, key.name


def _first_of_each(entries: Sequence[Entry]) -> dict[object, int]:
    """The index of the entry that stands for all its twins: the furthest counter, else the first."""
    chosen: dict[object, int] = {}
    for index, entry in enumerate(entries):
        best = chosen.setdefault(_identity(entry), index)
        rival = entries[best].key
        if entry.key is not None and rival is not None and entry.key.counter > rival.counter:
            chosen[_identity(entry)] = index
    return chosen
