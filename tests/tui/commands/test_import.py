"""`watchword import`: other apps' files, shown first, then in the vault."""

from __future__ import annotations

import json
import os
from random import Random
from typing import TYPE_CHECKING

import pytest

from desk import GITHUB, SECRET, VPN, Desk, Here
from watchword_otp import parse_uri
from watchword_otp.qr import make_qr
from watchword_tui.accounts import Account, read_uri_lines
from watchword_tui.exchange.writers.aegis import ENCRYPTED
from watchword_tui.exchange.writers.migration import qr_pages
from watchword_tui.exchange.writing import find_writer

if TYPE_CHECKING:
    from collections.abc import Sequence

PASSPHRASE = "correct horse staple"
OTHER = "MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK"
BANK = f"otpauth://totp/Bank:bob?secret={OTHER}&issuer=Bank"
TUNNEL = "otpauth://hotp/Tunnel:bob?secret=NBSWY3DPEB3W64TMMQQHO33SNRSA&counter=1"
BROKEN = "otpauth://totp/Broken:bob?issuer=Broken"


def accounts(*uris: str) -> Sequence[Account]:
    return read_uri_lines("\n".join(uris), "here").accounts


def titles(desk: Desk, passphrase: str | None = None) -> list[str]:
    return [account.key.title for account in desk.kept(passphrase).accounts]


