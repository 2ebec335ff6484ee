"""Files made to harm whoever opens them end in words, soon, and in little memory."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foreign import Person, read_bytes
from foreign_bombs import BOMBS
from foreign_encoders import (
    SECRET,
    aegis_plain,
    aegis_sealed,
    andotp_sealed,
    as_json,
    bitwarden_sealed,
    migration,
    migration_key,
    proton_sealed,
    raivo_zip,
    twofas_sealed,
)
from watchword_tui.errors import WatchwordError
from watchword_tui.exchange.reading import read_entries, source_of

if TYPE_CHECKING:
    from collections.abc import Mapping

PASSPHRASE = "passphrase"
SECONDS = 5

_INFO = {"secret": SECRET, "algo": "SHA1", "digits": 6, "period": 30}
_AEGIS = {
    "type": "totp",
    "uuid": "a",
    "name": "alice",
    "issuer": "GitHub",
    "info": _INFO,
    "groups": ["g"],
}
_TWOFAS = {"name": "GitHub", "secret": SECRET, "otp": {"account": "alice", "digits": 6}, "groupId": "g"}
_ANDOTP = {"secret": SECRET, "issuer": "GitHub", "label": "alice", "type": "TOTP", "tags": ["Work"]}
_LOGIN = {"username": "alice", "totp": f"otpauth://totp/GitHub:alice?secret={SECRET}"}
_BITWARDEN = {
    "encrypted": False,
    "folders": [],
    "items": [{"type": 1, "name": "GitHub", "login": _LOGIN}],
}
_PROTON = {"version": 1, "entries": [{"content": {"uri": _LOGIN["totp"], "name": "alice"}, "note": "n"}]}
_TWOFAUTH = {"app": "2fauth_v5", "data": [{"otp_type": "hotp", "secret": SECRET, "counter": 1}]}
_LASTPASS = {"accounts": [{"issuerName": "GitHub", "secret": SECRET, "folderData": {"folderId": 1}}]}
_RAIVO = [{"issuer": "GitHub", "account": "alice", "secret": SECRET, "kind": "TOTP", "timer": "30"}]
_ONEPUX_ITEM = {
    "overview": {"title": "GitHub", "tags": ["Work"]},
    "details": {"sections": [{"fields": [{"value": {"totp": _LOGIN["totp"]}}]}]},
}
_ONEPUX = {"accounts": [{"vaults": [{"attrs": {"name": "Own"}, "items": [_ONEPUX_ITEM]}]}]}
_PROTON_ITEM = {"data": {"metadata": {"name": "GitHub"}, "content": {"totpUri": SECRET}}, "state": 1}
_PROTON_PASS = {"encrypted": False, "vaults": {"v": {"name": "Own", "items": [_PROTON_ITEM]}}}

PLAIN: Mapping[str, bytes] = {
    "aegis": aegis_plain([_AEGIS], [{"uuid": "g", "name": "Work"}]),
    "2fas": as_json(
        {"services": [_TWOFAS], "groups": [{"id": "g", "name": "Work"}], "schemaVersion": 4}
    ),
    "andotp": as_json([_ANDOTP]),
    "bitwarden": as_json(_BITWARDEN),
    "bitwarden-csv": f"folder,name,login_username,login_totp\nWork,GitHub,alice,{SECRET}\n".encode(),
    "proton": as_json(_PROTON),
    "2fauth": as_json(_TWOFAUTH),
    "lastpass": as_json(_LASTPASS),
    "raivo": as_json(_RAIVO),
    "authy": as_json({"authenticator_tokens": [{"decrypted_seed": SECRET, "name": "GitHub - alice"}]}),
    "duo": as_json([{"name": "alice", "otpGenerator": {"otpSecret": SECRET, "counter": 1}}]),
    "1password": as_json(_ONEPUX),
    "proton-pass": as_json(_PROTON_PASS),
    "logins-csv": f"title,username,otpauth,tags\nGitHub,alice,{_LOGIN['totp']},Work\n".encode(),
    "google": migration(migration_key(issuer="GitHub"), migration_key(name="bob")).encode(),
    "otpauth": f"# mine\n{_LOGIN['totp']}&period=60\nsteam://{SECRET}\n".encode(),
}
SEALED: Mapping[str, bytes] = {
    "aegis": aegis_sealed([_AEGIS], PASSPHRASE),
    "2fas": twofas_sealed([_TWOFAS], PASSPHRASE),
    "andotp": andotp_sealed([_ANDOTP], PASSPHRASE, 1000),
    "bitwarden": as_json(bitwarden_sealed(_BITWARDEN, PASSPHRASE)),
    "bitwarden-argon2": as_json(bitwarden_sealed(_BITWARDEN, PASSPHRASE, argon2=True)),
    "proton": proton_sealed(_PROTON, PASSPHRASE),
    "raivo": raivo_zip(as_json(_RAIVO), PASSPHRASE),
}


def _ends_in_words(data: bytes, name: str = "") -> None:
    """Read it; whatever comes out, only what is made for people may leave."""
    with contextlib.suppress(WatchwordError):
        found = read_entries(source_of("file", data), Person(PASSPHRASE), name)
        for entry in found.reading.entries:
            assert (entry.key is None) == bool(entry.reason)
            assert SECRET not in repr(entry)


@pytest.mark.parametrize("name", PLAIN)
def test_every_sample_is_whole(name: str) -> None:
    assert read_bytes(PLAIN[name]).reading.entries[0].key is not None


@pytest.mark.parametrize("name", SEALED)
def test_every_sealed_sample_is_whole(name: str) -> None:
    assert read_bytes(SEALED[name], PASSPHRASE).reading.entries[0].key is not None


@pytest.mark.parametrize("name", PLAIN)
def test_a_file_cut_anywhere_ends_in_words(name: str) -> None:
    data = PLAIN[name]
    for length in range(len(data)):
        _ends_in_words(data[:length])
        _ends_in_words(data[:length], name.removesuffix("-csv"))


@pytest.mark.parametrize("name", SEALED)
def test_a_sealed_file_cut_anywhere_ends_in_words(name: str) -> None:
    data = SEALED[name]
    for length in range(0, len(data), 7):
        _ends_in_words(data[:length])
        _ends_in_words(data[:length], name.removesuffix("-argon2"))


@pytest.mark.parametrize("name", PLAIN)
@given(st.data())
@settings(max_examples=60, deadline=None)
def test_changed_bytes_end_in_words(name: str, data: st.DataObject) -> None:
    _ends_in_words(_changed(PLAIN[name], data))


@pytest.mark.parametrize("name", SEALED)
@given(st.data())
@settings(max_examples=15, deadline=None)
def test_changed_bytes_of_sealed_files_end_in_words(name: str, data: st.DataObject) -> None:
    _ends_in_words(_changed(SEALED[name], data))


def _changed(sample: bytes, data: st.DataObject) -> bytes:
    changed = bytearray(sample)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed)))
        cut = data.draw(st.sampled_from([0, 1, 1, 1, 8, 100]))
        put = data.draw(
            st.sampled_from([b"", b"\0", b"-", b"9", b'"', b"null", b"[", b"{}", b"\xff", b"1e999"])
        )
        changed[at : at + cut] = put
    return bytes(changed)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize(
    "path",
    [
        ("aegis", "db", "entries", 0, "info"), ("aegis", "db", "entries", 0, "groups"),
        ("aegis", "db", "groups"), ("aegis", "db"), ("aegis", "header"),
        ("2fas", "services", 0, "otp"), ("2fas", "services", 0, "secret"), ("2fas", "groups"),
        ("andotp", 0, "tags"), ("andotp", 0, "label"), ("andotp", 0, "digits"),
        ("bitwarden", "folders"), ("bitwarden", "items", 0, "login"), ("bitwarden", "encrypted"),
        ("proton", "entries", 0, "content"), ("2fauth", "data", 0), ("2fauth", "data", 0, "counter"),
        ("lastpass", "folders"), ("lastpass", "accounts", 0, "folderData"), ("raivo", 0, "timer"),
        ("authy", "authenticator_tokens", 0), ("authy", "authenticator_tokens", 0, "name"),
        ("duo", 0, "otpGenerator"), ("duo", 0, "otpGenerator", "counter"),
        ("1password", "accounts", 0), ("1password", "accounts", 0, "vaults", 0, "items", 0, "overview"),
        ("1password", "accounts", 0, "vaults", 0, "items", 0, "details", "sections"),
        ("proton-pass", "vaults"), ("proton-pass", "vaults", "v", "items", 0, "data"),
    ],
    ids=str,
)  # fmt: skip
@given(value=JSON_VALUES)
@settings(max_examples=40, deadline=None)
def test_any_value_anywhere_ends_in_words(path: tuple[str | int, ...], value: object) -> None:
    name, *keys = path
    document = msgspec.json.decode(PLAIN[str(name)])
    at = document
    for key in keys[:-1]:
        at = at[key]
    at[keys[-1]] = value
    _ends_in_words(msgspec.json.encode(document))


_CHILD = textwrap.dedent(
    """
    import resource, sys, time
    from pathlib import Path

    limit = int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    from foreign import Person
    from watchword_tui.errors import WatchwordError
    from watchword_tui.exchange.reading import read_entries, read_source

    person = Person("passphrase")
    began = time.process_time()
    try:
        found = read_entries(read_source(Path(sys.argv[1])), person)
        print("read", len(found.reading.entries))
    except WatchwordError as error:
        print("refused", type(error).__name__, error.message)
    print(time.process_time() - began)
    print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
    """
)


def _read_apart(path: Path, limit: int) -> tuple[str, float, int]:
    """Read a file in a process of its own: the outcome, seconds of work, most memory held in bytes."""
    command = [sys.executable, "-c", _CHILD, str(path), str(limit)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=50
    )
    assert done.returncode == 0, done.stderr[-2000:]
    outcome, seconds, kilobytes = done.stdout.splitlines()
    return outcome, float(seconds), int(kilobytes) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell memory")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_ends_within_seconds_and_little_memory(name: str, tmp_path: Path) -> None:
    file = tmp_path / "bomb"
    file.write_bytes(BOMBS[name]())
    # The limit is far above what is allowed, so that running into it does not pass for a refusal.
    outcome, seconds, memory = _read_apart(file, 2**31)
    assert outcome.startswith(("read ", "refused ")), outcome
    assert seconds < SECONDS
    assert memory < 500_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the limit does not hold")
def test_running_out_of_memory_is_said(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(BOMBS["one-wide-text"]())
    outcome, _, _ = _read_apart(file, 200_000_000)
    assert "not enough memory" in outcome
