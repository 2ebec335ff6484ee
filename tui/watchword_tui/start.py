"""From settings to a session: what is opened before the first screen, and what is asked for there."""

from __future__ import annotations

import contextlib
import resource
from typing import TYPE_CHECKING

from watchword_tui.keeper import Keeper
from watchword_tui.private_file import read_passphrase
from watchword_tui.session import Session
from watchword_tui.settings import usage_path
from watchword_tui.usage import UsageBook
from watchword_tui.vault.keychain import NoKeychain, SystemKeychain
from watchword_tui.vault.store import VaultStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword_tui.accounts import Loaded
    from watchword_tui.settings import Settings


def make_session(settings: Settings, load: Callable[[], Loaded], *, guide: str = "") -> Session:
    """Make the session of the app, its vault open if that asks nothing of the person.

    `load` reads the accounts of other sources, now and after each unlocking.

    Raises:
        VaultError: The vault cannot be read, or is damaged.
        WrongPassphraseError: The passphrase in `settings.passphrase_file` opens nothing.
        SettingsError: That file can be read by others, or not at all.
    """
    with contextlib.suppress(OSError, ValueError):
        # A dump of memory would hold every secret.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    loaded = load()
    if settings.vault is None:
        return Session(settings, loaded, guide=guide)
    far = settings.far
    # Whoever has the SSH key has not by that the passphrase.
    keychain = SystemKeychain() if far is None else NoKeychain()
    keeper = Keeper(VaultStore(settings.vault), keychain)
    if keeper.store.exists() and not keeper.open_quietly() and settings.passphrase_file is not None:
        keeper.open(read_passphrase(settings.passphrase_file))
    usage = UsageBook(far.usage if far is not None and far.usage else usage_path())
    return Session(settings, loaded, guide=guide, keeper=keeper, usage=usage, reload=load)
