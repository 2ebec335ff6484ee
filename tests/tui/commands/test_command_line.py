"""The `watchword` command: how it explains itself, where options may stand, how it fails and ends."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from desk import GITHUB, VPN, VPN_CODE, Desk, Here, interrupt
from programs import cannot_run
from watchword_tui.cli import watchword

if TYPE_CHECKING:
    from collections.abc import Iterator

MANY = "".join(
    f"otpauth://hotp/Issuer{number}:alice?secret=MFRGGZDF&counter=1\n" for number in range(4000)
)
"""Accounts enough to fill a pipe (64 KiB)."""

FULL = Path("/dev/full")


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Have the programs we start obey Ctrl+C, also where the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def full_disk() -> Iterator[int]:
    """A file that takes nothing."""
    if not FULL.exists():
        cannot_run(f"this system has no {FULL}")
    with FULL.open("wb") as file:
        yield file.fileno()


def commands_of(group: click.Group) -> Iterator[list[str]]:
    """The words of every command below `group`, and of groups themselves."""
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        yield [name]
        if isinstance(found, click.Group):
            yield from ([name, *rest] for rest in commands_of(found))


class TestHelp:
    @pytest.mark.parametrize("command", [[], *commands_of(watchword)], ids=" ".join)
    def test_every_help_teaches(self, command: list[str]) -> None:
        told = CliRunner().invoke(watchword, [*command, "--help"], terminal_width=80).output

        assert f"Usage: watchword {' '.join(command)}".rstrip() in told
        assert re.search(rf"Examples:\n +watchword {' '.join(command)}", told)
        for status in "0123":
            assert re.search(rf"^ +{status}  \S", told, re.MULTILINE)
        assert max(map(len, told.splitlines())) <= 80

    @pytest.mark.parametrize("name", watchword.list_commands(click.Context(watchword)))
    def test_the_help_names_every_command(self, name: str) -> None:
        assert re.search(rf"^  {name} +\w", CliRunner().invoke(watchword, ["-h"]).output, re.MULTILINE)

    async def test_the_command_says_its_version(self, desk: Desk) -> None:
        ended = await desk.run("--version")

        assert (ended.status, ended.out, ended.err) == (0, f"watchword {version('watchword')}\n", "")


class TestOptions:
    @pytest.mark.parametrize(
        "arguments",
        [
            ["--accounts", "otp.txt", "code"],
            ["code", "--accounts", "otp.txt"],
            ["--accounts", "other.txt", "code", "--accounts", "otp.txt"],
            ["--config", "mine.toml", "code"],
            ["code", "--config", "mine.toml"],
        ],
        ids=" ".join,
    )
    def test_common_options_stand_before_or_behind_the_commands_name(
        self, desk: Desk, here: Here, arguments: list[str]
    ) -> None:
        desk.write("otp.txt", VPN)
        desk.write("other.txt", GITHUB)
        desk.write("mine.toml", 'accounts = ["otp.txt"]')

        ended = here(*arguments)

        assert (ended.status, ended.out, ended.err) == (0, f"{VPN_CODE}\n", "")

    def test_accounts_may_be_repeated(self, desk: Desk, here: Here) -> None:
        desk.write("a.txt", VPN)
        desk.write("b.txt", VPN.replace("VPN", "Bank"))

        ended = here("code", "--accounts", "a.txt", "--accounts", "b.txt")

        assert ended.out == f"{VPN_CODE}\t-\tVPN (alice)\n{VPN_CODE}\t-\tBank (alice)\n"

    @pytest.mark.parametrize(
        "arguments", [["check", "--token=ww_x", "1"], ["--token", "ww_x", "check", "1"]]
    )
    def test_no_option_takes_a_token(self, here: Here, arguments: list[str]) -> None:
        ended = here(*arguments)

        assert ended.status == 2
        assert ended.complaint.startswith("no such option '--token'")
        assert "ww_x" not in ended.err


class TestFailures:
    """Status 2, one line; what the server refuses is in the tests of `check`."""

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["nonsense"], "no such command 'nonsense'; see: watchword --help"),
            (["--nonsense"], "no such option '--nonsense'; see: watchword --help"),
            (["code", "--nonsense"], "no such option '--nonsense'; see: watchword code --help"),
            (["code", "a", "b"], "got unexpected extra argument (b); see: watchword code --help"),
            (["check"], "missing argument 'CODE|-'; see: watchword check --help"),
            (["qr", "--drawing", "x"], "see: watchword qr --help"),
            (["code", "--accounts", "."], "'.' is a directory; see: watchword code --help"),
            (["code"], "/vault.json; watchword add takes one, watchword import FILE brings"),
            (["code", "--accounts", "missing.txt"], "cannot read the accounts in missing.txt"),
            (["code", "--config", "missing.toml"], "the settings file missing.toml is not there"),
            (
                ["check", "1", "--server", "nowhere"],
                "there is no server profile 'nowhere'; known: local",
            ),
            (
                ["check", "1", "--server", "http://example.net"],
                "would send the token and codes in the clear",
            ),
            (["check", "1", "--server", "https://h", "--ca-file", "x.pem"], "certificates from x.pem"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_what_is_wrong_is_one_line_that_helps(
        self, here: Here, arguments: list[str], words: str
    ) -> None:
        ended = here(*arguments)

        assert ended.status == 2
        assert words in ended.complaint

    def test_a_group_without_a_command_shows_its_help(self, here: Here) -> None:
        ended = here("vault")

        assert (ended.status, ended.out) == (2, "")
        assert "Usage: watchword vault" in ended.err
        assert "\n  passphrase  Add, change, remove and list the passphrases" in ended.err
        assert "..." not in ended.err.partition("Commands:")[2]

    async def test_a_label_that_the_output_cannot_show_is_one_line(self, desk: Desk) -> None:
        desk.write("otp.txt", f"{VPN}\notpauth://hotp/橡皮鸭:alice?secret=MFRGGZDF&counter=1")

        ended = await desk.run("code", "--accounts", "otp.txt", environ={"PYTHONIOENCODING": "latin-1"})

        assert ended.status == 2
        assert ended.err.startswith("watchword: the output's encoding, latin-1, cannot show this")

    @pytest.mark.parametrize("command", ["code", "list"])
    async def test_a_full_disk_is_one_line(self, desk: Desk, full_disk: int, command: str) -> None:
        desk.write("otp.txt", VPN)
        process = await desk.start(command, "--accounts", "otp.txt", stdout=full_disk)
        _, err = await process.communicate()

        assert process.returncode == 2
        assert err == b"watchword: the output cannot be written: No space left on device\n"

    async def test_a_working_folder_that_is_gone_harms_nothing(self, desk: Desk) -> None:
        accounts = desk.write("otp.txt", VPN)
        gone = Desk(desk.folder / "gone")
        gone.folder.mkdir()
        script = 'rmdir "$PWD" && exec "$@"'
        program = ("sh", "-c", script, "sh", sys.executable, "-P", "-m", "watchword_tui")

        process = await gone.start("code", "--accounts", str(accounts), program=program)
        out, err = await process.communicate()

        assert (process.returncode, out, err) == (0, f"{VPN_CODE}\n".encode(), b"")


class TestEnds:
    @pytest.mark.usefixtures("ctrl_c")
    async def test_ctrl_c_ends_following_quietly(self, desk: Desk) -> None:
        desk.write("otp.txt", GITHUB)
        process = await desk.start("code", "--follow", "--accounts", "otp.txt")
        assert process.stdout is not None
        first = await process.stdout.readline()
        interrupt(process)
        out, err = await process.communicate()

        assert re.fullmatch(rb"\S+Z \d{6} GitHub \(alice@example.com\)\n", first)
        assert process.returncode == 128 + signal.SIGINT
        assert (out, err.strip()) == (b"", b"")

    @pytest.mark.parametrize("options", [[], ["--follow"], ["--json"]], ids=" ".join)
    async def test_a_reader_that_has_seen_enough_ends_it_quietly(
        self, desk: Desk, options: list[str]
    ) -> None:
        desk.write("otp.txt", MANY)
        reading, writing = os.pipe()
        process = await desk.start("code", "--accounts", "otp.txt", *options, stdout=writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as reader:
            first = await asyncio.to_thread(reader.readline)
        _, err = await process.communicate()

        assert b"Issuer0" in first
        assert err == b""
        assert process.returncode == 128 + signal.SIGPIPE

    async def test_a_failure_keeps_its_status_when_nobody_reads_it(self, desk: Desk) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        process = await desk.start("check", "", stdout=writing, stderr=writing)
        os.close(writing)
        await process.communicate()

        assert process.returncode == 2


class TestSpeed:
    """What is slow to load is loaded only where it is needed."""

    SCRIPT = """
