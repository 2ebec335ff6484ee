from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from watchword_server.tokens import Scope, digest_of

if TYPE_CHECKING:
    from server_commands import Commands


@pytest.fixture(autouse=True)
def _database(run: Commands) -> None:
    run.make_database()


def test_create_shows_the_token_alone_on_standard_output(run: Commands) -> None:
    done = run("tokens", "create", "door", "--scope", "check", "--scope", "qr")
    assert done.status == 0
    text = done.out.strip()
    (token,) = run.tokens()
    assert token.digest == digest_of(text)
    assert token.name == "door"
    assert set(token.scopes) == {Scope.CHECK, Scope.QR}
    assert "Shown this once" in done.err


def test_create_limits_it_to_keys_a_rate_and_a_time(run: Commands) -> None:
    done = run(
        *("tokens", "create", "door", "--scope", "check", "--key", "alice", "--key", "bob"),
        *("--expires", "90d", "--rate-limit", "60", "--json"),
    )
    made = json.loads(done.out)
    (token,) = run.tokens()
    assert digest_of(made["token"]) == token.digest
    assert token.keys == frozenset({"alice", "bob"})
    assert token.rate_limit == 60
    assert token.expires_at == pytest.approx(time.time() + 90 * 86_400, abs=60)
    assert (made["keys"], made["rate_limit"]) == (["alice", "bob"], 60)


def test_the_first_token_of_an_administrator(run: Commands) -> None:
    assert run("tokens", "create", "admin", "--scope", "tokens:admin").status == 0
    (token,) = run.tokens()
    assert token.scopes == {Scope.TOKENS_ADMIN}


def test_create_wants_a_token_that_lasts(run: Commands) -> None:
    done = run("tokens", "create", "door", "--scope", "check", "--expires", "0s")
    assert (done.status, done.out, "a longer --expires" in done.err) == (2, "", True)


def test_create_needs_a_scope_it_knows(run: Commands) -> None:
    for arguments in (("door",), ("door", "--scope", "everything")):
        done = run("tokens", "create", *arguments)
        assert (done.status, done.out, len(done.err.splitlines())) == (2, "", 1)
        assert "--scope" in done.err


@pytest.mark.parametrize("name", ["", "Door", "a b", "-", "x" * 65, "a/b"])
def test_create_needs_proper_names(run: Commands, name: str) -> None:
    for arguments in (("--", name), ("door", "--key", name)):
        done = run("tokens", "create", "--scope", "qr", *arguments)
        assert (done.status, len(done.err.splitlines())) == (2, 1)
        assert "name" in done.err
    assert run.tokens() == []


def test_a_name_is_used_once_at_a_time(run: Commands) -> None:
    assert run("tokens", "create", "door", "--scope", "qr").status == 0
    again = run("tokens", "create", "door", "--scope", "qr")
    assert (again.status, "revoke it first" in again.err) == (2, True)
    assert run("tokens", "revoke", "door", "--yes").status == 0
    assert run("tokens", "create", "door", "--scope", "qr").status == 0


def test_rotate_leaves_the_old_one_for_a_while(run: Commands) -> None:
    old = run("tokens", "create", "door", "--scope", "check").out.strip()
    new = run("tokens", "rotate", "door", "--grace", "10m").out.strip()
    tokens = {token.digest: token for token in run.tokens()}
    assert tokens[digest_of(old)].expires_at == pytest.approx(time.time() + 600, abs=60)
    assert tokens[digest_of(new)].expires_at is None
    assert tokens[digest_of(new)].scopes == {Scope.CHECK}
    states = {each["state"] for each in json.loads(run("tokens", "list", "--json").out)}
    assert states == {"active", "replaced"}


def test_list_shows_all_but_the_tokens(run: Commands) -> None:
    text = run("tokens", "create", "door", "--scope", "check").out.strip()
    run("tokens", "create", "old", "--scope", "qr")
    run("tokens", "revoke", "old", "--yes")
    done = run("tokens", "list")
    titles, door, old = done.out.splitlines()
    assert titles.split()[:3] == ["NAME", "STATE", "SCOPES"]
    assert door.split()[:3] == ["door", "active", "check"]
    assert old.split()[:3] == ["old", "revoked", "qr"]
    assert text not in done.out + run("tokens", "list", "--json").out


def test_what_is_not_there_is_said(run: Commands) -> None:
    for arguments in (("revoke", "nobody", "--yes"), ("rotate", "nobody")):
        done = run("tokens", *arguments)
        assert (done.status, len(done.err.splitlines())) == (2, 1)
        assert "tokens list" in done.err
