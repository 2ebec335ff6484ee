"""Damaged and hostile files: never other content, never another error than the vault's own."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from unit.vault.aegis import PASSPHRASE, Wrap, content_of, entry, put, sealed, slot_of
from watchword_tui.errors import VaultError, WrongPassphraseError
from watchword_tui.vault.document import read_document
from watchword_tui.vault.envelope import read_envelope
from watchword_tui.vault.store import VaultStore
from watchword_tui.vault.vault import create_vault, read_vault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from watchword_tui.vault.document import Document


@pytest.fixture
def file(tmp_path: Path) -> bytes:
    """A file with our checksum, and a slot that costs nothing."""
    store = put(tmp_path / "vault.json", sealed(content_of(entry(issuer="Example"), entry())))
    vault = read_vault(store).open_with_passphrase(PASSPHRASE)
    vault.commit(vault.document.with_moved(vault.document.rows[0].id, 1))
    data = store.path.read_bytes()
    assert b'"watchword":{"sha256"' in data
    return data


def opened(data: bytes, passphrase: str = PASSPHRASE) -> Document:
    envelope = read_envelope(data)
    master = envelope.open_with_passphrase(passphrase)[0] if envelope.encrypted else None
    return read_document(envelope.open_content(master))


def cheap(data: bytes) -> bool:
    """Whether the slots' costs are still those of a test."""
    try:
        slots = read_envelope(data).slots
    except VaultError:
        return True
    return all(slot.n * slot.r * slot.p <= 2**12 for slot in slots)


def flipped(data: bytes) -> Iterator[tuple[int, bytes]]:
    for place in range(len(data)):
        for bit in (0x01, 0x10, 0x80):
            changed = bytearray(data)
            changed[place] ^= bit
            yield place, bytes(changed)


def test_no_flipped_bit_gives_other_content_or_doubts_the_passphrase(file: bytes) -> None:
    whole = opened(file)
    mark = file.index(b'"watchword"')
    end_of_mark = file.index(b"}", mark) + 1
    told = 0
    for place, changed in flipped(file):
        if not cheap(changed):
            continue
        try:
            assert opened(changed).rows == whole.rows, place
        except WrongPassphraseError:
            # Only a checksum that is gone, or whose name is, cannot tell.
            assert mark <= place < end_of_mark, place
        except VaultError:
            told += 1
    assert told > len(file)


def test_a_wrong_passphrase_is_told_from_damage(file: bytes) -> None:
    with pytest.raises(WrongPassphraseError, match="does not open"):
        opened(file, "wrong")
    found = json.loads(file)
    for level, name in ((found["header"]["slots"][0], "salt"), (found["header"]["slots"][0], "key")):
        kept = level[name]
        level[name] = kept[:-1] + ("0" if kept[-1] != "0" else "1")
        for passphrase in (PASSPHRASE, "wrong"):
            with pytest.raises(VaultError, match="damaged"):
                opened(json.dumps(found).encode(), passphrase)
        level[name] = kept
    assert opened(json.dumps(found).encode()).rows


def test_damage_is_told_in_a_file_without_our_checksum_once_the_passphrase_fits() -> None:
    found = sealed(content_of(entry()))
    found["db"] = base64.b64encode(base64.b64decode(found["db"])[:-1]).decode()
    with pytest.raises(VaultError, match="content is damaged"):
        opened(json.dumps(found).encode())
    with pytest.raises(WrongPassphraseError):
        opened(json.dumps(found).encode(), "wrong")


def test_no_end_cut_off_goes_unnoticed(file: bytes) -> None:
    whole = opened(file)
    for length in range(len(file) - 1):
        with pytest.raises(VaultError):
            opened(file[:length])
    assert opened(file[:-1]) == whole, "the last byte is a line feed"


def test_a_damaged_plain_vault_never_ends_in_another_error() -> None:
    plain = {"version": 1, "header": {"slots": None, "params": None}, "db": content_of(entry())}
    data = json.dumps(plain).encode()
    for length in range(len(data)):
        with pytest.raises(VaultError):
            opened(data[:length])
    for _, changed in flipped(data):
        try:
            document = opened(changed)
        except VaultError:
            continue
        assert all(row.account or row.reason for row in document.rows)


