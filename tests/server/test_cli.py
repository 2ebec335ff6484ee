from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from servers import KEY, NOON
from watchword_server.store.protocol import Advance, StoredKey
from watchword_server.store.sqlite import SqliteStore
from watchword_server.tokens import Scope, digest_of
from watchword_server.verifier import KeyState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from server_commands import Commands


@pytest.fixture
def database(run: Commands) -> None:
    run.make_database()


@pytest.mark.parametrize(
    "arguments",
    [("tokens", "list"), ("tokens", "create", "x", "--scope", "qr"), ("keys", "unlock", "x")],
)
def test_where_no_server_was_nothing_is_made(run: Commands, arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert (done.status, done.out) == (2, "")
    assert f"there is no database in {run.folder}" in done.err
    assert not run.folder.exists()


@pytest.mark.usefixtures("database")
class TestTokens:
    def test_create_shows_the_token_alone_on_standard_output(self, run: Commands) -> None:
        done = run("tokens", "create", "door", "--scope", "check", "--scope", "qr")
        assert done.status == 0
        text = done.out.strip()
        (token,) = run.tokens()
        assert token.digest == digest_of(text)
        assert token.name == "door"
        assert set(token.scopes) == {Scope.CHECK, Scope.QR}
        assert "Shown this once" in done.err

    def test_create_needs_a_scope_it_knows(self, run: Commands) -> None:
        for arguments in (("door",), ("door", "--scope", "everything")):
            done = run("tokens", "create", *arguments)
            assert (done.status, done.out) == (2, "")
            assert len(done.err.splitlines()) == 1
            assert "--scope" in done.err

    @pytest.mark.parametrize("name", ["", "Door", "a b", "-", "x" * 65, "a/b"])
    def test_create_needs_a_proper_name(self, run: Commands, name: str) -> None:
        done = run("tokens", "create", "--scope", "qr", "--", name)
        assert (done.status, len(done.err.splitlines())) == (2, 1)
        assert "name" in done.err

    def test_a_name_is_used_once_at_a_time(self, run: Commands) -> None:
        assert run("tokens", "create", "door", "--scope", "qr").status == 0
        again = run("tokens", "create", "door", "--scope", "qr")
        assert (again.status, "revoke it first" in again.err) == (2, True)
        assert run("tokens", "revoke", "door").status == 0
        assert run("tokens", "create", "door", "--scope", "qr").status == 0

    def test_list_shows_all_but_the_tokens(self, run: Commands) -> None:
        text = run("tokens", "create", "door", "--scope", "check").out.strip()
        run("tokens", "create", "old", "--scope", "qr")
        run("tokens", "revoke", "old")
        done = run("tokens", "list")
        door, old = done.out.splitlines()
        assert door.startswith("door  check  made 2")
        assert "revoked" not in door
        assert "  revoked 2" in old
        assert text not in done.out

    def test_revoking_nothing_says_so(self, run: Commands) -> None:
        done = run("tokens", "revoke", "nobody")
        assert done.status == 2
        assert "tokens list" in done.err


@pytest.mark.usefixtures("database")
class TestUnlock:
    def test_forgets_failures_and_keeps_used_codes(self, run: Commands) -> None:
        disabled = KeyState(last_step=5, consumed_at=NOON, failures=100, locked_until=NOON + 3600)
        assert asyncio.run(_key_in_state(run.folder, disabled)) == disabled
        done = run("keys", "unlock", "default")
        assert (done.status, done.out) == (0, "default: 100 failures forgotten.\n")
        expected = KeyState(last_step=5, consumed_at=NOON)
        assert asyncio.run(_key_in_state(run.folder, None)) == expected
        assert run("keys", "unlock", "default").out == "default had no failures.\n"

    def test_no_such_key(self, run: Commands) -> None:
        done = run("keys", "unlock", "nobody")
        assert (done.status, done.out) == (2, "")
        assert "no active key nobody" in done.err


async def _key_in_state(folder: Path, wanted: KeyState | None) -> KeyState:
    store = await SqliteStore.open(folder / "watchword.db")
    if wanted is not None:
        await store.activate_key("default", KEY, NOON)

        def decide(keys: Mapping[str, StoredKey]) -> Sequence[Advance]:
            return [Advance(keys["default"].id, keys["default"].state, wanted)]

        await store.settle(["default"], decide)
    stored = await store.find_key("default")
    await store.close()
    assert stored is not None
    return stored.state


class TestUsage:
    def test_version(self, run: Commands) -> None:
        assert run("--version").out.startswith("watchword-server 0.")

    @pytest.mark.parametrize(
        "command", [(), ("serve",), ("tokens",), ("tokens", "create"), ("keys", "unlock")]
    )
    def test_help_of_every_command(self, run: Commands, command: tuple[str, ...]) -> None:
        done = run(*command, "--help")
        assert done.status == 0
        assert done.out.startswith(f"Usage: {' '.join(['watchword-server', *command])}")

    def test_help_teaches_by_example(self, run: Commands) -> None:
        for command in ((), ("serve",), ("tokens", "create")):
            assert "Example" in run(*command, "--help").out

    def test_nothing_is_help_and_2(self, run: Commands) -> None:
        done = run()
        assert done.status == 2
        assert "Usage:" in done.out + done.err

    @pytest.mark.parametrize(
        "arguments", [("srve",), ("serve", "extra"), ("tokens", "create"), ("serve", "--port")]
    )
    def test_wrong_usage_is_one_line(self, run: Commands, arguments: tuple[str, ...]) -> None:
        done = run(*arguments)
        assert (done.status, done.out, len(done.err.splitlines())) == (2, "", 1)
        assert "--help" in done.err

    def test_a_message_cannot_steer_the_terminal(self, run: Commands) -> None:
        done = run("serve", "--port", "\x1b]52;c;AAAA\x07\n\u202eevil")
        assert len(done.err.splitlines()) == 1
        assert not set(done.err) & {"\x1b", "\x07", "\u202e"}