class TestPlan:
    def test_every_row_is_shown_and_only_new_ones_are_written(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        changed = GITHUB.replace("alice%40example.com", "carol")
        desk.write("list.txt", f"{BANK}\n{GITHUB}\n{changed}\n{BROKEN}\n")
        ended = here("import", "list.txt", "--yes")
        rows = [line.split("  ") for line in ended.out.splitlines()]

        assert ended.status == 0
        assert [row[0].strip() for row in rows] == ["ROW IS", "new", "duplicate", "changed", "invalid"]
        assert "name was alice@example.com" in ended.out
        assert "the URI has no secret" in ended.out
        assert ended.err.splitlines() == [
            "watchword: list.txt: otpauth list, 4 rows",
            "watchword: 1 new, 1 changed, 1 duplicate, 1 invalid",
            "watchword: wrote 1 new account",
        ]
        assert titles(desk) == ["GitHub (alice@example.com)", "Bank (bob)"]
        assert SECRET not in ended.out + ended.err

    def test_changed_ones_can_be_replaced(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        here("edit", "github", "--note", "mine", "--group", "Work")
        desk.write("list.txt", GITHUB.replace("alice%40example.com", "carol"))
        ended = here("import", "list.txt", "--yes", "--changed", "replace")
        (account,) = desk.kept().accounts

        assert ended.err.endswith("watchword: wrote 1 replaced account\n")
        assert (account.key.name, account.note, account.groups) == ("carol", "mine", ("Work",))

    def test_or_kept_beside_the_old_ones(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        desk.write("list.txt", GITHUB.replace("alice%40example.com", "carol"))
        here("import", "list.txt", "--yes", "--changed", "both")

        assert titles(desk) == ["GitHub (alice@example.com)", "GitHub (carol)"]

    def test_a_counter_never_goes_back(self, here: Here, desk: Desk) -> None:
        desk.keep(VPN.replace("counter=1", "counter=9"))
        desk.write("list.txt", VPN.replace("VPN", "Tunnel"))
        here("import", "list.txt", "--yes", "--changed", "replace")
        (account,) = desk.kept().accounts

        assert (account.key.issuer, account.key.counter) == ("Tunnel", 9)

    def test_a_second_time_there_is_nothing_to_write(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        desk.write("list.txt", f"{BANK}\n{VPN}")
        here("import", "list.txt", "--yes")
        before = desk.vault.read_bytes()
        ended = here("import", "list.txt")

        assert (ended.status, ended.err.splitlines()[-1]) == (0, "watchword: there is nothing to write")
        assert desk.vault.read_bytes() == before

    def test_a_dry_run_writes_nothing(self, here: Here, desk: Desk) -> None:
        desk.write("list.txt", BANK)
        ended = here("import", "list.txt", "--dry-run")

        assert ended.status == 0
        assert ended.err.endswith("would write 1 new account; nothing was written\n")
        assert not desk.vault.exists()

    def test_nobody_to_ask_is_no_yes(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        desk.write("list.txt", BANK)
        ended = here("import", "list.txt")

        assert ended.status == 2
        assert "add --yes if you mean it" in ended.err
        assert len(titles(desk)) == 1

    def test_json_is_an_object_a_row_without_secrets(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        desk.write("list.txt", f"{BANK}\n{BROKEN}")
        ended = here("import", "list.txt", "--json")
        new, invalid = map(json.loads, ended.out.splitlines())

        assert (ended.status, ended.err.splitlines()[-1]) == (
            0,
            "watchword: would write 1 new account; nothing was written",
        )
        assert (new["verdict"], new["issuer"], new["name"]) == ("new", "Bank", "bob")
        assert (invalid["verdict"], invalid["where"]) == ("invalid", "line 2")
        assert OTHER not in ended.out
        assert len(titles(desk)) == 1

    def test_keys_not_made_here_are_kept_once(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        desk.write("list.txt", f"motp://Old:bob?secret=0123456789abcdef\n{BANK}")
        first, second = here("import", "list.txt", "--yes"), here("import", "list.txt", "--yes")

        assert "1 new, 1 kept" in first.err
        assert "2 duplicate" in second.err
        assert len(desk.kept().quarantined) == 1

    def test_the_first_import_makes_the_vault(self, here: Here, desk: Desk) -> None:
        desk.write("list.txt", BANK)
        desk.write("pass", PASSPHRASE)
        here("import", "list.txt", "--yes", "--passphrase-file", "pass")

        assert titles(desk, PASSPHRASE) == ["Bank (bob)"]

    async def test_long_labels_are_cut_to_the_terminals_width(self, here: Here, desk: Desk) -> None:
        long, wide = "x" * 90, "\u6f22" * 60
        desk.write("list.txt", f"otpauth://totp/{long}:{wide}?secret={OTHER}\n{BANK}\n{BROKEN}\n")
        shown = await desk.run_on_terminal("import", "list.txt", "--dry-run", size=(60, 24))
        table = [line for line in shown.out.splitlines() if "\u2026" in line or "Bank" in line]

        assert len(table) == 2
        # Each of the wide signs takes two columns.
        assert all(len(line) + line.count("\u6f22") <= 60 for line in table)
        assert "xxxxxxxx" in table[0]
        assert "\u6f22\u6f22\u6f22" in table[0]
        assert "line 1" in table[0]
        assert "the URI has no secret" in shown.out
        # Programs get all of it.
        assert long in here("import", "list.txt", "--dry-run").out

    async def test_and_so_they_are_in_the_list(self, desk: Desk) -> None:
        desk.keep(GITHUB.replace("GitHub", "G" * 90))
        shown = await desk.run_on_terminal("list", size=(60, 24))
        (line,) = [line for line in shown.out.splitlines() if "alice" in line]

        assert len(line) <= 60
        assert "alice@example.com" in line


class TestFiles:
    def test_standard_input_is_a_file(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        ended = here("import", "-", "--yes", stdin=BANK.encode())

        assert ended.status == 0
        assert titles(desk)[1] == "Bank (bob)"

    def test_what_it_is_does_not_depend_on_its_name(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        written = find_writer("2fas", plain=True).write(accounts(BANK, TUNNEL), "")
        (desk.folder / "holiday.jpg").write_bytes(written.content)
        ended = here("import", "holiday.jpg", "--yes")

        assert ended.err.startswith("watchword: holiday.jpg: 2FAS, 2 rows\n")
        assert titles(desk)[1:] == ["Bank (bob)", "Tunnel (bob)"]

    def test_an_encrypted_one_takes_its_passphrase_from_a_file(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        (desk.folder / "aegis.json").write_bytes(ENCRYPTED.write(accounts(BANK), PASSPHRASE).content)
        desk.write("right", PASSPHRASE)
        desk.write("wrong", "something else")
        wrong = here("import", "aegis.json", "--yes", "--import-passphrase-file", "wrong")
        right = here("import", "aegis.json", "--yes", "--import-passphrase-file", "right")

        assert wrong.status == 2
        assert wrong.complaint == (
            "the passphrase in wrong does not open aegis.json;"
            " it is the one that was chosen when the file was exported"
        )
        assert right.status == 0
        assert titles(desk)[1] == "Bank (bob)"

    def test_pages_of_qr_codes_belong_together(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        many = [f"otpauth://totp/Site{number}:bob?secret={OTHER}" for number in range(12)]
        pages = qr_pages(accounts(*many)).pages
        assert len(pages) == 2
        for number, page in enumerate(pages):
            (desk.folder / f"{number}.png").write_bytes(make_qr(page.uri).png())
        one = here("import", "0.png", "--dry-run")
        both = here("import", "1.png", "0.png", "--yes")

        assert "watchword: part 2 of 2 is missing: scan it too" in one.err
        assert "missing" not in both.err
        assert len(titles(desk)) == 13

    def test_a_files_name_cannot_steer_the_terminal(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        names = ["\x1b[31mred\n.txt", os.fsdecode(b"\xff.txt")]
        for name in names:
            desk.write(name, f"{BANK}\n{BROKEN}")
        ended = here("import", *names, "--dry-run")

        assert ended.status == 0
        assert ended.err.splitlines()[:2] == [
            "watchword: [31mred.txt: otpauth list, 2 rows",
            "watchword: .txt: otpauth list, 2 rows",
        ]
        assert "\x1b" not in ended.out + ended.err

    def test_what_is_no_export_is_told(self, here: Here, desk: Desk) -> None:
        desk.write("poem.txt", "roses are red")
        ended = here("import", "poem.txt")

        assert ended.status == 2
        assert ended.complaint.startswith("poem.txt is no export that is known here; known are: ")

    def test_a_format_can_be_forced_and_is_listed(self, here: Here, desk: Desk) -> None:
        desk.write("list.txt", BANK)
        assert "Aegis" in here("import", "--formats").out
        assert here("import", "list.txt", "--format", "nonsense").complaint.startswith(
            "there is no format 'nonsense'"
        )
        assert here("import", "list.txt", "--format", "aegis").complaint == (
            "list.txt is not Aegis: it looks like otpauth list;"
            " import it as otpauth, or without naming a format"
        )

    @pytest.mark.parametrize("name", ["2fas", "ente", "stratum", "bitwarden", "kdbx", "totp-cli"])
    def test_a_wrong_format_is_not_called_damage(self, here: Here, desk: Desk, name: str) -> None:
        written = find_writer("aegis", plain=True).write(accounts(BANK), "")
        (desk.folder / "aegis.json").write_bytes(written.content)
        ended = here("import", "aegis.json", "--format", name)

        assert ended.status == 2
        assert ": it looks like Aegis; import it as aegis, or without naming" in ended.complaint

    def test_random_bytes_may_be_no_export_at_all(self, here: Here, desk: Desk) -> None:
        (desk.folder / "junk").write_bytes(Random(6238).randbytes(5000))
        desk.write("pass", PASSPHRASE)
        ended = here("import", "junk", "--import-passphrase-file", "pass")

        assert ended.status == 2
        assert ended.complaint == (
            "the passphrase in pass does not open junk;"
            " it may be andOTP's, or no export at all: nothing in the file tells"
        )

    def test_costly_work_is_not_done_unasked(self, here: Here, desk: Desk) -> None:
        vault = json.loads(ENCRYPTED.write(accounts(BANK), PASSPHRASE).content)
        vault["header"]["slots"][0] |= {"n": 2**20, "r": 8, "p": 1}
        desk.write("slow.json", json.dumps(vault))
        desk.write("pass", PASSPHRASE)
        ended = here("import", "slow.json", "--yes", "--import-passphrase-file", "pass")

        assert ended.status == 2
        assert ended.complaint.startswith("opening slow.json takes about ")
        assert ended.complaint.endswith("; add --allow-costly if you trust the file")


class TestPerson:
    def test_a_person_sees_the_rows_and_says_yes(self, desk: Desk) -> None:
        desk.keep(GITHUB)
        (desk.folder / "aegis.json").write_bytes(ENCRYPTED.write(accounts(BANK), PASSPHRASE).content)
        terminal = desk.person("import", "aegis.json")
        try:
            terminal.wait_for(lambda text: text.count("Passphrase of aegis.json") == 1, "the question")
            terminal.press("wrong\r")
            terminal.wait_for(lambda text: text.count("Passphrase of aegis.json") == 2, "it again")
            assert "the passphrase does not open aegis.json" in terminal.text
            terminal.press(f"{PASSPHRASE}\r")
            terminal.wait_for(lambda text: "Write 1 new account to the vault? [Y/n]" in text, "the plan")
            assert "Bank" in terminal.text
            terminal.press("\r")

            assert terminal.wait_for_end() == 0
        finally:
            terminal.close()
        assert titles(desk)[1] == "Bank (bob)"

    def test_uses_come_along(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        rows = [{"secret": OTHER, "issuer": "Bank", "label": "bob", "digits": 6, "type": "TOTP",
                 "algorithm": "SHA1", "period": 30, "used_frequency": 42}]  # fmt: skip
        desk.write("andotp.json", json.dumps(rows))
        here("import", "andotp.json", "--yes")
        uses = [json.loads(line)["uses"] for line in here("list", "--json").out.splitlines()]

        assert parse_uri(BANK).title == titles(desk)[1]
        assert uses == [0, 42]
