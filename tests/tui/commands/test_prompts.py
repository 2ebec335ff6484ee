"""What a person is asked at a terminal, and what is never shown there."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from desk import GITHUB, SECRET, VPN, VPN_CODE, Desk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from terminal import Terminal

PASSPHRASE = "correct horse staple"


@contextlib.contextmanager
def at_terminal(desk: Desk, *arguments: str) -> Iterator[Terminal]:
    terminal = desk.person(*arguments)
    try:
        yield terminal
    finally:
        terminal.close()


def shows(words: str, times: int = 1) -> Callable[[str], bool]:
    """Whether a screen shows these words so often."""
    return lambda text: text.count(words) >= times


def answer(terminal: Terminal, *pairs: tuple[str, str]) -> None:
    """Wait for each question, then type its answer."""
    for question, typed in pairs:
        terminal.wait_for(shows(question), question)
        terminal.press(f"{typed}\r")


class TestPassphrase:
    def test_it_opens_the_vault_and_is_not_shown(self, desk: Desk) -> None:
        desk.keep(VPN, passphrase=PASSPHRASE)
        with at_terminal(desk, "code", "vpn") as terminal:
            answer(terminal, ("Passphrase of the vault:", PASSPHRASE))
            status = terminal.wait_for_end()

            assert status == 0
            assert VPN_CODE in terminal.text
            assert PASSPHRASE not in terminal.raw

    def test_it_may_be_typed_wrong_twice(self, desk: Desk) -> None:
        desk.keep(VPN, passphrase=PASSPHRASE)
        with at_terminal(desk, "code", "vpn") as terminal:
            for wrong in (1, 2):
                terminal.wait_for(shows("Passphrase of", wrong), "the question")
                terminal.press("not this one\r")
            terminal.wait_for(shows("Passphrase of", 3), "the third question")
            terminal.press(f"{PASSPHRASE}\r")

            assert terminal.wait_for_end() == 0
            assert terminal.text.count("the passphrase does not open the vault") == 2
            assert VPN_CODE in terminal.text

    def test_the_third_wrong_one_ends_it(self, desk: Desk) -> None:
        desk.keep(VPN, passphrase=PASSPHRASE)
        with at_terminal(desk, "list") as terminal:
            for wrong in (1, 2, 3):
                terminal.wait_for(shows("Passphrase of", wrong), "the question")
                terminal.press("not this one\r")

            assert terminal.wait_for_end() == 2
            assert "VPN" not in terminal.text
            # Not after the last one.
            assert terminal.text.count("try again") == 2

    def test_ctrl_c_ends_the_question_and_the_terminal_echoes_again(self, desk: Desk) -> None:
        desk.keep(VPN, passphrase=PASSPHRASE)
        with at_terminal(desk, "list") as terminal:
            terminal.wait_for(shows("Passphrase of"), "the question")
            terminal.press("\x03")

            assert terminal.wait_for_end() == 130
            assert "Traceback" not in terminal.raw

    async def test_where_nobody_is_the_ways_are_named(self, desk: Desk) -> None:
        desk.keep(VPN, passphrase=PASSPHRASE)
        ended = await desk.run("code", "vpn")

        assert ended.status == 2
        assert ended.complaint == (
            "nobody can be asked: Passphrase of the vault; run it on a terminal, name a file with"
            " --passphrase-file, or let the keyring open it: watchword vault keyring add"
        )

    async def test_its_file_must_be_private_and_right(self, desk: Desk) -> None:
        desk.keep(VPN, passphrase=PASSPHRASE)
        desk.write("right", f"{PASSPHRASE}\n")
        desk.write("wrong", "something else\n")
        desk.write("open", PASSPHRASE, 0o644)
        right, wrong, readable = [
            await desk.run("code", "vpn", "--passphrase-file", name)
            for name in ("right", "wrong", "open")
        ]

        assert (right.status, right.out) == (0, f"{VPN_CODE}\n")
        assert wrong.status == 2
        assert wrong.complaint == f"the passphrase in wrong does not open the vault {desk.vault}"
        assert "can be read by others (mode 0644); run: chmod 600 open" in readable.complaint
        assert PASSPHRASE not in wrong.err + readable.err


class TestAdd:
    def test_it_asks_for_everything_and_makes_the_vault(self, desk: Desk) -> None:
        with at_terminal(desk, "add") as terminal:
            answer(
                terminal,
                ("Issuer, such as GitHub:", "GitHub"),
                ("Name there, such as alice@example.com:", "alice"),
                ("Secret, or otpauth:// URI:", SECRET),
                ("New passphrase of the vault:", "short"),
            )
            terminal.wait_for(shows("New passphrase", 2), "the question again")
            assert "a passphrase needs at least 8 characters" in terminal.text
            terminal.press(f"{PASSPHRASE}\r")
            answer(terminal, ("Again:", PASSPHRASE))

            assert terminal.wait_for_end() == 0
            assert SECRET not in terminal.raw
            assert PASSPHRASE not in terminal.raw
        (account,) = desk.kept(PASSPHRASE).accounts
        assert (account.key.title, account.key.secret.base32()) == ("GitHub (alice)", SECRET)

    def test_two_passphrases_that_differ_are_asked_again(self, desk: Desk) -> None:
        with at_terminal(desk, "vault", "create") as terminal:
            answer(terminal, ("New passphrase of the vault:", PASSPHRASE), ("Again:", f"{PASSPHRASE}!"))
            terminal.wait_for(shows("the two are not the same"), "the complaint")
            terminal.wait_for(shows("New passphrase", 2), "the question again")
            terminal.press(f"{PASSPHRASE}\r")
            terminal.wait_for(shows("Again:", 2), "the second question again")
            terminal.press(f"{PASSPHRASE}\r")

            assert terminal.wait_for_end() == 0
        assert desk.kept(PASSPHRASE).rows == ()

    def test_a_uri_may_be_pasted_for_the_secret(self, desk: Desk) -> None:
        desk.keep(VPN)
        with at_terminal(desk, "add", "--issuer", "Hub") as terminal:
            answer(terminal, ("Secret, or otpauth:// URI:", GITHUB))

            assert terminal.wait_for_end() == 0
        assert desk.kept().accounts[1].key.title == "Hub (alice@example.com)"


class TestEdit:
    def test_without_options_it_asks_and_enter_keeps(self, desk: Desk) -> None:
        desk.keep(GITHUB)
        with at_terminal(desk, "edit", "github") as terminal:
            answer(
                terminal,
                ("Issuer [GitHub]:", ""),
                ("Name [alice@example.com]:", "bob"),
                ("Note:", "on the old phone too"),
            )

            assert terminal.wait_for_end() == 0
        (account,) = desk.kept().accounts
        assert (account.key.title, account.note) == ("GitHub (bob)", "on the old phone too")


class TestRemove:
    @pytest.mark.parametrize(("typed", "left"), [("", 1), ("n", 1), ("what", 1), ("y", 0)])
    def test_only_a_yes_removes(self, desk: Desk, typed: str, left: int) -> None:
        desk.keep(GITHUB)
        with at_terminal(desk, "remove", "github") as terminal:
            question = "Remove GitHub (alice@example.com)?"
            times = 3 if typed == "what" else 1
            for number in range(1, times + 1):
                terminal.wait_for(shows(question, number), question)
                terminal.press(f"{typed}\r")

            assert terminal.wait_for_end() == (2 if left else 0)
        assert len(desk.kept().accounts) == left


class TestPlainVault:
    async def test_a_person_is_told_at_each_use(self, desk: Desk) -> None:
        desk.keep(GITHUB)
        shown = await desk.run_on_terminal("code", "github")
        piped = await desk.run("code", "github")

        assert shown.out.startswith("watchword: the vault is not encrypted; give it a passphrase: ")
        assert piped.err == ""
