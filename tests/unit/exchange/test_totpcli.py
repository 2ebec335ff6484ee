"""The program totp-cli: its dump in JSON and YAML, and its credentials, which are an age file."""

from __future__ import annotations

import json

import pyrage  # type: ignore[import-untyped]
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import made_exports as made
from damaged_files import changed, cut_short, ends_well
from foreign import Person, read_bytes
from watchword_otp import Algorithm, Key, Secret
from watchword_tui.errors import CancelledError, ForeignFileError, WrongPassphraseError
from watchword_tui.exchange.formats.age import open_age
from watchword_tui.exchange.reading import read_entries, source_of

SECRET = Secret.from_base32(made.BASE32)
NAMESPACES = [
    {
        "name": "work",
        "accounts": [
            {
                "name": "vpn",
                "token": made.BASE32,
                "prefix": "",
                "algorithm": "",
                "length": 0,
                "timePeriod": 0,
            },
            {
                "name": "mail",
                "token": made.BASE32.lower(),
                "prefix": "ab",
                "algorithm": "sha256",
                "length": 8,
                "timePeriod": 60,
            },
        ],
    },
    {"name": "home", "accounts": [{"name": "bad", "token": "1"}]},
]
OLD = [{"Name": "work", "Accounts": [{"Name": "vpn", "Token": made.BASE32, "Prefix": ""}]}]
VPN = Key(secret=SECRET, issuer="work", name="vpn")
MAIL = Key(secret=SECRET, issuer="work", name="mail", algorithm=Algorithm.SHA256, digits=8, period=60)

SEALED = made.age(json.dumps(NAMESPACES).encode(), "pässword", armored=True)
YAML = yaml.safe_dump(NAMESPACES, sort_keys=False).encode()


def open_with(data: bytes, passphrase: str = "pässword") -> bytes:
    return open_age(data, Person(passphrase, allows=True))


@pytest.mark.parametrize(
    "data",
    [YAML, b"---\n# from totp-cli\n" + YAML, json.dumps(NAMESPACES).encode(), SEALED],
    ids=["yaml", "yaml with a head", "json", "age"],
)
def test_every_kind_of_file_gives_its_keys(data: bytes) -> None:
    found = read_bytes(data, "pässword", allows=True)

    vpn, mail, bad = found.reading.entries
    assert found.format.name == "totp-cli"
    assert (vpn.key, vpn.groups, vpn.note) == (VPN, ("work",), "")
    assert (mail.key, mail.note) == (MAIL, "prefix of the code: ab")
    assert (bad.name, bad.groups) == ("bad", ("home",))
    assert bad.reason


@pytest.mark.parametrize(
    "data", [json.dumps(OLD).encode(), yaml.safe_dump(OLD, sort_keys=False).lower().encode()]
)
def test_older_spellings_are_read(data: bytes) -> None:
    (vpn,) = read_bytes(data.replace(made.BASE32.lower().encode(), made.BASE32.encode())).reading.entries

    assert vpn.key == VPN


@pytest.mark.parametrize(
    "text",
    [
        "- name: &a x\n  accounts:\n  - name: *a\n    token: A",
        "- name: x\n  accounts: " + "[" * 5000 + "\n  token: A",
        "- name: x\n  token: {",
        "- name: x\n  token: " + "[" * 20 + "]" * 20,
        "- name: x\n  token: !!python/object/apply:os.system [ls]\n  accounts: *b",
        "- name: x\n  token: A\n" * 30_000,
    ],
    ids=["alias", "deep", "broken", "deep but whole", "tag", "large"],
)
def test_yaml_that_the_program_does_not_write_ends_in_words(text: str) -> None:
    with pytest.raises(ForeignFileError):
        read_bytes(text.encode())


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 200_000])
@pytest.mark.parametrize("armored", [False, True])
def test_age_files_of_any_size_come_back(size: int, armored: bool) -> None:  # noqa: FBT001 - a case
    plain = (b"0123456789" * 20_000)[:size]

    assert open_with(made.age(plain, "pass", armored=armored), "pass") == plain


def test_pyrage_opens_the_files_of_these_tests_and_we_open_its() -> None:
    assert pyrage.passphrase.decrypt(made.age(b"text", "pässword"), "pässword") == b"text"
    assert open_with(pyrage.passphrase.encrypt(b"text", "pässword")) == b"text"


def test_a_wrong_passphrase_is_told_from_damage() -> None:
    with pytest.raises(WrongPassphraseError):
        open_with(SEALED, "other")
    binary = made.age(b"text", "pass")
    for damaged in (binary[:-1], binary + b"x", binary.replace(b"--- ", b"--- A", 1), binary[:-40]):
        with pytest.raises(ForeignFileError):
            open_with(damaged, "pass")


def test_a_changed_header_is_damage_though_the_passphrase_is_right() -> None:
    binary = made.age(b"text", "pass")
    place = binary.index(b"--- ") + 4
    other = b"B" if binary[place : place + 1] == b"A" else b"A"

    with pytest.raises(ForeignFileError):
        open_with(binary[:place] + other + binary[place + 1 :], "pass")


def test_a_huge_work_factor_is_refused_or_asked_for_before_the_passphrase() -> None:
    start, _, rest = made.age(b"text", "pass").partition(b"\n--- ")
    lines = start.split(b"\n")
    for log, expected in ((b"22", CancelledError), (b"40", ForeignFileError)):
        stanza = b" ".join([*lines[1].split(b" ")[:3], log])
        person = Person("pass")
        with pytest.raises(expected):
            read_entries(
                source_of("file", b"\n".join([lines[0], stanza, lines[2]]) + b"\n--- " + rest), person
            )
        assert person.asked_for_passphrase == 0


def test_age_files_for_keys_and_with_other_content_say_what_to_do() -> None:
    to_key = pyrage.encrypt(b"text", [pyrage.x25519.Identity.generate().to_public()])
    with pytest.raises(ForeignFileError, match="age keys"):
        open_with(to_key)
    with pytest.raises(ForeignFileError, match="no accounts of totp-cli"):
        read_bytes(made.age(b"text", "pass"), "pass", allows=True)


def test_files_cut_anywhere_end_in_words() -> None:
    for data in (YAML, json.dumps(NAMESPACES).encode()):
        for piece in cut_short(data):
            ends_well(piece, name="totp-cli")
    assert not any(ends_well(piece, "pässword", "totp-cli") for piece in cut_short(SEALED.rstrip()))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_files_changed_at_random_end_in_words(data: st.DataObject) -> None:
    ends_well(data.draw(changed(YAML)), name="totp-cli")
    ends_well(data.draw(changed(json.dumps(NAMESPACES).encode())), name="totp-cli")
    ends_well(data.draw(changed(SEALED)), "pässword", "totp-cli")
