"""Other apps' files, made from the formats' facts and not by our own code; keys as simple tables."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from nacl import bindings, pwhash
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt
from nacl.bindings.crypto_secretstream import crypto_secretstream_xchacha20poly1305_TAG_FINAL

RAW = b"12345678901234567890"
BASE32 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
SIGNED = [byte - 256 if byte > 127 else byte for byte in b"\x00\x7f\x80\xff4567890"]
SIGNED_RAW = b"\x00\x7f\x80\xff4567890"


def argon2id(passphrase: str, salt: bytes, passes: int, memory: int, lanes: int = 1) -> bytes:
    """Derive 32 bytes; libsodium where it can, the reference implementation where there are lanes."""
    if lanes == 1 and len(salt) == 16:
        return pwhash.argon2id.kdf(32, passphrase.encode(), salt, opslimit=passes, memlimit=memory)
    from argon2.low_level import Type, hash_secret_raw  # noqa: PLC0415 - comes with pykeepass

    return hash_secret_raw(passphrase.encode(), salt, passes, memory // 1024, lanes, 32, Type.ID)


def b64(data: bytes) -> str:
    """Give standard base64."""
    return base64.b64encode(data).decode()


def ente(text: str, passphrase: str, *, memory: int = 2**23, passes: int = 2) -> bytes:
    """Seal a list of URIs as Ente does: one message of the secret stream."""
    salt = bytes(range(16))
    key = argon2id(passphrase, salt, passes, memory)
    state = bindings.crypto_secretstream_xchacha20poly1305_state()
    header = bindings.crypto_secretstream_xchacha20poly1305_init_push(state, key)
    sealed = bindings.crypto_secretstream_xchacha20poly1305_push(
        state, text.encode(), None, crypto_secretstream_xchacha20poly1305_TAG_FINAL
    )
    parameters = {"memLimit": memory, "opsLimit": passes, "salt": b64(salt)}
    table = {
        "version": 1,
        "kdfParams": parameters,
        "encryptedData": b64(sealed),
        "encryptionNonce": b64(header),
    }
    return json.dumps(table).encode()


def stratum(rows: list[dict[str, Any]], **more: Any) -> bytes:
    """Write Stratum's JSON."""
    return json.dumps(
        {"Authenticators": rows, "Categories": [], "AuthenticatorCategories": []} | more
    ).encode()


def stratum_strong(plain: bytes, passphrase: str) -> bytes:
    """Seal a backup as Stratum does today."""
    salt, nonce = bytes(range(16)), bytes(range(12))
    key = argon2id(passphrase, salt, 3, 2**26, 4)
    return b"AUTHENTICATORPRO" + salt + nonce + AESGCM(key).encrypt(nonce, plain, None)


def stratum_legacy(plain: bytes, passphrase: str) -> bytes:
    """Seal a backup as Authenticator Pro did."""
    salt, iv = bytes(range(20)), bytes(range(16))
    key = hashlib.pbkdf2_hmac("sha1", passphrase.encode(), salt, 64_000, 32)
    return b"AuthenticatorPro" + salt + iv + aes_cbc(key, iv, plain)


def aes_cbc(key: bytes, iv: bytes, plain: bytes) -> bytes:
    """Encrypt with PKCS #7 padding."""
    size = 16 - len(plain) % 16
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(plain + bytes([size]) * size) + encryptor.finalize()


def age(plain: bytes, passphrase: str, *, log: int = 8, armored: bool = False) -> bytes:
    """Encrypt with a passphrase as the age program does, at a work factor for tests."""
    salt, file_key, nonce = bytes(range(16)), bytes(range(50, 66)), bytes(range(80, 96))
    wrap = hashlib.scrypt(
        passphrase.encode(), salt=b"age-encryption.org/v1/scrypt" + salt, n=2**log, r=8, p=1, dklen=32
    )
    wrapped = ChaCha20Poly1305(wrap).encrypt(bytes(12), file_key, None)
    header = f"age-encryption.org/v1\n-> scrypt {_bare(salt)} {log}\n{_bare(wrapped)}\n---".encode()
    mac = hmac.digest(_hkdf(file_key, b"", b"header"), header, "sha256")
    sealed = header + f" {_bare(mac)}\n".encode() + nonce
    pieces = [plain[at : at + 65_536] for at in range(0, len(plain), 65_536)] or [b""]
    for number, piece in enumerate(pieces):
        place = number.to_bytes(11, "big") + bytes([number + 1 == len(pieces)])
        sealed += ChaCha20Poly1305(_hkdf(file_key, nonce, b"payload")).encrypt(place, piece, None)
    if not armored:
        return sealed
    rows = [b64(sealed)[at : at + 64] for at in range(0, len(b64(sealed)), 64)]
    text = ["-----BEGIN AGE ENCRYPTED FILE-----", *rows, "-----END AGE ENCRYPTED FILE-----", ""]
    return "\n".join(text).encode()


