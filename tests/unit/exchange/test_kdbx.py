"""KeePass databases: every version, cipher and derivation; costs are asked for; damage ends in words."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, Any

import pykeepass  # type: ignore[import-untyped]
import pytest
from Cryptodome.Cipher import Salsa20
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import made_kdbx
from damaged_files import changed, cut_short, ends_well
from foreign import Person, read_bytes
from made_kdbx import BIN, Hidden, document, entry, group, kdbx3, kdbx4
from watchword_otp import Algorithm, Key, Kind, Secret
from watchword_tui.errors import CancelledError, ForeignFileError, WrongPassphraseError
from watchword_tui.exchange.formats import kdbx
from watchword_tui.exchange.formats.kdbx_stream import stream_of
from watchword_tui.exchange.reading import read_entries, source_of

if TYPE_CHECKING:
    from pathlib import Path

BASE32 = "GEZDGNBVGY3TQOJQ"
SECRET = Secret(b"1234567890")
URI = f"otpauth://totp/GitHub:alice?secret={BASE32}&period=60&digits=8&issuer=GitHub"
LOGIN: made_kdbx.Fields = {
    "Title": "GitHub",
    "UserName": "alice",
    "Password": Hidden("pässword"),
    "otp": Hidden(URI),
}
GITHUB = Key(secret=SECRET, issuer="GitHub", name="alice", period=60, digits=8)


def small(stream: str = "chacha20") -> bytes:
    return document(group("Root", entry(LOGIN)), stream)


VARIANTS = {
    "argon2id": kdbx4(small(), "pass"),
    "argon2d": kdbx4(small(), "pass", kdf="d"),
    "aes-kdf": kdbx4(small(), "pass", kdf="aes", rounds=1_200_000),
    "aes": kdbx4(small(), "pass", cipher="aes"),
    "uncompressed": kdbx4(small(), "pass", compressed=False),
    "version 3.1": kdbx3(small("salsa20"), "pass"),
    "version 3.1 uncompressed": kdbx3(small("salsa20"), "pass", compressed=False),
}


@pytest.mark.parametrize("data", VARIANTS.values(), ids=VARIANTS)
def test_every_variant_gives_its_keys(data: bytes) -> None:
    found = read_bytes(data, "pass")

    assert found.format.name == "kdbx"
    assert [one.key for one in found.reading.entries] == [GITHUB]


@pytest.mark.parametrize("data", VARIANTS.values(), ids=VARIANTS)
def test_the_files_of_these_tests_are_keepass_files_for_pykeepass_too(data: bytes) -> None:
    database = pykeepass.PyKeePass(io.BytesIO(data), "pass")

    assert [one.otp for one in database.entries] == [URI]


def test_a_database_that_pykeepass_saved_is_read(tmp_path: Path) -> None:
    path = tmp_path / "people.kdbx"
    database = pykeepass.create_database(path, password="päss")
    work = database.add_group(database.add_group(database.root_group, "Work"), "Servers")
    added = database.add_entry(work, "AWS", "root", "secret", notes="two\nlines", otp=URI)
    added.save_history()
    added.username = "admin"
    added.otp = f"key={BASE32}&size=7"
    gone = database.add_entry(database.root_group, "Old", "alice", "", otp=URI)
    database.trash_entry(gone)
    database.save()

    found = read_bytes(path.read_bytes(), "päss").reading

    assert [(one.issuer, one.name, one.note, one.groups) for one in found.entries] == [
        ("AWS", "admin", "two\nlines", ("Work/Servers",))
    ]
    assert found.entries[0].key == Key(secret=SECRET, issuer="AWS", name="admin", digits=7)
    assert found.problems == ("1 in the recycle bin left out",)


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"otp": URI}, GITHUB),
        ({"otp": f"otpauth://totp/GitHub:alice?secret={BASE32}&encoder=steam"}, "steam"),
        (
            {"otp": f"key={BASE32}&step=60&size=8&otpHashMode=Sha256"},
            {"period": 60, "digits": 8, "algorithm": "SHA256"},
        ),
        ({"otp": f"key={BASE32}&type=Hotp&counter=7"}, {"kind": "hotp", "counter": 7}),
        ({"otp": "key=MTIzNDU2Nzg5MA==&encoding=Base64"}, {}),
        ({"otp": BASE32.lower()}, {}),
        ({"otp": f"otpauth://totp/?secret={BASE32}"}, {}),
        ({"TOTP Seed": BASE32}, {}),
        ({"TOTP Seed": "gezd gnbv gy3t qojq", "TOTP Settings": "60;8"}, {"period": 60, "digits": 8}),
        ({"TOTP Seed": BASE32, "TOTP Settings": "30;S"}, "steam"),
        ({"TOTP Seed": BASE32, "TOTP Settings": "30;6;https://example.org"}, {}),
        (
            {
                "TimeOtp-Secret-Base32": BASE32,
                "TimeOtp-Algorithm": "HMAC-SHA-512",
                "TimeOtp-Length": "8",
                "TimeOtp-Period": "45",
            },
            {"algorithm": "SHA512", "digits": 8, "period": 45},
        ),
        ({"TimeOtp-Secret-Hex": "31 32 33 34 35 36 37 38 39 30"}, {}),
        ({"TimeOtp-Secret-Base64": "MTIzNDU2Nzg5MA=="}, {}),
        ({"TimeOtp-Secret": "1234567890"}, {}),
        ({"HmacOtp-Secret-Base32": BASE32, "HmacOtp-Counter": "9"}, {"kind": "hotp", "counter": 9}),
        ({"otp": URI, "TOTP Seed": "AAAA"}, GITHUB),
    ],
)
def test_one_time_passwords_are_found_wherever_keepass_apps_keep_them(
    fields: dict[str, str], key: object
) -> None:
    xml = document(group("Root", entry({"Title": "GitHub", "UserName": "alice", **fields})))

    (found,) = read_bytes(kdbx4(xml, "pass"), "pass").reading.entries

    if key == "steam":
        expected = Key(secret=SECRET, kind=Kind.STEAM, digits=5, issuer="GitHub", name="alice")
    elif isinstance(key, Key):
        expected = key
    else:
        assert isinstance(key, dict)
        parts = key | {
            "algorithm": Algorithm(key.get("algorithm", "SHA1")),
            "kind": Kind(key.get("kind", "totp")),
        }
        expected = Key(secret=SECRET, issuer="GitHub", name="alice", **parts)
    assert found.key == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"otp": "otpauth://totp/GitHub?secret=1"},
        {"TOTP Seed": BASE32, "TOTP Settings": "30;x"},
        {"TOTP Seed": "0189"},
        {"TimeOtp-Secret-Hex": "xyz"},
        {"TimeOtp-Secret-Base64": "#"},
        {"otp": f"key={BASE32}&otpHashMode=MD5"},
    ],
)
def test_what_is_no_key_says_why(fields: dict[str, str]) -> None:
    xml = document(group("Root", entry({"Title": "GitHub", **fields}), entry(LOGIN)))

    bad, good = read_bytes(kdbx4(xml, "pass"), "pass").reading.entries

    assert bad.reason
    assert bad.issuer == "GitHub"
    assert good.key == GITHUB


def test_the_name_none_of_keepassxc_is_no_name() -> None:
    uri = f"otpauth://totp/GitHub:none?secret={BASE32}&issuer=GitHub"
    xml = document(group("Root", entry({"Title": "GitHub", "UserName": "", "otp": uri})))

    (found,) = read_bytes(kdbx4(xml, "pass"), "pass").reading.entries

    assert (found.issuer, found.name) == ("GitHub", "")
    assert found.key == Key(secret=SECRET, issuer="GitHub")


def test_history_and_bin_are_left_out_and_hidden_values_stay_in_step() -> None:
    old: made_kdbx.Fields = {"Title": "Old", "otp": Hidden(URI)}
    xml = document(
        group(
            "Root",
            entry({"Title": "Plain", "Password": Hidden("x" * 200)}, [old]),
            group("Bin", entry(old), group("Inner", entry(old)), uuid=BIN),
            group("Work", entry(LOGIN, [old])),
        ),
        "salsa20",
    )

    found = read_bytes(kdbx3(xml, "pass"), "pass").reading

    assert [(one.key, one.groups) for one in found.entries] == [(GITHUB, ("Work",))]
    assert found.problems == ("2 in the recycle bin left out",)


@pytest.mark.parametrize("data", VARIANTS.values(), ids=VARIANTS)
def test_a_wrong_passphrase_is_told_from_damage(data: bytes) -> None:
    with pytest.raises(WrongPassphraseError):
        read_bytes(data, "other")
    with pytest.raises(ForeignFileError):
        read_bytes(data[:-20], "pass")


def test_a_single_changed_byte_anywhere_is_damage() -> None:
    # In a comment, which no parser would mind.
    data = bytearray(kdbx4(small() + b"<!--" + b"x" * 500 + b"-->", "pass", compressed=False))
    data[-300] ^= 1

    with pytest.raises(ForeignFileError):
        read_bytes(bytes(data), "pass")


def test_other_ciphers_and_old_argon2_are_refused_with_a_way_out() -> None:
    data = kdbx4(small(), "pass")
    twofish = data.replace(made_kdbx.CIPHERS["chacha20"], made_kdbx.CIPHERS["twofish"])
    old = data.replace(b"V\x04\x00\x00\x00\x13", b"V\x04\x00\x00\x00\x10")

    for one in (twofish, old, data[:10] + b"\x05" + data[11:]):
        with pytest.raises(ForeignFileError) as caught:
            read_bytes(one, "pass")
        assert "import that" in caught.value.remedy


@pytest.mark.parametrize(
    "changes",
    [{"memory": 2**29}, {"rounds": 2**20}, {"kdf": "aes", "rounds": 2**34}],
    ids=["memory", "passes", "rounds"],
)
def test_costly_work_is_asked_for_before_it_is_done(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(made_kdbx, "_transformed", lambda *_: bytes(32))  # the tests need not pay either
    person = Person("pass")
    data = kdbx4(small(), "pass", **changes)

    with pytest.raises((CancelledError, ForeignFileError)) as caught:
        read_entries(source_of("file", data), person)

    assert person.asked_for_passphrase == 0
    assert person.asked_about or "no app writes such files" in caught.value.message


def test_a_database_that_grows_without_bound_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kdbx, "MAX_CONTENT", 2**20)
    bomb = kdbx4(small() + b" " * 2**21, "pass")
    assert len(bomb) < 2**14

    with pytest.raises(ForeignFileError, match="beyond all measure"):
        read_bytes(bomb, "pass")


@pytest.mark.parametrize(
    "xml",
    [
        b'<!DOCTYPE x [<!ENTITY a "aa">]><KeePassFile>&a;</KeePassFile>',
        b"<Group>" * 1000,
        b"<a>" * 200 + b"</a>" * 200,
        b'<?xml version="1.0" encoding="nonsense"?><KeePassFile/>',
        b"no XML",
        b'<a><String><Key>otp</Key><Value Protected="True">A</Value></String></a>',
        b"",
    ],
)
def test_hostile_xml_ends_in_words(xml: bytes) -> None:
    with pytest.raises(ForeignFileError):
        read_bytes(kdbx4(xml, "pass"), "pass")


@pytest.mark.parametrize("version", [3, 4])
def test_a_database_cut_anywhere_ends_in_words(version: int) -> None:
    data = kdbx4(small(), "pass") if version == 4 else kdbx3(small("salsa20"), "pass")

    assert not any(ends_well(piece, "pass", "kdbx") for piece in cut_short(data, 300))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_database_changed_at_random_ends_in_words(data: st.DataObject) -> None:
    ends_well(data.draw(changed(VARIANTS["version 3.1"])), "pass", "kdbx")
    ends_well(data.draw(changed(VARIANTS["argon2id"])), "pass", "kdbx")


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_xml_changed_at_random_ends_in_words(data: st.DataObject) -> None:
    xml = document(group("Root", group("Bin", entry(LOGIN), uuid=BIN), entry(LOGIN, [LOGIN])))

    ends_well(kdbx4(data.draw(changed(xml)), "pass", compressed=False), "pass", "kdbx")


@given(st.integers(0, 300), st.binary(max_size=200))
def test_the_old_stream_is_salsa20_from_any_place(place: int, plain: bytes) -> None:
    cipher = Salsa20.new(key=hashlib.sha256(b"key").digest(), nonce=bytes.fromhex("e830094b97205d2a"))
    cipher.encrypt(bytes(place))

    assert stream_of(2, b"key").open(place, cipher.encrypt(plain)) == plain


def test_an_export_in_xml_hides_nothing() -> None:
    def string(key: str, value: str) -> str:
        return f'<String><Key>{key}</Key><Value ProtectInMemory="True">{value}</Value></String>'

    inner = (
        string("Title", "GitHub") + string("UserName", "alice") + string("TimeOtp-Secret-Base32", BASE32)
    )
    start = (
        f"<KeePassFile><Meta><RecycleBinUUID>{BIN}</RecycleBinUUID></Meta><Root><Group><Name>R</Name>"
    )
    binned = f"<Group><UUID>{BIN}</UUID><Entry>{inner}</Entry></Group>"
    xml = f'<?xml version="1.0"?>\n{start}<Entry>{inner}</Entry>{binned}</Group></Root></KeePassFile>'
    found = read_bytes(xml.encode())
    assert found.format.name == "kdbx"
    assert [one.key for one in found.reading.entries] == [
        Key(secret=SECRET, issuer="GitHub", name="alice")
    ]
    assert found.reading.problems == ("1 in the recycle bin left out",)
