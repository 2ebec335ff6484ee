"""The file on disk: who may read it, what is kept of earlier versions, what is said when it fails."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest

from unit.vault.saver import account
from watchword_tui.errors import VaultError
from watchword_tui.vault.document import Document
from watchword_tui.vault.recover import restore_backup
from watchword_tui.vault.store import BACKUPS, VaultChangedError, VaultStore
from watchword_tui.vault.vault import create_vault, read_vault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> VaultStore:
    return VaultStore(tmp_path / "folder" / "vault.json")


def save(store: VaultStore, number: int) -> None:
    vault = read_vault(store).open_plain()
    vault.commit(Document().with_added([account(f"version {number}")]))


def version_of(data: bytes) -> int:
    return int(data.split(b'"name":"version ')[1].split(b'"')[0])


def versions(store: VaultStore) -> list[int]:
    """The version in the file and in each backup, the newest first; 0 for a gap."""
    found = [version_of(store.read().data)]
    for number in range(1, BACKUPS + 1):
        path = store.path.with_name(f"vault.json.bak{number}")
        found.append(version_of(path.read_bytes()) if path.exists() else 0)
    return found


@pytest.fixture
def saved(store: VaultStore) -> VaultStore:
    create_vault(store, None, Document().with_added([account("version 1")]))
    for number in range(2, 8):
        save(store, number)
    return store


class TestPermissions:
    @pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
    def test_only_the_owner_reads_any_of_it(self, store: VaultStore, umask: int) -> None:
        before = os.umask(umask)
        try:
            create_vault(store, None, Document().with_added([account("version 1")]))
            for number in range(2, 4):
                save(store, number)
        finally:
            os.umask(before)
        assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700
        modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in store.path.parent.iterdir()}
        assert set(modes.values()) == {0o600}
        assert len(modes) == 4

    def test_a_file_that_others_could_read_is_closed_at_the_next_save(self, saved: VaultStore) -> None:
        saved.path.chmod(0o644)
        save(saved, 8)
        for path in (saved.path, saved.backups()[0].path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600


class TestBackups:
    def test_the_last_five_are_kept_the_newest_first(self, saved: VaultStore) -> None:
        assert versions(saved) == [7, 6, 5, 4, 3, 2]
        assert [backup.number for backup in saved.backups()] == [1, 2, 3, 4, 5]
        times = [backup.written_at for backup in saved.backups()]
        assert times == sorted(times, reverse=True)
        assert [version_of(saved.read_backup(one.number).data) for one in saved.backups()] == [
            6,
            5,
            4,
            3,
            2,
        ]

    @pytest.mark.parametrize("gap", [1, 3, 5])
    def test_a_gap_is_filled_and_costs_no_older_version(self, saved: VaultStore, gap: int) -> None:
        before = versions(saved)
        saved.path.with_name(f"vault.json.bak{gap}").unlink()
        save(saved, 8)
        kept = [version for place, version in enumerate(before) if place != gap]
        assert versions(saved) == [8, *kept]

    def test_what_is_saved_without_a_backup_leaves_them_alone(self, saved: VaultStore) -> None:
        vault = read_vault(saved).open_plain()
        for number in (8, 9, 10):
            vault.commit(Document().with_added([account(f"version {number}")]), keep_backup=False)
        assert versions(saved) == [10, 6, 5, 4, 3, 2]

    def test_a_save_that_failed_late_costs_no_backup(
        self, saved: VaultStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as broken:
            replace = os.replace

            def failing(source: str, target: str) -> None:
                if os.fspath(target).endswith("vault.json"):
                    raise OSError(errno.EIO, "broken")
                replace(source, target)

            broken.setattr(os, "replace", failing)
            for _ in range(7):
                with pytest.raises(VaultError, match="Input/output error; nothing was saved"):
                    save(saved, 8)
        assert versions(saved) == [7, 7, 6, 5, 4, 3]
        assert list(saved.path.parent.glob(".*.new")) == []
        save(saved, 8)
        assert versions(saved) == [8, 7, 6, 5, 4, 3]

    def test_without_hard_links_they_are_copies(
        self, store: VaultStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refusing(*_: object) -> None:
            raise OSError(errno.EPERM, "no hard links here")

        monkeypatch.setattr(os, "link", refusing)
        create_vault(store, None, Document().with_added([account("version 1")]))
        os.utime(store.path, (1, 1))
        for number in range(2, 8):
            save(store, number)
            assert number > 2 or store.backups()[0].written_at == 1
        assert versions(store) == [7, 6, 5, 4, 3, 2]
        assert {stat.S_IMODE(one.path.stat().st_mode) for one in store.backups()} == {0o600}

    def test_a_vault_beside_it_with_a_longer_name_keeps_what_it_is_writing(
        self, saved: VaultStore
    ) -> None:
        stale = saved.path.with_name(".vault.json.0123abcd.new")
        others = [
            saved.path.with_name(name)
            for name in (".vault.json.old.0123abcd.new", ".vault-json.0123abcd.new", ".vault.json.new")
        ]
        for path in (stale, *others):
            path.touch()
        save(saved, 8)
        assert not stale.exists()
        assert all(path.exists() for path in others)

    @pytest.mark.parametrize("number", [0, 6, -1])
    def test_there_is_no_other_number(self, saved: VaultStore, number: int) -> None:
        with pytest.raises(VaultError, match=f"there is no backup {number}"):
            saved.read_backup(number)


def test_the_disk_confirms_the_new_file_before_it_takes_the_place_and_the_folder_after(
    saved: VaultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    fsync, replace = os.fsync, os.replace

    def confirming(descriptor: int) -> None:
        fsync(descriptor)
        order.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")

    def replacing(source: str, target: str) -> None:
        replace(source, target)
        if os.fspath(target).endswith("vault.json"):
            order.append("in place")

    monkeypatch.setattr(os, "fsync", confirming)
    monkeypatch.setattr(os, "replace", replacing)
    save(saved, 8)
    assert order == ["file", "in place", "folder"]


class TestRestoring:
    @pytest.mark.parametrize("number", [1, 3, 5])
    def test_a_backup_takes_the_place_of_what_becomes_the_newest(
        self, saved: VaultStore, number: int
    ) -> None:
        before = versions(saved)
        restore_backup(saved, number)
        assert versions(saved) == [before[number], *before[:BACKUPS]]
        restore_backup(saved, 1)
        assert versions(saved)[0] == before[0]

    def test_a_file_that_is_gone(self, saved: VaultStore) -> None:
        saved.path.unlink()
        restore_backup(saved, 2)
        assert versions(saved) == [5, 6, 5, 4, 3, 2]

    def test_a_file_that_is_damaged_is_kept_too(self, saved: VaultStore) -> None:
        saved.path.write_bytes(b"\0" * 100)
        with pytest.raises(VaultError, match="restore a backup"):
            read_vault(saved)
        restore_backup(saved, 1)
        assert version_of(saved.read().data) == 6
        assert saved.read_backup(1).data == b"\0" * 100

    def test_a_backup_that_is_damaged_itself_replaces_nothing(self, saved: VaultStore) -> None:
        saved.backups()[0].path.write_bytes(b"{")
        with pytest.raises(VaultError, match="no vault, or is damaged"):
            restore_backup(saved, 1)
        assert version_of(saved.read().data) == 7

    def test_with_a_passphrase_that_was_since_changed(self, store: VaultStore) -> None:
        vault = create_vault(store, "the first one")
        vault.change_passphrase(vault.passphrases[0].id, "the second one")
        restore_backup(store, 1)
        assert read_vault(store).open_with_passphrase("the first one").document == vault.document


class TestTwoPrograms:
    def test_what_another_saved_is_not_overwritten(self, saved: VaultStore) -> None:
        ours = read_vault(saved).open_plain()
        save(saved, 8)
        with pytest.raises(VaultChangedError, match=r"another program changed .* nothing was written"):
            ours.commit(Document())
        assert versions(saved)[0] == 8

    def test_what_another_removed_is_not_made_again_unasked(self, saved: VaultStore) -> None:
        ours = read_vault(saved).open_plain()
        saved.path.unlink()
        with pytest.raises(VaultChangedError, match="another program removed"):
            ours.commit(Document())
        assert not saved.exists()

    def test_a_new_vault_never_replaces_one(self, saved: VaultStore) -> None:
        with pytest.raises(VaultError, match=r"there is a vault at .* already"):
            create_vault(saved, None)
        with pytest.raises(VaultChangedError):
            saved.write(b"new", expected=None)
        assert versions(saved)[0] == 7

    def test_a_passphrase_that_another_changed_is_named(self, store: VaultStore) -> None:
        ours = create_vault(store, "the first one")
        theirs = read_vault(store).open_with_passphrase("the first one")
        theirs.change_passphrase(theirs.passphrases[0].id, "the second one")
        with pytest.raises(VaultError, match="passphrase was changed by another program"):
            ours.merge_and_commit(ours.document.with_added([account("ours")]))
        theirs.decrypt()
        with pytest.raises(VaultError, match="encrypted or decrypted by another program"):
            ours.reload()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may do all; test_full_disks.py has a read-only disk")
class TestWithoutPermission:
    @pytest.fixture
    def closed(self, saved: VaultStore) -> Iterator[VaultStore]:
        saved.path.parent.chmod(0o500)
        yield saved
        saved.path.parent.chmod(0o700)

    def test_a_folder_that_may_not_be_changed(self, closed: VaultStore) -> None:
        with pytest.raises(VaultError, match="Permission denied; nothing was saved; see who owns it"):
            save(closed, 8)
        assert versions(closed)[0] == 7

    def test_a_file_that_may_not_be_read(self, saved: VaultStore) -> None:
        saved.path.chmod(0)
        with pytest.raises(VaultError, match="Permission denied; see who owns it"):
            read_vault(saved)

    def test_a_folder_that_may_not_be_entered_hides_no_vault(self, saved: VaultStore) -> None:
        saved.path.parent.chmod(0)
        try:
            assert saved.exists()
        finally:
            saved.path.parent.chmod(0o700)
