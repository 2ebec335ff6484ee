"""`watchword code` on a vault: counters that never come twice, uses that are counted, other programs."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from desk import GITHUB, SECRET, VPN, VPN_CODE, Desk, Here
from watchword_otp import code_at, parse_uri
from watchword_tui.vault.store import VaultStore
from watchword_tui.vault.vault import Vault, read_vault

if TYPE_CHECKING:
    from watchword_tui.vault.document import Document

HOTP = parse_uri(VPN)
CODES = [code_at(HOTP, counter) for counter in range(1, 8)]


def counter(desk: Desk) -> int:
    return desk.kept().accounts[0].key.counter


class TestCounters:
    def test_each_code_comes_once(self, here: Here, desk: Desk) -> None:
        desk.keep(VPN)

        assert [here("code", "vpn").out for _ in range(3)] == [f"{code}\n" for code in CODES[:3]]
        assert CODES[0] == VPN_CODE
        assert counter(desk) == 4

    def test_json_does_not_tell_the_next_one(self, here: Here, desk: Desk) -> None:
        desk.keep(VPN)

        assert json.loads(here("code", "--json").out) == {
            "issuer": "VPN",
            "name": "alice",
            "kind": "hotp",
            "code": VPN_CODE,
            "counter": 1,
        }
        assert counter(desk) == 2

    def test_following_gives_one_and_ends(self, here: Here, desk: Desk) -> None:
        desk.keep(VPN)

        assert here("code", "vpn", "--follow").out.split()[1:] == [VPN_CODE, "VPN", "(alice)"]
        assert counter(desk) == 2

    def test_among_several_none_is_used_up(self, here: Here, desk: Desk) -> None:
        desk.keep(VPN, GITHUB)
        ended = here("code")

        assert [line.split("\t")[2] for line in ended.out.splitlines()] == ["GitHub (alice@example.com)"]
        assert counter(desk) == 1

    def test_the_next_one_is_not_shown_before_its_turn(self, here: Here, desk: Desk) -> None:
        desk.keep(VPN)
        ended = here("code", "vpn", "--next")

        assert ended.complaint == (
            "VPN (alice) counts its codes; its next code comes after this one is used"
        )
        assert counter(desk) == 1

    def test_no_code_is_shown_where_the_counter_cannot_be_saved(
        self, here: Here, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        desk.keep(VPN)

        def full_disk(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.fsync", full_disk)
        ended = here("code", "vpn")

        assert ended.status == 2
        assert VPN_CODE not in ended.out + ended.err
        assert "No space left on device" in ended.complaint

    async def test_programs_at_once_get_a_code_each(self, desk: Desk) -> None:
        desk.keep(VPN)
        ended = await asyncio.gather(*(desk.run("code", "vpn") for _ in range(5)))

        assert sorted(one.out.strip() for one in ended) == sorted(CODES[:5])
        assert counter(desk) == 6

    def test_a_file_is_not_written_to(self, here: Here, desk: Desk) -> None:
        path = desk.write("otp.txt", VPN)
        ended = [here("code", "vpn", "--accounts", "otp.txt") for _ in range(2)]

        assert [one.out for one in ended] == [f"{VPN_CODE}\n"] * 2
        assert path.read_text() == VPN

    async def test_of_a_file_a_person_is_told_that_the_code_comes_again(self, desk: Desk) -> None:
        desk.write("otp.txt", VPN)
        ended = await desk.run_on_terminal("code", "vpn", "--accounts", "otp.txt")

        assert ended.out.splitlines() == [
            "watchword: otp.txt is not written to: this code comes again; in the vault each comes once",
            VPN_CODE,
        ]


class TestOthers:
    def test_the_next_code_can_be_had_early(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        told = json.loads(here("code", "github", "--json").out)
        early = here("code", "github", "--next").out.strip()
        later = code_at(parse_uri(GITHUB), told["step"] + 2)

        # A step may have ended in between.
        assert early in {told["next_code"], later}

    @pytest.mark.parametrize("option", ["--json", "--follow"])
    def test_next_goes_alone(self, here: Here, desk: Desk, option: str) -> None:
        desk.keep(GITHUB)

        assert here("code", "--next", option).complaint.startswith("--next prints one code")

    def test_uses_are_counted_by_name_only(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB, f"otpauth://totp/Bank:bob?secret={SECRET}")
        here("code", "bank")
        here("code", "bank")
        here("code")
        uses = [json.loads(line)["uses"] for line in here("list", "--json").out.splitlines()]

        assert uses == [0, 2]

    def test_a_uri_for_a_name_is_not_repeated(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)

        assert SECRET not in here("code", GITHUB).complaint

    def test_a_vault_that_is_not_there_is_no_hindrance(self, here: Here, desk: Desk) -> None:
        desk.write("otp.txt", VPN)
        ended = here("code", "--vault", "none.json", "--accounts", "otp.txt")

        assert (ended.status, ended.out) == (0, f"{VPN_CODE}\n")


class TestMeanwhile:
    def test_a_counter_that_another_program_used_is_not_used_again(
        self, here: Here, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        desk.keep(VPN)
        commit = Vault.commit
        others = iter([True])

        def late(vault: Vault, document: Document, *, keep_backup: bool = True) -> None:
            if next(others, False):
                theirs = read_vault(VaultStore(desk.vault)).open_plain()
                commit(theirs, theirs.document.with_changed(document.accounts))
            commit(vault, document, keep_backup=keep_backup)

        monkeypatch.setattr(Vault, "commit", late)

        assert here("code", "vpn").out == f"{CODES[1]}\n"
        assert counter(desk) == 3

    def test_what_another_program_saved_is_kept(
        self, here: Here, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        desk.keep(GITHUB, VPN)
        commit = Vault.commit
        others = iter([True])

        def late(vault: Vault, document: Document, *, keep_backup: bool = True) -> None:
            if next(others, False):
                theirs = read_vault(VaultStore(desk.vault)).open_plain()
                commit(theirs, theirs.document.without([theirs.document.accounts[1].id]))
            commit(vault, document, keep_backup=keep_backup)

        monkeypatch.setattr(Vault, "commit", late)
        ended = here("edit", "github", "--name", "bob")

        assert ended.status == 0
        assert ended.err.splitlines() == [
            "watchword: another program changed the vault meanwhile: both changes are saved",
            "watchword: changed GitHub (bob)",
        ]
        assert [account.key.title for account in desk.kept().accounts] == ["GitHub (bob)"]
