"""Which lines the list of accounts shows, and in which order: decided here, drawn elsewhere."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from watchword_tui.accounts import Account
from watchword_tui.fuzzy import Match, Searchable, fold, match, searchable
from watchword_tui.vault.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from watchword_tui.usage import Use

NO_GROUP = ""
"""What `View.group` is for the accounts that are in no group."""

MAX_QUERY = 40
"""Most letters that are looked for."""

_WHOLE = 10
"""For a word that is the whole issuer or the whole name."""
_ELSEWHERE = 1
"""For a word found in the note, a group or the reason only: behind all that is found in the label."""
_SHORTEST_ELSEWHERE = 2
"""A single letter is in every note."""


class Order(StrEnum):
    """In which order accounts are listed; favourites are always before the others."""

    FILE = "file"
    ISSUER = "issuer"
    USE = "use"

    @property
    def words(self) -> str:
        """How the screen says it."""
        return {"file": "as in the file", "issuer": "by issuer", "use": "by use"}[self]

    @property
    def following(self) -> Order:
        """The next one, round and round."""
        orders = list(Order)
        return orders[(orders.index(self) + 1) % len(orders)]


class View(msgspec.Struct, frozen=True):
    """What the person wants to see."""

    order: Order = Order.FILE
    group: str | None = None
    """A group's name, `NO_GROUP`, or None for all accounts."""
    query: str = ""
    """The letters in the filter."""


class Line(msgspec.Struct, frozen=True, gc=False):
    """An account, or a quarantined row, as one line of the list."""

    identity: str
    """Its UUID in the vault; for others one that lasts as long as the run."""
    issuer: str
    name: str
    account: Account | None
    row: Row | None = None
    """The quarantined row, where there is no account."""

    @property
    def label(self) -> str:
        """What is searched first; no issuer or name has a line break."""
        return f"{self.issuer}\n{self.name}"


class Shown(msgspec.Struct, frozen=True, gc=False):
    """A line with what the filter found in it."""

    line: Line
    marks: tuple[int, ...] = ()
    """Places in the line's label."""


class Listing:
    """The lines there are, made ready to be sorted and searched.

    Args:
        accounts: In the file's order.
        quarantined: Rows that could not be understood; they come last.
        groups: The vault's groups, in its order.
        use_of: How often an account, given by its UUID, was used.
    """

    def __init__(
        self,
        accounts: Iterable[Account] = (),
        quarantined: Iterable[Row] = (),
        groups: Sequence[str] = (),
        use_of: Callable[[str], Use] | None = None,
    ) -> None:
        self._lines = [
            Line(account.id or f"outside {index}", account.issuer, account.name, account)
            for index, account in enumerate(accounts)
        ]
        self._quarantined = [Line(row.id, row.title, "", None, row) for row in quarantined]
        self._groups = tuple(groups)
        self._use_of = use_of
        self._search: dict[str, tuple[Searchable, str]] = {}
        self._last: tuple[View | None, list[Line]] = (None, [])

    @property
    def total(self) -> int:
        """How many lines there are in all."""
        return len(self._lines) + len(self._quarantined)

    @property
    def groups(self) -> tuple[str | None, ...]:
        """What `View.group` can be: all, each group, and the rest if there is one."""
        if not self._groups:
            return (None,)
        has_rest = any(not line.account.groups for line in self._lines if line.account)
        return (None, *self._groups, *([NO_GROUP] if has_rest else []))

    def shown(self, view: View) -> list[Shown]:
        """The lines to show, the best first where there is a query."""
        terms = [term for word in view.query[:MAX_QUERY].split() if (term := fold(word))]
        if not terms:
            return [Shown(line) for line in self._candidates(view)]
        found = [(line, hit) for line in self._candidates(view) if (hit := self._find(terms, line))]
        if all(len(term) >= _SHORTEST_ELSEWHERE for term in terms):
            # More letters can only find less; but those that a single letter is not searched for.
            self._last = (view, [line for line, _ in found])
        found.sort(key=lambda one: -one[1].score)
        return [Shown(line, hit.places) for line, hit in found]

    def _ready(self, line: Line) -> tuple[Searchable, str]:
        ready = self._search.get(line.identity)
        if ready is None:
            ready = self._search[line.identity] = (searchable(line.label), fold(_elsewhere(line)))
        return ready

    def _candidates(self, view: View) -> list[Line]:
        """The lines that can fit, in their order: among the last ones, if letters were added."""
        last, lines = self._last
        if (
            last is None
            or replace(last, query=view.query) != view
            or not view.query.startswith(last.query)
        ):
            lines = self._sorted(view)
            self._last = (replace(view, query=""), lines)
        return lines

    def _sorted(self, view: View) -> list[Line]:
        lines = self._lines
        if view.group is not None:
            lines = [line for line in lines if line.account and _is_in(line.account, view.group)]
        lines = sorted(lines, key=self._key(view.order))
        return lines if view.group is not None else [*lines, *self._quarantined]

    def _key(self, order: Order) -> Callable[[Line], tuple[object, ...]]:
        def favourite(line: Line) -> bool:
            return line.account is None or not line.account.favourite

        use_of = self._use_of
        if order is Order.ISSUER:
            return lambda line: (favourite(line), fold(line.issuer), fold(line.name))
        if order is Order.USE and use_of is not None:

            def by_use(line: Line) -> tuple[object, ...]:
                use = use_of(line.identity)
                return (favourite(line), -use.count, -use.last)

            return by_use
        return lambda line: (favourite(line),)

    def _find(self, terms: Sequence[str], line: Line) -> Match | None:
        """Find every term in a line, or nothing."""
        label, elsewhere = self._ready(line)
        score = 0
        places: tuple[int, ...] = ()
        for term in terms:
            hit = match(term, label)
            if hit is not None:
                score += hit.score + (_WHOLE if term in label.folded.split("\n") else 0)
                places += hit.places
            elif len(term) >= _SHORTEST_ELSEWHERE and term in elsewhere:
                score += _ELSEWHERE
            else:
                return None
        return Match(score, places)


def empty_words(listing: Listing, view: View) -> str:
    """What to say in place of the list when no line is shown, and what to do about it."""
    where = ""
    if view.group is not None:
        where = f" in {view.group}" if view.group else " outside the groups"
    query = view.query.strip()
    if query:
        return f"Nothing{where} fits “{query}”.\n\nEsc  clears the filter."
    if listing.total:
        return (
            f"There is no account{where}.\n\n"
            "← →  show the other groups.\nm    puts an account into groups."
        )
    return NO_ACCOUNTS


NO_ACCOUNTS = """\
No accounts yet.

a  adds one: by form, otpauth:// URI, image or a new key.
i  imports them from another app's file.
e  takes the server's key, here and on a phone."""


def _is_in(account: Account, group: str) -> bool:
    return group in account.groups if group else not account.groups


def _elsewhere(line: Line) -> str:
    if line.account is None:
        return line.row.reason if line.row else ""
    return "\n".join([line.account.note, *line.account.groups])
