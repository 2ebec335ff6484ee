"""The validator's client: in front of the real server."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from clients import asking, profile_of, refusal
from loopback import answering, http, relay
from servers import KEY, RunningServer, running_server
from watchword_tui.answers import CheckAnswer, Reason
from watchword_tui.client import ValidatorClient
from watchword_tui.errors import (
    LockedError,
    MalformedCodeError,
    NoSuchKeyError,
    RefusedError,
    ServerError,
    SettingsError,
    UnauthorisedError,
    UnreachableError,
)
from watchword_tui.settings import ServerProfile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RunningServer]:
    async with running_server(tmp_path) as running:
        yield running


@pytest.fixture
async def client(server: RunningServer) -> AsyncIterator[ValidatorClient]:
    async with ValidatorClient(profile_of(server), clock=server.clock) as client:
        yield client


class TestVerdicts:
    async def test_a_live_code_is_accepted(self, server: RunningServer, client: ValidatorClient) -> None:
        checked = await client.check("default", server.code())

        assert checked.answer == CheckAnswer(
            valid=True, reason=Reason.ACCEPTED, offset=0, attempts_left=5
        )
        assert 0 < checked.contact.round_trip < 5

    async def test_a_code_of_a_slow_clock_is_accepted_with_its_offset(
        self, server: RunningServer, client: ValidatorClient
    ) -> None:
        checked = await client.check("default", server.code(-1))

        assert (checked.answer.valid, checked.answer.offset) == (True, -1)

    async def test_a_wrong_code_is_refused_with_the_tries_left(
        self, server: RunningServer, client: ValidatorClient
    ) -> None:
        checked = await client.check("default", server.wrong_code())

        assert checked.answer == CheckAnswer(valid=False, reason=Reason.WRONG, attempts_left=4)

    async def test_a_slow_clock_is_found_out(
        self, server: RunningServer, client: ValidatorClient
    ) -> None:
        checked = await client.check("default", server.code(-4))

        assert checked.answer.diagnosis == "right key, 4 steps slow"

    async def test_a_used_code_is_refused_with_its_age(
        self, server: RunningServer, client: ValidatorClient
    ) -> None:
        code = server.code()
        await client.check("default", code)
        server.clock.advance(8)
        checked = await client.check("default", code)

        assert not checked.answer.valid
        assert (checked.answer.reason, checked.answer.used_ago) == (Reason.REPLAYED, 8)

    async def test_the_code_that_locks_a_key_says_for_how_long(
        self, server: RunningServer, client: ValidatorClient
    ) -> None:
        for _ in range(4):
            await client.check("default", server.wrong_code())
        checked = await client.check("default", server.wrong_code())

        assert (checked.answer.valid, checked.answer.locked_for) == (False, 30)

    async def test_a_locked_key_judges_nothing_until_its_time_is_over(
        self, server: RunningServer, client: ValidatorClient
    ) -> None:
        for _ in range(5):
            await client.check("default", server.wrong_code())
        server.clock.advance(10)
        error = await refusal(client.check("default", server.code()), LockedError)

        assert isinstance(error, LockedError)
        assert error.retry_after == 20
        assert str(error) == "too many wrong codes: default is locked; try again in 20 s"

        server.clock.advance(20)
        assert (await client.check("default", server.code())).answer.valid

    async def test_a_disabled_key_needs_its_operator(
        self, server: RunningServer, client: ValidatorClient
    ) -> None:
        for _ in range(100):
            await client.check("default", server.wrong_code())
            server.clock.advance(3600)
        error = await refusal(client.check("default", server.code()), LockedError)

        assert isinstance(error, LockedError)
        assert error.retry_after is None
        assert str(error).endswith("its operator can run: watchword-server keys unlock default")

    async def test_a_token_without_detail_learns_true_or_false(self, server: RunningServer) -> None:
        async with ValidatorClient(profile_of(server, server.check_token)) as client:
            code = server.code()

            assert (await client.check("default", code)).answer == CheckAnswer(valid=True)
            assert (await client.check("default", code)).answer == CheckAnswer(valid=False)


class TestRefusals:
    async def test_without_a_token_one_is_wanted(self, server: RunningServer) -> None:
        async with ValidatorClient(ServerProfile("dev", server.url)) as client:
            error = await refusal(client.check("default", server.code()), UnauthorisedError)

        assert str(error) == "dev wants a token; set token_file in its profile, or WATCHWORD_TOKEN"

    async def test_a_wrong_token_is_not_known_and_not_shown(self, server: RunningServer) -> None:
        async with ValidatorClient(profile_of(server, "ww_wrong")) as client:
            error = await refusal(client.check("default", server.code()), UnauthorisedError)

        assert error.message == "dev does not know this token"
        assert error.remedy == "make one: watchword-server tokens create NAME --scope check"

    async def test_a_token_from_a_file_is_sent(self, server: RunningServer, tmp_path: Path) -> None:
        path = tmp_path / "dev.token"
        path.write_text(f"{server.token}\n")
        path.chmod(0o600)

        async with ValidatorClient(ServerProfile("dev", server.url, token_file=path)) as client:
            assert (await client.check("default", server.code())).answer.valid

    async def test_a_missing_scope_is_named(self, server: RunningServer) -> None:
        async with ValidatorClient(profile_of(server, server.qr_token)) as client:
            error = await refusal(client.check("default", server.code()), UnauthorisedError)
        assert error.message == "the token may not do this on dev"
        assert error.remedy.endswith("scope check")

        async with ValidatorClient(profile_of(server, server.check_token)) as client:
            error = await refusal(client.enrolment_key(), UnauthorisedError)
        assert error.remedy.endswith("scope qr")

    @pytest.mark.parametrize(
        "key", ["alice", "DEFAULT", "a b", "käse", "x" * 200, "a/b", "%2e", "\udcff"]
    )
    async def test_a_key_that_is_not_there_is_named(
        self, server: RunningServer, client: ValidatorClient, key: str
    ) -> None:
        error = await refusal(client.check(key, server.code()), NoSuchKeyError)

        assert str(error) == f"dev has no key {key!r}; choose another key"
        assert (await client.check("default", server.code())).answer.valid

    @pytest.mark.parametrize(
        ("key", "kind"),
        [
            ("", RefusedError),
            (".", RefusedError),
            ("..", RefusedError),
            ("../../healthz", NoSuchKeyError),
        ],
    )
    async def test_a_key_that_is_no_name_reaches_nothing_else(
        self, server: RunningServer, client: ValidatorClient, key: str, kind: type[ServerError]
    ) -> None:
        await refusal(client.check(key, server.code()), kind)

    @pytest.mark.parametrize(
        "code",
        ["", "12345", "1234567", "12345a", " 123456", "\uff11" * 6],
    )
    async def test_what_is_no_code_is_not_judged(self, client: ValidatorClient, code: str) -> None:
        error = await refusal(client.check("default", code), MalformedCodeError)

        assert error.message == "this is not a code of default"
        assert (await client.check("default", "000000")).answer.attempts_left == 4

    async def test_a_code_that_is_no_text_is_refused_in_words(self, client: ValidatorClient) -> None:
        error = await refusal(client.check("default", "\udcff"), RefusedError)

        assert error.message.startswith("dev would not do it: ")

    async def test_a_code_of_any_length_is_refused_in_words(self, client: ValidatorClient) -> None:
        error = await refusal(client.check("default", "1" * 20_000), RefusedError)

        assert str(error) == "dev would not do it: the body can have at most 8192 bytes"

    async def test_a_url_with_a_path_too_many_is_the_urls_fault(self, server: RunningServer) -> None:
        profile = replace(profile_of(server), url=f"{server.url}/elsewhere")
        async with ValidatorClient(profile) as client:
            error = await refusal(client.probe(), RefusedError)

        assert str(error).endswith("/elsewhere has no such path; check the URL in the server's profile")

    async def test_a_server_whose_database_fails_says_so(
        self, server: RunningServer, client: ValidatorClient
    ) -> None:
        await client.check("default", server.code())
        with contextlib.closing(sqlite3.connect(server.database)) as database:
            database.execute("ALTER TABLE keys RENAME TO gone")
        error = await refusal(client.check("default", server.code()), RefusedError)

        assert "the server's database failed; nothing was done and nothing was counted" in str(error)


class TestOtherQuestions:
    async def test_the_key_to_enrol_makes_the_codes_that_are_accepted(
        self, server: RunningServer, client: ValidatorClient
    ) -> None:
        key = await client.enrolment_key()

        assert key == replace(KEY, issuer="Watchword", name="default")
        assert (await client.check("default", server.code())).answer.valid

    async def test_anyone_may_see_whether_the_server_is_there(self, server: RunningServer) -> None:
        async with ValidatorClient(ServerProfile("dev", server.url)) as client:
            contact = await client.probe()

        assert contact.round_trip > 0

    async def test_one_connection_carries_all_questions(self, server: RunningServer) -> None:
        async with relay(server.url) as front:
            async with ValidatorClient(replace(profile_of(server), url=front.url)) as client:
                await client.probe()
                await client.enrolment_key()
                for _ in range(10):
                    await client.check("default", server.code())
                with contextlib.suppress(MalformedCodeError):
                    await client.check("default", "malformed")

            assert front.connections == 1

    async def test_a_server_that_came_back_is_asked_again(self, server: RunningServer) -> None:
        async with relay(server.url) as front:
            async with ValidatorClient(replace(profile_of(server), url=front.url)) as client:
                await client.probe()
                await front.hang_up()
                await client.probe()

            assert front.connections == 2


class TestClocks:
    @pytest.mark.parametrize("ahead", [41.0, -41.0])
    async def test_a_clock_that_is_off_is_told_with_its_direction(
        self, server: RunningServer, ahead: float
    ) -> None:
        def clock() -> float:
            return server.clock() + ahead

        async with ValidatorClient(profile_of(server), clock=clock) as client:
            contact = await client.probe()

        assert contact.clock_is_off
        assert contact.clock_offset == pytest.approx(ahead, abs=1)

    async def test_every_answer_tells_the_clock(
        self, server: RunningServer, client: ValidatorClient
    ) -> None:
        checked = await client.check("default", server.code())

        assert checked.contact.clock_offset == pytest.approx(0, abs=1)
        assert not checked.contact.clock_is_off

    @pytest.mark.parametrize(
        "date",
        ["", "Date: never\r\n", "Date: Mon, 01 Jan 99999 00:00:00 GMT\r\n", "Date: \r\n"],
    )
    async def test_a_server_that_tells_no_time_is_no_trouble(self, date: str) -> None:
        answer = http("{}", headers=f"Watchword-Version: 1\r\n{date}")
        async with answering(answer) as there, asking(there) as client:
            contact = await client.probe()

        assert contact.clock_offset is None
        assert not contact.clock_is_off


class TestEnvironment:
    @pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
    async def test_no_proxy_sees_a_token_in_the_clear(
        self, server: RunningServer, monkeypatch: pytest.MonkeyPatch, variable: str
    ) -> None:
        async with answering(http("{}")) as proxy:
            monkeypatch.setenv(variable, proxy.url)
            async with ValidatorClient(profile_of(server)) as client:
                assert (await client.check("default", server.code())).answer.valid

            assert proxy.connections == 0

    @pytest.mark.parametrize("proxy", ["socks4://alice:hunter2@127.0.0.1:1", "nonsense://hunter2"])
    async def test_a_proxy_that_cannot_be_used_is_told_and_not_shown(
        self, monkeypatch: pytest.MonkeyPatch, proxy: str
    ) -> None:
        monkeypatch.setenv("ALL_PROXY", proxy)

        with pytest.raises(SettingsError) as caught:
            ValidatorClient(ServerProfile("dev", "https://codes.example.net"))

        assert "the proxy that the environment names cannot be used" in str(caught.value)
        assert "hunter2" not in str(caught.value)

    async def test_a_proxy_that_is_not_there_is_unreachable(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with answering(http("no", "403 Forbidden", "")) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            async with ValidatorClient(ServerProfile("dev", "https://codes.example.net")) as client:
                await refusal(client.probe(), UnreachableError)

            assert proxy.connections == 1
            assert b"Authorization" not in b"".join(proxy.requests)

    async def test_a_url_that_httpx_cannot_ask_is_refused(self) -> None:
        with pytest.raises(SettingsError):
            ValidatorClient(ServerProfile("dev", "https://\N{ZERO WIDTH NON-JOINER}.example"))


async def test_a_client_shows_no_token(server: RunningServer, client: ValidatorClient) -> None:
    await client.probe()

    assert server.token not in repr(client)
    assert server.token not in repr(vars(client))
