"""`watchword vault`: what opens the vault, and its earlier versions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import keyring
import keyring.backend
import keyring.backends.fail
import keyring.errors
import pytest

from desk import GITHUB, SECRET, VPN, Desk, Here
from watchword_tui.errors import WrongPassphraseError

if TYPE_CHECKING:
    from collections.abc import Iterator

OLD, NEW = "correct horse staple", "battery wine glass"
OLD_BACKUPS = "its earlier versions still open with the old passphrase"


class MemoryKeyring(keyring.backend.KeyringBackend):
    """A keyring that forgets when the test ends."""

    priority = -2.0
    """Never chosen by itself, only where it is set."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the library's own
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise keyring.errors.PasswordDeleteError


@pytest.fixture
def our_keyring() -> Iterator[MemoryKeyring]:
    before = keyring.get_keyring()
    ours = MemoryKeyring()
    keyring.set_keyring(ours)
    yield ours
    keyring.set_keyring(before)


@pytest.fixture
def encrypted(desk: Desk) -> Desk:
    """A desk with an encrypted vault, and files with its passphrase and a new one."""
    desk.keep(GITHUB, passphrase=OLD)
    desk.write("old", f"{OLD}\n")
    desk.write("new", f"{NEW}\n")
    return desk


def opens(desk: Desk, passphrase: str) -> bool:
    try:
        return len(desk.kept(passphrase).accounts) == 1
    except WrongPassphraseError:
        return False


class TestCreate:
    def test_an_empty_vault_is_made_and_never_over_another(self, here: Here, desk: Desk) -> None:
        desk.write("new", NEW)
        made = here("vault", "create", "--passphrase-file", "new")
        again = here("vault", "create", "--plain")

        assert (made.status, made.err) == (0, f"watchword: made a new vault: {desk.vault}\n")
        assert desk.kept(NEW).rows == ()
        assert again.complaint == f"there is a vault at {desk.vault} already; name another: --vault FILE"

    def test_a_short_passphrase_is_refused(self, here: Here, desk: Desk) -> None:
        desk.write("new", "short")

        assert "at least 8 characters" in here("vault", "create", "--passphrase-file", "new").complaint
        assert not desk.vault.exists()

    def test_a_vault_may_be_elsewhere(self, here: Here, desk: Desk) -> None:
        here("vault", "create", "--plain", "--vault", "work/mine.json")

        assert desk.kept_in("work/mine.json").rows == ()
        assert not desk.vault.exists()

    def test_files_of_accounts_are_no_vault(self, here: Here, desk: Desk) -> None:
        desk.write("otp.txt", VPN)

        assert here("vault", "create", "--plain", "--accounts", "otp.txt").complaint == (
            "only files of accounts are named, which are not written to; name a vault: --vault FILE"
        )


class TestInfo:
    def test_it_says_what_there_is(self, here: Here, encrypted: Desk) -> None:
        ended = here("vault", "info", "--json", "--passphrase-file", "old")

        assert json.loads(ended.out) == {
            "file": str(encrypted.vault),
            "encrypted": True,
            "passphrases": 1,
            "opened_by_keyring": False,
            "accounts": 1,
            "quarantined": 0,
            "groups": 0,
            "backups": 0,
        }
        assert "encrypted: yes\n" in here("vault", "info", "--passphrase-file", "old").out

    def test_without_a_vault_it_says_how_to_get_one(self, here: Here, desk: Desk) -> None:
        complaint = here("vault", "info").complaint

        assert complaint.startswith(f"there is no vault at {desk.vault}; watchword add makes one")


class TestPassphrases:
    def test_change_puts_the_new_one_in_the_old_ones_place(self, here: Here, encrypted: Desk) -> None:
        files = ["--passphrase-file", "old", "--new-passphrase-file", "new"]
        ended = here("vault", "passphrase", "change", *files)

        assert ended.err.splitlines() == [
            "watchword: the passphrase is changed",
            f"watchword: {OLD_BACKUPS}: watchword vault backups --forget deletes them",
        ]
        assert (opens(encrypted, OLD), opens(encrypted, NEW)) == (False, True)

        forgotten = here("vault", "backups", "--forget", "--yes")
        assert forgotten.err == "watchword: deleted 1 backup\n"
        assert here("vault", "backups").out == ""

    def test_several_open_it_until_one_is_removed(self, here: Here, encrypted: Desk) -> None:
        files = ["--passphrase-file", "old", "--new-passphrase-file", "new"]
        assert here("vault", "passphrase", "add", "--name", "spare", *files).status == 0
        assert (opens(encrypted, OLD), opens(encrypted, NEW)) == (True, True)
        listed = here("vault", "passphrase", "list", "--passphrase-file", "new")
        assert listed.out == "1\twithout a name\n2\tspare (opened the vault now)\n"

        desk = encrypted
        desk.write("third", "another wine glass")
        third = ["--passphrase-file", "new", "--new-passphrase-file", "third"]
        # Of several, the one that opened the vault.
        assert here("vault", "passphrase", "change", *third).status == 0
        assert (opens(desk, OLD), opens(desk, NEW)) == (True, False)
        desk.write("new", "another wine glass")

        twice = here("vault", "passphrase", "add", "--name", "spare", *files)
        assert twice.complaint.startswith("there is a passphrase called 'spare' already")
        removed = here("vault", "passphrase", "remove", "spare", "--yes", "--passphrase-file", "old")
        assert removed.status == 0
        assert (opens(desk, OLD), opens(desk, "another wine glass")) == (True, False)

    def test_the_last_one_stays(self, here: Here, encrypted: Desk) -> None:
        ended = here("vault", "passphrase", "remove", "1", "--yes", "--passphrase-file", "old")

        assert ended.complaint.startswith("this is the vault's only passphrase")
        assert opens(encrypted, OLD)

    def test_which_is_meant_must_be_clear(self, here: Here, encrypted: Desk) -> None:
        files = ["--passphrase-file", "old", "--new-passphrase-file", "new"]
        ended = here("vault", "passphrase", "change", "nonsense", *files)

        assert ended.complaint.startswith("it is not clear which passphrase is meant; name one")
        assert opens(encrypted, OLD)

    def test_a_plain_vault_has_none(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)

        assert here("vault", "passphrase", "list").complaint == (
            "the vault has no passphrase; give it one: watchword vault encrypt"
        )


