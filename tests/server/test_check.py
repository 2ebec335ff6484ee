from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from servers import RunningServer, running_server
from watchword_otp import Key, Secret
from watchword_server import bodies
from watchword_server.bootstrap import activate_key

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

CHECK = "/v1/keys/default/check"


async def post(client: httpx.AsyncClient, code: str, name: str = "default") -> httpx.Response:
    return await client.post(f"/v1/keys/{name}/check", json={"code": code})


def slug(answer: httpx.Response) -> str:
    problem = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["status"] == answer.status_code
    assert problem["title"]
    assert problem["detail"]
    return str(problem["type"]).removeprefix("urn:watchword:problem:")


class TestAnswers:
    async def test_a_code_is_valid_once(self, server: RunningServer) -> None:
        async with server.client(server.check_token) as client:
            first, second = await post(client, server.code()), await post(client, server.code())
        assert (first.status_code, first.json()) == (200, {"valid": True})
        assert (second.status_code, second.json()) == (200, {"valid": False})

    async def test_without_the_detail_scope_replayed_and_wrong_look_the_same(
        self, server: RunningServer
    ) -> None:
        async with server.client(server.check_token) as client:
            await post(client, server.code())
            replayed, wrong = await post(client, server.code()), await post(client, server.wrong_code())
        assert replayed.content == wrong.content
        assert replayed.status_code == wrong.status_code
        assert set(replayed.headers) == set(wrong.headers)

    @pytest.mark.parametrize("offset", [-1, 0, 1])
    async def test_detail_of_an_accepted_code(
        self, server: RunningServer, client: httpx.AsyncClient, offset: int
    ) -> None:
        answer = await post(client, server.code(offset))
        assert answer.json() == {
            "valid": True,
            "reason": "accepted",
            "offset": offset,
            "attempts_left": 5,
            "used_ago": None,
            "locked_for": None,
            "diagnosis": None,
        }

    async def test_detail_of_a_replayed_code(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        await post(client, server.code())
        server.clock.advance(8)
        answer = await post(client, server.code())
        assert answer.json() == {
            "valid": False,
            "reason": "replayed",
            "offset": 0,
            "attempts_left": 5,
            "used_ago": 8,
            "locked_for": None,
            "diagnosis": None,
        }

    async def test_detail_of_a_wrong_code(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        answer = await post(client, server.wrong_code())
        assert answer.json() == {
            "valid": False,
            "reason": "wrong",
            "offset": None,
            "attempts_left": 4,
            "used_ago": None,
            "locked_for": None,
            "diagnosis": None,
        }

    async def test_the_window_can_be_set(self, tmp_path: Path) -> None:
        async with running_server(tmp_path, window=3) as server, server.client() as client:
            assert (await post(client, server.code(3))).json()["valid"] is True
            assert (await post(client, server.code(4))).json()["reason"] == "wrong"

    async def test_codes_of_eight_digits(self, tmp_path: Path) -> None:
        key = Key(secret=Secret(b"x" * 20), digits=8)
        async with running_server(tmp_path, key=key) as server, server.client() as client:
            assert (await post(client, server.code()[2:])).status_code == 400
            assert (await post(client, server.code())).json()["valid"] is True

    async def test_two_keys_with_the_same_secret_are_consumed_apart(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        await activate_key(server.ledger, "other", server.key)
        for name in ("default", "other"):
            assert (await post(client, server.code(), name)).json()["valid"] is True
            assert (await post(client, server.code(), name)).json()["valid"] is False


class TestLock:
    async def test_five_wrong_codes_lock_and_the_answer_says_for_how_long(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        for left in (4, 3, 2, 1):
            assert (await post(client, server.wrong_code())).json()["attempts_left"] == left
        fifth = (await post(client, server.wrong_code())).json()
        assert (fifth["reason"], fifth["attempts_left"], fifth["locked_for"]) == ("wrong", 0, 30)
        server.clock.advance(0.5)
        refused = await post(client, server.code())
        assert (refused.status_code, slug(refused)) == (429, "locked")
        assert refused.headers["Retry-After"] == "30"
        assert refused.json()["retry_after"] == 30

    async def test_the_lock_ends_by_itself(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        for _ in range(5):
            await post(client, server.wrong_code())
        server.clock.advance(30)
        assert (await post(client, server.code())).json()["valid"] is True

    async def test_the_lock_and_the_used_codes_outlast_a_restart(self, tmp_path: Path) -> None:
        async with running_server(tmp_path) as server, server.client() as client:
            await post(client, server.code())
            for _ in range(5):
                await post(client, server.wrong_code())
        async with running_server(tmp_path, clock=server.clock) as server, server.client() as client:
            assert (await post(client, server.code(1))).status_code == 429
            server.clock.advance(30)
            assert (await post(client, server.code(-1))).json()["reason"] == "replayed"

    async def test_a_hundred_wrong_codes_disable_the_key(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        for _ in range(100):
            await post(client, server.wrong_code())
            server.clock.advance(3600)
        refused = await post(client, server.code())
        assert (refused.status_code, slug(refused)) == (423, "disabled")
        assert "Retry-After" not in refused.headers
        by_path = await client.get(f"/check/{server.code()}")
        assert (by_path.status_code, by_path.json()) == (423, {"status": False})

    async def test_a_new_connection_or_token_is_no_new_budget(self, server: RunningServer) -> None:
        for token in (server.token, server.check_token, server.token, server.check_token, server.token):
            async with server.client(token) as client:
                assert (await post(client, server.wrong_code())).status_code == 200
        async with server.client(server.check_token) as client:
            assert (await post(client, server.code())).status_code == 429

    async def test_both_routes_spend_the_same_budget(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        for _ in range(3):
            await client.get(f"/check/{server.wrong_code()}")
        for _ in range(2):
            await post(client, server.wrong_code())
        by_path = await client.get(f"/check/{server.code()}")
        assert (by_path.status_code, by_path.json()) == (429, {"status": False})
        assert by_path.headers["Retry-After"] == "30"
        assert by_path.headers["Content-Type"] == "application/json"

    async def test_malformed_codes_spend_nothing(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        for _ in range(10):
            assert slug(await post(client, "12345")) == "malformed-code"
            await client.get("/check/12345")
        assert (await post(client, server.code())).json()["attempts_left"] == 5


class TestByPath:
    async def test_a_code_is_true_once(self, server: RunningServer) -> None:
        async with server.client(server.check_token) as client:
            answers = [await client.get(f"/check/{server.code()}") for _ in range(2)]
        assert [answer.json() for answer in answers] == [{"status": True}, {"status": False}]
        assert {answer.status_code for answer in answers} == {200}

    @pytest.mark.parametrize(
        "path", ["12345", "1234567", "abcdef", "%20123456", "12%2F456", "%EF%BC%91", "%FF%FE", "1%002"]
    )
    async def test_what_is_no_code_is_false(self, client: httpx.AsyncClient, path: str) -> None:
        answer = await client.get(f"/check/{path}")
        assert (answer.status_code, answer.json()) == (200, {"status": False})

    async def test_a_used_code_with_spaces_is_false(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        await client.get(f"/check/{server.code()}")
        for around in ("%20{}", "{}%20", "{}%0A", "{}%09", "{}%C2%A0", "{}%00", "%0D{}"):
            answer = await client.get(f"/check/{around.format(server.code())}")
            assert answer.json() == {"status": False}

    async def test_head_does_not_use_the_code(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        assert (await client.head(f"/check/{server.code()}")).status_code == 405
        assert (await client.get(f"/check/{server.code()}")).json() == {"status": True}


class TestNames:
    @pytest.mark.parametrize(
        "name",
        ["nobody", "Default", "DEFAULT", "default%20", "%20default", "default%00", "d%C3%A9fault",
         ".default", "-", "x" * 65, "default%2F", "0", "00", "1e1"],
    )  # fmt: skip
    async def test_only_the_very_name_finds_the_key(
        self, server: RunningServer, client: httpx.AsyncClient, name: str
    ) -> None:
        answer = await post(client, server.code(), name)
        assert (answer.status_code, slug(answer)) == (404, "no-such-key")
        assert (await post(client, server.code())).json()["attempts_left"] == 5

    async def test_an_escaped_letter_makes_another_spelling(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        answer = await post(client, server.code(), "d%65fault")
        assert (answer.status_code, slug(answer)) == (404, "no-such-key")
        assert (await post(client, server.code())).json()["valid"] is True


class TestBodies:
    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (b'{"code":"123456","now":1}', "now"),
            (b'{"cod":"123456"}', "cod"),
            (b"{}", "code"),
            (b'{"code":123456}', "the member code must be text"),
            (b'{"code":null}', "the member code must be text"),
            (b'["123456"]', "an object"),
            (b"", "not JSON"),
            (b"{", "not JSON"),
            (b'{"code":"\xff"}', "not JSON"),
            (b'{"code":"\\ud800"}', "not JSON"),
            (b"\xef\xbb\xbf{}", "not JSON"),
            (b'{"code":' + b"[" * 4000, "nested too deeply"),
            (b'{"x":' + b"[" * 4000, "nested too deeply"),
            (b'{"492039":"code"}', "of that name"),
            (b'{"code":"' + b"1" * 65 + b'"}', "at most 64 characters"),
            (b'{"code":NaN}', "not JSON"),
        ],
        ids=lambda value: value[:24] if isinstance(value, bytes) else None,
    )
    async def test_a_bad_body_is_refused_and_says_why(
        self, client: httpx.AsyncClient, body: bytes, said: str
    ) -> None:
        answer = await client.post(CHECK, content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, slug(answer)) == (400, "malformed-body")
        assert said in answer.json()["detail"]

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Content-Type": "text/plain"},
            {"Content-Type": "application/x-www-form-urlencoded"},
            {"Content-Type": "application/json; charset=utf-16"},
            {"Content-Type": "application/json; charset=nonsense"},
            {"Content-Type": "application/json", "Content-Encoding": "gzip"},
            {"Content-Type": "application/json", "Content-Encoding": "br"},
        ],
    )
    async def test_only_plain_json_is_read(
        self, server: RunningServer, client: httpx.AsyncClient, headers: dict[str, str]
    ) -> None:
        body = json.dumps({"code": server.code()}).encode()
        answer = await client.post(CHECK, content=body, headers=headers)
        assert (answer.status_code, slug(answer)) == (415, "unsupported-media-type")

    async def test_json_with_its_charset_named_is_read(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        body = json.dumps({"code": server.code()}).encode()
        headers = {"Content-Type": "Application/JSON; charset=UTF-8"}
        assert (await client.post(CHECK, content=body, headers=headers)).json()["valid"] is True

    @pytest.mark.parametrize("chunked", [False, True])
    async def test_a_long_body_is_refused(self, client: httpx.AsyncClient, *, chunked: bool) -> None:
        async def pieces() -> Any:
            for _ in range(10):
                yield b" " * 1000

        answer = await client.post(
            CHECK,
            content=pieces() if chunked else b" " * 9000,
            headers={"Content-Type": "application/json"},
        )
        assert (answer.status_code, slug(answer)) == (413, "body-too-long")

    async def test_a_body_that_never_arrives_is_not_waited_for(
        self, server: RunningServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bodies, "BODY_SECONDS", 0.05)
        host, port = server.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            f"POST {CHECK} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token}\r\n"
            "Content-Type: application/json\r\nContent-Length: 17\r\n\r\n{".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        assert head.startswith(b"HTTP/1.1 408")
        assert b"Connection: close" in head

    async def test_the_sender_does_not_tell_the_time(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        body = {"code": server.code(-4)}
        headers = {"Date": "Thu, 01 Jan 1970 00:00:00 GMT"}
        assert (await client.post(CHECK, json=body, headers=headers)).json()["reason"] == "wrong"
        now = {"now": str(server.clock.now - 120)}
        assert slug(await client.post(CHECK, json=body, params=now)) == "malformed-query"
