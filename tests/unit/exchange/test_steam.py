"""Steam's maFile."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import made_exports as made
from damaged_files import changed, cut_short, ends_well
from foreign import read_bytes
from watchword_otp import Key, Kind, Secret
from watchword_tui.errors import ForeignFileError


def account(**fields: Any) -> dict[str, Any]:
    plain = {"shared_secret": made.b64(made.RAW), "account_name": "alice", "uri": "otpauth://totp/x"}
    return plain | {"identity_secret": "AAAA", "Session": {"SteamID": 7}} | fields


KEY = Key(secret=Secret(made.RAW), kind=Kind.STEAM, digits=5, issuer="Steam", name="alice")


@pytest.mark.parametrize("content", [account(), [account()]], ids=["one", "list"])
def test_the_shared_secret_is_a_steam_key(content: object) -> None:
    found = read_bytes(json.dumps(content).encode())

    assert found.format.name == "steam"
    assert [entry.key for entry in found.reading.entries] == [KEY]


@pytest.mark.parametrize("secret", [None, "", "#", "AAA", 7])
def test_what_is_no_secret_says_why(secret: object) -> None:
    bad, good = read_bytes(
        json.dumps([account(shared_secret=secret), account()]).encode()
    ).reading.entries

    assert bad.reason
    assert bad.name == "alice"
    assert good.key == KEY


def test_the_manifest_says_what_to_import_instead() -> None:
    entries = [{"filename": "1.maFile", "steamid": 1, "encryption_iv": "x", "encryption_salt": "y"}]
    manifest = {"encrypted": True, "first_run": False, "entries": entries}

    with pytest.raises(ForeignFileError) as caught:
        read_bytes(json.dumps(manifest).encode())
    assert ".maFile" in caught.value.remedy


@given(st.data())
def test_damaged_files_end_in_words(data: st.DataObject) -> None:
    content = json.dumps(account()).encode()
    for piece in cut_short(content):
        ends_well(piece, name="steam")
    ends_well(data.draw(changed(content)), name="steam")
