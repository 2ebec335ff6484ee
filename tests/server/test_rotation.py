"""A key's way out of use: the old one works until its successor's first code, under one budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from each_store import run_sql
from key_routes import (
    check,
    confirm,
    invite,
    make_active,
    recovery_codes,
    redeem,
    refused,
    resync,
    rotate,
)
from servers import RunningServer, audit_events, running_server
from watchword_otp import Algorithm, Key, Kind, Secret, parse_uri
from watchword_server.bootstrap import activate_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    import httpx

    from key_routes import Made

NO_CODE = "aaaa-aaaa-aaaa-aaaa-aaaa-aaaa"
"""A recovery code of the right form that nobody has."""


class TestRotating:
    async def test_gives_a_successor_with_a_secret_of_its_own(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        made = await make_active(
            client, server.clock, issuer="Co", account="x", algorithm="SHA512", digits=8, period=60
        )
        new = await rotate(client)
        assert new.answer.headers["Location"] == "/v1/keys/alice"
        view = new.answer.json()["key"]
        assert (view["status"], view["expires_at"]) == ("pending", "2027-01-16T08:00:00Z")
        assert new.key.secret != made.key.secret
        # RFC 6238 section 5.1: as long as the hash.
        assert (new.key.secret.bits, new.key.algorithm) == (512, Algorithm.SHA512)
        assert (new.key.issuer, new.key.name) == ("Co", "x")
        assert (new.key.digits, new.key.period) == (8, 60)

    async def test_the_old_one_works_until_the_successor_is_confirmed(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        old = await make_active(client, server.clock)
        new = await rotate(client)
        assert (await check(client, old.code(server.clock))).json()["valid"] is True
        assert (await check(client, new.code(server.clock))).json()["valid"] is False
        assert (await client.get("/v1/keys/alice")).json()["status"] == "active"
        assert (await confirm(client, new.code(server.clock))).status_code == 200
        assert (await client.get("/v1/keys/alice")).json()["successor"] is None
        assert (await check(client, old.code(server.clock, 1))).json()["valid"] is False
        assert (await check(client, new.code(server.clock))).json()["reason"] == "replayed"
        assert (await check(client, new.code(server.clock, 1))).json()["valid"] is True

    async def test_the_old_ones_codes_confirm_nothing(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        old = await make_active(client, server.clock)
        await rotate(client)
        assert refused(await confirm(client, old.code(server.clock))) == (422, "wrong-code")
        # Nor are they used up by that.
        assert (await check(client, old.code(server.clock))).json()["valid"] is True

    async def test_one_that_is_never_confirmed_leaves_the_old_one_as_it_was(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        old = await make_active(client, server.clock)
        (recovery, *_) = await recovery_codes(client)
        await rotate(client)
        server.clock.advance(86_400 * 2)
        assert (await check(client, old.code(server.clock))).json()["valid"] is True
        assert (await redeem(client, recovery)).json()["valid"] is True

    async def test_a_second_successor_drops_the_first(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        await make_active(client, server.clock)
        first = await rotate(client)
        link = await invite(client)
        second = await rotate(client)
        assert first.key.secret != second.key.secret
        assert (await client.get(link)).status_code == 410
        assert refused(await confirm(client, first.code(server.clock))) == (422, "wrong-code")
        assert (await confirm(client, second.code(server.clock))).status_code == 200
        events = await audit_events(server.ledger)
        said = [event.detail for event in events if event.event == "key.rotate"]
        assert said == ["", "a successor that was pending is dropped"]

    async def test_recovery_codes_die_with_the_old_key(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        await make_active(client, server.clock)
        codes = await recovery_codes(client)
        new = await rotate(client)
        assert (await redeem(client, codes[0])).json()["valid"] is True
        fresh = (await confirm(client, new.code(server.clock))).json()["recovery_codes"]
        assert (await redeem(client, codes[1])).json()["valid"] is False
        assert (await redeem(client, fresh[0])).json()["valid"] is True

    async def test_a_successor_can_be_rotated_away_in_turn(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        made = await make_active(client, server.clock)
        for _ in range(3):
            old, made = made, await rotate(client)
            assert (await confirm(client, made.code(server.clock))).status_code == 200
            server.clock.advance(30)
            assert (await check(client, old.code(server.clock))).json()["valid"] is False
        assert (await check(client, made.code(server.clock))).json()["valid"] is True
        events = [event.event for event in await audit_events(server.ledger)]
        assert events.count("key.rotate") == 3

    async def test_what_is_changed_meanwhile_stays_changed(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        await make_active(client, server.clock, issuer="Old", window=3)
        new = await rotate(client)
        tag = (await client.get("/v1/keys/alice")).headers["ETag"]
        patch = {"issuer": "New", "window": 0}
        answer = await client.patch("/v1/keys/alice", json=patch, headers={"If-Match": tag})
        assert answer.status_code == 200
        uri = (await client.get("/v1/keys/alice/qr?format=uri")).text.strip()
        assert parse_uri(uri).issuer == "New"
        # The narrower window holds for the first code already.
        answer = await confirm(client, new.code(server.clock, 1))
        assert refused(answer) == (422, "wrong-code")
        key = (await confirm(client, new.code(server.clock))).json()["key"]
        assert {member: key[member] for member in patch} == patch

    async def test_a_secret_from_the_settings_is_listed_before_an_older_successor(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        new = await rotate(client, "default")
        configured = Key(secret=Secret(b"x" * 20))
        await activate_key(server.ledger, "default", configured)
        (listed,) = (await client.get("/v1/keys")).json()["keys"]
        assert listed == (await client.get("/v1/keys/default")).json()
        assert (listed["status"], listed["successor"] is None) == ("active", False)
        assert (await confirm(client, new.code(server.clock), "default")).status_code == 200

    async def test_a_hotp_key_begins_again_at_its_first_counter(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        await make_active(client, server.clock, kind="hotp", counter=40)
        new = await rotate(client)
        assert (new.key.kind, new.key.counter) == (Kind.HOTP, 0)
        assert (await confirm(client, new.code(server.clock))).status_code == 200
        assert (await check(client, new.code(server.clock, 1))).json()["valid"] is True

    async def test_there_must_be_an_active_key(self, client: httpx.AsyncClient) -> None:
        answer = await client.post("/v1/keys/nobody/rotate")
        assert refused(answer) == (404, "no-such-key")


class Ways:
    """Every way by which a code can be found to be right, for the default key and its successor."""

    def __init__(self, server: RunningServer, client: httpx.AsyncClient, new: Made, page: str) -> None:
        self.client = client
        self._page = page
        self._wrong, self._new_wrong = server.wrong_code(), new.wrong(server.clock)
        self.all: dict[str, Callable[[], Awaitable[httpx.Response]]] = {
            "check": lambda: check(client, self._wrong, "default"),
            "path": lambda: client.get(f"/check/{self._wrong}"),
            "confirm": lambda: confirm(client, self._new_wrong, "default"),
            "page": lambda: client.post(self._page, data={"code": self._new_wrong}),
            "redeem": lambda: redeem(client, NO_CODE, "default"),
            "resync": lambda: resync(client, self._wrong, self._wrong, "default"),
        }


WAYS = ("check", "path", "confirm", "page", "redeem", "resync")


class TestOneBudget:
    @pytest.fixture
    async def ways(self, tmp_path: Path) -> AsyncIterator[Ways]:
        async with running_server(tmp_path) as server, server.client() as client:
            new = await rotate(client, "default")
            yield Ways(server, client, new, await invite(client, "default"))

    @settings(
        max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(order=st.lists(st.sampled_from(WAYS), min_size=5, max_size=5))
    async def test_is_spent_by_every_way_in_any_order(self, ways: Ways, order: list[str]) -> None:
        await ways.client.delete("/v1/keys/default/lock")
        for spent, way in enumerate(order):
            lock = (await ways.client.get("/v1/keys/default/lock")).json()
            assert (lock["failures"], lock["attempts_left"]) == (spent, 5 - spent)
            assert (await ways.all[way]()).status_code in {200, 422}, way
        for way in WAYS:
            refusal = await ways.all[way]()
            assert (refusal.status_code, refusal.headers["Retry-After"]) == (429, "30"), way
        lock = (await ways.client.get("/v1/keys/default/lock")).json()
        assert (lock["locked"], lock["failures"]) == (True, 5)

    async def test_is_none_for_any_way_when_the_key_is_disabled(
        self, ways: Ways, tmp_path: Path
    ) -> None:
        database = tmp_path / "watchword.db"
        await run_sql(database, "UPDATE keys SET failures = 100 WHERE status = 'active'")
        for way in WAYS:
            assert (await ways.all[way]()).status_code == 423, way

    @pytest.mark.parametrize("way", ["check", "redeem", "resync", "confirm"])
    async def test_is_whole_again_after_any_success(
        self, server: RunningServer, client: httpx.AsyncClient, way: str
    ) -> None:
        old = await make_active(client, server.clock)
        codes = await recovery_codes(client)
        new = await rotate(client)
        for _ in range(4):
            await check(client, old.wrong(server.clock))
        successes: dict[str, Callable[[], Awaitable[httpx.Response]]] = {
            "check": lambda: check(client, old.code(server.clock)),
            "redeem": lambda: redeem(client, codes[0]),
            "resync": lambda: resync(client, *(old.code(server.clock, step) for step in (5, 6))),
            "confirm": lambda: confirm(client, new.code(server.clock)),
        }
        assert (await successes[way]()).status_code == 200
        lock = (await client.get("/v1/keys/alice/lock")).json()
        assert (lock["failures"], lock["attempts_left"]) == (0, 5)

    async def test_rotating_gives_none_back(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        old = await make_active(client, server.clock)
        for _ in range(5):
            await check(client, old.wrong(server.clock))
        for _ in range(3):
            new = await rotate(client)
            assert refused(await confirm(client, new.code(server.clock))) == (429, "locked")
        lock = (await client.get("/v1/keys/alice/lock")).json()
        assert (lock["locked"], lock["failures"]) == (True, 5)
