"""Finding by a few letters: whether they stand in a label in their order, how well, and where."""

from __future__ import annotations

import re
import unicodedata
from typing import TypeAlias

import msgspec

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
    """Find `letters`, folded and at least one, in their order; the best way if there are several.

    First letters of words count more than others, and letters in a row most.
    """
    folded, starts = label.folded, label.starts
    at = -1
    for letter in letters:
        at = folded.find(letter, at + 1)
        if at < 0:
            return None
    # For each place of the letter before: the best score up to there, and the way.
    before: list[tuple[int, int, _Chain | None]] = []
    for number, letter in enumerate(letters):
        found: list[tuple[int, int, _Chain | None]] = []
        behind, best = 0, -1
        way: _Chain | None = None
        place = folded.find(letter, number)
        while place >= 0:
            while behind < len(before) and before[behind][0] < place:
                if before[behind][1] > best:
                    best, way = before[behind][1:]
                behind += 1
            worth = _START if place in starts else 0
            if number == 0:
                found.append((place, worth if place else worth + _FIRST, (place, None)))
            elif behind:
                last, score, run = before[behind - 1]
                if last == place - 1 and score + _RUN >= best + worth:
                    found.append((place, score + _RUN, (place, run)))
                else:
                    found.append((place, best + worth, (place, way)))
            place = folded.find(letter, place + 1)
        before = found
    # The first of equals: max() keeps it.
    _, score, chain = max(before, key=lambda one: one[1])
    return Match(score, _places(chain, label))


def _places(chain: _Chain | None, label: Searchable) -> tuple[int, ...]:
    found: list[int] = []
    while chain is not None:
        place, chain = chain
        found.append(place if label.places is None else label.places[place])
    return tuple(dict.fromkeys(reversed(found)))


def _folded_letter(letter: str) -> str:
    plain = unicodedata.normalize("NFKD", letter).casefold()
    return "".join(one for one in plain if not unicodedata.combining(one))
