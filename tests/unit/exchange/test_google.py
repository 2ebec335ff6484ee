"""Google Authenticator's QR codes (otpauth-migration://), from hand-made protocol buffers."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreign import read_bytes
from foreign_encoders import SECRET_BYTES, field, migration, migration_key, varint
from watchword_otp import Algorithm, Kind
from watchword_tui.exchange.migration import read_migration
from watchword_tui.exchange.model import Batch


def test_all_parameters_are_read() -> None:
    key = migration_key(name="GitHub:alice", issuer="GitHub", algorithm=2, digits=2, kind=2)
    (entry,) = read_migration(migration(key), "line 1").entries
    assert entry.key is not None
    assert (entry.issuer, entry.name) == ("GitHub", "alice")
    assert entry.key.secret.reveal() == SECRET_BYTES
    assert (entry.key.algorithm, entry.key.digits, entry.key.period) == (Algorithm.SHA256, 8, 30)


def test_what_is_not_said_is_sha1_six_digits_and_by_time() -> None:
    (entry,) = read_migration(migration(migration_key(algorithm=0, digits=0, kind=0)), "line 1").entries
    assert entry.key is not None
    assert (entry.key.kind, entry.key.algorithm, entry.key.digits) == (Kind.TOTP, Algorithm.SHA1, 6)


@pytest.mark.parametrize("counter", [0, 1, 2**62])
def test_a_counter_is_taken_as_it_is(counter: int) -> None:
    (entry,) = read_migration(migration(migration_key(kind=1, counter=counter)), "line 1").entries
    assert entry.key is not None
    assert (entry.key.kind, entry.key.counter) == (Kind.HOTP, counter)


@pytest.mark.parametrize(
    ("issuer", "name", "labels"),
    [
        ("", "GitHub:alice", ("GitHub", "alice")),
        ("GitHub", "GitHub:alice", ("GitHub", "alice")),
        ("GitHub", "GitHub: alice", ("GitHub", "alice")),
        ("GitHub", "alice", ("GitHub", "alice")),
        ("", "alice", ("", "alice")),
        ("GitHub", "host:8080", ("GitHub", "host:8080")),
        ("", "a:b:c", ("a", "b:c")),
    ],
)
def test_the_issuer_may_stand_in_the_name(issuer: str, name: str, labels: tuple[str, str]) -> None:
    (entry,) = read_migration(migration(migration_key(name=name, issuer=issuer)), "line 1").entries
    assert (entry.issuer, entry.name) == labels


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (migration_key(algorithm=4), "algorithm"),
        (migration_key(digits=9), "digits"),
        (migration_key(kind=9), "type"),
        (migration_key(secret=b""), "empty"),
        (migration_key(kind=1, counter=-1), "counter"),
        (b"\x0a\xff", "damaged"),
    ],
)
def test_one_key_that_cannot_be_read_leaves_the_others(key: bytes, reason: str) -> None:
    bad, good = read_migration(migration(key, migration_key()), "line 1").entries
    assert bad.key is None
    assert reason in bad.reason
    assert good.key is not None
    assert (bad.where, good.where) == ("line 1, key 1", "line 1, key 2")


def test_the_data_may_have_lost_its_padding_and_its_plus_signs() -> None:
    # 0xfb repeated gives "+" in base64.
    uri = migration(migration_key(secret=b"\xfb\xef\xbe" * 7))
    assert "%2B" in uri
    for damage in (uri.replace("%2B", "+"), uri.replace("%2B", " "), uri.replace("%3D", "")):
        (entry,) = read_migration(damage, "line 1").entries
        assert entry.key is not None
        assert entry.key.secret.reveal() == b"\xfb\xef\xbe" * 7


def test_a_negative_batch_and_fields_of_later_versions_are_read() -> None:
    later = b"".join((field(99, b"x"), varint(98 << 3 | 5) + bytes(4), varint(97 << 3 | 1) + bytes(8)))
    payload = field(1, migration_key() + later) + later + field(3, 2) + field(4, 1) + field(5, -(2**31))
    uri = "otpauth-migration://offline?data=" + base64.b64encode(payload).decode()
    reading = read_migration(uri, "line 1")
    assert reading.entries[0].key is not None
    assert reading.batches == (Batch(-(2**31), 1, 2),)


@pytest.mark.parametrize(
    "uri",
    ["otpauth-migration://offline", "otpauth-migration://offline?data=", "otpauth-migration://x?data=%"],
)
def test_a_damaged_uri_is_a_row_with_a_reason(uri: str) -> None:
    found = read_bytes(uri.encode())
    assert found.format.name == "google"
    assert "damaged" in found.reading.entries[0].reason


def test_a_part_number_beyond_reason_is_no_part() -> None:
    assert read_migration(migration(migration_key(), index=5, size=2**40), "line 1").batches == ()


@given(st.binary(max_size=200))
def test_any_data_is_entries(data: bytes) -> None:
    uri = "otpauth-migration://offline?data=" + base64.urlsafe_b64encode(data).decode()
    assert read_migration(uri, "line 1").entries


def test_every_cut_is_entries() -> None:
    uri = migration(migration_key(issuer="GitHub"), migration_key(name="bob"))
    for length in range(len(uri)):
        assert read_migration(uri[:length], "line 1").entries