import sys
from watchword_tui.cli import main
try:
    main()
finally:
    print(sorted({"asyncio", "cryptography", "keyring", "textual"} & sys.modules.keys()))
"""
    PROGRAM = (sys.executable, "-c", SCRIPT)

    @pytest.mark.parametrize("command", [["code", "github"], ["list"]], ids=" ".join)
    async def test_a_plain_vault_needs_none_of_it(self, desk: Desk, command: list[str]) -> None:
        desk.keep(GITHUB)
        process = await desk.start(*command, program=self.PROGRAM)
        out, _ = await process.communicate()

        assert process.returncode == 0
        assert out.splitlines()[1:] == [b"[]"]


class TestApp:
    """Without a terminal that can show it, the app is not even imported."""

    SCRIPT = """
import sys
from watchword_tui.cli import main
try:
    main()
finally:
    print([name for name in sys.modules if name.startswith("textual")])
"""
    PROGRAM = (sys.executable, "-c", SCRIPT)

    async def test_without_a_terminal_it_is_refused_in_one_line(self, desk: Desk) -> None:
        process = await desk.start(program=self.PROGRAM)
        out, err = await process.communicate()

        assert process.returncode == 2
        assert err.decode() == (
            "watchword: the app needs a terminal;"
            " for plain output use: watchword code, watchword check\n"
        )
        assert out == b"[]\n"

    @pytest.mark.parametrize("term", ["dumb", "", "unknown"])
    async def test_on_a_terminal_without_a_screen_it_is_refused_in_one_line(
        self, desk: Desk, term: str
    ) -> None:
        ended = await desk.run_on_terminal(environ={"TERM": term}, program=self.PROGRAM)

        assert ended.status == 2
        assert ended.out == (
            f"watchword: the terminal type TERM={term!r} has no screen;"
            " set TERM, for example to xterm-256color\n[]\n"
        )
