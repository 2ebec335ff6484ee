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


class Searchable(msgspec.Struct, frozen=True, gc=False):
    """A label made ready to be searched."""

    label: str
    folded: str
    """Without case and accents."""
    places: tuple[int, ...] | None
    """For each letter of `folded` its place in the label; None where they are the same."""

    def begins_word(self, place: int) -> bool:
        """Whether a word begins at this place of `folded`."""
        if self.places is not None:
            letter = self.places[place]
            # Some letters become several, such as "ß": only the first of them is a beginning.
            if place and self.places[place - 1] == letter:
                return False
            place = letter
        return _WORD_START.match(self.label, place) is not None


class Match(msgspec.Struct, frozen=True, gc=False):
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
    if label.isascii():
        return Searchable(label, label.lower(), None)
    folded: list[str] = []
    places: list[int] = []
    for place, letter in enumerate(label):
        plain = _folded_letter(letter)
        folded.append(plain)
        places += [place] * len(plain)
    return Searchable(label, "".join(folded), tuple(places))


def match(letters: str, label: Searchable) -> Match | None:
    """Find `letters`, folded and at least one, in their order: a word's beginning, or scattered.

    First letters of words count more than others, and letters in a row most.
    """
    found = _beginning(letters, label)
    if found is not None:
        return found
    at = -1
    for letter in letters:
        at = label.folded.find(letter, at + 1)
        if at < 0:
            return None
    return _scattered(letters, label)


def _beginning(letters: str, label: Searchable) -> Match | None:
    """Find the letters as the beginning of a word: the usual case, and the cheap one."""
    place = label.folded.find(letters)
    while place >= 0:
        if label.begins_word(place):
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
        yield place, _START if label.begins_word(place) else 0
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
