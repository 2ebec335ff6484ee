"""The system's keyring opens a vault where there is one; where there is none, that is said."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from unit.vault.aegis import opened
from watchword_tui.errors import VaultError
from watchword_tui.vault.keychain import SystemKeychain
from watchword_tui.vault.store import VaultStore
from watchword_tui.vault.vault import create_vault, read_vault

keyring = pytest.importorskip("keyring", reason="the extra `keyring` is not installed")
backend = pytest.importorskip("keyring.backend")
errors = pytest.importorskip("keyring.errors")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from watchword_tui.vault.vault import Vault

PASSPHRASE = "correct horse"


class Kept(backend.KeyringBackend):  # type: ignore[misc, name-defined]
    """A keyring in memory, by the library's own interface; with an error it only fails."""

    priority = 1

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.error = error

    def get_password(self, service: str, username: str) -> str | None:
        self._fail()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._fail()
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._fail()
        if (service, username) not in self.kept:
            raise errors.PasswordDeleteError("not there")
        del self.kept[service, username]

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error


class Forgetting(Kept):
    """Takes everything and keeps nothing, as the library's own null backend does."""

    def set_password(self, service: str, username: str, password: str) -> None:
        pass


@pytest.fixture
def kept() -> Iterator[Kept]:
    before = keyring.get_keyring()
    keyring.set_keyring(mine := Kept())
    yield mine
    keyring.set_keyring(before)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return create_vault(VaultStore(tmp_path / "vault.json"), PASSPHRASE)


def slot_types(vault: Vault) -> list[int]:
    header = json.loads(vault.store.path.read_bytes())["header"]
    return [slot["type"] for slot in header["slots"]]


def test_the_keyring_opens_the_vault_and_so_does_the_passphrase_in_aegis(
    vault: Vault, kept: Kept
) -> None:
    vault.add_keyring(SystemKeychain())
    assert slot_types(vault) == [1, 0]
    closed = read_vault(vault.store)
    assert closed.has_keyring_slot
    again = closed.open_with_keychain(SystemKeychain())
    assert again is not None
    assert again.document == vault.document
    again.commit(again.document.with_groups(["Work"]))
    assert [group["name"] for group in opened(vault.store.path.read_bytes())["groups"]] == ["Work"]
    assert [slot.in_use for slot in again.passphrases] == [False]
    (key,) = kept.kept.values()
    assert key not in vault.store.path.read_text()


def test_removed_it_opens_no_more_and_nothing_is_left_in_the_keyring(vault: Vault, kept: Kept) -> None:
    vault.add_keyring(SystemKeychain())
    vault.remove_keyring(SystemKeychain())
    assert slot_types(vault) == [1]
    assert kept.kept == {}
    assert read_vault(vault.store).open_with_keychain(SystemKeychain()) is None
    assert opened(vault.store.path.read_bytes())


@pytest.mark.parametrize("key", ["", "not hexadecimal", "00" * 32, "00"])
def test_a_key_that_does_not_fit_leaves_the_passphrase(vault: Vault, kept: Kept, key: str) -> None:
    vault.add_keyring(SystemKeychain())
    kept.kept = dict.fromkeys(kept.kept, key)
    assert read_vault(vault.store).open_with_keychain(SystemKeychain()) is None
    assert read_vault(vault.store).open_with_passphrase(PASSPHRASE).document == vault.document


@pytest.mark.usefixtures("kept")
class TestRefusals:
    @pytest.mark.parametrize(
        ("failing", "message", "remedy"),
        [
            (errors.NoKeyringError("none"), "this system has no keyring", "over SSH use the passphrase"),
            (errors.KeyringLocked("locked"), "the keyring did not keep the key", "unlock it"),
            (RuntimeError("no bus"), "the keyring did not keep the key", "unlock it"),
        ],
        ids=["none", "locked", "no bus"],
    )
    def test_it_is_said_and_the_vault_stays_as_it_was(
        self, vault: Vault, failing: Exception, message: str, remedy: str
    ) -> None:
        keyring.set_keyring(Kept(failing))
        with pytest.raises(VaultError, match=message) as caught:
            vault.add_keyring(SystemKeychain())
        assert remedy in caught.value.remedy
        assert slot_types(vault) == [1]
        assert read_vault(vault.store).open_with_keychain(SystemKeychain()) is None
        SystemKeychain().forget("a slot")

    def test_one_that_keeps_nothing_is_found_out(self, vault: Vault) -> None:
        keyring.set_keyring(Forgetting())
        with pytest.raises(VaultError, match="did not keep the key"):
            vault.add_keyring(SystemKeychain())
        assert slot_types(vault) == [1]

    def test_a_vault_that_cannot_be_saved_leaves_no_key_behind(self, vault: Vault, kept: Kept) -> None:
        vault.store.path.unlink()
        with pytest.raises(VaultError, match="removed"):
            vault.add_keyring(SystemKeychain())
        assert kept.kept == {}

    def test_a_plain_vault_needs_none(self, tmp_path: Path) -> None:
        plain = create_vault(VaultStore(tmp_path / "plain.json"), None)
        with pytest.raises(VaultError, match="not encrypted"):
            plain.add_keyring(SystemKeychain())


def test_without_the_library_it_says_how_to_get_it(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(VaultError, match="not installed; run: pipx inject watchword keyring"):
        vault.add_keyring(SystemKeychain())
    assert SystemKeychain().get("a slot") is None
    SystemKeychain().forget("a slot")
