"""The vault and the other accounts, as a command has them: opened with as few questions as can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_otp.value import Value
from watchword_tui.accounts import find_account, load_accounts, matching_accounts
from watchword_tui.commands.asking import TRIES, ask_hidden, ask_new_passphrase
from watchword_tui.commands.common import hint, say
from watchword_tui.errors import AccountsError, VaultError, WrongPassphraseError
from watchword_tui.keeper import Keeper, VaultState
from watchword_tui.private_file import read_passphrase
from watchword_tui.vault.keychain import SystemKeychain
from watchword_tui.vault.store import VaultStore

if TYPE_CHECKING:
    from pathlib import Path

    from watchword_tui.accounts import Account
    from watchword_tui.settings import Settings
    from watchword_tui.vault.rows import Row

_WAYS = (
    "run it on a terminal, name a file with --passphrase-file,"
    " or let the keyring open it: watchword vault keyring add"
)
_NEW_WAYS = "run it on a terminal, or name a file that holds it with --passphrase-file"


class Known(Value, frozen=True):
    """The accounts a command works with."""

    accounts: tuple[Account, ...]
    """The vault's, then those of other sources whose key is not in the vault."""
    keeper: Keeper | None
    """The open vault; None where there is none."""
    quarantined: tuple[Row, ...]
    """Rows of the vault that cannot be used."""

    def find(self, query: str | None) -> Account:
        """The one account that `query` names; without a query there must be a single one.

        Raises:
            AccountsError: None or several fit, with the candidates; or the row is quarantined.
        """
        if query and "://" in query:
            raise AccountsError(
                "that is a URI, and stands in the shell's history now",
                "delete it there; an account is named by a part of its issuer or name",
            )
        if query and not matching_accounts(self.accounts, query):
            for row in self.quarantined:
                if query.casefold() in row.title.casefold():
                    raise AccountsError(
                        f"{row.title} cannot be used: {row.reason}", "mend it in the app: watchword"
                    )
        return find_account(self.accounts, query)


def known_accounts(settings: Settings) -> Known:
    """Open the vault, if there is one, and read the other sources; what is wrong with them is said.

    Raises:
        AccountsError: There is no account, or a source cannot be read.
        VaultError: The vault cannot be read, or is damaged.
        WatchwordError: Its passphrase is wrong, or nobody can be asked for it.
    """
    loaded = load_accounts(settings)
    for problem in loaded.problems:
        say(problem)
    keeper = opened(settings)
    kept = keeper.accounts if keeper else ()
    quarantined = keeper.quarantined if keeper else ()
    keys = {account.key for account in kept}
    accounts = (*kept, *(account for account in loaded.accounts if account.key not in keys))
    if loaded.problems and not accounts:
        raise AccountsError("no account could be read", "correct what is named above")
    if not accounts and not quarantined:
        missing = (
            f", and there is no vault at {settings.vault}" if keeper is None and settings.vault else ""
        )
        raise AccountsError(
            f"there are no accounts{missing}",
            "watchword add takes one, watchword import FILE brings those of another app",
        )
    return Known(accounts, keeper, quarantined)


def opened(settings: Settings) -> Keeper | None:
    """Open the vault: plain, by the keyring, a passphrase's file, or asking; None if there is none.

    Raises:
        VaultError: It cannot be read, or is damaged.
        WatchwordError: The passphrase is wrong, or nobody can be asked for it.
    """
    if settings.vault is None:
        return None
    keeper = _keeper(settings)
    if keeper.state is VaultState.MISSING:
        return None
    if not keeper.open_quietly():
        if settings.passphrase_file is not None:
            _open_by_file(keeper, settings.passphrase_file)
        else:
            _ask_and_open(keeper)
    if not keeper.vault.encrypted:
        hint("the vault is not encrypted; give it a passphrase: watchword vault encrypt")
    return keeper


def opened_vault(settings: Settings) -> Keeper:
    """Open the vault, which must be there.

    Raises:
        VaultError: There is none, it cannot be read, or is damaged.
        WatchwordError: The passphrase is wrong, or nobody can be asked for it.
    """
    keeper = opened(settings)
    if keeper is None:
        _require_path(settings)
        raise VaultError(
            f"there is no vault at {settings.vault}",
            "watchword add makes one, or watchword import FILE, or watchword vault create",
        )
    return keeper


def opened_or_new(settings: Settings, *, plain: bool = False) -> Keeper:
    """Open the vault; make it where there is none, under a passphrase that is asked for.

    Args:
        settings: They name the vault, and perhaps the file of its passphrase.
        plain: Make a new one without a passphrase.

    Raises:
        VaultError: It cannot be read, made, or is damaged.
        WatchwordError: The passphrase is wrong, or nobody can be asked for it.
    """
    keeper = opened(settings)
    return make_vault(settings, plain=plain) if keeper is None else keeper


def make_vault(settings: Settings, *, plain: bool) -> Keeper:
    """Make the vault.

    Raises:
        VaultError: There is one, it cannot be written, or the passphrase is too short.
        WatchwordError: Nobody can be asked for a passphrase.
    """
    _require_path(settings)
    keeper = _keeper(settings)
    if keeper.state is not VaultState.MISSING:
        raise VaultError(f"there is a vault at {settings.vault} already", "name another: --vault FILE")
    passphrase = None if plain else new_passphrase(settings)
    import asyncio  # noqa: PLC0415 - slow to load, and a vault is seldom made

    asyncio.run(keeper.create(passphrase))
    say(f"made a new vault: {settings.vault}")
    if plain:
        say("it is not encrypted: whoever can read the file has every secret")
    return keeper


def new_passphrase(settings: Settings) -> str:
    """A passphrase for a vault that has none: from the file that the settings name, or asked for.

    Raises:
        WatchwordError: Nobody can be asked.
    """
    if settings.passphrase_file is not None:
        return read_passphrase(settings.passphrase_file)
    return ask_new_passphrase("the vault", _NEW_WAYS)


def _keeper(settings: Settings) -> Keeper:
    assert settings.vault is not None  # noqa: S101 - callers have looked
    return Keeper(VaultStore(settings.vault), SystemKeychain())


def _open_by_file(keeper: Keeper, path: Path) -> None:
    try:
        keeper.open(read_passphrase(path))
    except WrongPassphraseError:
        raise WrongPassphraseError(
            f"the passphrase in {path} does not open the vault {keeper.store.path}"
        ) from None


def _ask_and_open(keeper: Keeper) -> None:
    for left in reversed(range(TRIES)):
        passphrase = ask_hidden("Passphrase of the vault", _WAYS)
        try:
            keeper.open(passphrase)
        except WrongPassphraseError as error:
            if not left:
                raise WrongPassphraseError(error.message) from None
            say(str(error))
        else:
            return


def _require_path(settings: Settings) -> None:
    if settings.vault is None:
        raise VaultError(
            "only files of accounts are named, which are not written to", "name a vault: --vault FILE"
        )
