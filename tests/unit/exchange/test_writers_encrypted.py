"""Encrypted exports, opened by these tests' own code as each app's documentation has it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from nacl import bindings, pwhash

from watchword_otp import Algorithm, Key, Kind, Secret
from watchword_tui.accounts import Account
from watchword_tui.errors import WrongPassphraseError
from watchword_tui.exchange.reading import read_entries
from watchword_tui.exchange.source import Source
from watchword_tui.exchange.writing import WRITERS, find_writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword_tui.exchange.model import Cost, Writer

PASSPHRASE = "correct horse — 橡皮鸭"
SECRET = Secret(b"12345678901234567890")
HELD = [
    Account(
        Key(secret=SECRET, issuer="GitHub", name="alice"), "vault", note="a\nb", groups=("Work", "Home")
    ),
    Account(
        Key(secret=SECRET, algorithm=Algorithm.SHA512, digits=8, period=60, issuer="橡皮鸭", name="b,c"),
        "vault",
        favourite=True,
    ),
    Account(Key(secret=SECRET, kind=Kind.STEAM, digits=5, issuer="Steam", name="gamer"), "vault"),
]
ENCRYPTING = [writer for writer in WRITERS if writer.encrypts]


def unhex(text: str) -> bytes:
    return bytes.fromhex(text)


def unbase64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def open_aegis(content: bytes, passphrase: str) -> dict[str, Any]:
    """By Aegis' docs/vault.md: a slot's scrypt key opens the master key, and that the database."""
    file = json.loads(content)
    assert file["version"] == 1
    [slot] = file["header"]["slots"]
    assert (slot["type"], slot["repaired"], slot["is_backup"]) == (1, True, False)
    uuid.UUID(slot["uuid"])
    n, r, p = slot["n"], slot["r"], slot["p"]
    key = hashlib.scrypt(
        passphrase.encode(), salt=unhex(slot["salt"]), n=n, r=r, p=p, maxmem=2**28, dklen=32
    )
    params = slot["key_params"]
    master = AESGCM(key).decrypt(unhex(params["nonce"]), unhex(slot["key"]) + unhex(params["tag"]), None)
    params = file["header"]["params"]
    sealed = unbase64(file["db"]) + unhex(params["tag"])
    database: dict[str, Any] = json.loads(AESGCM(master).decrypt(unhex(params["nonce"]), sealed, None))
    return database


def open_2fas(content: bytes, passphrase: str) -> list[dict[str, Any]]:
    """By the app's backup cipher: ciphertext, salt and nonce, each in base64, for two texts."""
    file = json.loads(content)
    assert file["services"] == []

    def opened(field: str) -> bytes:
        sealed, salt, nonce = (unbase64(part) for part in file[field].split(":"))
        assert (len(salt), len(nonce)) == (256, 12)
        key = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, 10_000, 32)
        return AESGCM(key).decrypt(nonce, sealed, None)

    # The constant that the app compares with; its digest, for its 256 letters say nothing.
    assert hashlib.sha256(opened("reference")).hexdigest() == (
        "cef0eb8ede32f858e3c6fbd8753d3f22093e57fc0d0f1f414dd97a0dba4c4d67"
    )
    services: list[dict[str, Any]] = json.loads(opened("servicesEncrypted"))
    return services


def open_bitwarden(content: bytes, passphrase: str) -> dict[str, Any]:
    """By the app's password-protected export: Argon2id, two expanded keys, CBC and then a MAC."""
    file = json.loads(content)
    assert (file["encrypted"], file["passwordProtected"], file["kdfType"]) == (True, True, 1)
    key = Argon2id(
        salt=hashlib.sha256(file["salt"].encode()).digest(),
        length=32,
        iterations=file["kdfIterations"],
        lanes=file["kdfParallelism"],
        memory_cost=file["kdfMemory"] * 1024,
    ).derive(passphrase.encode())
    cipher_key, mac_key = (hmac.digest(key, info + b"\x01", "sha256") for info in (b"enc", b"mac"))

    def opened(field: str) -> bytes:
        kind, _, parts = file[field].partition(".")
        assert kind == "2"
        iv, sealed, mac = (unbase64(part) for part in parts.split("|"))
        if not hmac.compare_digest(hmac.digest(mac_key, iv + sealed, "sha256"), mac):
            raise InvalidTag
        decryptor = Cipher(algorithms.AES(cipher_key), modes.CBC(iv)).decryptor()
        padded = decryptor.update(sealed) + decryptor.finalize()
        assert padded[-padded[-1] :] == bytes([padded[-1]]) * padded[-1]
        return padded[: -padded[-1]]

    uuid.UUID(opened("encKeyValidation_DO_NOT_EDIT").decode())
    vault: dict[str, Any] = json.loads(opened("data"))
    return vault


