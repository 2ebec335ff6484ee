"""Exports: what is written is read again, with everything that the other app can keep."""

from __future__ import annotations

import json
import re
import uuid
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from programs import require_program
from qr_reader import decode_qr
from unit.exchange.account_strategies import accounts, is_taken_for_steam
from watchword_otp import Key, Kind, Secret, parse_uri
from watchword_tui.accounts import Account
from watchword_tui.errors import ForeignFileError
from watchword_tui.exchange.migration import read_migration
from watchword_tui.exchange.reading import read_entries
from watchword_tui.exchange.source import Source
from watchword_tui.exchange.writers.migration import qr_pages
from watchword_tui.exchange.writers.parts import titled
from watchword_tui.exchange.writing import WRITERS, find_writer

if TYPE_CHECKING:
    from pathlib import Path

    from watchword_tui.exchange.model import Cost, Entry

SECRET = Secret(b"12345678901234567890")
BASE32 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
PASSPHRASE = "correct horse — 橡皮鸭"

some_accounts = st.lists(accounts, max_size=4)
thorough = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Person:
    """Somebody who knows the passphrase and allows nothing costly."""

    def passphrase(self) -> str:
        return PASSPHRASE

    def allow(self, cost: Cost) -> bool:
        raise AssertionError(cost.what)


def export(name: str, held: list[Account], *, plain: bool = True) -> bytes:
    """Write accounts none of which may be left out."""
    written = find_writer(name, plain=plain).write(held, "" if plain else PASSPHRASE)
    assert written.left_out == ()
    return written.content


def import_back(content: bytes) -> tuple[Entry, ...]:
    """Read a file as the program does, by its content."""
    reading = read_entries(Source("export", content), Person()).reading
    assert reading.problems == ()
    assert [entry.reason for entry in reading.entries if entry.reason] == []
    return reading.entries


def named(key: Key) -> Key:
    """The key with the name that each export gives it if it has none."""
    return key if key.title else replace(key, name="Unnamed")


def account(key: Key, **more: Any) -> Account:
    return Account(key, "vault", **more)


ALICE = account(
    Key(secret=SECRET, issuer="GitHub", name="alice@example.com"),
    note="first line\nsecond, line",
    favourite=True,
    groups=("Work", "橡皮鸭"),
)
BANK = account(Key(secret=SECRET, kind=Kind.HOTP, digits=8, counter=7, issuer="Bank", name="eve"))
STEAM = account(Key(secret=SECRET, kind=Kind.STEAM, digits=5, issuer="Steam", name="gamer"))


class TestEveryWriter:
    @pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: f"{writer.name}-{writer.encrypts}")
    def test_no_account_at_all_is_a_file_too(self, writer: Any) -> None:
        written = writer.write([], PASSPHRASE)
        assert written.left_out == ()
        if writer.name not in {"otpauth", "ente", "qr"} or writer.encrypts:
            assert import_back(written.content) == ()

    @pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: f"{writer.name}-{writer.encrypts}")
    @settings(max_examples=5, deadline=None)
    @given(held=some_accounts)
    def test_every_account_is_written_or_named(self, writer: Any, held: list[Account]) -> None:
        written = writer.write(held, PASSPHRASE)
        assert 0 <= len(written.left_out) <= len(held)
        if writer.name != "qr" and len(written.left_out) < len(held):
            assert len(import_back(written.content)) == len(held) - len(written.left_out)

    @pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: f"{writer.name}-{writer.encrypts}")
    def test_nothing_encrypted_shows_what_it_holds(self, writer: Any) -> None:
        content = writer.write([ALICE], PASSPHRASE).content
        for word in (BASE32, "GitHub", "alice"):
            assert (word.encode() not in content) or not writer.encrypts
        assert BASE32 not in repr(writer.write([ALICE], PASSPHRASE))

    def test_names_are_told_apart_by_whether_they_encrypt(self) -> None:
        ways = [(writer.name, writer.encrypts) for writer in WRITERS]
        assert len(set(ways)) == len(ways)


