"""Keys on their way out: sealed under a passphrase, or plain for who asks for it in so many words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_otp import Kind, format_uri
from watchword_server.import_csv import write_csv
from watchword_server.keyadmin import every_key
from watchword_server.labels import with_labels
from watchword_server.sealedfile import SealedKey
from watchword_server.store.records import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watchword_otp import Key
    from watchword_server.ledger import Ledger
    from watchword_server.store.records import StoredKey


async def read_keys(ledger: Ledger, how: str, actor: str) -> Sequence[tuple[StoredKey, Key]]:
    """All keys in use, with their secrets; the audit log says so before anything is given out.

    Args:
        ledger: Where keys are.
        how: "sealed" or "plain", for the log.
        actor: Who wants them.

    Raises:
        StoreError: The database failed, or the sealing keys do not open one.
    """
    found = [
        (stored, ledger.keyring.open_key(stored))
        async for stored in every_key(ledger.store)
        if stored.status is Status.ACTIVE
    ]

    await ledger.note("keys.export", actor, f"{len(found)} keys, {how}")
    return found


def as_sealed(keys: Iterable[tuple[StoredKey, Key]]) -> list[SealedKey]:
    """Keys as a sealed export holds them."""
    return [
        SealedKey(
            name=stored.name,
            secret=key.secret.base32(),
            kind=key.kind,
            algorithm=key.algorithm,
            digits=key.digits,
            period=key.period,
            issuer=stored.issuer,
            account=stored.account,
            window=stored.window,
            last_step=stored.state.last_step,
            drift=stored.state.drift,
        )
        for stored, key in keys
    ]


def as_csv(keys: Iterable[tuple[StoredKey, Key]]) -> str:
    """Keys as a table, with what was used of them: HOTP keys tell it by the counter of the next code."""
    return write_csv(
        (
            stored.name,
            key.secret.base32(),
            stored.issuer,
            stored.account,
            key.algorithm,
            key.digits,
            key.period,
            key.kind,
            stored.state.last_step + 1 if key.kind is Kind.HOTP else "",
            "" if stored.window is None else stored.window,
            "" if key.kind is Kind.HOTP else stored.state.last_step,
            stored.state.drift,
        )
        for stored, key in keys
    )


def as_otpauth(keys: Iterable[tuple[StoredKey, Key]], issuer: str) -> str:
    """Keys as otpauth:// URIs, one a line, for authenticators; `issuer` for those without their own.

    What was used of a key that counts by time has no place in them.
    """
    return "".join(f"{format_uri(with_labels(key, stored, issuer))}\n" for stored, key in keys)
