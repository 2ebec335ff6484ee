"""What authenticators show beside a key."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchword_otp import Kind

if TYPE_CHECKING:
    from watchword_otp import Key
    from watchword_server.seal import Keyring
    from watchword_server.store.records import StoredKey


def with_labels(key: Key, stored: StoredKey, issuer: str) -> Key:
    """`key` with what authenticators show: its own labels, or `issuer` and the key's name.

    A HOTP key comes with the counter of its next code.
    """
    counter = stored.state.last_step + 1 if key.kind is Kind.HOTP else 0
    return replace(
        key, counter=counter, issuer=stored.issuer or issuer, name=stored.account or stored.name
    )


def labelled_key(stored: StoredKey, keyring: Keyring, issuer: str) -> Key:
    """The key with its secret and its labels.

    Raises:
        StoreError: The sealing keys do not open it.
    """
    return with_labels(keyring.open_key(stored), stored, issuer)