class TestFindWriter:
    def test_the_encrypted_one_unless_plain_is_wanted(self) -> None:
        assert find_writer("2fas", plain=False).encrypts
        assert not find_writer("2fas", plain=True).encrypts

    def test_an_unknown_format_names_the_known_ones(self) -> None:
        with pytest.raises(ForeignFileError, match=r"'html'.*aegis, 2fas, bitwarden, ente, otpauth, qr"):
            find_writer("html", plain=True)

    def test_a_format_without_encryption_says_which_have_it(self) -> None:
        with pytest.raises(ForeignFileError, match=r"not encrypted; .*aegis, 2fas, bitwarden, ente$"):
            find_writer("otpauth", plain=False)


class TestOtpauth:
    @thorough
    @given(some_accounts)
    def test_keys_and_labels_come_back(self, held: list[Account]) -> None:
        assume(held and not any(is_taken_for_steam(one.key) for one in held))
        entries = import_back(export("otpauth", held))
        assert [entry.key for entry in entries] == [named(one.key) for one in held]

    def test_one_uri_a_line(self) -> None:
        lines = export("otpauth", [ALICE, BANK]).decode().splitlines()
        assert lines[0] == f"otpauth://totp/GitHub:alice@example.com?secret={BASE32}&issuer=GitHub"
        assert [parse_uri(line) for line in lines] == [ALICE.key, BANK.key]


class TestAegis:
    @thorough
    @given(some_accounts)
    def test_everything_comes_back(self, held: list[Account]) -> None:
        entries = import_back(export("aegis", held))
        found = [(one.key, one.note, one.groups, one.favourite) for one in entries]
        assert found == [(named(one.key), one.note, one.groups, one.favourite) for one in held]

    def test_the_file_is_a_version_1_vault_with_database_3(self) -> None:
        file = json.loads(export("aegis", [ALICE, BANK, STEAM]))
        assert (file["version"], file["db"]["version"]) == (1, 3)
        assert file["header"] == {"slots": None, "params": None}
        alice, bank, steam = file["db"]["entries"]
        assert alice["info"] == {"secret": BASE32, "algo": "SHA1", "digits": 6, "period": 30}
        assert bank["info"] == {"secret": BASE32, "algo": "SHA1", "digits": 8, "counter": 7}
        assert steam["type"] == "steam"
        names = {group["uuid"]: group["name"] for group in file["db"]["groups"]}
        assert [names[one] for one in alice["groups"]] == ["Work", "橡皮鸭"]
        assert len({alice["uuid"], bank["uuid"], steam["uuid"]}) == 3

    def test_an_account_keeps_its_uuid_and_any_other_id_becomes_one(self) -> None:
        own = "3ae6f1ad-2e65-4ed2-a953-1ec0dff2386d"
        file = json.loads(export("aegis", [replace(ALICE, id=own), replace(BANK, id="no uuid"), STEAM]))
        ids = [entry["uuid"] for entry in file["db"]["entries"]]
        assert ids[0] == own
        assert len({uuid.UUID(one) for one in ids}) == 3


class TestTwoFas:
    @thorough
    @given(some_accounts)
    def test_keys_titles_and_first_groups_come_back(self, held: list[Account]) -> None:
        held = [one for one in held if one.key.counter < 2**31]
        entries = import_back(export("2fas", held))
        for one, entry in zip(held, entries, strict=True):
            assert entry.key is not None
            assert replace(entry.key, issuer="", name="") == replace(one.key, issuer="", name="")
            assert entry.key.title == named(one.key).title
            assert entry.groups == one.groups[:1]
            if one.key.issuer:
                assert entry.key == one.key

    def test_the_file_has_what_the_app_writes(self) -> None:
        file = json.loads(export("2fas", [ALICE, BANK, STEAM]))
        assert (file["schemaVersion"], file["appOrigin"]) == (4, "android")
        alice, bank, steam = file["services"]
        assert alice["name"] == "GitHub"
        assert alice["secret"] == BASE32
        assert alice["otp"] == {
            "label": "alice@example.com",
            "account": "alice@example.com",
            "issuer": "GitHub",
            "digits": 6,
            "period": 30,
            "algorithm": "SHA1",
            "tokenType": "TOTP",
            "source": "Manual",
        }
        assert (bank["otp"]["tokenType"], bank["otp"]["counter"]) == ("HOTP", 7)
        assert steam["otp"]["tokenType"] == "STEAM"
        assert [service["order"]["position"] for service in (alice, bank, steam)] == [0, 1, 2]
        assert [group["name"] for group in file["groups"] if group["id"] == alice["groupId"]] == ["Work"]

    def test_a_counter_beyond_32_bits_is_named(self) -> None:
        far = account(replace(BANK.key, counter=2**31))
        written = find_writer("2fas", plain=True).write([far, ALICE], "")
        assert written.left_out == ("Bank (eve): 2FAS has no counters so large",)
        assert len(import_back(written.content)) == 1


