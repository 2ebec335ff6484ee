"""Keys over HTTP: made, listed, and their secrets shown once."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from key_routes import (
    check,
    confirm,
    make,
    make_active,
    refused,
    rotate,
)
from servers import NOON, audit_events
from watchword_otp import Algorithm, Kind, Secret, code_at, parse_uri, step_at
from watchword_server.audit import Caller
from watchword_server.enrolment import by_name, confirm_key, create_key, make_link
from watchword_server.newkeys import NewKey
from watchword_server.recovery import replace_recovery_codes
from watchword_server.routes.check import CheckRequest
from watchword_server.routes.enrolment import Confirmed, ConfirmRequest, LinkMade
from watchword_server.routes.keys import CreatedKey, KeyPatchRequest, NewKeyRequest
from watchword_server.routes.locks import ResyncRequest
from watchword_server.routes.recovery import RecoveryCodes, RedeemRequest
from watchword_server.routes.views import moment, view_of

if TYPE_CHECKING:
    import httpx

    from servers import RunningServer

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


async def names(client: httpx.AsyncClient, **query: Any) -> tuple[list[str], str | None]:
    answer = await client.get("/v1/keys", params=query)
    assert answer.status_code == 200, answer.json()
    page = answer.json()
    return [key["name"] for key in page["keys"]], page["next"]


class TestMaking:
    async def test_gives_a_pending_key_and_its_secret(self, client: httpx.AsyncClient) -> None:
        answer = (await make(client)).answer
        made = answer.json()
        assert answer.headers["Location"] == "/v1/keys/alice"
        assert made["key"] == {
            "name": "alice",
            "status": "pending",
            "kind": "totp",
            "algorithm": "SHA1",
            "digits": 6,
            "period": 30,
            "issuer": "",
            "account": "",
            "window": None,
            "created_at": "2027-01-15T08:00:00Z",
            "confirmed_at": None,
            "expires_at": "2027-01-16T08:00:00Z",
            "last_accepted_at": None,
            "offset": None,
            "drift": 0,
            "successor": None,
        }
        assert Secret.from_base32(made["secret"]).bits == 160
        assert parse_uri(made["uri"]).secret.base32() == made["secret"]
        assert made["warnings"] == []
        shown = await client.get(answer.headers["Location"])
        assert (shown.json(), shown.headers["ETag"]) == (made["key"], answer.headers["ETag"])

    async def test_takes_labels_and_parameters(self, client: httpx.AsyncClient) -> None:
        made = await make(
            client,
            issuer="Bücher & Co",
            account="alice@example.com",
            algorithm="SHA256",
            digits=8,
            period=60,
            window=0,
            secret=SECRET,
        )
        assert (made.key.issuer, made.key.name) == ("Bücher & Co", "alice@example.com")
        assert (made.key.algorithm, made.key.digits, made.key.period) == (Algorithm.SHA256, 8, 60)
        assert made.key.secret.base32() == SECRET
        assert made.answer.json()["key"]["window"] == 0
        # Some apps ignore what is unusual, and say nothing.
        assert made.answer.json()["warnings"]

    async def test_without_labels_the_servers_issuer_and_the_name_are_shown(
        self, client: httpx.AsyncClient
    ) -> None:
        made = await make(client)
        assert (made.key.issuer, made.key.name) == ("Watchword", "alice")

    @pytest.mark.parametrize(
        ("members", "kind", "digits"),
        [
            ({}, Kind.TOTP, 6),
            ({"kind": "steam"}, Kind.STEAM, 5),
            ({"kind": "hotp", "counter": 7}, Kind.HOTP, 6),
        ],
    )
    async def test_knows_kinds(
        self, client: httpx.AsyncClient, members: dict[str, Any], kind: Kind, digits: int
    ) -> None:
        key = (await make(client, **members)).key
        assert (key.kind, key.digits, key.counter) == (kind, digits, members.get("counter", 0))

    async def test_an_old_issuers_short_secret_is_taken_with_a_warning(
        self, client: httpx.AsyncClient
    ) -> None:
        answer = await client.post("/v1/keys", json={"name": "alice", "secret": "ABCDEFGHIJKLMNOP"})
        assert answer.status_code == 201
        assert any("80-bit secret" in warning for warning in answer.json()["warnings"])

    @pytest.mark.parametrize("confirmed", [True, False])
    async def test_a_name_is_taken_once(
        self, server: RunningServer, client: httpx.AsyncClient, *, confirmed: bool
    ) -> None:
        made = await (make_active(client, server.clock) if confirmed else make(client))
        again = await client.post("/v1/keys", json={"name": "alice", "secret": SECRET})
        assert refused(again) == (409, "key-exists")
        assert SECRET not in again.text
        # What was there is what still is there.
        tried = check if confirmed else confirm
        assert (await tried(client, made.code(server.clock))).status_code == 200

    @pytest.mark.parametrize(
        "members",
        [
            {"secret": ""},
            {"secret": "not base32!"},
            {"secret": "A"},
            {"digits": 5},
            {"kind": "hotp", "digits": 5},
            {"secret": "ABCDEFGHIJKLMNO"},
            {"kind": "hotp", "period": 60},
            {"counter": 1},
            {"kind": "steam", "digits": 6},
            {"kind": "steam", "algorithm": "SHA256"},
            {"issuer": "bad\nname"},
            {"issuer": " x"},
            {"account": "\u202egnp.exe"},
            {"account": "x\x1b[2J"},
        ],
    )
    async def test_what_no_app_could_use_is_refused(
        self, client: httpx.AsyncClient, members: dict[str, Any]
    ) -> None:
        answer = await client.post("/v1/keys", json={"name": "alice", **members})
        assert refused(answer) == (422, "invalid-key")
        assert "\x1b" not in answer.json()["detail"]
        assert (await client.get("/v1/keys/alice")).status_code == 404

    @pytest.mark.parametrize(
        ("member", "value"),
        [
            *(
                ("name", name)
                for name in ("", "Alice", "a b", "a/b", "-a", "a.", "é", "a\n", "x" * 65, 7)
            ),
            ("issuer", "x" * 101),
            ("account", "x" * 101),
            ("kind", "TOTP"),
            ("algorithm", "sha1"),
            ("algorithm", "MD5"),
            ("digits", 4),
            ("digits", 11),
            ("digits", "6"),
            ("period", 9),
            ("period", 86_401),
            ("counter", -1),
            ("counter", 2**53 + 1),
            ("window", 11),
            ("window", -1),
            ("secret", "A" * 257),
            ("confirmed", True),
            ("status", "active"),
        ],
    )
    async def test_what_is_no_key_is_refused_by_the_members_name(
        self, client: httpx.AsyncClient, member: str, value: object
    ) -> None:
        answer = await client.post("/v1/keys", json={"name": "alice", member: value})
        assert refused(answer) == (400, "malformed-body")
        assert member in answer.json()["detail"]

    async def test_a_pending_key_that_is_over_gives_its_name_back(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        lost = await make(client)
        server.clock.advance(86_400)
        made = await make(client)
        assert made.key.secret != lost.key.secret
        event = (await audit_events(server.ledger))[-1]
        assert event.detail == "one that was not confirmed in time is dropped"
        assert (await confirm(client, lost.code(server.clock))).status_code == 422
        assert (await confirm(client, made.code(server.clock))).status_code == 200


class TestListing:
    async def test_goes_on_where_the_page_before_ended(self, client: httpx.AsyncClient) -> None:
        for name in ("b", "a", "d", "c"):
            await make(client, name)
        assert await names(client, limit=2) == (["a", "b"], "b")
        assert await names(client, limit=2, after="b") == (["c", "d"], "d")
        assert await names(client, limit=2, after="d") == (["default"], None)
        assert await names(client, after="zzz") == ([], None)
        assert await names(client) == (["a", "b", "c", "d", "default"], None)

    async def test_what_comes_and_goes_in_between_moves_nothing_else(
        self, client: httpx.AsyncClient
    ) -> None:
        for name in ("b", "d", "f"):
            await make(client, name)
        page, after = await names(client, limit=2)
        assert page == ["b", "d"]
        await make(client, "a")
        await make(client, "e")
        await client.delete("/v1/keys/d")
        # Neither b nor d twice, and nothing that was there all the time is missing.
        assert await names(client, limit=2, after=after) == (["default", "e"], "e")
        assert await names(client, limit=2, after="e") == (["f"], None)

    async def test_a_rotating_key_is_one_key(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        await make_active(client, server.clock)
        await rotate(client)
        assert await names(client, limit=1) == (["alice"], "alice")
        (key, _) = (await client.get("/v1/keys")).json()["keys"]
        assert (key["status"], key["successor"]["created_at"]) == ("active", key["created_at"])
        assert key["successor"]["expires_at"] == "2027-01-16T08:00:00Z"

    @pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "after=" + "x" * 65, "page=2"])
    async def test_a_malformed_query_is_refused(self, client: httpx.AsyncClient, query: str) -> None:
        assert refused(await client.get(f"/v1/keys?{query}")) == (400, "malformed-query")


async def test_a_secret_is_shown_once_and_nowhere_else(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    made = await make(client, issuer="Co")
    await confirm(client, made.code(server.clock))
    successor = await rotate(client)
    answers = [
        await confirm(client, "000000"),
        await confirm(client, successor.code(server.clock, 1)),
        await client.get("/v1/keys"),
        await client.get("/v1/keys/alice"),
        await client.patch("/v1/keys/alice", json={"account": "x"}),
        await client.get("/v1/keys/alice/lock"),
        await client.get("/v1/keys/alice/qr"),
        await client.post("/v1/keys", json={"name": "alice"}),
        await client.post("/v1/keys/alice/enrolment-links"),
        await client.get("/v1/audit"),
        await client.get("/v1/tokens"),
        await client.get("/metrics"),
        await client.get("/openapi.json"),
        await client.delete("/v1/keys/alice"),
    ]
    for secret in (made.key.secret, successor.key.secret):
        for form in (secret.base32(), secret.reveal().hex(), base64.b64encode(secret.reveal()).decode()):
            for answer in answers:
                assert form.lower() not in f"{answer.headers}{answer.text}".lower(), answer.url


async def test_no_representation_shows_a_secret(server: RunningServer) -> None:
    new = NewKey(name="x", key=parse_uri(f"otpauth://totp/x?secret={SECRET}"))
    made = await create_key(server.ledger, new, Caller("test"))
    link = await make_link(server.ledger, "x", Caller("test"))
    fresh = await replace_recovery_codes(server.ledger, "default", Caller("test"))
    where = by_name("x")
    code = code_at(new.key, step_at(new.key, NOON))
    done = await confirm_key(server.ledger, where, code, Caller("test"), window=1)
    view = view_of([made.stored])
    shown = [
        *(new, made, link, fresh, done),
        NewKeyRequest(name="x", secret=SECRET),
        KeyPatchRequest(secret=SECRET),
        CreatedKey(key=view, secret=SECRET, uri=SECRET, warnings=[]),
        Confirmed(key=view, recovery_codes=list(done.recovery_codes)),
        RecoveryCodes(recovery_codes=list(fresh.codes)),
        LinkMade(url=link.ticket, expires_at=moment(NOON)),
        *(ConfirmRequest(code=code), RedeemRequest(code=code), CheckRequest(code=code)),
        ResyncRequest(first=code, second=code),
    ]
    private = [SECRET, code, link.ticket, *fresh.codes, *done.recovery_codes]
    private += [new.key.secret.reveal().hex(), repr(new.key.secret.reveal())]
    for each in shown:
        assert not [text for text in private if text in repr(each)], type(each)
