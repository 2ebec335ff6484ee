"""2FAS backups of schema 4, plain and encrypted.

The app keeps no notes and no favourites; an account is in one group, here its first; and every one is
called something, so that a name without an issuer stands where the issuer would.
"""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING

import msgspec

from watchword_otp import Kind
from watchword_tui.exchange.ciphers import Pbkdf2
from watchword_tui.exchange.model import Writer, Written
from watchword_tui.exchange.writers.parts import first_group, group_ids, sort_out, titled
from watchword_tui.vault.slots import gcm_seal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword_otp import Key
    from watchword_tui.accounts import Account

_SCHEMA = 4
_APP_VERSION = {"appVersionCode": 5_000_009, "appVersionName": "5.1.0", "appOrigin": "android"}
"""The version of the app that this schema was looked up in."""

_ITERATIONS = 10_000
"""Of PBKDF2; the app takes no other number."""

_SALT_BYTES = 256
_MAX_COUNTER = 2**31 - 1
_ICON = "a5b3fb65-4ec5-43e6-8ec1-49e24ca9e7ad"
"""The app's own icon for services that it does not know."""

_REFERENCE = (
    "tRViSsLKzd86Hprh4ceC2OP7xazn4rrt4xhfEUbOjxLX8Rc3mkISXE0lWbmnWfggogbBJhtYgpK6fMl1D6mtsy92R3HkdGfw"
    "uXbzLebqVFJsR7IZ2w58t938iymwG4824igYy1wi6n2WDpO1Q1P69zwJGs2F5a1qP4MyIiDSD7NCV2OvidXQCBnDlGfmz0f1"
    "BQySRkkt4ryiJeCjD2o4QsveJ9uDBUn8ELyOrESv5R5DMDkD4iAF8TXU7KyoJujd"
)
"""The constant by which the app tells a wrong passphrase; part of the format."""


def write_plain(accounts: Sequence[Account], _passphrase: str) -> Written:
    """Write a plain backup; see `Writer`."""
    held, left_out = sort_out(accounts, _why_not)
    ids = group_ids(held)
    return Written(_backup(ids, services=_services(held, ids)), left_out)


def write_encrypted(accounts: Sequence[Account], passphrase: str) -> Written:
    """Write an encrypted backup, its groups' names in clear as the app has them; see `Writer`."""
    held, left_out = sort_out(accounts, _why_not)
    ids = group_ids(held)
    salt = secrets.token_bytes(_SALT_BYTES)
    key = Pbkdf2(salt, _ITERATIONS).derive(passphrase.encode("utf-8", "surrogatepass"))

    def sealed(content: bytes) -> str:
        nonce, ciphertext = gcm_seal(key, content)
        return ":".join(base64.b64encode(part).decode() for part in (ciphertext, salt, nonce))

    content = _backup(
        ids,
        services=[],
        servicesEncrypted=sealed(msgspec.json.encode(_services(held, ids))),
        reference=sealed(_REFERENCE.encode()),
    )
    return Written(content, left_out)


def _why_not(key: Key) -> str:
    return "2FAS has no counters so large" if key.counter > _MAX_COUNTER else ""


def _backup(ids: dict[str, str], **services: object) -> bytes:
    groups = [{"id": one, "name": name, "isExpanded": True, "updatedAt": 0} for name, one in ids.items()]
    # The times matter to the app's own synchronisation only, where 0 gives way to all it has.
    tail = {"groups": groups, "updatedAt": 0, "schemaVersion": _SCHEMA}
    return msgspec.json.encode(services | tail | _APP_VERSION)


def _services(accounts: Sequence[Account], ids: dict[str, str]) -> list[dict[str, object]]:
    return [_service(account, index, ids) for index, account in enumerate(accounts)]


def _service(account: Account, index: int, ids: dict[str, str]) -> dict[str, object]:
    key = titled(account.key)
    otp: dict[str, object] = {
        "label": key.name,
        "account": key.name,
        "issuer": key.issuer,
        "digits": key.digits,
        "algorithm": str(key.algorithm),
        "tokenType": key.kind.upper(),
        "source": "Manual",
    }
    otp |= {"counter": key.counter} if key.kind is Kind.HOTP else {"period": key.period}
    service: dict[str, object] = {
        "name": key.issuer,
        "secret": key.secret.base32(),
        "updatedAt": 0,
        "otp": otp,
        "order": {"position": index},
        "icon": {
            "selected": "Label",
            "label": {"text": key.issuer[:2].upper(), "backgroundColor": "Default"},
            "iconCollection": {"id": _ICON},
        },
    }
    if group := first_group(account, ids):
        service["groupId"] = group
    return service


PLAIN = Writer(name="2fas", title="2FAS", suffix=".2fas", encrypts=False, write=write_plain)
ENCRYPTED = Writer(name="2fas", title="2FAS", suffix=".2fas", encrypts=True, write=write_encrypted)
