"""Aegis' own procedure, written from its documentation: what must open our files, and what we must open.

Nothing here uses the app's code.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from watchword_tui.vault.store import VaultStore
from watchword_tui.vault.vault import read_vault

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from watchword_tui.vault.vault import Vault

PASSPHRASE = "correct horse"
N, R, P = 16, 1, 1
"""scrypt for tests: its cost is no matter here."""


@dataclass(frozen=True)
class Wrap:
    """A passphrase slot to be made."""

    passphrase: bytes = PASSPHRASE.encode()
    repaired: bool | None = True
    n: int = N


def slot_of(master: bytes, wrap: Wrap) -> dict[str, Any]:
    salt, nonce = os.urandom(32), os.urandom(12)
    key = hashlib.scrypt(wrap.passphrase, salt=salt, n=wrap.n, r=R, p=P, dklen=32, maxmem=2**26)
    sealed = AESGCM(key).encrypt(nonce, master, None)
    slot: dict[str, Any] = {
        "type": 1,
        "uuid": str(uuid.uuid4()),
        "key": sealed[:32].hex(),
        "key_params": {"nonce": nonce.hex(), "tag": sealed[32:].hex()},
        "n": wrap.n,
        "r": R,
        "p": P,
        "salt": salt.hex(),
    }
    return slot if wrap.repaired is None else {**slot, "repaired": wrap.repaired, "is_backup": False}


def other_slot(kind: int) -> dict[str, Any]:
    """A slot of another type, such as 2 for a phone's own key."""
    return {
        "type": kind,
        "uuid": str(uuid.uuid4()),
        "key": os.urandom(32).hex(),
        "key_params": {"nonce": os.urandom(12).hex(), "tag": os.urandom(16).hex()},
    }


def sealed(
    content: dict[str, Any] | bytes,
    wraps: Sequence[Wrap] = (Wrap(),),
    others: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """An encrypted file as Aegis writes it, before it becomes JSON."""
    plain = content if isinstance(content, bytes) else json.dumps(content, indent=4).encode()
    master, nonce = os.urandom(32), os.urandom(12)
    made = AESGCM(master).encrypt(nonce, plain, None)
    return {
        "version": 1,
        "header": {
            "slots": [*(slot_of(master, wrap) for wrap in wraps), *others],
            "params": {"nonce": nonce.hex(), "tag": made[-16:].hex()},
        },
        "db": base64.b64encode(made[:-16]).decode(),
    }


def opened(data: bytes, passphrase: str = PASSPHRASE) -> dict[str, Any]:
    """What a passphrase opens: the content, as Aegis sees it."""
    file = json.loads(data)
    assert file["version"] == 1
    header = file["header"]
    for slot in header["slots"]:
        if slot["type"] != 1:
            continue
        salt = bytes.fromhex(slot["salt"])
        key = hashlib.scrypt(
            passphrase.encode(), salt=salt, n=slot["n"], r=slot["r"], p=slot["p"], dklen=32, maxmem=2**26
        )
        wrapped = bytes.fromhex(slot["key"]) + bytes.fromhex(slot["key_params"]["tag"])
        try:
            master = AESGCM(key).decrypt(bytes.fromhex(slot["key_params"]["nonce"]), wrapped, None)
        except InvalidTag:
            continue
        content = base64.b64decode(file["db"], validate=True) + bytes.fromhex(header["params"]["tag"])
        plain = AESGCM(master).decrypt(bytes.fromhex(header["params"]["nonce"]), content, None)
        found: dict[str, Any] = json.loads(plain)
        return found
    raise AssertionError("no slot takes the passphrase")


def entry(**changed: Any) -> dict[str, Any]:
    """A TOTP entry with what Aegis itself writes; `info` is updated, all else replaced."""
    info = {"secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "algo": "SHA1", "digits": 6, "period": 30}
    return {
        "type": "totp",
        "uuid": str(uuid.uuid4()),
        "name": "alice@example.com",
        "issuer": "Example",
        "note": "",
        "favorite": False,
        "icon": None,
        "groups": [],
        **changed,
        "info": info | changed.get("info", {}),
    }


def content_of(*entries: Any, **more: Any) -> dict[str, Any]:
    return {"version": 3, "entries": list(entries), "groups": [], **more}


def put(path: Path, file: dict[str, Any] | bytes) -> VaultStore:
    """Write a file as another app or hand would; give the store at its path."""
    path.write_bytes(file if isinstance(file, bytes) else json.dumps(file, indent=4).encode())
    return VaultStore(path)


def vault_with(path: Path, *entries: Any, **more: Any) -> Vault:
    """An open encrypted vault with these entries."""
    store = put(path, sealed(content_of(*entries, **more)))
    return read_vault(store).open_with_passphrase(PASSPHRASE)
