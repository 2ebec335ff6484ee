"""Real exports of other apps, kept outside of this repository, give exactly what is known of them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from foreign import Person
from watchword_otp import Algorithm, Key, Kind, Secret, code_at, step_at
from watchword_tui.errors import ForeignFileError
from watchword_tui.exchange.reading import gather, read_entries, read_source

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Entry

VARIABLE = "WATCHWORD_FOREIGN_EXPORTS"
FOLDER = Path(os.environ.get(VARIABLE, "/nonexistent"))


def _known(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / name).read_text("utf-8"))
    return found


EXPECTED = _known("expected.json") if VARIABLE in os.environ else {}
CODES = _known("codes.json")["codes"] if VARIABLE in os.environ else []
WITH_ENTRIES = sorted(name for name, facts in EXPECTED.items() if facts["entries"])
FAILING = sorted(name for name, facts in EXPECTED.items() if facts["must_fail"])
OTHERS = sorted(EXPECTED.keys() - {*WITH_ENTRIES, *FAILING})

pytestmark = pytest.mark.skipif(
    VARIABLE not in os.environ, reason=f"{VARIABLE} names no folder of other apps' exports"
)


def _entries(name: str) -> tuple[Entry, ...]:
    person = Person(EXPECTED[name]["password"] or "", allows=True)
    found = read_entries(read_source(FOLDER / name), person)
    entries, _ = gather([found.reading])
    return entries


def _plain(entry: Entry) -> dict[str, object]:
    """An entry as expected.json writes it."""
    held = entry.key or entry.foreign
    assert held is not None, f"{entry.where}: {entry.reason}"
    plain: dict[str, object] = {
        "type": str(held.kind),
        "issuer": entry.issuer,
        "name": entry.name,
        "secret": held.secret.reveal(),
        "algo": str(held.algorithm),
        "digits": held.digits,
    }
    if entry.key is not None and entry.key.kind is Kind.HOTP:
        plain["counter"] = entry.key.counter
    else:
        plain["period"] = held.period
    if entry.groups:
        plain["groups"] = list(entry.groups)
    if entry.foreign is not None and entry.foreign.pin:
        plain["pin"] = entry.foreign.pin
    return plain


def _expected(fields: dict[str, Any]) -> dict[str, object]:
    return fields | {"secret": Secret.from_base32(fields["secret"]).reveal()}


@pytest.mark.parametrize("name", WITH_ENTRIES)
def test_every_export_gives_exactly_its_entries(name: str) -> None:
    expected = [_expected(fields) for fields in EXPECTED[name]["entries"]]
    assert [_plain(entry) for entry in _entries(name)] == expected


@pytest.mark.parametrize("name", FAILING)
def test_what_must_fail_fails_and_says_what_to_do(name: str) -> None:
    with pytest.raises(ForeignFileError) as caught:
        _entries(name)
    assert caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize("name", OTHERS)
def test_files_without_known_entries_are_read_all_the_same(name: str) -> None:
    entries = _entries(name)
    assert entries
    assert all(entry.key for entry in entries)


def test_the_codes_of_every_secret_match() -> None:
    for row in CODES:
        hotp = row["type"] == "hotp"
        key = Key(
            secret=Secret.from_base32(row["secret"]),
            kind=Kind(row["type"]),
            algorithm=Algorithm(row["algo"]),
            digits=row["digits"],
            period=30 if hotp else row["period"],
        )
        factor = row["counter"] if hotp else step_at(key, row["time"])
        assert (code_at(key, factor), code_at(key, factor + 1)) == (row["code"], row["next"])


def test_the_codes_are_those_of_keys_in_the_files() -> None:
    held = {entry.key.secret.reveal() for name in WITH_ENTRIES for entry in _entries(name) if entry.key}
    assert {Secret.from_base32(row["secret"]).reveal() for row in CODES} <= held
