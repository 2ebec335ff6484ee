"""Ente Auth exports: otpauth:// URIs with what the app shows beside them, plain and encrypted."""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from watchword_otp import format_uri
from watchword_tui.exchange.ciphers import Argon2
from watchword_tui.exchange.model import Writer, Written
from watchword_tui.exchange.writers.parts import labelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword_tui.accounts import Account

_PASSES, _MEMORY = 2, 64 * 2**20
"""libsodium's "interactive" limits. The app's own exports take 1 GiB; it opens either."""

_SALT_BYTES = 16


def write_plain(accounts: Sequence[Account], _passphrase: str) -> Written:
    """Write a plain list; see `Writer`."""
    return Written(_lines(accounts))


def write_encrypted(accounts: Sequence[Account], passphrase: str) -> Written:
    """Write an encrypted list; see `Writer`."""
    # Not at the top: only this format needs the library.
    from nacl import bindings  # noqa: PLC0415

    salt = secrets.token_bytes(_SALT_BYTES)
    key = Argon2(salt, _PASSES, _MEMORY).derive(passphrase.encode("utf-8", "surrogatepass"))
    state = bindings.crypto_secretstream_xchacha20poly1305_state()
    header = bindings.crypto_secretstream_xchacha20poly1305_init_push(state, key)
    # One message, the last of its stream.
    sealed = bindings.crypto_secretstream_xchacha20poly1305_push(
        state,
        _lines(accounts),
        tag=bindings.crypto_secretstream_xchacha20poly1305_TAG_FINAL,
    )
    content = {
        "version": 1,
        "kdfParams": {
            "memLimit": _MEMORY,
            "opsLimit": _PASSES,
            "salt": base64.b64encode(salt).decode(),
        },
        "encryptedData": base64.b64encode(sealed).decode(),
        "encryptionNonce": base64.b64encode(header).decode(),
    }
    return Written(msgspec.json.encode(content))


def _lines(accounts: Sequence[Account]) -> bytes:
    return "".join(f"{_line(account, index)}\n" for index, account in enumerate(accounts)).encode()


def _line(account: Account, index: int) -> str:
    key = labelled(account.key)
    shown = {
        "pinned": account.favourite,
        "trashed": False,
        "lastUsedAt": 0,
        "tapCount": 0,
        "tags": account.groups,
        "note": account.note,
        "position": index,
    }
    start, _, query = format_uri(key).partition("?")
    if ":" in key.issuer:
        # The app looks for the whole issuer before the name, and takes what follows.
        start = f"otpauth://{key.kind}/{quote(key.issuer, safe='')}:{quote(key.name, safe='')}"
    # Without an issuer, even an empty one, the app takes the name for it.
    issuer = "" if key.issuer else "&issuer="
    display = quote(msgspec.json.encode(shown), safe="")
    # A comma ends an entry in the app's older lists.
    return f"{start}?{query}{issuer}&codeDisplay={display}".replace(",", "%2C")


PLAIN = Writer(name="ente", title="Ente Auth", suffix=".txt", encrypts=False, write=write_plain)
ENCRYPTED = Writer(name="ente", title="Ente Auth", suffix=".json", encrypts=True, write=write_encrypted)
