"""The system's keyring, where it is installed: it keeps the key of one slot of a vault.

The library is the extra `keyring`; without it a vault is opened by its passphrase.
"""

from __future__ import annotations

import contextlib
import hmac
import sys
from typing import TYPE_CHECKING, Protocol

from watchword_tui.errors import VaultError

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

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
    """The keyring of the desktop, by the `keyring` library.

    Its backends are programs of many people, which raise what they like: whatever they raise means
    that the keyring does not answer.
    """

    def get(self, slot_id: str) -> bytes | None:
        """The key of a slot, or None where there is none or the keyring does not answer."""
        try:
            kept = _backend().get_password(_SERVICE, slot_id)
            return bytes.fromhex(kept) if kept else None
        except Exception:  # noqa: BLE001 - as the class says
            return None

    def put(self, slot_id: str, key: bytes) -> None:
        """Keep a key.

        Raises:
            VaultError: The keyring is not there or does not want to.
        """
        try:
            import keyring.errors  # noqa: PLC0415 - an extra, and slow to load
        except ImportError:
            raise VaultError(
                "the keyring library is not installed", "run: pipx inject watchword keyring"
            ) from None
        absent = False
        try:
            _backend().set_password(_SERVICE, slot_id, key.hex())
        except keyring.errors.NoKeyringError:
            absent = True
        except Exception:  # noqa: BLE001, S110 - as the class says; what it keeps is looked at below
            pass
        # Outside the handlers: their frames hold the key.
        if absent:
            raise VaultError(
                "this system has no keyring", "one runs with a desktop; over SSH use the passphrase"
            )
        # One backend takes everything and keeps nothing.
        if not hmac.compare_digest(self.get(slot_id) or b"", key):
            raise VaultError("the keyring did not keep the key", "unlock it, then try again")

    def forget(self, slot_id: str) -> None:
        """Remove a key, if it is there."""
        with contextlib.suppress(Exception):
            _backend().delete_password(_SERVICE, slot_id)


class NoKeychain:
    """No keyring: for where a vault is to be opened by its passphrase alone."""

    def get(self, slot_id: str) -> bytes | None:  # noqa: ARG002 - the protocol's
        """Nothing."""
        return None

    def put(self, slot_id: str, key: bytes) -> None:  # noqa: ARG002 - as above
        """Refuse.

        Raises:
            VaultError: Always.
        """
        raise VaultError("no keyring is used over SSH", "use the passphrase")

    def forget(self, slot_id: str) -> None:
        """Do nothing: nothing is kept."""


def _backend() -> KeyringBackend:
    """The keyring to use: what the person or the program has chosen, else the system's own.

    The library would load the backends of all systems to compare them, and on Linux look for macOS'
    libraries for longer than everything else takes together.
    """
    from keyring import core  # noqa: PLC0415 - as in put

    # Asked of the library itself, this would make it choose.
    if sys.platform == "linux" and getattr(core, "_keyring_backend", None) is None:
        chosen = core.load_env() or core.load_config()
        if chosen is None:
            from keyring.backends import SecretService  # noqa: PLC0415 - as in put

            if SecretService.Keyring.viable:
                chosen = SecretService.Keyring()  # type: ignore[no-untyped-call]  # the library's own
        if chosen is not None:
            core.set_keyring(chosen)
    return core.get_keyring()