NOT_VAULTS: dict[str, Any] = {
    "empty": b"",
    "binary": os.urandom(300),
    "text": b"otpauth://totp/a?secret=GEZDGNBV",
    "list": b"[]",
    "number": b"1",
    "no version": {"header": {"slots": None, "params": None}, "db": content_of()},
    "version as text": {"version": "1", "header": {}, "db": content_of()},
    "no db": {"version": 1, "header": {"slots": None, "params": None}},
    "db is text": {"version": 1, "header": {"slots": None, "params": None}, "db": "AAAA"},
    "db is empty": {"version": 1, "header": {"slots": None, "params": None}, "db": {}},
    "no entries": {"version": 1, "header": {}, "db": {"version": 3, "groups": []}},
    "entries are null": {"version": 1, "header": {}, "db": {"version": 3, "entries": None}},
    "groups are text": {"version": 1, "header": {}, "db": {"version": 3, "entries": [], "groups": ""}},
    "slots without params": {**sealed(content_of()), "header": {"slots": [], "params": None}},
    "params without slots": {"version": 1, "header": {"params": {"nonce": "", "tag": ""}}, "db": "AA"},
    "slot is text": {"version": 1, "header": {"slots": ["x"], "params": {}}, "db": "AA"},
    "not base64": {**sealed(content_of()), "db": "!!!"},
    "deep": b'{"version":1,"header":{},"db":' + b"[" * 100_000,
    "deep entry": b'{"version":1,"header":{},"db":{"version":3,"entries":['
    + b"[" * 5000
    + b"]" * 5000
    + b"]}}",
    "long number": b'{"version":' + b"9" * 10_000 + b',"header":{},"db":{}}',
    "lone surrogate": b'{"version":1,"header":{},"db":{"\\ud800":1,"entries":[]}}',
}


@pytest.mark.parametrize("name", NOT_VAULTS)
def test_what_is_no_vault_is_refused_in_words(name: str) -> None:
    content = NOT_VAULTS[name]
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(VaultError) as caught:
        opened(data)
    assert caught.value.remedy
    assert "Error" not in caught.value.message


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"version":9,"entries":[]}', b"\xff", b'{"version":3}']
)
def test_a_right_passphrase_on_odd_content_is_no_crash(content: bytes) -> None:
    with pytest.raises(VaultError):
        opened(json.dumps(sealed(content)).encode())


def test_a_file_of_a_later_version_is_not_called_damaged() -> None:
    with pytest.raises(VaultError, match="version 2 of its format; open it with a newer"):
        opened(json.dumps(sealed(content_of()) | {"version": 2}).encode())
    with pytest.raises(VaultError, match="content has version 4; open it with a newer"):
        opened(json.dumps(sealed({"version": 4, "entries": []})).encode())


@pytest.mark.parametrize(
    "numbers",
    [
        {"n": 2**40},
        {"n": 2**63 - 1, "r": 2**62, "p": 2**61},
        {"n": 2**20, "r": 8},
        {"p": 2**30},
        {"n": 0},
        {"n": -16},
        {"n": 17},
        {"r": 0},
        {"p": -1},
        {"n": 10**30},
    ],
    ids=str,
)
def test_impossible_and_immense_slots_are_refused_at_once(numbers: dict[str, int]) -> None:
    found = sealed(content_of())
    found["header"]["slots"][0] |= numbers
    began = time.perf_counter()
    with pytest.raises(VaultError) as caught:
        opened(json.dumps(found).encode())
    assert time.perf_counter() - began < 2
    assert "restore a backup" in caught.value.remedy


