"""The terminal app cotp: its export and its database."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import made_exports as made
from damaged_files import changed, cut_short, ends_well
from foreign import read_bytes
from watchword_otp import Key, Kind, Secret
from watchword_tui.errors import ForeignFileError, WrongPassphraseError

SECRET = Secret.from_base32(made.BASE32)
KEY = Key(secret=SECRET, issuer="GitHub", name="alice")


def element(**fields: Any) -> dict[str, Any]:
    plain = {"secret": made.BASE32, "issuer": "GitHub", "label": "alice", "digits": 6, "type": "TOTP"}
    return plain | {"algorithm": "SHA1", "period": 30, "counter": None, "pin": None} | fields


ELEMENTS = {"version": 2, "elements": [element()]}
SEALED = made.cotp(ELEMENTS, "pässword")


@pytest.mark.parametrize("content", [ELEMENTS, [element()]], ids=["version 2", "version 1"])
def test_the_export_is_read(content: object) -> None:
    found = read_bytes(json.dumps(content).encode())

    assert found.format.name == "cotp"
    assert [entry.key for entry in found.reading.entries] == [KEY]


@pytest.mark.parametrize("content", [ELEMENTS, [element()]], ids=["version 2", "version 1"])
def test_the_database_is_opened(content: object) -> None:
    found = read_bytes(made.cotp(content, "pässword"), "pässword")

    assert found.format.name == "cotp"
    assert [entry.key for entry in found.reading.entries] == [KEY]


def test_every_kind_is_read_or_kept_or_says_why_not() -> None:
    elements = [
        element(type="HOTP", counter=7),
        element(type="STEAM", digits=5),
        element(type="MOTP", secret="e3152afee62599c8", pin="1234"),
        element(type="MOTP", secret="no hex"),
        element(type="YANDEX", pin="5678"),
        element(type="OTHER"),
        element(digits="x"),
    ]
    data = json.dumps({"version": 2, "elements": elements}).encode()

    hotp, steam, motp, bad, yandex, other, odd = read_bytes(data).reading.entries

    assert hotp.key == Key(secret=SECRET, kind=Kind.HOTP, counter=7, issuer="GitHub", name="alice")
    assert steam.key == Key(secret=SECRET, kind=Kind.STEAM, digits=5, issuer="GitHub", name="alice")
    assert motp.foreign is not None
    assert (motp.foreign.secret, motp.foreign.pin) == (Secret(bytes.fromhex("e3152afee62599c8")), "1234")
    assert yandex.foreign is not None
    assert yandex.foreign.kind == "yandex"
    assert bad.reason == "the secret is not hexadecimal"
    assert other.reason
    assert odd.reason


def test_a_wrong_passphrase_is_told_from_damage() -> None:
    with pytest.raises(WrongPassphraseError):
        read_bytes(SEALED, "other")
    for part in ("nonce", "cipher", "salt"):
        with pytest.raises(ForeignFileError):
            read_bytes(json.dumps(json.loads(SEALED) | {part: "AA="}).encode(), "pässword")


def test_a_database_that_holds_no_json_is_damaged() -> None:
    with pytest.raises(ForeignFileError):
        read_bytes(made.cotp("just text", "pässword"), "pässword")


def test_files_cut_anywhere_end_in_words() -> None:
    for piece in cut_short(json.dumps(ELEMENTS).encode()):
        ends_well(piece, name="cotp")
    assert not any(ends_well(piece, "pässword", "cotp") for piece in cut_short(SEALED))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_files_changed_at_random_end_in_words(data: st.DataObject) -> None:
    ends_well(data.draw(changed(json.dumps(ELEMENTS).encode())), name="cotp")
    ends_well(data.draw(changed(SEALED)), "pässword", "cotp")
