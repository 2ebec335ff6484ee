"""A vault with many accounts as it looks: the list, found, hidden, in a group; locked; not there yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from apps import NOWHERE, MemoryKeychain, account_of, make_vault_app, press, settled
from servers import NOON, Clock
from watchword_otp import Key, Kind, Secret
from watchword_tui.accounts import Loaded
from watchword_tui.app import WatchwordApp
from watchword_tui.keeper import Keeper
from watchword_tui.screens.create_vault import CreateVaultScreen
from watchword_tui.session import Session
from watchword_tui.settings import ServerProfile, Settings
from watchword_tui.vault.store import VaultStore
from watchword_tui.vault.vault import create_vault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textual.pilot import Pilot

    from watchword_tui.accounts import Account

SIZES = [(80, 24), (120, 40)]
IMPLIED = ServerProfile("local", NOWHERE, implied=True)
ISSUERS = """GitHub GitLab AWS Google Microsoft Steam Cloudflare DigitalOcean Dropbox Fastmail Hetzner
Kraken LinkedIn Mastodon Namecheap npm OVH PayPal Proton PyPI Reddit Slack Stripe Twitch Vultr Zoom"""


def account(number: int, issuer: str) -> Account:
    kind = {"Steam": Kind.STEAM, "Kraken": Kind.HOTP}.get(issuer, Kind.TOTP)
    key = Key(
        secret=Secret(bytes([number + 1]) * 20),
        kind=kind,
        digits=5 if kind is Kind.STEAM else 6,
        counter=7 if kind is Kind.HOTP else 0,
        issuer=issuer,
        name=f"alice+{issuer.lower()}@example.com",
    )
    groups = {0: ("Work",), 1: ("Money",)}.get(number % 5, ())
    note = "Recovery codes are in the safe.\nAsk Bob for the key." if issuer == "GitHub" else ""
    return account_of(key, groups=groups, note=note, favourite=issuer in {"GitHub", "PayPal"})


@pytest.fixture(params=SIZES, ids=[f"{width}x{height}" for width, height in SIZES])
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    found: tuple[int, int] = request.param
    return found


@pytest.fixture
def look(
    snap_compare: Callable[..., bool], size: tuple[int, int], tmp_path: Path
) -> Callable[..., bool]:
    """Compare the list, after some keys, with its picture."""

    def look(*keys: str, **settings: Any) -> bool:
        accounts = [account(number, issuer) for number, issuer in enumerate(ISSUERS.split())]
        app = make_vault_app(
            tmp_path, accounts, clock=Clock(NOON + 4.25), profiles=[IMPLIED], **settings
        )

        async def run(pilot: Pilot[None]) -> None:
            await settled(pilot)
            pilot.app.clear_notifications()
            if keys:
                await press(pilot, *keys)

        return snap_compare(app, terminal_size=size, run_before=run)

    return look


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home whose path is in no picture."""
    monkeypatch.setenv("HOME", str(tmp_path))


class TestPictures:
    def test_list(self, look: Callable[..., bool]) -> None:
        assert look()

    def test_found(self, look: Callable[..., bool]) -> None:
        assert look("slash", "g", "i", "t")

    def test_nothing_found(self, look: Callable[..., bool]) -> None:
        assert look("slash", "q", "q")

    def test_hidden(self, look: Callable[..., bool]) -> None:
        assert look("down", "space", hide_codes=True)

    def test_group(self, look: Callable[..., bool]) -> None:
        assert look("right_square_bracket", "o")

    def test_locked(
        self, snap_compare: Callable[..., bool], size: tuple[int, int], tmp_path: Path
    ) -> None:
        store = VaultStore(tmp_path / "vault.json")
        create_vault(store, "correct horse")
        app = WatchwordApp(self._session(store))
        assert snap_compare(app, terminal_size=size)

    @staticmethod
    def _session(store: VaultStore) -> Session:
        settings = Settings((IMPLIED,), IMPLIED.name, vault=store.path)
        keeper = Keeper(store, MemoryKeychain())
        return Session(settings, Loaded((), ()), clock=Clock(NOON), keeper=keeper)

    def test_first_vault(
        self, snap_compare: Callable[..., bool], size: tuple[int, int], tmp_path: Path
    ) -> None:
        session = self._session(VaultStore(tmp_path / "vault.json"))

        async def run(pilot: Pilot[None]) -> None:
            await settled(pilot)
            await pilot.app.push_screen(CreateVaultScreen(session))
            await pilot.pause()

        assert snap_compare(WatchwordApp(session), terminal_size=size, run_before=run)
