"""`watchword export`: accounts in files for other apps, and as QR codes on the terminal."""

from __future__ import annotations

import signal
import stat
from functools import partial
from typing import TYPE_CHECKING

import pytest

from desk import GITHUB, SECRET, VPN, Desk, Here
from qr_reader import decode_qr
from unit.otp.terminal_picture import half_block_modules
from watchword_otp import parse_uri
from watchword_tui.exchange.migration import read_migration

if TYPE_CHECKING:
    from pathlib import Path

PASSPHRASE = "correct horse staple"
KEYS = [parse_uri(GITHUB), parse_uri(VPN)]


@pytest.fixture
def filled(desk: Desk) -> Desk:
    """A desk with two accounts in a plain vault."""
    desk.keep(GITHUB, VPN)
    desk.write("pass", PASSPHRASE)
    return desk


def contains(words: str, text: str) -> bool:
    return words in text


def imported(here: Here, desk: Desk, path: str) -> list[object]:
    """The keys of a file, brought into a vault of its own."""
    passphrase = ["--import-passphrase-file", "pass"]
    ended = here("import", path, "--yes", "--vault", "other.json", "--plain", *passphrase)
    assert ended.status == 0, ended.err
    return [account.key for account in desk.kept_in("other.json").accounts]


class TestFiles:
    def test_it_is_an_encrypted_aegis_vault_unless_told_otherwise(
        self, here: Here, filled: Desk
    ) -> None:
        ended = here("export", "mine.json", "--export-passphrase-file", "pass")
        path = filled.folder / "mine.json"

        assert (ended.status, ended.out) == (0, "")
        assert ended.err == "watchword: wrote 2 accounts to mine.json: Aegis, encrypted\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert SECRET not in path.read_text()
        assert imported(here, filled, "mine.json") == KEYS

    @pytest.mark.parametrize("name", ["aegis", "2fas", "bitwarden", "ente"])
    @pytest.mark.parametrize("plain", [True, False], ids=["plain", "encrypted"])
    def test_what_is_written_can_be_read(
        self, here: Here, filled: Desk, name: str, *, plain: bool
    ) -> None:
        how = ["--plain", "--yes"] if plain else ["--export-passphrase-file", "pass"]
        ended = here("export", "mine", "--format", name, *how)
        held = KEYS[:1] if name == "bitwarden" else KEYS

        assert ended.status == 0
        assert imported(here, filled, "mine") == held
        assert ("left out: VPN (alice): " in ended.err) == (held != KEYS)

    def test_a_list_of_uris_needs_only_a_yes(self, here: Here, filled: Desk) -> None:
        asked = here("export", "list.txt", "--format", "otpauth")
        agreed = here("export", "list.txt", "--format", "otpauth", "--yes")

        assert asked.status == 2
        assert "whoever reads it has 2 keys" in asked.complaint
        assert agreed.status == 0
        assert "not encrypted" in agreed.err
        lines = (filled.folder / "list.txt").read_text().splitlines()
        assert [parse_uri(line) for line in lines] == KEYS

    def test_accounts_and_groups_choose(self, here: Here, filled: Desk) -> None:
        here("edit", "vpn", "--group", "Work")
        for number, choice in enumerate((["--account", "github"], ["--group", "work"])):
            here("export", f"{number}.txt", "--format", "otpauth", "--yes", *choice)

        assert parse_uri((filled.folder / "0.txt").read_text()) == KEYS[0]
        assert parse_uri((filled.folder / "1.txt").read_text()) == KEYS[1]
        assert here("export", "2.txt", "--group", "Nowhere").complaint.startswith("there is no account")

    def test_standard_output_is_for_pipes(self, here: Here, filled: Desk) -> None:
        ended = here("export", "-", "--format", "otpauth", "--account", "github", "--yes")

        assert parse_uri(ended.out) == KEYS[0]
        assert ended.err == "watchword: wrote 1 account to -: otpauth list, not encrypted\n"
        assert filled.vault.exists()

    async def test_and_not_for_a_terminal(self, filled: Desk) -> None:
        ended = await filled.run_on_terminal("export", "-", "--format", "otpauth", "--yes")

        assert ended.status == 2
        assert SECRET not in ended.out

    def test_a_file_that_is_there_is_not_written_over(self, here: Here, filled: Desk) -> None:
        path = filled.write("mine.json", "mine")
        (filled.folder / "link.json").symlink_to(filled.folder / "elsewhere.json")

        taken = here("export", "mine.json", "--plain", "--yes")
        assert taken.complaint == "mine.json is there already; name another file"
        assert here("export", "link.json", "--plain", "--yes").status == 2
        assert path.read_text() == "mine"
        assert not (filled.folder / "elsewhere.json").exists()

    def test_what_cannot_be_held_is_named(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB, f"otpauth://totp/Slow:bob?secret={SECRET}&period=60")
        ended = here("export", "sheet.svg", "--format", "qr", "--yes")

        assert ended.status == 0
        assert "watchword: left out: Slow (bob): Google Authenticator has no period of 60 s" in ended.err
        assert (desk.folder / "sheet.svg").read_text().startswith("<svg ")

    def test_formats_are_listed_and_unknown_ones_refused(self, here: Here, filled: Desk) -> None:
        assert "2fas       2FAS" in here("export", "--formats").out
        assert here("export", "x", "--format", "nonsense").complaint.startswith(
            "there is no format 'nonsense'"
        )
        assert here("export").complaint.startswith("there is no file to write to")
        assert filled.vault.exists()


class TestTerminal:
    def test_pages_are_drawn_where_nothing_is_kept(self, filled: Desk, tmp_path: Path) -> None:
        terminal = filled.person("export", "--format", "qr")
        try:
            terminal.wait_for(lambda text: "Draw 2 keys in" in text, "the question")
            terminal.press("y\r")
            keys = []
            pages = 0
            while True:
                pages += 1
                terminal.wait_for(lambda text: "Enter " in text, "a page")
                drawn = terminal.raw.rpartition("\x1b[H\x1b[2J")[2]
                # What stands beside the code is no part of it.
                lines = [line.partition("\x1b[0m") for line in drawn.splitlines()]
                code = "\n".join(line + end for line, end, _ in lines if line.startswith("\x1b[38"))
                read = read_migration(decode_qr(half_block_modules(code), tmp_path), "page")
                keys += [entry.key for entry in read.entries]
                last = "Enter to end" in terminal.text
                terminal.press("\r")
                if last:
                    break
                following = f"Code {pages + 1} of"
                terminal.wait_for(partial(contains, following), following)

            assert terminal.wait_for_end() == 0
            assert keys == KEYS
            assert "Enter" not in terminal.raw.rpartition("\x1b[?1049l")[2]
        finally:
            terminal.close()

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
    def test_however_it_ends_no_code_stays(self, filled: Desk, number: signal.Signals) -> None:
        terminal = filled.person("export", "--format", "qr", "--yes")
        try:
            terminal.wait_for(partial(contains, "Enter "), "a page")
            terminal.signal(number)

            assert terminal.wait_for_end() == 128 + number
            assert "Traceback" not in terminal.raw
            after = terminal.raw.rpartition("\x1b[H\x1b[2J")[2]
            assert after.strip() == "\x1b[?1049l"
        finally:
            terminal.close()

    def test_without_a_terminal_there_is_another_way(self, here: Here, filled: Desk) -> None:
        ended = here("export", "--format", "qr", "--yes")

        assert ended.complaint == (
            "QR codes are drawn on a terminal; name a file: watchword export sheet.svg --format qr"
        )
        assert filled.vault.exists()
