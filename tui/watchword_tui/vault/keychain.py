"""The system's keyring, where it is installed: it keeps the key of one slot of a vault.

The library is the extra `keyring`; without it a vault is opened by its passphrase.
"""

from __future__ import annotations

import binascii
from typing import Protocol

from watchword_tui.errors import VaultError

_SERVICE = "watchword"


class Keychain(Protocol):
    """Keeps a slot's key under the slot's UUID."""

    def get(self, slot_id: str) -> bytes | None:
        """The key of a slot, or None where there is none or the keyring does not answer."""
        ...

    def put(self, slot_id: str, key: bytes) -> None:
        """Keep a key.

        Raises:
            VaultError: The keyring is not there or does not want to.
        """
        ...

    def forget(self, slot_id: str) -> None:
        """Remove a key, if it is there."""
        ...


class SystemKeychain:
    """The keyring of the desktop, by the `keyring` library."""

    def get(self, slot_id: str) -> bytes | None:
        """The key of a slot, or None where there is none or the keyring does not answer."""
        try:
            import keyring  # noqa: PLC0415 - an extra, and slow to load
            import keyring.errors  # noqa: PLC0415 - as above
        except ImportError:
            return None
        try:
            kept = keyring.get_password(_SERVICE, slot_id)
        except keyring.errors.KeyringError:
            return None
        try:
            return bytes.fromhex(kept) if kept else None
        except (ValueError, binascii.Error):
            return None

    def put(self, slot_id: str, key: bytes) -> None:
        """Keep a key.

        Raises:
            VaultError: The keyring is not there or does not want to.
        """
        try:
            import keyring  # noqa: PLC0415 - as above
            import keyring.errors  # noqa: PLC0415 - as above
        except ImportError:
            raise VaultError(
                "the keyring library is not installed", "run: pipx inject watchword keyring"
            ) from None
        try:
            keyring.set_password(_SERVICE, slot_id, key.hex())
        except keyring.errors.NoKeyringError:
            raise VaultError(
                "this system has no keyring", "one runs with a desktop; over SSH use the passphrase"
            ) from None
        except keyring.errors.KeyringError:
            raise VaultError("the keyring refused", "unlock it, then try again") from None

    def forget(self, slot_id: str) -> None:
        """Remove a key, if it is there."""
        try:
            import keyring  # noqa: PLC0415 - as above
            import keyring.errors  # noqa: PLC0415 - as above
        except ImportError:
            return
        try:
            keyring.delete_password(_SERVICE, slot_id)
        except keyring.errors.KeyringError:
            return
