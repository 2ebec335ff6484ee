"""OTPClient's database of every version, and what the program itself makes of ours."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pexpect
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import made_exports as made
from damaged_files import changed, cut_short, ends_well
from foreign import Person, read_bytes
from programs import require_program
from watchword_otp import Key, Kind, Secret
from watchword_tui.errors import CancelledError, ForeignFileError, WrongPassphraseError
from watchword_tui.exchange.reading import read_entries, source_of

if TYPE_CHECKING:
    from pathlib import Path

SECRET = Secret.from_base32(made.BASE32)
KEY = Key(secret=SECRET, issuer="GitHub", name="alice")


def row(**fields: Any) -> dict[str, Any]:
    plain = {"type": "TOTP", "label": "alice", "issuer": "GitHub", "secret": made.BASE32, "digits": 6}
    return plain | {"algo": "SHA1", "period": 30} | fields


ROWS = [
    row(),
    row(type="HOTP", counter=7, group="Work"),
    row(issuer="Steam", digits=5),
    row(secret="1"),
    row(digits=99),
]
DATABASES = {version: made.otpclient(ROWS, b"password", version, memory=64) for version in (1, 2, 3)}


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_database_of_every_version_is_opened(version: int) -> None:
    # Version 1 has no mark: its format must be named.
    found = read_bytes(DATABASES[version], "password", name="otpclient" if version == 1 else "")

    totp, hotp, steam, *bad = found.reading.entries
    assert found.format.name == "otpclient"
    assert (totp.key, totp.groups) == (KEY, ())
    assert hotp.key == Key(secret=SECRET, kind=Kind.HOTP, counter=7, issuer="GitHub", name="alice")
    assert hotp.groups == ("Work",)
    assert steam.key == Key(secret=SECRET, kind=Kind.STEAM, digits=5, issuer="Steam", name="alice")
    assert [entry.key for entry in bad] == [None, None]
    assert all(entry.reason for entry in bad)


def test_the_list_itself_is_read() -> None:
    found = read_bytes(json.dumps([row()]).encode())

    assert found.format.name == "otpclient"
    assert [entry.key for entry in found.reading.entries] == [KEY]


@pytest.mark.parametrize(("version", "taken"), [(1, 5), (1, 4), (2, 4), (2, 6)])
def test_passphrases_cut_by_older_versions_open_all_the_same(version: int, taken: int) -> None:
    passphrase = "äöxy"
    data = made.otpclient([row()], passphrase.encode()[:taken], version) if version == 1 else None
    if data is None:
        cut = passphrase.encode()[:taken].decode("utf-8", "ignore")
        assert cut.encode() == passphrase.encode()[:taken]
        data = made.otpclient([row()], cut.encode("latin-1"), version)

    assert [entry.key for entry in read_bytes(data, passphrase, name="otpclient").reading.entries] == [
        KEY
    ]


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_wrong_passphrase_is_said(version: int) -> None:
    with pytest.raises(WrongPassphraseError):
        read_bytes(DATABASES[version], "other", name="otpclient")


def test_unknown_versions_and_content_end_in_words() -> None:
    for data in (
        DATABASES[3].replace(b"OTPClient\0\0\0\x03", b"OTPClient\0\0\0\x04"),
        made.otpclient("text", b"password", 3),
        b"OTPClient",
    ):
        with pytest.raises(ForeignFileError):
            read_bytes(data, "password")


def test_costly_work_is_asked_for_before_the_passphrase() -> None:
    # The number of KiB stands before that of lanes, which ends the header.
    data = DATABASES[3][:65] + (2**20).to_bytes(4, "big") + DATABASES[3][69:]
    person = Person("password")

    with pytest.raises(CancelledError):
        read_entries(source_of("file", data), person)

    assert [cost.memory for cost in person.asked_about] == [2**30]
    assert person.asked_for_passphrase == 0


def test_the_program_opens_our_version_1_and_its_export_gives_the_same_keys(tmp_path: Path) -> None:
    program = require_program("otpclient-cli")
    path = tmp_path / "otpclient.enc"
    path.write_bytes(made.otpclient(ROWS[:2], b"password", 1))
    child = pexpect.spawn(
        program,
        ["export", "-t", "freeotpplus", "-d", str(tmp_path)],
        env={**os.environ, "HOME": str(tmp_path)},
        encoding="utf-8",
        timeout=20,
    )
    try:
        child.expect("database: ")
        child.sendline(str(path))
        child.expect("password: ")
        child.sendline("password")
        child.expect(pexpect.EOF)
    finally:
        child.close()

    exported = read_bytes((tmp_path / "freeotpplus-exports.txt").read_bytes()).reading.entries
    ours = read_bytes(path.read_bytes(), "password", name="otpclient").reading.entries
    assert [entry.key for entry in exported] == [entry.key for entry in ours]


def test_files_cut_anywhere_end_in_words() -> None:
    for piece in cut_short(json.dumps(ROWS).encode(), 10):
        ends_well(piece, name="otpclient")
    for version in (2, 3):
        assert not any(
            ends_well(piece, "password", "otpclient") for piece in cut_short(DATABASES[version], 40)
        )
    assert not any(ends_well(piece, "password", "otpclient") for piece in cut_short(DATABASES[1], 8))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_files_changed_at_random_end_in_words(data: st.DataObject) -> None:
    ends_well(data.draw(changed(json.dumps(ROWS).encode())), name="otpclient")
    ends_well(data.draw(changed(DATABASES[3])), "password", "otpclient")
