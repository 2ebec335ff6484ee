"""What authenticators show beside a key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from watchword_otp import Kind

if TYPE_CHECKING:
    from watchword_otp import Key
    from watchword_server.seal import Keyring
    from watchword_server.store.records import StoredKey


@dataclass(frozen=True, slots=True)
class Labels:
    """Whose key it is, in people's words; cleaned, but otherwise anyone's text."""

    issuer: str
    """Who hands it out."""
    account: str
    """Whose it is there."""


def labels_of(stored: StoredKey, issuer: str) -> Labels:
    """The key's own labels, or `issuer` and the key's name."""
    return Labels(stored.issuer or issuer, stored.account or stored.name)


def with_labels(key: Key, stored: StoredKey, issuer: str) -> Key:
    """`key` with what authenticators show, as `labels_of` has it.

    A HOTP key comes with the counter of its next code.
    """
    counter = stored.state.last_step + 1 if key.kind is Kind.HOTP else 0
    labels = labels_of(stored, issuer)
    return replace(key, counter=counter, issuer=labels.issuer, name=labels.account)


def labelled_key(stored: StoredKey, keyring: Keyring, issuer: str) -> Key:
    """The key with its secret and its labels.

    Raises:
        StoreError: The sealing keys do not open it.
    """
    return with_labels(keyring.open_key(stored), stored, issuer)
