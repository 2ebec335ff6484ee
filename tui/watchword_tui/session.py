"""What the screens of one run share: settings, accounts, the clock, connections."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from watchword_otp import Kind
from watchword_tui.usage import UsageBook

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword_tui.accounts import Account, Loaded
    from watchword_tui.client import ValidatorClient
    from watchword_tui.keeper import Keeper
    from watchword_tui.reach import Reach
    from watchword_tui.settings import ServerProfile, Settings


class Session:
    """One run of the app; knows nothing of screens.

    Args:
        settings: Servers and theme.
        loaded: The accounts to show, and what was wrong with their sources.
        guide: Words above the list, or "".
        clock: Gives Unix seconds.
        keeper: The vault; None where only the accounts in `loaded` are shown.
        usage: How often accounts were used.
        reload: Reads the other sources again, after the screen was locked.
    """

    def __init__(  # noqa: PLR0913 - what one run has
        self,
        settings: Settings,
        loaded: Loaded,
        *,
        guide: str = "",
        clock: Callable[[], float] = time.time,
        keeper: Keeper | None = None,
        usage: UsageBook | None = None,
        reload: Callable[[], Loaded] | None = None,
    ) -> None:
        self.settings = settings
        self.keeper = keeper
        self.usage = usage or UsageBook(None)
        self.problems = loaded.problems
        self._others = loaded.accounts
        self._reload = reload
        self.guide = guide
        self.clock = clock
        self._clients: dict[str, ValidatorClient] = {}

    @property
    def accounts(self) -> tuple[Account, ...]:
        """What there is to show: the vault's accounts, then those of other sources."""
        return (*self.keeper.accounts, *self._others) if self.keeper else self._others

    @property
    def is_plain(self) -> bool:
        """Whether the open vault is not encrypted."""
        return self.keeper is not None and self.keeper.is_plain

    @property
    def is_typed_open(self) -> bool:
        """Whether a person opens the vault, by a passphrase."""
        return (
            self.keeper is not None
            and not self.keeper.is_plain
            and self.settings.passphrase_file is None
        )

    @property
    def reach(self) -> Reach:
        """The files that a person may name."""
        from watchword_tui.reach import Reach  # noqa: PLC0415 - not for the first frame

        return Reach(self.settings.far.folder if self.settings.far is not None else None)

    @property
    def can_keep(self) -> bool:
        """Whether accounts can be kept beyond this run, in a vault that may still have to be made."""
        return self.keeper is not None

    @property
    def can_lock(self) -> bool:
        """Whether what is dropped can be had again: from the vault, and from the other sources."""
        return self._reload is not None

    def lock(self) -> None:
        """Drop every secret this session holds, besides the tokens of servers."""
        if self._reload is not None:
            self._others = ()
        if self.keeper is not None:
            self.keeper.lock()

    def unlocked(self) -> None:
        """Read the other sources again, once the vault is open.

        Raises:
            AccountsError: One cannot be read.
        """
        if self._reload is not None and not self._others:
            self._others = self._reload().accounts

    @property
    def periods(self) -> list[int]:
        """Periods in use, in seconds, the most common first."""
        used = Counter(
            account.key.period for account in self.accounts if account.key.kind is not Kind.HOTP
        )
        return [period for period, _ in used.most_common()]

    def keep(self, account: Account) -> bool:
        """Take an account into the list for this run; false if its key is there already."""
        if any(account.key == known.key for known in self.accounts):
            return False
        self._others = (*self._others, account)
        return True

    def client(self, profile: ServerProfile) -> ValidatorClient:
        """The client of a server, made on first use and kept with its connection.

        Raises:
            SettingsError: Its token or its certificates cannot be used.
        """
        if profile.name not in self._clients:
            # Not at the top: the first frame does not wait for the HTTP library.
            from watchword_tui.client import ValidatorClient  # noqa: PLC0415

            self._clients[profile.name] = ValidatorClient(profile, clock=self.clock)
        return self._clients[profile.name]

    async def aclose(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            await client.aclose()