class TestEncryption:
    def test_a_plain_vault_is_encrypted_and_its_plain_backups_named(
        self, here: Here, desk: Desk
    ) -> None:
        desk.keep(GITHUB)
        desk.write("new", NEW)
        ended = here("vault", "encrypt", "--passphrase-file", "new")

        assert ended.status == 0
        assert "its earlier versions are not encrypted: watchword vault backups --forget" in ended.err
        assert SECRET not in desk.vault.read_text()
        assert opens(desk, NEW)
        assert here("vault", "encrypt", "--passphrase-file", "new").status == 2

    def test_it_is_decrypted_after_a_yes_only(self, here: Here, encrypted: Desk) -> None:
        asked = here("vault", "decrypt", "--passphrase-file", "old")
        assert "add --yes if you mean it" in asked.complaint
        assert opens(encrypted, OLD)

        agreed = here("vault", "decrypt", "--yes", "--passphrase-file", "old")
        assert "whoever can read the file has every secret" in agreed.err
        assert len(encrypted.kept().accounts) == 1


class TestKeyring:
    def test_a_vault_made_plain_leaves_no_key_in_it(
        self, here: Here, encrypted: Desk, our_keyring: MemoryKeyring
    ) -> None:
        here("vault", "keyring", "add", "--passphrase-file", "old")
        here("vault", "decrypt", "--yes", "--passphrase-file", "old")

        assert our_keyring.kept == {}
        assert len(encrypted.kept().accounts) == 1

    def test_it_opens_the_vault_without_a_question(
        self, here: Here, encrypted: Desk, our_keyring: MemoryKeyring
    ) -> None:
        added = here("vault", "keyring", "add", "--passphrase-file", "old")

        assert added.status == 0
        assert len(our_keyring.kept) == 1
        assert here("code", "github").status == 0
        assert opens(encrypted, OLD)

        removed = here("vault", "keyring", "remove")
        assert removed.status == 0
        assert our_keyring.kept == {}
        assert here("code", "github").status == 2

    def test_removing_none_is_told(self, here: Here, encrypted: Desk) -> None:
        ended = here("vault", "keyring", "remove", "--passphrase-file", "old")

        assert ended.complaint.startswith("no keyring opens the vault")
        assert opens(encrypted, OLD)

    def test_without_a_keyring_the_passphrase_stays_the_way(
        self, here: Here, encrypted: Desk, our_keyring: MemoryKeyring
    ) -> None:
        keyring.set_keyring(keyring.backends.fail.Keyring())  # type: ignore[no-untyped-call]  # as above
        ended = here("vault", "keyring", "add", "--passphrase-file", "old")

        assert ended.status == 2
        assert ended.complaint.startswith("this system has no keyring")
        assert our_keyring.kept == {}
        assert opens(encrypted, OLD)


class TestBackups:
    def test_each_change_keeps_one_and_any_can_be_put_back(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        for name in ("bob", "carol", "dave"):
            here("edit", "github", "--name", name)
        listed = [json.loads(line) for line in here("vault", "backups", "--json").out.splitlines()]
        assert [one["number"] for one in listed] == [1, 2, 3]
        assert "just now" in here("vault", "backups").out

        ended = here("vault", "restore", "2", "--yes")
        assert (ended.status, ended.out) == (0, "")
        assert desk.kept().accounts[0].key.name == "bob"

    def test_a_vault_that_is_gone_or_damaged_comes_back(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        here("edit", "github", "--name", "bob")
        desk.vault.write_text("{")
        assert "restore a backup: watchword vault restore" in here("list").complaint
        # The newest, as the complaint has it.
        assert here("vault", "restore", "--yes").status == 0
        assert desk.kept().accounts[0].key.name == "alice@example.com"

        desk.vault.unlink()
        assert here("vault", "restore", "2", "--yes").status == 0
        assert len(desk.kept().accounts) == 1

    def test_without_one_nobody_is_sent_to_them(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        for damaged in ("{", '{"version": 1, "header": {"slots": null, "params": null}, "db": 1}'):
            desk.vault.write_text(damaged)
            complaint = here("list").complaint

            assert complaint.endswith(
                "; there is no backup of it: put a copy of yours in its place,"
                f" or move {desk.vault} away to start anew"
            )
            assert "watchword vault restore" not in complaint + here("doctor").out

    def test_one_that_is_not_there_is_told(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)

        assert here("vault", "restore", "4", "--yes").complaint == (
            "there is no backup 4; list them: watchword vault backups"
        )
        for options in ([], ["--forget"]):
            assert here("vault", "backups", *options).err == (
                "watchword: there are no backups yet: the first change makes one\n"
            )

    def test_nobody_to_ask_is_no_yes(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        here("edit", "github", "--name", "bob")

        assert "add --yes" in here("vault", "restore", "1").complaint
        assert "add --yes" in here("vault", "backups", "--forget").complaint
        assert desk.kept().accounts[0].key.name == "bob"