class TestBitwarden:
    @thorough
    @given(some_accounts)
    def test_keys_titles_notes_folders_and_favourites_come_back(self, held: list[Account]) -> None:
        held = [one for one in held if one.key.kind is Kind.TOTP and not is_taken_for_steam(one.key)]
        # An issuer with a colon cannot stand in a URI's label: without a name there is none.
        held = [one for one in held if not (":" in titled(one.key).issuer and not titled(one.key).name)]
        entries = import_back(export("bitwarden", held))
        for one, entry in zip(held, entries, strict=True):
            assert entry.key is not None
            assert replace(entry.key, issuer="", name="") == replace(one.key, issuer="", name="")
            assert entry.key.title == named(one.key).title
            assert (entry.note, entry.favourite) == (one.note, one.favourite)
            assert entry.groups == one.groups[:1]
            if one.key.issuer:
                assert entry.key == one.key

    def test_the_file_has_what_the_app_writes(self) -> None:
        file = json.loads(export("bitwarden", [ALICE, STEAM]))
        assert file["encrypted"] is False
        alice, steam = file["items"]
        assert (alice["type"], alice["name"], alice["favorite"]) == (1, "GitHub", True)
        assert alice["notes"] == "first line\nsecond, line"
        assert alice["login"]["username"] == "alice@example.com"
        assert parse_uri(alice["login"]["totp"]) == ALICE.key
        assert steam["login"]["totp"] == f"steam://{BASE32}"
        assert [one["name"] for one in file["folders"] if one["id"] == alice["folderId"]] == ["Work"]

    def test_a_steam_account_comes_back(self) -> None:
        [entry] = import_back(export("bitwarden", [STEAM]))
        assert entry.key == STEAM.key

    def test_what_the_app_cannot_count_is_named(self) -> None:
        slow = account(replace(STEAM.key, period=60))
        written = find_writer("bitwarden", plain=True).write([BANK, slow, ALICE], "")
        assert written.left_out == (
            "Bank (eve): Bitwarden makes no codes counted by use (HOTP)",
            "Steam (gamer): Bitwarden has Steam keys with a period of 30 s only",
        )
        assert len(import_back(written.content)) == 1


class TestEnte:
    @thorough
    @given(some_accounts)
    def test_everything_comes_back(self, held: list[Account]) -> None:
        assume(held and not any(is_taken_for_steam(one.key) for one in held))
        # The app itself takes this for an encoded comma.
        assume(not any("%2C" in text for one in held for text in (one.note, *one.groups)))
        entries = import_back(export("ente", held))
        found = [(one.key, one.note, one.groups, one.favourite) for one in entries]
        assert found == [(named(one.key), one.note, one.groups, one.favourite) for one in held]

    def test_a_line_says_all_that_the_app_shows(self) -> None:
        [line] = export("ente", [ALICE]).decode().splitlines()
        parts = urlsplit(line)
        assert (parts.scheme, parts.netloc, parts.path) == (
            "otpauth",
            "totp",
            "/GitHub:alice@example.com",
        )
        query = parse_qs(parts.query, strict_parsing=True)
        assert query["secret"] == [BASE32]
        assert json.loads(query["codeDisplay"][0]) == {
            "pinned": True,
            "trashed": False,
            "lastUsedAt": 0,
            "tapCount": 0,
            "tags": ["Work", "橡皮鸭"],
            "note": "first line\nsecond, line",
            "position": 0,
        }

    def test_an_issuer_with_a_colon_stands_whole_before_the_name(self) -> None:
        [line] = (
            export("ente", [account(Key(secret=SECRET, issuer="a:b", name=":c"))]).decode().splitlines()
        )
        assert unquote(urlsplit(line).path) == "/a:b::c"

    def test_no_comma_parts_a_line(self) -> None:
        held = [account(Key(secret=SECRET, issuer="a,b", name="c,d"), note="e,f", groups=("g,h",))]
        content = export("ente", held)
        assert b"," not in content
        assert [entry.key for entry in import_back(content)] == [held[0].key]

    def test_a_name_without_an_issuer_is_no_issuer(self) -> None:
        # The app takes the label for the issuer where the parameter is missing, but not where empty.
        [line] = export("ente", [account(Key(secret=SECRET, name="alice"))]).decode().splitlines()
        assert parse_qs(urlsplit(line).query, keep_blank_values=True)["issuer"] == [""]


