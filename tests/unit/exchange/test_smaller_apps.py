"""Proton Authenticator, 2FAuth, LastPass Authenticator and Raivo."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any, ClassVar

import pytest

from foreign import Person, read_bytes
from foreign_encoders import SECRET, SECRET_BYTES, as_json, proton_sealed, raivo_zip
from watchword_otp import Algorithm, Kind
from watchword_tui.errors import ForeignFileError, WrongPassphraseError
from watchword_tui.exchange.reading import read_entries, source_of

URI = f"otpauth://totp/alice?secret={SECRET}&issuer=GitHub&algorithm=SHA256&digits=8&period=60"


class TestProton:
    EXPORT: ClassVar = {
        "version": 1,
        "entries": [
            {"id": "a", "content": {"uri": URI, "entry_type": "Totp", "name": "alice"}, "note": "mine"},
            {"id": "b", "content": {"uri": f"steam://{SECRET}", "entry_type": "Steam", "name": "bob"}},
            {"id": "c", "content": {"uri": "", "entry_type": "Totp", "name": "carol"}, "note": None},
        ],
    }

    def check(self, data: bytes, passphrase: str = "") -> None:
        found = read_bytes(data, passphrase)
        assert found.format.name == "proton"
        totp, steam, bad = found.reading.entries
        assert totp.key is not None
        assert (totp.issuer, totp.name, totp.note) == ("GitHub", "alice", "mine")
        assert (totp.key.algorithm, totp.key.digits, totp.key.period) == (Algorithm.SHA256, 8, 60)
        assert steam.key is not None
        assert (steam.key.kind, steam.issuer, steam.name) == (Kind.STEAM, "Steam", "bob")
        assert (bad.key, bad.name) == (None, "carol")

    def test_plain(self) -> None:
        self.check(as_json(self.EXPORT))

    def test_under_a_password(self) -> None:
        sealed = proton_sealed(self.EXPORT, "pass wörd")
        self.check(sealed, "pass wörd")
        with pytest.raises(WrongPassphraseError):
            read_bytes(sealed, "wrong")

    @pytest.mark.parametrize(
        ("uri", "name", "labels"),
        [
            (URI, "my own name", ("GitHub", "my own name")),
            (URI, "", ("GitHub", "alice")),
            (f"steam://{SECRET}", "Steam", ("Steam", "")),
            (f"otpauth://totp/?secret={SECRET}", "alice", ("", "alice")),
        ],
    )
    def test_a_name_given_in_the_app_is_kept(self, uri: str, name: str, labels: tuple[str, str]) -> None:
        entries = [{"content": {"uri": uri, "entry_type": "Totp", "name": name}}]
        (entry,) = read_bytes(as_json({"version": 1, "entries": entries})).reading.entries
        assert entry.key is not None
        assert (entry.issuer, entry.name) == labels

    @pytest.mark.parametrize(
        "fields", [{"salt": ""}, {"salt": "AAAA"}, {"content": ""}, {"content": "AAAA"}]
    )
    def test_damage(self, fields: dict[str, str]) -> None:
        sealed = json.loads(proton_sealed(self.EXPORT, "password")) | fields
        with pytest.raises(ForeignFileError, match="damaged"):
            read_bytes(as_json(sealed), "password")


class TestTwoFAuth:
    @staticmethod
    def row(**fields: object) -> dict[str, Any]:
        row = {
            "otp_type": "totp",
            "account": "alice",
            "service": "GitHub",
            "secret": SECRET,
            "icon": None,
        }
        return row | {"digits": 6, "algorithm": "sha1", "period": 30, "counter": None} | fields

    def test_all_kinds(self) -> None:
        rows = [
            self.row(algorithm="sha512", digits=8, period=60),
            self.row(otp_type="hotp", period=None, counter=7),
            self.row(otp_type="steamtotp", digits=5, service="Steam"),
            self.row(secret=None),
        ]
        export = {"app": "2fauth_v5.4.3", "schema": 1, "datetime": "2024-01-01", "data": rows}
        found = read_bytes(as_json(export))
        assert found.format.name == "2fauth"
        totp, hotp, steam, bad = found.reading.entries
        assert totp.key is not None
        assert (totp.issuer, totp.name) == ("GitHub", "alice")
        assert (totp.key.algorithm, totp.key.digits, totp.key.period) == (Algorithm.SHA512, 8, 60)
        assert hotp.key is not None
        assert (hotp.key.kind, hotp.key.counter) == (Kind.HOTP, 7)
        assert steam.key is not None
        assert steam.key.kind is Kind.STEAM
        assert (bad.key, bad.reason) == (None, "the secret is empty")

    def test_as_uris(self) -> None:
        found = read_bytes(as_json({"app": "2fauth_v5", "data": [URI, 1]}))
        good, bad = found.reading.entries
        assert good.key is not None
        assert (good.issuer, good.name) == ("GitHub", "alice")
        assert bad.key is None


class TestLastPass:
    def test_everything(self) -> None:
        account = {
            "accountID": "a",
            "issuerName": "GitHub",
            "originalIssuerName": "GitHub Inc",
            "userName": "alice",
            "secret": SECRET,
            "timeStep": 60,
            "digits": 8,
            "algorithm": "SHA256",
            "isFavorite": True,
            "folderData": {"folderId": 2, "position": 0},
        }
        other = {
            "issuerName": "",
            "originalIssuerName": "GitHub Inc",
            "secret": SECRET,
            "folderData": None,
        }
        folders = [{"id": 0, "name": "Other accounts"}, {"id": 2, "name": "Work"}]
        second = other | {"folderData": {"folderId": 0}}
        export = {"deviceId": "", "version": 3, "accounts": [account, other, second], "folders": folders}
        found = read_bytes(as_json(export))
        assert found.format.name == "lastpass"
        one, two, three = found.reading.entries
        assert one.key is not None
        assert (one.issuer, one.name, one.groups, one.favourite) == ("GitHub", "alice", ("Work",), True)
        assert (one.key.algorithm, one.key.digits, one.key.period) == (Algorithm.SHA256, 8, 60)
        assert (two.issuer, two.groups) == ("GitHub Inc", ())
        assert three.groups == ()


class TestRaivo:
    ROWS: ClassVar = [
        {
            "issuer": "GitHub",
            "account": "alice",
            "secret": SECRET,
            "algorithm": "SHA256",
            "digits": "8",
            "kind": "TOTP",
            "timer": "60",
            "counter": "0",
            "pinned": "true",
            "iconType": "",
            "iconValue": "",
        },
        {"issuer": "b", "account": "", "secret": SECRET, "kind": "HOTP", "timer": "", "counter": "7"},
        {"issuer": "c", "account": "", "secret": SECRET, "kind": "TOTP", "timer": "x"},
    ]

    def check(self, data: bytes, passphrase: str = "") -> None:
        found = read_bytes(data, passphrase)
        assert found.format.name == "raivo"
        totp, hotp, bad = found.reading.entries
        assert totp.key is not None
        assert (totp.issuer, totp.name, totp.favourite) == ("GitHub", "alice", True)
        assert (totp.key.algorithm, totp.key.digits, totp.key.period) == (Algorithm.SHA256, 8, 60)
        assert totp.key.secret.reveal() == SECRET_BYTES
        assert hotp.key is not None
        assert (hotp.key.kind, hotp.key.counter) == (Kind.HOTP, 7)
        assert "timer" in bad.reason

    def test_json(self) -> None:
        self.check(as_json(self.ROWS))

    def test_in_its_archive(self) -> None:
        archive = raivo_zip(as_json(self.ROWS), "master password")
        self.check(archive, "master password")
        with pytest.raises(WrongPassphraseError):
            read_bytes(archive, "wrong")

    def test_in_an_archive_without_a_password(self) -> None:
        person = Person("x")
        found = read_entries(source_of("x", raivo_zip(as_json(self.ROWS), "")), person)
        assert len(found.reading.entries) == 3
        assert person.asked_for_passphrase == 0

    def test_a_bomb_in_an_archive_is_not_unpacked(self) -> None:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("raivo-otp-export.json", b"[" + b" " * 40 * 2**20)
        with pytest.raises(ForeignFileError, match="unpacks to more"):
            read_bytes(file.getvalue())

    def test_an_archive_whose_directory_lies_is_damage(self) -> None:
        archive = raivo_zip(as_json(self.ROWS), "password")
        for lie in (
            archive[:-30],
            archive.replace(b"raivo-otp-export.json", b"raivo-otp-exp0rt.json", 1),
        ):
            with pytest.raises(ForeignFileError):
                read_bytes(lie, "password")
