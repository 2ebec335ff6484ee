"""Who is told what: every token with every code for every key, as one table (autentico#318)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from each_store import run_sql
from key_routes import check, make, make_active, make_token, slug
from servers import NOON, RunningServer, running_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

    from key_routes import Made

TOKENS = {
    "none": None,
    "unknown": None,
    "other scope": ("keys:read",),
    "other key": ("check", "check:detail"),
    "check": ("check",),
    "detail": ("check", "check:detail"),
}
KEYS = ("active", "locked", "disabled", "pending", "absent", "Active")
CODES = ("nonsense", "too long", "used", "wrong", "right")

REFUSED = {
    "none": "401 unauthorized",
    "unknown": "401 unauthorized",
    "other scope": "403 insufficient-scope",
    "other key": "404 no-such-key",
}
"""Tokens that learn nothing about any key, whether it is there or not."""

STATES = {
    "locked": "429 locked",
    "disabled": "423 disabled",
    "pending": "409 key-pending",
    "absent": "404 no-such-key",
    "Active": "404 no-such-key",
}
"""Keys that say the same to any code."""

JUDGED = {
    ("check", "right"): "200 true",
    ("check", "wrong"): "200 false",
    ("check", "used"): "200 false",
    ("check", "too long"): "400 malformed-code",
    ("detail", "right"): "200 true accepted",
    ("detail", "wrong"): "200 false wrong",
    ("detail", "used"): "200 false replayed",
    ("detail", "too long"): "400 malformed-code",
}


def expected(token: str, key: str, code: str) -> str:
    if token not in REFUSED and key != "Active" and code == "nonsense":
        # No key has such codes, so none is looked at.
        return "400 malformed-code"
    if code == "malformed" and key != "Active" and token not in REFUSED:
        # No key is looked at for it.
        return "400 malformed-code"
    return REFUSED.get(token) or STATES.get(key) or JUDGED[token, code]


class Stage:
    """A server with a key in every state."""

    def __init__(self, server: RunningServer, client: httpx.AsyncClient) -> None:
        self.server = server
        self._client = client
        self._made: dict[str, Made] = {}

    async def furnish(self) -> None:
        clock = self.server.clock
        for name in ("active", "locked", "disabled"):
            self._made[name] = await make_active(self._client, clock, name)
        self._made["pending"] = await make(self._client, "pending")
        for name, state in (("locked", f"locked_until = {NOON + 60}"), ("disabled", "failures = 100")):
            await run_sql(self.server.database, f"UPDATE keys SET {state} WHERE name = '{name}'")

    def code(self, key: str, kind: str) -> str:
        made = self._made.get(key, self._made["active"])
        match kind:
            case "right":
                return made.code(self.server.clock)
            case "wrong":
                return made.wrong(self.server.clock)
            case "used":
                # By which it was confirmed.
                return made.code(self.server.clock, -1)
            case "too long":
                return "1234567"
            case _:
                return "12345x"

    async def token(self, kind: str) -> str:
        scopes = TOKENS[kind]
        if scopes is None:
            return "" if kind == "none" else "ww_nobodys"
        keys = ["elsewhere"] if kind == "other key" else None
        return await make_token(self._client, *scopes, name="asker", keys=keys)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_server(tmp_path) as server, server.client() as client:
        stage = Stage(server, client)
        await stage.furnish()
        yield stage


def told(answer: httpx.Response) -> str:
    if answer.status_code != 200:
        return f"{answer.status_code} {slug(answer)}"
    said = answer.json()
    return " ".join(["200", str(said["valid"]).lower(), *filter(None, [said.get("reason")])])


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("key", KEYS)
async def test_w37_everyone_is_told_what_the_table_says(stage: Stage, token: str, key: str) -> None:
    async with stage.server.client(await stage.token(token)) as asker:
        for code in CODES:
            answer = await check(asker, stage.code(key, code), key)
            assert told(answer) == expected(token, key, code), code


@pytest.mark.parametrize("token", ["none", "unknown", "other scope", "other key"])
async def test_w05_w37_who_may_not_ask_hears_the_same_of_every_key_and_code(
    stage: Stage, token: str
) -> None:
    async with stage.server.client(await stage.token(token)) as asker:
        heard = {
            (answer.status_code, answer.content, tuple(sorted(set(answer.headers) - {"x-request-id"})))
            for key in KEYS
            for code in CODES
            for answer in [await check(asker, stage.code(key, code), key)]
        }
    assert len(heard) == 1


async def test_w37_the_prototypes_route_says_false_with_every_refusal(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    seen = []
    for _ in range(6):
        answer = await client.get(f"/check/{server.wrong_code()}")
        seen.append((answer.status_code, answer.json()))
    assert seen == [(200, {"status": False})] * 5 + [(429, {"status": False})]
    await run_sql(server.database, "UPDATE keys SET failures = 100")
    answer = await client.get(f"/check/{server.code()}")
    assert (answer.status_code, answer.json()) == (423, {"status": False})
    for junk in ("1", "x" * 200, "%00", "12345%2067"):
        await client.delete("/v1/keys/default/lock")
        answer = await client.get(f"/check/{junk}")
        assert (answer.status_code, answer.json()) == (200, {"status": False})


async def test_w38_no_condition_makes_an_answer_out_of_date(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    made = await make(client)
    tag = made.answer.headers["ETag"]
    for headers in (
        {"If-None-Match": tag},
        {"If-None-Match": "*"},
        {"If-Modified-Since": "Fri, 31 Dec 2100 00:00:00 GMT"},
        {"If-Range": tag, "Range": "bytes=0-1"},
        {"Cache-Control": "only-if-cached", "If-None-Match": tag},
    ):
        answer = await client.get("/v1/keys/alice", headers=headers)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
        assert answer.json()["name"] == "alice"
    path = "/v1/keys/default/check"
    for valid in (True, False):
        answer = await client.post(path, json={"code": server.code()}, headers={"If-None-Match": "*"})
        assert answer.json()["valid"] is valid