class TestSheet:
    def test_a_scanner_reads_every_code_of_the_printed_sheet(self, tmp_path: Path) -> None:
        held = [
            account(Key(secret=SECRET, issuer="Bank <of> & Co", name=f"alice{number}@example.com"))
            for number in range(65)
        ]
        content = export("qr", held)
        codes = drawn_codes(content)
        uris = [decode_qr(code, tmp_path) for code in codes]
        entries = [entry for uri in uris for entry in read_migration(uri, "").entries]
        assert [entry.key for entry in entries] == [one.key for one in held]

    def test_the_words_beside_the_codes(self) -> None:
        words = [text.text for text in texts(export("qr", [ALICE, BANK]))]
        assert words[2:] == ["1 of 1", "GitHub (alice@example.com)", "Bank (eve)"]
        assert "lock it away" in str(words[1])

    def test_long_and_odd_labels_stay_in_their_column_and_make_good_xml(self) -> None:
        odd = account(Key(secret=SECRET, issuer="\uffff<" * 3, name="橡" * 90))
        label = texts(export("qr", [odd]))[-1].text
        assert label is not None
        assert label.startswith("\ufffd<")
        assert label.endswith("…")
        assert len(label) < 45

    def test_everything_stands_on_a_page_and_apart(self) -> None:
        held = [
            account(Key(secret=SECRET, issuer="GitHub", name=f"{n}@example.com")) for n in range(130)
        ]
        content = export("qr", held)
        root = ET.fromstring(content)
        height = float(root.get("height", "0mm").removesuffix("mm"))
        lines = sorted(float(text.get("y", "0")) for text in texts(content))
        pages = len(qr_pages(held).pages)
        assert height == 297 * -(-pages // 6)
        assert lines[0] > 0
        assert lines[-1] < height
        places = [(text.get("x"), text.get("y")) for text in texts(content)]
        assert len(set(places)) == len(places)
        # No line of text is cut by the edge of a sheet of paper.
        assert all(8 < line % 297 < 290 for line in lines)

    def test_what_google_cannot_hold_is_named(self) -> None:
        assert find_writer("qr", plain=True).write([STEAM], "").left_out == (
            "Steam (gamer): Google Authenticator has no Steam keys",
        )

    def test_a_renderer_takes_it(self, tmp_path: Path) -> None:
        import subprocess  # noqa: PLC0415 - this test only

        (tmp_path / "sheet.svg").write_bytes(export("qr", [ALICE]))
        image = tmp_path / "sheet.png"
        command = [require_program("rsvg-convert"), "-d", "150", "-p", "150", "-o", str(image)]
        subprocess.run([*command, str(tmp_path / "sheet.svg")], check=True, capture_output=True)
        scanned = subprocess.run(
            [require_program("zbarimg"), "--quiet", "--raw", str(image)],
            check=True,
            capture_output=True,
            text=True,
        )
        [entry] = read_migration(scanned.stdout.strip(), "").entries
        assert entry.key == ALICE.key


def texts(content: bytes) -> list[ET.Element]:
    """The sheet's lines of text, in the order in which they are written."""
    return list(ET.fromstring(content).iter("{http://www.w3.org/2000/svg}text"))


def drawn_codes(content: bytes) -> list[list[list[bool]]]:
    """The modules of each drawn code, with the quiet zone that the drawing leaves."""
    codes = []
    for path in ET.fromstring(content).iter("{http://www.w3.org/2000/svg}path"):
        dark = {(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", path.get("d", ""))}
        side = max(max(x, y) for x, y in dark) + 5
        codes.append([[(x, y) in dark for x in range(side)] for y in range(side)])
    return codes
