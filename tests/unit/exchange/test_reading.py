"""A file is told by its content, and what cannot be read says what to do."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from typing import TYPE_CHECKING

import pytest

from foreign import Person, read_bytes
from foreign_encoders import SECRET, as_json, migration, migration_key
from watchword_tui.errors import CancelledError, ForeignFileError, WatchwordError
from watchword_tui.exchange import source
from watchword_tui.exchange.cost import require
from watchword_tui.exchange.model import Cost
from watchword_tui.exchange.reading import gather, read_entries, read_source, source_of
from watchword_tui.exchange.registry import FORMATS

if TYPE_CHECKING:
    from pathlib import Path

RANDOM = hashlib.shake_256(b"").digest(600)
URI = f"otpauth://totp/GitHub:alice?secret={SECRET}&issuer=GitHub"


def test_the_name_of_a_file_does_not_matter(tmp_path: Path) -> None:
    file = tmp_path / "backup.json"
    file.write_text(URI, "utf-8")
    found = read_entries(read_source(file), Person())
    assert found.format.name == "otpauth"
    assert [entry.issuer for entry in found.reading.entries] == ["GitHub"]


def test_a_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(URI,))
    writer.start()
    assert read_source(pipe).data == URI.encode()
    writer.join()


@pytest.mark.parametrize("name", ["there/is/none", ""])
def test_what_cannot_be_opened_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ForeignFileError, match=str(tmp_path)):
        read_source(tmp_path / name)


def test_a_file_larger_than_any_export_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "huge"
    with file.open("wb") as sparse:
        sparse.truncate(source.MAX_FILE_BYTES + 1)
    with pytest.raises(ForeignFileError, match="larger than 64 MiB"):
        read_source(file)
    with file.open("wb") as sparse:
        sparse.truncate(source.MAX_FILE_BYTES)
    assert len(read_source(file).data) == source.MAX_FILE_BYTES


def test_a_format_can_be_forced_and_an_unknown_one_is_answered_with_the_known() -> None:
    text = f'{{"otpauth": 1}}\n{URI}'.encode()
    assert read_bytes(text, name="otpauth").reading.entries[1].issuer == "GitHub"
    with pytest.raises(ForeignFileError, match=r"known are: .*aegis, 2fas") as caught:
        read_bytes(text, name="agis")
    assert "'agis'" in caught.value.message


def test_every_format_has_a_name_for_the_command_line_and_a_title() -> None:
    for one in FORMATS:
        assert one.name == one.name.lower()
        assert " " not in one.name
        assert one.title


@pytest.mark.parametrize("name", sorted({one.name for one in FORMATS}))
@pytest.mark.parametrize("data", [b"", b"\0", b"[]", b"{}", b"null", b'"x"', b"x", b"\xff\xfe", b"[1]"])
def test_a_forced_format_fails_in_words_on_what_it_is_not(name: str, data: bytes) -> None:
    with contextlib.suppress(WatchwordError):
        read_bytes(data, "passphrase", name=name)


@pytest.mark.parametrize(
    ("data", "what", "remedy"),
    [
        (b"", "empty", "export it again"),
        (b"  \n", "empty", "export it again"),
        (b"-----BEGIN PGP MESSAGE-----\n\nhQ", "OpenPGP", "gpg --decrypt"),
        (b"\x84\x5e\x03" + RANDOM, "OpenPGP", "gpg --decrypt"),
        (b"\x85\x02\x0c\x03" + RANDOM, "OpenPGP", "gpg --decrypt"),
        (b"\x8c\x0d\x04\x09\x03\x02" + RANDOM, "OpenPGP", "gpg --decrypt"),
        (b"\xc1\xc1\x4c\x03" + RANDOM, "OpenPGP", "gpg --decrypt"),
        (b"\xc3\x2e\x04\x09" + RANDOM, "OpenPGP", "gpg --decrypt"),
        (b"SQLite format 3\0" + bytes(100), "inside an app", "own export"),
        (b"ANDROID BACKUP\n5\n" + bytes(100), "inside an app", "own export"),
        (b"Salted__" + RANDOM, "OpenSSL", "openssl enc -d"),
        (b"\0\0\0\x18ftypheic" + RANDOM, "image", "PNG"),
        (b"II*\0" + RANDOM, "image", "PNG"),
        (b"%PDF-1.7\n", "PDF", "images"),
        (b"PK\x03\x04" + RANDOM + b"notes.txt", "archive", "unpack"),
        (b"A" * 700 + b"==\n", "by which app", "totp-authenticator"),
        (b"PK\x03\x04" + RANDOM + b"Authplus.db", "Authenticator Plus", "HTML"),
        (b"\x1f\x8b\x08" + RANDOM, "archive", "unpack"),
        (b"7z\xbc\xaf\x27\x1c" + RANDOM, "archive", "unpack"),
        (b"\x03\xd9\xa2\x9a\x65\xfb\x4b\xb5" + bytes(100), "KeePass 1", "KDBX"),
        (b"<!DOCTYPE html><html><body>x</body></html>", "web page", "JSON"),
        (b"QR-Code:otpauth-migration://offline?data=x", "not one a line", "start of a line"),
        (b"hello", "no export", "Aegis"),
        (b'{"hello": 1}', "no export", "Aegis"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_export_is_named_with_what_to_do(data: bytes, what: str, remedy: str) -> None:
    with pytest.raises(ForeignFileError) as caught:
        read_bytes(data)
    assert what in caught.value.message
    assert remedy in caught.value.remedy


def test_text_from_windows_is_read() -> None:
    for encoding in ("utf-16", "utf-8-sig"):
        assert read_bytes(f"{URI}\r\n".encode(encoding)).reading.entries[0].issuer == "GitHub"
    array = as_json([{"secret": SECRET, "label": "alice", "issuer": "GitHub", "type": "TOTP"}])
    assert read_bytes(array.decode().encode("utf-16")).format.name == "andotp"


def test_files_are_put_together_without_doubles() -> None:
    one = read_bytes(f"{URI}\notpauth://totp/a?secret=x".encode()).reading
    two = read_bytes(f"{URI}\n{URI}&period=60\notpauth://totp/a?secret=x".encode()).reading
    entries, problems = gather([one, two])
    assert [(entry.where, entry.key is None) for entry in entries] == [
        ("line 1", False),
        ("line 2", True),
        ("line 2", False),
        ("line 3", True),
    ]
    assert problems == ()


@pytest.mark.parametrize(
    ("scanned", "problems"),
    [
        ((0, 1, 2), ()),
        ((0, 2), ("part 2 of 3 is missing: scan it too",)),
        ((2,), ("parts 1 and 2 of 3 are missing: scan them too",)),
        ((1, 1, 0), ("part 3 of 3 is missing: scan it too",)),
    ],
)
def test_parts_of_a_google_export_are_counted(
    scanned: tuple[int, ...], problems: tuple[str, ...]
) -> None:
    parts = [
        migration(migration_key(name=f"account {index}"), index=index, size=3) for index in range(3)
    ]
    alone = [read_bytes(parts[index].encode()).reading for index in scanned]
    together = [read_bytes("\n".join(parts[index] for index in scanned).encode()).reading]
    for readings in (alone, together):
        entries, found = gather(readings)
        assert found == problems
        assert len(entries) == len(set(scanned))


def test_parts_of_two_exports_do_not_fill_each_other() -> None:
    one = migration(migration_key(name="a"), index=0, size=2, batch=1)
    two = migration(migration_key(name="b"), index=1, size=2, batch=2)
    _, problems = gather([read_bytes(f"{one}\n{two}".encode()).reading])
    assert problems == ("part 2 of 2 is missing: scan it too", "part 1 of 2 is missing: scan it too")


class TestCost:
    def test_cheap_work_is_not_asked_about(self) -> None:
        person = Person()
        require(person, Cost("", 64 * 2**20, 1.0))
        assert person.asked_about == []

    @pytest.mark.parametrize("cost", [Cost("", 300 * 2**20, 1.0), Cost("", 0, 5.0)])
    def test_costly_work_waits_for_a_yes(self, cost: Cost) -> None:
        require(Person(allows=True), cost)
        person = Person(allows=False)
        with pytest.raises(CancelledError):
            require(person, cost)
        assert person.asked_about == [cost]

    @pytest.mark.parametrize("cost", [Cost("", 2**43, 1.0), Cost("", 0, 1e6)])
    def test_what_nobody_could_pay_is_refused_unasked(self, cost: Cost) -> None:
        person = Person(allows=True)
        with pytest.raises(ForeignFileError, match="no app writes such files"):
            require(person, cost)
        assert person.asked_about == []


def test_the_repr_of_a_source_shows_nothing_of_it() -> None:
    assert SECRET not in repr(source_of("x", URI.encode()))
