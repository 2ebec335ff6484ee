"""A secret that was in use before brings none of its used codes back, however it comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servers import KEY, running_server
from watchword_otp import Key, Secret, code_at, step_at
from watchword_server.bootstrap import Activation, activate_key

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from servers import RunningServer

SECRET = KEY.secret.base32()
CHECK = "/v1/keys/default/check"


async def rotated(server: RunningServer, client: httpx.AsyncClient) -> Key:
    """Rotate the default key; give its new one."""
    made = (await client.post("/v1/keys/default/rotate")).json()
    new = Key(secret=Secret.from_base32(made["secret"]))
    code = code_at(new, step_at(new, server.clock.now))
    assert (await client.post("/v1/keys/default/confirm", json={"code": code})).status_code == 200
    return new


class TestDeleted:
    async def test_a_deleted_key_made_again_knows_its_used_codes(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        used = {"code": server.code()}
        assert (await client.post(CHECK, json=used)).json()["valid"] is True
        await client.delete("/v1/keys/default")
        await client.post("/v1/keys", json={"name": "default", "secret": SECRET})
        refused = await client.post("/v1/keys/default/confirm", json=used)
        assert refused.status_code == 422
        newer = {"code": server.code(1)}
        assert (await client.post("/v1/keys/default/confirm", json=newer)).status_code == 200

    async def test_a_configured_key_that_returns_at_a_restart_knows_them_too(
        self, tmp_path: Path
    ) -> None:
        async with running_server(tmp_path) as server, server.client() as client:
            used = {"code": server.code()}
            assert (await client.post(CHECK, json=used)).json()["valid"] is True
            await client.delete("/v1/keys/default")
        async with running_server(tmp_path, clock=server.clock) as again, again.client() as client:
            assert (await client.post(CHECK, json=used)).json()["reason"] == "replayed"

    async def test_another_secret_or_another_name_starts_afresh(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        used = {"code": server.code()}
        assert (await client.post(CHECK, json=used)).json()["valid"] is True
        await client.delete("/v1/keys/default")
        await client.post("/v1/keys", json={"name": "other", "secret": SECRET})
        assert (await client.post("/v1/keys/other/confirm", json=used)).status_code == 200

    async def test_the_answer_to_a_repeated_request_does_not_outlive_the_key(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        used, again = {"code": server.code()}, {"Idempotency-Key": "once"}
        assert (await client.post(CHECK, json=used, headers=again)).json()["valid"] is True
        assert (await client.post(CHECK, json=used, headers=again)).json()["valid"] is True
        await client.delete("/v1/keys/default")
        assert (await client.post(CHECK, json=used, headers=again)).status_code == 404


class TestRotated:
    async def test_the_settings_do_not_undo_a_confirmed_rotation(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        new = await rotated(server, client)
        assert await activate_key(server.ledger, "default", KEY) is Activation.ROTATED_AWAY
        server.clock.advance(30)
        assert (await client.post(CHECK, json={"code": server.code()})).json()["reason"] == "wrong"
        good = {"code": code_at(new, step_at(new, server.clock.now))}
        assert (await client.post(CHECK, json=good)).json()["valid"] is True

    async def test_the_settings_bring_it_back_when_the_name_is_free(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        used = {"code": server.code()}
        assert (await client.post(CHECK, json=used)).json()["valid"] is True
        await rotated(server, client)
        await client.delete("/v1/keys/default")
        assert await activate_key(server.ledger, "default", KEY) is Activation.CREATED
        assert (await client.post(CHECK, json=used)).json()["reason"] == "replayed"

    async def test_a_changed_setting_goes_forth_and_back(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        used = {"code": server.code()}
        assert (await client.post(CHECK, json=used)).json()["valid"] is True
        other = Key(secret=Secret.generate())
        assert await activate_key(server.ledger, "default", other) is Activation.REPLACED
        assert await activate_key(server.ledger, "default", other) is Activation.KEPT
        assert await activate_key(server.ledger, "default", KEY) is Activation.RETURNED
        assert (await client.post(CHECK, json=used)).json()["reason"] == "replayed"