def _hkdf(key: bytes, salt: bytes, info: bytes) -> bytes:
    extracted = hmac.digest(salt or bytes(32), key, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


def _bare(data: bytes) -> str:
    return b64(data).rstrip("=")


def cotp(content: object, passphrase: str) -> bytes:
    """Seal cotp's database."""
    salt, nonce = bytes(range(16)), bytes(range(24))
    key = argon2id(passphrase, salt, 4, 2**25, 4)
    sealed = crypto_aead_xchacha20poly1305_ietf_encrypt(json.dumps(content).encode(), None, nonce, key)
    return json.dumps(
        {"version": 1, "nonce": b64(nonce), "salt": b64(salt), "cipher": b64(sealed)}
    ).encode()


def otpclient(rows: object, passphrase: bytes, version: int, *, memory: int = 8192) -> bytes:
    """Seal OTPClient's database; the passphrase as the derivation takes it."""
    iv, salt = bytes(range(16)), bytes(range(32))
    plain = json.dumps(rows).encode()
    if version == 1:
        header = iv + salt
        key = hashlib.pbkdf2_hmac("sha512", passphrase, salt, 100_000, 32)
        plain += b"\0"
    else:
        order: Any = "little" if version == 2 else "big"
        padding = b"\0\0\0" if version == 2 else b""
        numbers = b"".join(number.to_bytes(4, order) for number in (1, memory, 4))
        header = b"OTPClient" + padding + version.to_bytes(4, order) + iv + salt + numbers
        key = argon2id(passphrase.decode("latin-1"), salt, 1, memory * 1024, 4)
        plain += b"\0" if version == 2 else b""
    return header + AESGCM(key).encrypt(iv, plain, header)


def freeotp_token(**fields: Any) -> dict[str, Any]:
    """Make a token as FreeOTP keeps it."""
    plain = {"algo": "SHA1", "counter": 0, "digits": 6, "issuerExt": "GitHub", "label": "alice"}
    return plain | {"period": 30, "secret": SIGNED, "type": "TOTP"} | fields


def preferences(strings: dict[str, str]) -> bytes:
    """Write Android's preferences."""
    from xml.sax.saxutils import escape, quoteattr  # noqa: PLC0415 - only here

    rows = "".join(
        f"<string name={quoteattr(name)}>{escape(text)}</string>" for name, text in strings.items()
    )
    return f"<?xml version='1.0' encoding='utf-8' standalone='yes' ?>\n<map>{rows}</map>".encode()


def freeotp_backup(
    tokens: list[dict[str, Any]], passphrase: str, algorithm: str = "SHA512"
) -> dict[str, str]:
    """Make what FreeOTP 2 backs up: names and values, of which some are sealed."""
    salt, master = bytes(range(32)), bytes(range(100, 132))
    key = hashlib.pbkdf2_hmac(algorithm, passphrase.encode(), salt, 100_000, 32)
    backup = {
        "masterKey": json.dumps(
            {
                "mAlgorithm": f"PBKDF2withHmac{algorithm}",
                "mEncryptedKey": _freeotp_sealed(key, master, "AES"),
                "mIterations": 100_000,
                "mSalt": _signed(salt),
            }
        )
    }
    for number, token in enumerate(tokens):
        rest = {name: value for name, value in token.items() if name != "secret"}
        secret = bytes(byte & 0xFF for byte in token["secret"])
        sealed = _freeotp_sealed(master, secret, "HmacSHA1")
        backup[f"uuid-{number}"] = json.dumps({"key": json.dumps(sealed)})
        backup[f"uuid-{number}-token"] = json.dumps(rest)
    return backup


def _freeotp_sealed(key: bytes, plain: bytes, inner: str) -> dict[str, Any]:
    nonce = bytes(range(12))
    # SEQUENCE of OCTET STRING (the nonce) and INTEGER (the tag's length).
    parameters = b"\x30\x11\x04\x0c" + nonce + b"\x02\x01\x10"
    return {
        "mCipher": "AES/GCM/NoPadding",
        "mCipherText": _signed(AESGCM(key).encrypt(nonce, plain, inner.encode())),
        "mParameters": _signed(parameters),
        "mToken": inner,
    }


def _signed(data: bytes) -> list[int]:
    return [byte - 256 if byte > 127 else byte for byte in data]


def java_map(strings: dict[str, str | bool], *, old_android: bool = False) -> bytes:
    """Serialise a HashMap as Java does; a string that stood before becomes a reference."""
    fields = b"\x01F\x00\nloadFactor" if old_android else b"\x02F\x00\nloadFactorI\x00\tthreshold"
    values = b"\x3f\x40\x00\x00" if old_android else b"\x3f\x40\x00\x00\x00\x00\x00\x0c"
    written = b"\xac\xed\x00\x05sr\x00\x11java.util.HashMap\x05\x07\xda\xc1\xc3\x16\x60\xd1\x03\x00"
    written += (
        fields + b"xp" + values + b"w\x08" + (16).to_bytes(4, "big") + len(strings).to_bytes(4, "big")
    )
    handles: dict[str, int] = {}
    handle = 0x7E0002
    for item in (part for pair in strings.items() for part in pair):
        if isinstance(item, bool):
            written += b"sr\x00\x11java.lang.Boolean\xcd\x20\x72\x80\xd5\x9c\xfa\xee"
            written += b"\x02\x00\x01Z\x00\x05valuexp"
            written += bytes([item])
            handle += 2
        elif item in handles:
            written += b"q" + handles[item].to_bytes(4, "big")
        else:
            handles[item] = handle
            handle += 1
            written += _java_string(item)
    return written + b"x"


def _java_string(text: str) -> bytes:
    units = text.encode("utf-16-be", "surrogatepass")
    halves = "".join(chr(int.from_bytes(units[at : at + 2], "big")) for at in range(0, len(units), 2))
    data = halves.encode("utf-8", "surrogatepass").replace(b"\0", b"\xc0\x80")
    if len(data) < 2**16:
        return b"t" + len(data).to_bytes(2, "big") + data
    return b"|" + len(data).to_bytes(8, "big") + data
