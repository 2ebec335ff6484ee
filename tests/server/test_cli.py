from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest

from watchword_server.cli import cli

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from server_commands import Commands


def _commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _commands(found, (*path, name))


COMMANDS = list(_commands(cli))
LOADED = "import sys; print('\\n' + ' '.join(sys.modules))"
HELP = f"""
import sys
sys.argv = ["watchword-server", "--help"]
from watchword_server.__main__ import main
main()
{LOADED}
"""


class TestHelp:
    @pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
    def test_of_every_command(self, run: Commands, command: tuple[str, ...]) -> None:
        done = run(*command, "--help")
        assert done.status == 0
        assert done.out.startswith(f"Usage: {' '.join(['watchword-server', *command])}")
        assert not run.folder.exists()

    @pytest.mark.parametrize(
        "command",
        [command for command in COMMANDS if command != ("openapi",)],
        ids=" ".join,
    )
    def test_teaches_by_example(self, run: Commands, command: tuple[str, ...]) -> None:
        is_group = command in {path[:-1] for path in COMMANDS if len(path) > 1}
        if not is_group:
            assert "Examples:" in run(*command, "--help").out

    def test_loads_no_library_that_it_does_not_need(self, tmp_path: Path) -> None:
        ended = subprocess.run(
            [sys.executable, "-c", HELP],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
            timeout=30,
        )
        loaded = {name.partition(".")[0] for name in ended.stdout.splitlines()[-1].split()}
        assert "click" in loaded
        assert loaded.isdisjoint({"aiohttp", "cryptography", "jinja2", "asyncio", "sqlite3"})

    def test_lists_what_each_group_says_of_itself(self, run: Commands) -> None:
        text = " ".join(run("--help").out.split())
        for group in ("keys", "tokens", "audit", "seal", "store", "import", "export", "doctor"):
            assert f" {group} " in text


class TestUsage:
    def test_version(self, run: Commands) -> None:
        assert run("--version").out.startswith("watchword-server 0.")

    def test_nothing_is_help_and_2(self, run: Commands) -> None:
        done = run()
        assert done.status == 2
        assert "Usage:" in done.out + done.err

    @pytest.mark.parametrize(
        "arguments",
        [
            ("srve",),
            ("serve", "extra"),
            ("tokens", "create"),
            ("serve", "--port"),
            ("keys", "shw"),
            ("tokens", "create", "x", "--scope", "qr", "--expires", "soon"),
            ("audit", "prune", "--before", "yesterday"),
        ],
        ids=" ".join,
    )
    def test_wrong_usage_is_one_line(self, run: Commands, arguments: tuple[str, ...]) -> None:
        done = run(*arguments)
        assert (done.status, done.out, len(done.err.splitlines())) == (2, "", 1)
        assert "--help" in done.err

    def test_a_message_cannot_steer_the_terminal(self, run: Commands) -> None:
        done = run("serve", "--port", "\x1b]52;c;AAAA\x07\n\u202eevil")
        assert len(done.err.splitlines()) == 1
        assert not set(done.err) & {"\x1b", "\x07", "\u202e"}

    @pytest.mark.parametrize(
        "arguments",
        [
            ("tokens", "list"),
            ("tokens", "create", "x", "--scope", "qr"),
            ("keys", "unlock", "x"),
            ("keys", "list"),
            ("audit", "verify"),
            ("seal", "rotate"),
            ("store", "check"),
            ("store", "backup", "copy.db"),
            ("export", "keys.csv", "--plain", "--yes"),
        ],
        ids=" ".join,
    )
    def test_where_no_server_was_nothing_is_made(
        self, run: Commands, arguments: tuple[str, ...]
    ) -> None:
        done = run(*arguments)
        assert (done.status, done.out) == (2, "")
        assert f"there is no database in {run.folder}" in done.err
        assert not run.folder.exists()

    @pytest.mark.parametrize(
        "arguments",
        [
            ("tokens", "revoke", "door"),
            ("keys", "delete", "alice"),
            ("keys", "recovery-codes", "alice"),
            ("audit", "prune", "--keep", "1d"),
            ("store", "restore", "copy.db"),
            ("export", "keys.csv", "--plain"),
        ],
        ids=" ".join,
    )
    def test_what_cannot_be_undone_is_refused_without_a_terminal_to_ask_on(
        self, run: Commands, arguments: tuple[str, ...]
    ) -> None:
        run.make_database()
        run("tokens", "create", "door", "--scope", "qr")
        run("keys", "create", "alice")
        before = run("audit", "checkpoint").out
        done = run(*arguments)
        assert (done.status, done.out, len(done.err.splitlines())) == (2, "", 1)
        assert "--yes" in done.err
        assert run("audit", "checkpoint").out == before
