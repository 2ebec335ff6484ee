"""Finding by a few letters: whether they stand in a label in their order, how well, and where."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FIRST = 3
"""For the label's first letter."""
_START = 8
"""For the first letter of a word."""
_RUN = 9
"""For a letter right behind the one before."""

# A letter behind none, a capital behind a small letter ("GitHub"), a digit behind a letter.
_WORD_START = re.compile(r"(?<![^\W_])[^\W_]|(?<=[^\W\d_A-Z])[A-Z]|(?<=[^\W\d_])\d")

_Chain: TypeAlias = "tuple[int, _Chain | None]"
"""A place and those before it."""


class Searchable(msgspec.Struct, frozen=True):
    """A label made ready to be searched."""

    folded: str
    """Without case and accents."""
    starts: frozenset[int]
    """Where words begin in `folded`."""
    places: tuple[int, ...] | None
    """For each letter of `folded` its place in the label; None where they are the same."""


class Match(msgspec.Struct, frozen=True):
    """Letters found in a label."""

    score: int
    """The higher the better."""
    places: tuple[int, ...]
    """Where they stand in the label, ascending."""


def fold(text: str) -> str:
    """A text without case and accents."""
    if text.isascii():
        return text.lower()
    return "".join(_folded_letter(letter) for letter in text)


def searchable(label: str) -> Searchable:
    """Make a label ready to be searched."""
    starts = [found.start() for found in _WORD_START.finditer(label)]
    if label.isascii():
        return Searchable(label.lower(), frozenset(starts), None)
    folded: list[str] = []
    places: list[int] = []
    firsts: list[int] = []
    for place, letter in enumerate(label):
        firsts.append(len(places))
        plain = _folded_letter(letter)
        folded.append(plain)
        places += [place] * len(plain)
    return Searchable("".join(folded), frozenset(firsts[start] for start in starts), tuple(places))


def match(letters: str, label: Searchable) -> Match | None:
    """Find `letters`, folded and at least one, in their order: a word's beginning, or scattered.

    First letters of words count more than others, and letters in a row most.
    """
    at = -1
    for letter in letters:
        at = label.folded.find(letter, at + 1)
        if at < 0:
            return None
    return _beginning(letters, label) or _scattered(letters, label)


def _beginning(letters: str, label: Searchable) -> Match | None:
    """Find the letters as the beginning of a word: the usual case, and the cheap one."""
    place = label.folded.find(letters)
    while place >= 0:
        if place in label.starts:
            score = _START + _RUN * (len(letters) - 1) + (0 if place else _FIRST)
            return Match(score, _in_label(range(place, place + len(letters)), label))
        place = label.folded.find(letters, place + 1)
    return None


def _scattered(letters: str, label: Searchable) -> Match:
    """Find letters, which are all there in their order, in the best way."""
    # For each place of the letter before: the best score up to there, and the way.
    chains: list[tuple[int, int, _Chain]] = [
        (place, worth if place else worth + _FIRST, (place, None))
        for place, worth in _worths(letters[0], 0, label)
    ]
    for number, letter in enumerate(letters[1:], start=1):
        found: list[tuple[int, int, _Chain]] = []
        behind, best = 0, -1
        way: _Chain | None = None
        for place, worth in _worths(letter, number, label):
            while behind < len(chains) and chains[behind][0] < place:
                if chains[behind][1] > best:
                    best, way = chains[behind][1:]
                behind += 1
            if not behind:
                continue
            last, score, run = chains[behind - 1]
            if last == place - 1 and score + _RUN >= best + worth:
                found.append((place, score + _RUN, (place, run)))
            else:
                found.append((place, best + worth, (place, way)))
        chains = found
    # The first of equals: max() keeps it.
    _, score, chain = max(chains, key=lambda one: one[1])
    return Match(score, _in_label(reversed(list(_unrolled(chain))), label))


def _worths(letter: str, start: int, label: Searchable) -> Iterator[tuple[int, int]]:
    """Each place of a letter from `start` on, with what it is worth by itself."""
    place = label.folded.find(letter, start)
    while place >= 0:
        yield place, _START if place in label.starts else 0
        place = label.folded.find(letter, place + 1)


def _unrolled(chain: _Chain | None) -> Iterator[int]:
    while chain is not None:
        place, chain = chain
        yield place


def _in_label(places: Iterable[int], label: Searchable) -> tuple[int, ...]:
    """Places in the label, of places in its folded text."""
    if label.places is None:
        return tuple(places)
    return tuple(dict.fromkeys(label.places[place] for place in places))


def _folded_letter(letter: str) -> str:
    plain = unicodedata.normalize("NFKD", letter).casefold()
    return "".join(one for one in plain if not unicodedata.combining(one))