BOMB = """
import resource, sys
from watchword_tui.errors import VaultError
from watchword_tui.vault.document import read_document

resource.setrlimit(resource.RLIMIT_AS, (500 * 2**20, resource.RLIM_INFINITY))
part = sys.argv[2].encode()
many = part * (60 * 2**20 // len(part))
try:
    read_document(b'{"version":3,"%s":[%s1],"entries":[]}' % (sys.argv[1].encode(), many))
except VaultError as error:
    sys.stdout.write(error.message)
"""


@pytest.mark.parametrize("part", ["{},", "1,", '{"type":"totp","info":{"secret":"GEZDGNBV"}},'])
@pytest.mark.parametrize("name", ["entries", "groups"])
def test_millions_of_entries_are_refused_before_they_take_all_memory(name: str, part: str) -> None:
    began = time.perf_counter()
    program = [sys.executable, "-c", BOMB.replace(',"entries":[]', "") if name == "entries" else BOMB]
    ended = subprocess.run(
        [*program, name, part], capture_output=True, text=True, check=False, timeout=30
    )
    assert ended.stdout == "the vault has more than 50,000 entries", ended.stderr
    assert time.perf_counter() - began < 10


def test_many_slots_together_are_refused_at_once() -> None:
    found = sealed(content_of())
    found["header"]["slots"] += [{**slot_of(bytes(32), Wrap()), "n": 2**14, "r": 8}] * 2000
    began = time.perf_counter()
    with pytest.raises(VaultError, match="more work"):
        opened(json.dumps(found).encode())
    assert time.perf_counter() - began < 2


class TestWhatStandsInTheFilesPlace:
    def test_a_pipe_does_not_block(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "vault.json")
        store = VaultStore(tmp_path / "vault.json")
        for act in (store.read, lambda: store.write(b"x", expected=None), store.digest):
            with pytest.raises(VaultError, match="is no file"):
                act()

    def test_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "vault.json").mkdir()
        store = VaultStore(tmp_path / "vault.json")
        with pytest.raises(VaultError, match="is no file"):
            read_vault(store)
        with pytest.raises(VaultError, match="already"):
            create_vault(store, None)

    def test_a_socket(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("vault.json")
            with pytest.raises(VaultError, match="cannot read"):
                read_vault(VaultStore(tmp_path / "vault.json"))

    def test_a_link_stays_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        link = tmp_path / "vault.json"
        link.symlink_to(tmp_path / "real" / "vault.json")
        vault = create_vault(VaultStore(link), None)
        vault.commit(vault.document.with_groups(["Work"]))
        assert link.is_symlink()
        assert {one.name for one in (tmp_path / "real").iterdir()} == {
            "vault.json",
            "vault.json.bak1",
            ".vault.json.lock",
        }
        assert len(VaultStore(link).backups()) == 1

    def test_a_link_to_itself(self, tmp_path: Path) -> None:
        link = tmp_path / "vault.json"
        link.symlink_to(link)
        with pytest.raises(VaultError):
            read_vault(VaultStore(link))

    def test_what_is_too_large(self, tmp_path: Path) -> None:
        with (tmp_path / "vault.json").open("wb") as file:
            file.truncate(100 * 2**20)
        with pytest.raises(VaultError, match="too large"):
            read_vault(VaultStore(tmp_path / "vault.json"))

    def test_nothing_is_saved_that_could_not_be_read_again(self, tmp_path: Path) -> None:
        vault = create_vault(VaultStore(tmp_path / "vault.json"), None)
        huge = vault.document.with_groups(["x"])
        with pytest.raises(VaultError, match="more than 64 MiB"):
            vault.store.write(bytes(64 * 2**20 + 1), expected=vault.store.digest())
        vault.commit(huge)

    def test_nothing_at_all(self, tmp_path: Path) -> None:
        with pytest.raises(VaultError, match="there is no vault at") as caught:
            read_vault(VaultStore(tmp_path / "none" / "vault.json"))
        assert caught.value.remedy == "make one: watchword vault create"
        (tmp_path / "file").touch()
        assert not VaultStore(tmp_path / "file" / "vault.json").exists()
        with pytest.raises(VaultError, match="cannot"):
            create_vault(VaultStore(tmp_path / "file" / "vault.json"), None)
