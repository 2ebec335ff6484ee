"""Files as other apps write them: the other direction of what is read, made from the formats' facts."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import os
from typing import Any
from urllib.parse import quote

import pyzipper  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.padding import PKCS7

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SECRET_BYTES = base64.b32decode(SECRET)


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


# Aegis


def aegis_plain(entries: list[dict[str, Any]], groups: list[dict[str, str]] | None = None) -> bytes:
    database = {"version": 3, "entries": entries, "groups": groups or []}
    return as_json({"version": 1, "header": {"slots": None, "params": None}, "db": database})


def aegis_slot(master: bytes, passphrase: bytes) -> dict[str, Any]:
    n, salt, nonce = 2**10, os.urandom(32), os.urandom(12)
    key = hashlib.scrypt(passphrase, salt=salt, n=n, r=8, p=1, dklen=32, maxmem=2**28)
    sealed = AESGCM(key).encrypt(nonce, master, None)
    return {
        "type": 1,
        "uuid": "5d7a9e7c-3f3d-4f0e-9c39-5b0d9d1f7a11",
        "key": sealed[:-16].hex(),
        "key_params": {"nonce": nonce.hex(), "tag": sealed[-16:].hex()},
        "n": n,
        "r": 8,
        "p": 1,
        "salt": salt.hex(),
        "repaired": True,
        "is_backup": False,
    }


def aegis_sealed(entries: list[dict[str, Any]], *passphrases: str) -> bytes:
    master, nonce = os.urandom(32), os.urandom(12)
    database = as_json({"version": 3, "entries": entries, "groups": []})
    sealed = AESGCM(master).encrypt(nonce, database, None)
    slots = [aegis_slot(master, passphrase.encode()) for passphrase in passphrases]
    params = {"nonce": nonce.hex(), "tag": sealed[-16:].hex()}
    return as_json({"version": 1, "header": {"slots": slots, "params": params}, "db": b64(sealed[:-16])})


# 2FAS


def twofas_sealed(services: list[dict[str, Any]], passphrase: str, **fields: object) -> bytes:
    salt = os.urandom(256)
    key = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, 10_000, 32)

    def triple(content: bytes) -> str:
        nonce = os.urandom(12)
        return ":".join(b64(part) for part in (AESGCM(key).encrypt(nonce, content, None), salt, nonce))

    sealed = {"servicesEncrypted": triple(as_json(services)), "reference": triple(b"a constant")}
    return as_json(
        {"services": [], "groups": [], "schemaVersion": 4, "appOrigin": "ios"} | sealed | fields
    )


# andOTP


def andotp_sealed(rows: list[dict[str, Any]], passphrase: str, iterations: int = 150_000) -> bytes:
    salt, nonce = os.urandom(12), os.urandom(12)
    key = hashlib.pbkdf2_hmac("sha1", passphrase.encode(), salt, iterations, 32)
    return iterations.to_bytes(4, "big") + salt + nonce + AESGCM(key).encrypt(nonce, as_json(rows), None)


def andotp_sealed_old(rows: list[dict[str, Any]], passphrase: str, nonce: bytes = b"") -> bytes:
    nonce = nonce or os.urandom(12)
    key = hashlib.sha256(passphrase.encode()).digest()
    return nonce + AESGCM(key).encrypt(nonce, as_json(rows), None)


# Bitwarden


def bitwarden_sealed(export: dict[str, Any], passphrase: str, *, argon2: bool = False) -> dict[str, Any]:
    salt = b64(os.urandom(16))
    if argon2:
        costs = {"kdfType": 1, "kdfIterations": 3, "kdfMemory": 16, "kdfParallelism": 4}
        hashed = hashlib.sha256(salt.encode()).digest()
        kdf = Argon2id(salt=hashed, length=32, iterations=3, lanes=4, memory_cost=16 * 1024)
        key = kdf.derive(passphrase.encode())
    else:
        costs = {"kdfType": 0, "kdfIterations": 5000}
        key = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt.encode(), 5000, 32)
    return {
        "encrypted": True,
        "passwordProtected": True,
        "salt": salt,
        **costs,
        "encKeyValidation_DO_NOT_EDIT": bitwarden_string(key, b"8f4b4f3e-7d6e-4a6a-9d3b-2f6f1d1b2c3d"),
        "data": bitwarden_string(key, as_json(export)),
    }


def bitwarden_string(key: bytes, content: bytes) -> str:
    cipher_key, mac_key = (hmac.digest(key, purpose + b"\1", "sha256") for purpose in (b"enc", b"mac"))
    padder = PKCS7(128).padder()
    padded = padder.update(content) + padder.finalize()
    iv = os.urandom(16)
    encryptor = Cipher(algorithms.AES(cipher_key), modes.CBC(iv)).encryptor()
    sealed = encryptor.update(padded) + encryptor.finalize()
    return "2." + "|".join(
        b64(part) for part in (iv, sealed, hmac.digest(mac_key, iv + sealed, "sha256"))
    )


# Proton Authenticator


def proton_sealed(export: dict[str, Any], passphrase: str) -> bytes:
    salt, nonce = os.urandom(16), os.urandom(12)
    key = Argon2id(salt=salt, length=32, iterations=2, lanes=1, memory_cost=19_456)
    aad = b"proton.authenticator.export.v1"
    sealed = AESGCM(key.derive(passphrase.encode())).encrypt(nonce, as_json(export), aad)
    return as_json({"version": 1, "salt": b64(salt), "content": b64(nonce + sealed)})


# Raivo


def raivo_zip(content: bytes, passphrase: str, name: str = "raivo-otp-export.json") -> bytes:
    file = io.BytesIO()
    with pyzipper.AESZipFile(file, "w", compression=pyzipper.ZIP_DEFLATED) as archive:
        if passphrase:
            archive.setpassword(passphrase.encode())
            archive.setencryption(pyzipper.WZ_AES, nbits=256)
        archive.writestr("raivo-otp-export.html", b"<html></html>")
        archive.writestr(name, content)
    return file.getvalue()


# Google Authenticator


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    encoded = b""
    while value > 0x7F:
        encoded += bytes([value & 0x7F | 0x80])
        value >>= 7
    return encoded + bytes([value])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def migration_key(
    secret: bytes = SECRET_BYTES, name: str = "alice", issuer: str = "", **more: int
) -> bytes:
    numbers = {"algorithm": 4, "digits": 5, "kind": 6, "counter": 7}
    encoded = field(1, secret) + field(2, name.encode()) + (field(3, issuer.encode()) if issuer else b"")
    return encoded + b"".join(field(numbers[what], value) for what, value in more.items())


def migration(*keys: bytes, index: int = 0, size: int = 1, batch: int = -7) -> str:
    payload = b"".join(field(1, key) for key in keys)
    payload += field(2, 1) + field(3, size) + field(4, index) + field(5, batch)
    return "otpauth-migration://offline?data=" + quote(b64(payload), safe="")
