"""andOTP backups: plain, old labels, and both ways of encryption."""

from __future__ import annotations

from typing import Any

import pytest

from foreign import Person, read_bytes
from foreign_encoders import SECRET, SECRET_BYTES, andotp_sealed, andotp_sealed_old, as_json
from watchword_otp import Algorithm, Kind
from watchword_tui.errors import CancelledError, ForeignFileError, WrongPassphraseError
from watchword_tui.exchange.reading import read_entries, source_of


def _row(**fields: object) -> dict[str, Any]:
    row = {"secret": SECRET, "issuer": "GitHub", "label": "alice", "digits": 6, "type": "TOTP"}
    more = {"algorithm": "SHA1", "thumbnail": "Default", "last_used": 1, "used_frequency": 0}
    return row | more | {"period": 30, "tags": []} | fields


def test_everything_a_row_holds_is_read() -> None:
    row = _row(algorithm="SHA256", digits=8, period=60, tags=["Work", "Home"], used_frequency=12)
    found = read_bytes(as_json([row]))
    assert found.format.name == "andotp"
    (entry,) = found.reading.entries
    assert entry.key is not None
    assert (entry.issuer, entry.name, entry.groups) == ("GitHub", "alice", ("Work", "Home"))
    assert entry.uses == 12
    assert (entry.key.algorithm, entry.key.digits, entry.key.period) == (Algorithm.SHA256, 8, 60)
    assert entry.key.secret.reveal() == SECRET_BYTES


def test_kinds() -> None:
    rows = [_row(type="HOTP", counter=7), _row(type="STEAM", digits=5), _row(type="MOTP")]
    hotp, steam, motp = read_bytes(as_json(rows)).reading.entries
    assert hotp.key is not None
    assert (hotp.key.kind, hotp.key.counter) == (Kind.HOTP, 7)
    assert steam.key is not None
    assert steam.key.kind is Kind.STEAM
    assert motp.foreign is not None
    assert motp.foreign.kind == "motp"


@pytest.mark.parametrize(
    ("label", "labels"),
    [
        ("GitHub - alice", ("GitHub", "alice")),
        ("GitHub - GitHub:alice", ("GitHub", "alice")),
        ("alice", ("", "alice")),
        ("a - b - c", ("a", "b - c")),
    ],
)
def test_the_first_versions_had_one_label(label: str, labels: tuple[str, str]) -> None:
    row = {"secret": SECRET, "label": label, "period": 30, "type": "TOTP"}
    (entry,) = read_bytes(as_json([row])).reading.entries
    assert (entry.issuer, entry.name) == labels
    assert entry.key is not None


def test_a_label_with_a_dash_is_left_alone_where_there_is_an_issuer() -> None:
    (entry,) = read_bytes(as_json([_row(issuer="", label="a - b")])).reading.entries
    assert (entry.issuer, entry.name) == ("", "a - b")


@pytest.mark.parametrize("seal", [andotp_sealed, andotp_sealed_old])
def test_an_encrypted_backup_is_told_by_looking_random_and_opens(seal: Any) -> None:
    # Also small ones, and many, for the content is told by chance.
    for rows in ([_row()], [_row()] * 40):
        for _ in range(5):
            found = read_bytes(seal(rows, "pass wörd"), "pass wörd")
            assert found.format.name == "andotp"
            assert len(found.reading.entries) == len(rows)
            assert found.reading.entries[0].key is not None


@pytest.mark.parametrize("seal", [andotp_sealed, andotp_sealed_old])
def test_a_wrong_password_is_told(seal: Any) -> None:
    with pytest.raises(WrongPassphraseError):
        read_bytes(seal([_row()], "right"), "wrong")


def test_an_old_backup_whose_first_bytes_look_like_a_count_opens() -> None:
    nonce = (1000).to_bytes(4, "big") + bytes(range(100, 108))
    sealed = andotp_sealed_old([_row()], "password", nonce)
    assert read_bytes(sealed, "password").reading.entries[0].key is not None


def test_a_new_backup_is_not_derived_for_longer_than_the_app_takes() -> None:
    sealed = bytearray(andotp_sealed([_row()], "password"))
    sealed[:4] = (2**31 - 1).to_bytes(4, "big")
    with pytest.raises(WrongPassphraseError):
        read_bytes(bytes(sealed), "password")


def test_a_person_may_be_unwilling() -> None:
    class Unwilling(Person):
        def passphrase(self) -> str:
            raise CancelledError("not opened")

    with pytest.raises(CancelledError):
        read_entries(source_of("x", andotp_sealed([_row()], "password")), Unwilling())


def test_what_opens_to_no_list_is_damage() -> None:
    with pytest.raises(ForeignFileError, match="damaged"):
        read_bytes(andotp_sealed({"a": 1}, "password"), "password")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"secret": "0189"}, "base32"),
        ({"digits": 3}, "digits"),
        ({"digits": None, "period": "x"}, "period"),
        ({"algorithm": "MD5"}, "algorithm"),
        ({"type": "?"}, "type"),
        ({"type": "HOTP", "counter": -1}, "counter"),
        ({"type": "HOTP", "counter": 2**63}, "counter"),
        ({"type": "HOTP", "counter": 1.5}, "counter"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(fields: dict[str, Any], reason: str) -> None:
    bad, good = read_bytes(as_json([_row(**fields), _row()])).reading.entries
    assert bad.key is None
    assert reason in bad.reason
    assert (bad.issuer, bad.where) == ("GitHub", "entry 1")
    assert good.key is not None
