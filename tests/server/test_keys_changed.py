"""Keys over HTTP: changed, deleted, and seen by tokens that are for some keys only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from key_routes import (
    check,
    confirm,
    invite,
    make,
    make_active,
    make_token,
    recovery_codes,
    redeem,
    refused,
    rotate,
)
from servers import audit_events, store_token
from watchword_otp import parse_uri
from watchword_server.tokens import Scope, Token, digest_of, new_token

if TYPE_CHECKING:
    import httpx

    from servers import RunningServer

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


async def names(client: httpx.AsyncClient, **query: Any) -> tuple[list[str], str | None]:
    answer = await client.get("/v1/keys", params=query)
    assert answer.status_code == 200, answer.json()
    page = answer.json()
    return [key["name"] for key in page["keys"]], page["next"]


class TestChanging:
    async def test_labels_and_window(self, server: RunningServer, client: httpx.AsyncClient) -> None:
        made = await make_active(client, server.clock, issuer="Old")
        patch = {"issuer": "New", "account": "bob", "window": 3}
        answer = await client.patch("/v1/keys/alice", json=patch)
        assert answer.status_code == 200
        assert {member: answer.json()[member] for member in patch} == patch
        assert answer.json() == (await client.get("/v1/keys/alice")).json()
        # It counts at once.
        assert (await check(client, made.code(server.clock, 3))).json()["valid"] is True

    async def test_what_is_not_named_stays_and_null_is_the_servers(
        self, client: httpx.AsyncClient
    ) -> None:
        await make(client, issuer="Old", account="bob", window=2)
        answer = await client.patch("/v1/keys/alice", json={"window": None})
        key = answer.json()
        assert (key["issuer"], key["account"], key["window"]) == ("Old", "bob", None)

    async def test_a_pending_keys_qr_has_the_new_labels(self, client: httpx.AsyncClient) -> None:
        made = await make(client)
        await client.patch("/v1/keys/alice", json={"issuer": "New", "account": "bob"})
        key = parse_uri((await client.get("/v1/keys/alice/qr?format=uri")).text.strip())
        assert (key.issuer, key.name, key.secret) == ("New", "bob", made.key.secret)

    @pytest.mark.parametrize(
        ("member", "value"),
        [
            ("name", "bob"),
            ("kind", "hotp"),
            ("algorithm", "SHA256"),
            ("digits", 8),
            ("period", 60),
            ("counter", 1),
            ("secret", SECRET),
        ],
    )
    async def test_what_makes_a_key_this_key_cannot_be_changed(
        self, client: httpx.AsyncClient, member: str, value: object
    ) -> None:
        await make(client)
        before = (await client.get("/v1/keys/alice")).json()
        answer = await client.patch("/v1/keys/alice", json={member: value, "issuer": "New"})
        assert refused(answer) == (409, "immutable-member")
        assert answer.json()["member"] == member
        assert SECRET not in answer.text
        assert (await client.get("/v1/keys/alice")).json() == before

    @pytest.mark.parametrize("label", ["\x00", "a\u2066b", " "])
    async def test_a_hostile_label_is_refused(self, client: httpx.AsyncClient, label: str) -> None:
        answer = await client.patch("/v1/keys/default", json={"issuer": label})
        assert refused(answer) == (422, "invalid-key")

    async def test_there_must_be_a_key(self, client: httpx.AsyncClient) -> None:
        for method in ("GET", "PATCH", "DELETE"):
            body: dict[str, str] | None = {} if method == "PATCH" else None
            answer = await client.request(method, "/v1/keys/nobody", json=body)
            assert refused(answer) == (404, "no-such-key")


class TestVersions:
    @pytest.mark.parametrize("method", ["PATCH", "DELETE"])
    async def test_nothing_is_done_to_what_was_changed_meanwhile(
        self, client: httpx.AsyncClient, method: str
    ) -> None:
        made = await make(client)
        seen = {"If-Match": made.answer.headers["ETag"]}
        body = {"issuer": "Mine"} if method == "PATCH" else None
        await client.patch("/v1/keys/alice", json={"issuer": "Theirs"})
        stale = await client.request(method, "/v1/keys/alice", headers=seen, json=body)
        assert refused(stale) == (412, "precondition-failed")
        now = await client.get("/v1/keys/alice")
        assert now.json()["issuer"] == "Theirs"
        fresh = {"If-Match": now.headers["ETag"]}
        done = await client.request(method, "/v1/keys/alice", headers=fresh, json=body)
        assert done.status_code == (200 if method == "PATCH" else 204)

    async def test_another_key_of_the_name_is_another_version(self, client: httpx.AsyncClient) -> None:
        seen = {"If-Match": (await make(client)).answer.headers["ETag"]}
        await client.delete("/v1/keys/alice")
        await make(client)
        answer = await client.delete("/v1/keys/alice", headers=seen)
        assert refused(answer) == (412, "precondition-failed")

    async def test_a_star_is_any(self, client: httpx.AsyncClient) -> None:
        await make(client)
        for name, status in (("alice", 200), ("nobody", 404)):
            path, any_version = f"/v1/keys/{name}", {"If-Match": "*"}
            answer = await client.patch(path, headers=any_version, json={"issuer": "X"})
            assert answer.status_code == status

    @pytest.mark.parametrize("version", ["1-1", 'W/"1-1"', '"1-1", "2-1"', '"x"', '""', "null"])
    async def test_what_is_no_version_of_ours_matches_nothing(
        self, client: httpx.AsyncClient, version: str
    ) -> None:
        answer = await client.delete("/v1/keys/default", headers={"If-Match": version})
        assert refused(answer) == (412, "precondition-failed")

    async def test_two_headers_are_malformed(self, client: httpx.AsyncClient) -> None:
        headers = [("If-Match", "*"), ("If-Match", "*")]
        answer = await client.delete("/v1/keys/default", headers=headers)
        assert refused(answer) == (400, "malformed-header")

    async def test_checks_do_not_move_it(self, server: RunningServer, client: httpx.AsyncClient) -> None:
        before = (await client.get("/v1/keys/default")).headers["ETag"]
        await check(client, server.code(), "default")
        await check(client, server.wrong_code(), "default")
        assert (await client.get("/v1/keys/default")).headers["ETag"] == before


class TestDeleting:
    async def test_takes_everything_along(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        made = await make_active(client, server.clock)
        recovery = (await recovery_codes(client))[0]
        successor = await rotate(client)
        page = await invite(client)
        assert (await client.delete("/v1/keys/alice")).status_code == 204
        for answer in (
            await client.get("/v1/keys/alice"),
            await check(client, made.code(server.clock)),
            await confirm(client, successor.code(server.clock)),
            await redeem(client, recovery),
        ):
            assert refused(answer) == (404, "no-such-key")
        assert (await client.get(page)).status_code == 410
        assert (await client.delete("/v1/keys/alice")).status_code == 404
        # Nothing of it comes back with the name.
        again = await make_active(client, server.clock)
        assert (await redeem(client, recovery)).json()["valid"] is False
        assert (await check(client, again.code(server.clock))).json()["valid"] is True
        assert "key.delete" in {event.event for event in await audit_events(server.ledger)}

    async def test_a_pending_key_can_go(self, server: RunningServer, client: httpx.AsyncClient) -> None:
        made = await make(client)
        assert (await client.delete("/v1/keys/alice")).status_code == 204
        answer = await confirm(client, made.code(server.clock))
        assert refused(answer) == (404, "no-such-key")


class TestTokensForSomeKeys:
    """Whoever may touch alice only learns of nobody else."""

    async def test_see_others_as_if_they_were_not_there(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        await make_active(client, server.clock)
        await make(client, "bob")
        token = await make_token(client, "keys:read", "check", "qr", "keys:write", keys=["alice"])
        async with server.client(token) as limited:
            for method, rest, body in (
                ("GET", "", None),
                ("PATCH", "", {"issuer": "x"}),
                ("DELETE", "", None),
                ("POST", "/check", {"code": "000000"}),
                ("POST", "/confirm", {"code": "000000"}),
                ("POST", "/rotate", None),
                ("GET", "/qr", None),
                ("POST", "/enrolment-links", None),
                ("POST", "/resync", {"first": "000000", "second": "000000"}),
                ("GET", "/lock", None),
                ("POST", "/recovery-codes", None),
                ("POST", "/recovery-codes/redeem", {"code": "x"}),
            ):
                there = await limited.request(method, f"/v1/keys/bob{rest}", json=body)
                nowhere = await limited.request(method, f"/v1/keys/nobody{rest}", json=body)
                assert refused(there) == (404, "no-such-key"), rest
                assert there.content == nowhere.content
            assert (await limited.get("/v1/keys/alice")).status_code == 200
            made = await limited.post("/v1/keys", json={"name": "carol"})
            taken = await limited.post("/v1/keys", json={"name": "bob"})
            # The same for a name that is taken.
            assert refused(made) == refused(taken) == (403, "insufficient-scope")
            assert "this token is limited to keys of other names" in made.json()["detail"]
            assert "insufficient_scope" in made.headers["WWW-Authenticate"]
        assert (await client.get("/v1/keys/carol")).status_code == 404

    async def test_list_their_own_and_learn_no_other_name(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        for name in ("a", "b", "c", "d", "e"):
            await make(client, name)
        token = await make_token(client, "keys:read", keys=["b", "d", "nobody"])
        async with server.client(token) as limited:
            assert await names(limited) == (["b", "d"], None)
            assert await names(limited, limit=1) == (["b"], "b")
            assert await names(limited, limit=1, after="b") == (["d"], "d")
            assert await names(limited, limit=1, after="d") == ([], None)

    @pytest.mark.parametrize(
        ("scope", "path"),
        [
            ("audit:read", "/v1/audit"),
            ("audit:read", "/v1/audit/verify"),
            ("tokens:admin", "/v1/tokens"),
            ("tokens:admin", "/v1/tokens/other"),
            ("metrics", "/metrics"),
        ],
    )
    async def test_may_do_nothing_that_is_about_all_keys(
        self, server: RunningServer, scope: str, path: str
    ) -> None:
        # None such is made any more; older versions made them.
        text = new_token()
        await store_token(
            server.store,
            Token(
                name="old",
                digest=digest_of(text),
                scopes=frozenset({Scope(scope)}),
                keys=frozenset({"default"}),
            ),
        )
        async with server.client(text) as limited:
            answer = await limited.get(path)
        assert refused(answer) == (403, "insufficient-scope")
        assert "insufficient_scope" in answer.headers["WWW-Authenticate"]

    async def test_the_prototypes_routes_are_about_the_default_key(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        elsewhere = await make_token(client, "qr", "check", keys=["alice"])
        async with server.client(elsewhere) as limited:
            for path in ("/", "/qr", f"/check/{server.code()}"):
                assert refused(await limited.get(path)) == (404, "no-such-key")
        here = await make_token(client, "qr", "check", name="here", keys=["default"])
        async with server.client(here) as limited:
            for path in ("/", "/qr", f"/check/{server.code()}"):
                assert (await limited.get(path)).status_code == 200
