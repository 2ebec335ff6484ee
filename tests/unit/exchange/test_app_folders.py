"""What lies in the folders of apps that export nothing: Authy, Duo, TOTP Authenticator, Steam's own."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from typing import Any, ClassVar

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from foreign import Person, read_bytes
from foreign_encoders import SECRET, SECRET_BYTES, as_json, b64
from watchword_otp import Key, Kind, Secret
from watchword_tui.errors import CancelledError, ForeignFileError, WrongPassphraseError
from watchword_tui.exchange.reading import read_entries, source_of

KEY = Key(secret=Secret(SECRET_BYTES), issuer="GitHub", name="alice")


def cbc(key: bytes, iv: bytes, plain: bytes) -> bytes:
    padder = PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()


def preferences(name: str, value: object) -> bytes:
    content = html.escape(json.dumps(value))
    return f'<?xml version="1.0"?>\n<map>\n<string name="{name}">{content}</string>\n</map>'.encode()


def token(
    passphrase: str, *, rounds: int = 100, iv: bytes | None = None, **fields: Any
) -> dict[str, Any]:
    salt = "a salt that is text"
    key = hashlib.pbkdf2_hmac("sha1", passphrase.encode(), salt.encode(), rounds, 32)
    sealed = b64(cbc(key, iv or bytes(16), SECRET.encode()))
    about = {"name": "GitHub: alice", "original_name": "GitHub:alice", "issuer": None, "digits": 6}
    kdf = {"key_derivation_iterations": rounds, "unique_iv": iv and iv.hex()}
    return {"account_type": "github", "encrypted_seed": sealed, "salt": salt} | about | kdf | fields


class TestAuthy:
    @pytest.mark.parametrize("iv", [None, bytes(range(16))])
    def test_what_the_servers_send_opens_with_the_backup_password(self, iv: bytes | None) -> None:
        answer = as_json({"authenticator_tokens": [token("pass wörd", iv=iv)], "success": True})
        found = read_bytes(answer, "pass wörd")
        assert found.format.name == "authy"
        assert [entry.key for entry in found.reading.entries] == [KEY]
        with pytest.raises(WrongPassphraseError):
            read_bytes(answer, "wrong")

    def test_a_token_under_an_older_password_is_named_and_the_others_are_read(self) -> None:
        old, new = read_bytes(as_json([token("old"), token("new")]), "new").reading.entries
        assert "another backup password" in old.reason
        assert new.key == KEY

    @pytest.mark.parametrize(
        ("fields", "labels"),
        [
            ({"name": "GitHub: alice", "issuer": "GitHub"}, ("GitHub", "alice")),
            ({"name": "work", "original_name": "GitHub:alice"}, ("GitHub", "work")),
            ({"name": "GitHub - alice", "original_name": None}, ("GitHub", "alice")),
            ({"name": "GitHub", "issuer": "GitHub"}, ("GitHub", "")),
            ({"name": "mine"}, ("", "mine")),
        ],
    )
    def test_labels(self, fields: dict[str, Any], labels: tuple[str, str]) -> None:
        row = {"decrypted_seed": SECRET, "digits": None} | fields
        found = read_bytes(as_json({"decrypted_authenticator_tokens": [row]}))
        (entry,) = found.reading.entries
        assert entry.key is not None
        assert (entry.issuer, entry.name) == labels

    def test_authys_own_tokens_change_every_ten_seconds(self) -> None:
        app = {"name": "Sendy", "digits": 7, "secret_seed": SECRET_BYTES.hex()}
        good, bad = read_bytes(as_json({"apps": [app, app | {"secret_seed": "x"}]})).reading.entries
        assert good.key == Key(secret=Secret(SECRET_BYTES), digits=7, period=10, name="Sendy")
        assert bad.reason == "the secret is not hexadecimal"

    def test_the_android_apps_preferences_are_read(self) -> None:
        rows = [
            {
                "decryptedSecret": SECRET,
                "digits": 6,
                "name": "GitHub: alice",
                "originalName": "GitHub:alice",
            }
        ]
        found = read_bytes(preferences("com.authy.storage.tokens.authenticator.key", rows))
        assert [entry.key for entry in found.reading.entries] == [KEY]
        with pytest.raises(ForeignFileError, match="no tokens"):
            read_bytes(preferences("com.authy.storage.tokens.authenticator.key", []))

    def test_costs_of_all_tokens_are_asked_about_together(self) -> None:
        rows = [{"encrypted_seed": "AAAA", "salt": "s", "key_derivation_iterations": 100_000}] * 200
        person = Person("password")
        with pytest.raises(CancelledError):
            read_entries(source_of("x", as_json(rows)), person)
        assert (len(person.asked_about), person.asked_for_passphrase) == (1, 0)


def test_duo_tells_hotp_by_its_counter_and_leaves_its_own_accounts() -> None:
    rows = [
        {"name": "alice", "otpGenerator": {"otpSecret": SECRET}},
        {"name": "bob", "otpGenerator": {"otpSecret": SECRET, "counter": 3}},
        {"name": "work", "otpGenerator": None},
    ]
    found = read_bytes(as_json(rows))
    totp, hotp, own = found.reading.entries
    assert found.format.name == "duo"
    assert totp.key == Key(secret=Secret(SECRET_BYTES), name="alice")
    assert hotp.key == Key(secret=Secret(SECRET_BYTES), kind=Kind.HOTP, counter=3, name="bob")
    assert "only Duo" in own.reason


class TestTotpAuthenticator:
    ROW: ClassVar[dict[str, Any]] = {"issuer": "GitHub", "name": "alice", "digits": "6", "period": "30"}

    @pytest.mark.parametrize(
        ("base", "key"),
        [(16, SECRET_BYTES.hex().upper()), (32, SECRET), (64, base64.b64encode(SECRET_BYTES).decode())],
    )
    def test_its_preferences_are_read_in_each_writing_of_a_secret(self, base: int, key: str) -> None:
        rows = [self.ROW | {"base": base, "key": key}, {"issuer": "Unknown", "name": "bob", "key": "x"}]
        found = read_bytes(preferences("STATIC_TOTP_CODES_LIST", rows))
        good, bad = found.reading.entries
        assert (found.format.name, good.key) == ("totp-authenticator", KEY)
        assert (bad.issuer, bad.name, bool(bad.reason)) == ("", "bob", True)

    def test_its_backup_opens_where_the_format_is_named(self) -> None:
        rows = [self.ROW | {"base": 16, "key": SECRET_BYTES.hex(), "digits": "", "period": ""}]
        plain = as_json({json.dumps(rows): "1608293023"})
        sealed = base64.encodebytes(cbc(hashlib.sha256(b"Secret1").digest(), bytes(16), plain))
        found = read_bytes(sealed, "Secret1", name="totp-authenticator")
        assert [entry.key for entry in found.reading.entries] == [KEY]
        with pytest.raises(WrongPassphraseError):
            read_bytes(sealed, "Secret2", name="totp-authenticator")
        with pytest.raises(ForeignFileError, match="by which app"):
            read_bytes(sealed)


def test_the_steam_apps_file_holds_accounts_by_their_ids() -> None:
    account = {"shared_secret": b64(SECRET_BYTES), "account_name": "alice", "uri": "otpauth://totp/x"}
    found = read_bytes(as_json({"accounts": {"7656": account, "7657": account}}))
    assert found.format.name == "steam"
    assert [entry.name for entry in found.reading.entries] == ["alice", "alice"]