def open_ente(content: bytes, passphrase: str) -> list[str]:
    """By the app's documentation: libsodium's Argon2id, and one final message of a secret stream."""
    file = json.loads(content)
    assert file["version"] == 1
    params = file["kdfParams"]
    key = pwhash.argon2id.kdf(
        32,
        passphrase.encode(),
        unbase64(params["salt"]),
        opslimit=params["opsLimit"],
        memlimit=params["memLimit"],
    )
    state = bindings.crypto_secretstream_xchacha20poly1305_state()
    header = unbase64(file["encryptionNonce"])
    bindings.crypto_secretstream_xchacha20poly1305_init_pull(state, header, key)
    try:
        message, tag = bindings.crypto_secretstream_xchacha20poly1305_pull(
            state, unbase64(file["encryptedData"])
        )
    except RuntimeError:
        raise InvalidTag from None
    assert tag == bindings.crypto_secretstream_xchacha20poly1305_TAG_FINAL
    return message.decode().splitlines()


OPENERS: dict[str, Callable[[bytes, str], Any]] = {
    "aegis": open_aegis,
    "2fas": open_2fas,
    "bitwarden": open_bitwarden,
    "ente": open_ente,
}


class Person:
    """Somebody who types one passphrase and allows nothing costly."""

    def __init__(self, passphrase: str) -> None:
        self._passphrase = passphrase

    def passphrase(self) -> str:
        return self._passphrase

    def allow(self, cost: Cost) -> bool:
        raise AssertionError(cost.what)


def write(name: str) -> bytes:
    return find_writer(name, plain=False).write(HELD, PASSPHRASE).content


class TestOpened:
    def test_aegis(self) -> None:
        database = open_aegis(write("aegis"), PASSPHRASE)
        alice, bank, steam = database["entries"]
        assert database["version"] == 3
        assert (alice["issuer"], alice["note"], alice["favorite"]) == ("GitHub", "a\nb", False)
        assert bank["info"] == {
            "secret": SECRET.base32(),
            "algo": "SHA512",
            "digits": 8,
            "period": 60,
        }
        assert (bank["favorite"], steam["type"]) == (True, "steam")
        assert [group["name"] for group in database["groups"]] == ["Work", "Home"]

    def test_2fas(self) -> None:
        content = write("2fas")
        alice, bank, steam = open_2fas(content, PASSPHRASE)
        file = json.loads(content)
        assert [(one["id"], one["name"]) for one in file["groups"]] == [
            (alice["groupId"], "Work"),
            (file["groups"][1]["id"], "Home"),
        ]
        assert (alice["name"], alice["secret"]) == ("GitHub", SECRET.base32())
        assert (bank["otp"]["algorithm"], bank["otp"]["account"]) == ("SHA512", "b,c")
        assert steam["otp"]["tokenType"] == "STEAM"

    def test_bitwarden(self) -> None:
        vault = open_bitwarden(write("bitwarden"), PASSPHRASE)
        alice, bank, steam = vault["items"]
        assert vault["encrypted"] is False
        assert (alice["name"], alice["notes"], bank["favorite"]) == ("GitHub", "a\nb", True)
        assert steam["login"]["totp"] == f"steam://{SECRET.base32()}"

    def test_ente(self) -> None:
        lines = open_ente(write("ente"), PASSPHRASE)
        plain = find_writer("ente", plain=True).write(HELD, "").content
        assert lines == plain.decode().splitlines()


@pytest.mark.parametrize("writer", ENCRYPTING, ids=lambda writer: writer.name)
class TestEveryEncryptedWriter:
    def test_it_comes_back_through_the_reader(self, writer: Writer) -> None:
        content = writer.write(HELD, PASSPHRASE).content
        reading = read_entries(Source("export", content), Person(PASSPHRASE)).reading
        assert [entry.key for entry in reading.entries] == [account.key for account in HELD]

    def test_another_passphrase_opens_nothing(self, writer: Writer) -> None:
        content = writer.write(HELD, PASSPHRASE).content
        with pytest.raises(InvalidTag):
            OPENERS[writer.name](content, "another")
        with pytest.raises(WrongPassphraseError):
            read_entries(Source("export", content), Person("another"))

    def test_nothing_is_sealed_twice_the_same(self, writer: Writer) -> None:
        first, second = (json.loads(writer.write(HELD, PASSPHRASE).content) for _ in range(2))
        same = {
            name
            for name in first.keys() & second.keys()
            if isinstance(first[name], str) and len(first[name]) > 16 and first[name] == second[name]
        }
        assert same == set()

    def test_no_account_at_all_opens_too(self, writer: Writer) -> None:
        content = writer.write([], PASSPHRASE).content
        assert OPENERS[writer.name](content, PASSPHRASE) is not None
