"""The validator's client: in front of strangers: other servers, broken, hostile, none at all."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import trustme
from msgspec.structs import replace

from clients import asking, profile_of, refusal
from loopback import Front, Reader, Writer, answering, http, listening, pass_on, read_request, relay
from servers import RunningServer, running_server
from watchword_tui.client import MAX_ANSWER_BYTES, ValidatorClient
from watchword_tui.errors import (
    LockedError,
    NotWatchwordError,
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

SOON = 0.2
"""Seconds to wait for what never comes."""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RunningServer]:
    async with running_server(tmp_path) as running:
        yield running


class TestNotWatchword:
    @pytest.mark.parametrize(
        "answer",
        [
            http("<html>Welcome to nginx</html>", headers="Content-Type: text/html\r\n"),
            http('{"valid": true}', headers="Content-Type: application/json\r\n"),
            http('{"status": true}'),
            http('{"valid": "true"}'),
            http('{"valid": 1}'),
            http("[true]"),
            http("true"),
            http(""),
            http(b"\xff\xfe"),
            http("[" * 60_000),
            http("not JSON", status="400 Bad Request"),
            http("not JSON", status="401 Unauthorized"),
            http("<html>", status="404 Not Found", headers=""),
            http("<html>", status="401 Unauthorized", headers=""),
            http("", status="204 No Content"),
            b"\x15\x03\x01\x00\x02\x02\x46",
            b"220 mail ESMTP\r\n500 what?\r\n\r\n",
            b"\x00" * 10_000,
            http("x", headers="Watchword-Version: 1\r\nContent-Encoding: gzip\r\n"),
        ],
        ids=itertools.count(),
    )
    async def test_what_answers_otherwise_is_no_watchword_server(self, answer: bytes) -> None:
        async with answering(answer) as there, asking(there) as client:
            error = await refusal(client.check("default", "123456"), NotWatchwordError)

        assert (
            str(error) == f"{there.url} is not a Watchword server; check the URL in the server's profile"
        )

    async def test_a_key_that_is_none_is_not_taken(self) -> None:
        async with answering(http("mailto:alice@example.com\n")) as there, asking(there) as client:
            await refusal(client.enrolment_key(), NotWatchwordError)

    async def test_a_health_check_of_another_service_is_told_apart(self) -> None:
        async with (
            answering(http('{"status":"ok"}', headers="Server: other\r\n")) as there,
            asking(there) as client,
        ):
            await refusal(client.probe(), NotWatchwordError)

    @pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"])
    async def test_a_redirect_is_not_followed_with_the_token(self, status: str) -> None:
        async with answering(http('{"valid": true}')) as elsewhere:
            away = f"Location: {elsewhere.url}/v1/keys/default/check\r\n"
            async with answering(http("", status, away)) as there, asking(there) as client:
                await refusal(client.check("default", "123456"), NotWatchwordError)

                assert b"Bearer ww_secret" in there.requests[0]
            assert elsewhere.connections == 0

    @pytest.mark.parametrize("status", ["502 Bad Gateway", "503 Unavailable", "504 Gateway Timeout"])
    async def test_a_gateway_without_its_server_is_told_apart(self, status: str) -> None:
        async with answering(http("<html>", status, "")) as there, asking(there) as client:
            error = await refusal(client.probe(), UnreachableError)

        assert str(error) == (
            f"what stands before dev cannot reach it (status {status[:3]}); is the server running?"
        )

    async def test_a_gateway_that_wants_fewer_questions_is_told_apart(self) -> None:
        busy = http("<html>", "429 Too Many Requests", "")
        async with answering(busy) as there, asking(there) as client:
            error = await refusal(client.check("default", "123456"), UnreachableError)

        assert str(error) == (
            "what stands before dev lets nothing through now (status 429); wait a little, then try again"
        )

    async def test_an_answer_of_the_largest_size_is_read_and_a_longer_one_is_not(self) -> None:
        body = '{"valid": true}'
        async with answering(http(body.ljust(MAX_ANSWER_BYTES))) as there, asking(there) as client:
            assert (await client.check("default", "123456")).answer.valid
        async with answering(http(body.ljust(MAX_ANSWER_BYTES + 1))) as there, asking(there) as client:
            await refusal(client.check("default", "123456"), NotWatchwordError)

    async def test_an_endless_answer_is_cut_off(self) -> None:
        async def handle(_: Front, reader: Reader, writer: Writer) -> None:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nWatchword-Version: 1\r\nContent-Type: text/plain\r\n\r\n")
            while not writer.is_closing():
                writer.write(b" " * 4096)
                await writer.drain()

        async with listening(handle) as there, asking(there) as client:
            await refusal(client.check("default", "123456"), NotWatchwordError)

    async def test_compressed_answers_are_not_asked_for(self) -> None:
        async with answering(http('{"valid": true}')) as there, asking(there) as client:
            await client.check("default", "123456")

        assert b"\r\naccept-encoding: identity\r\n" in there.requests[0].lower()


HOSTILE = "\x1b]52;c;cm0gLXJm\x07\x1b[31m\x9b2J\N{RIGHT-TO-LEFT OVERRIDE}" + "evil " * 1000


class TestHostileWords:
    @pytest.mark.parametrize("member", ["title", "detail"])
    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            ("400 Bad Request", RefusedError),
            ("403 Forbidden", UnauthorisedError),
            ("404 Not Found", RefusedError),
            ("418 I'm a teapot", RefusedError),
            ("423 Locked", LockedError),
            ("429 Too Many Requests", LockedError),
            ("500 Internal Server Error", RefusedError),
        ],
    )
    async def test_a_problems_words_reach_people_harmless_and_short(
        self, member: str, status: str, kind: type[ServerError]
    ) -> None:
        problem = json.dumps({"type": HOSTILE, member: HOSTILE})
        async with answering(http(problem, status)) as there, asking(there) as client:
            error = await refusal(client.check("default", "123456"), kind)

        assert len(str(error)) < 300

    async def test_a_problem_without_words_is_told_by_its_status(self) -> None:
        async with answering(http("{}", "418 I'm a teapot")) as there, asking(there) as client:
            error = await refusal(client.check("default", "123456"), RefusedError)

        assert str(error) == "dev would not do it: status 418"


class TestLostAnswers:
    async def test_where_nothing_listens_the_url_is_named(self) -> None:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{closed.getsockname()[1]}"
            async with ValidatorClient(ServerProfile("dev", url)) as client:
                error = await refusal(client.probe(), UnreachableError)

        assert str(error) == f"dev cannot be reached at {url}; is the server running?"

    async def test_a_host_without_an_address_is_told_apart(self) -> None:
        profile = ServerProfile("dev", "https://no-such-host.invalid")
        async with ValidatorClient(profile) as client:
            error = await refusal(client.probe(), UnreachableError)

        assert str(error).startswith("the host of dev cannot be found; check the network")

    async def test_an_answer_that_never_comes_is_given_up(self) -> None:
        async def handle(_: Front, reader: Reader, __: Writer) -> None:
            await reader.read()  # until the client hangs up

        async with listening(handle) as there, asking(there, timeout=SOON) as client:
            error = await refusal(client.check("default", "123456"), UnreachableError)

        assert str(error) == (
            "dev did not answer within 0.2 s; the code may be used up: try the next one"
        )

    async def test_an_answer_that_drips_does_not_stretch_the_time(self) -> None:
        async def handle(_: Front, reader: Reader, writer: Writer) -> None:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nWatchword-Version: 1\r\n\r\n")
            while not writer.is_closing():
                writer.write(b" ")
                await asyncio.sleep(SOON / 20)  # the drip is the test

        async with listening(handle) as there, asking(there, timeout=SOON) as client:
            error = await refusal(client.probe(), UnreachableError)

        assert str(error) == "dev did not answer within 0.2 s; try again"

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"HTTP/1.1 200 OK\r\nWatchword-Ver",
            http('{"valid": true}')[:-5],
            b"HTTP/1.1 200 OK\r\nWatchword-Version: 1\r\nTransfer-Encoding: chunked\r\n\r\nf\r\n{",
        ],
        ids=["nothing", "half a head", "half a body", "half a chunk"],
    )
    async def test_a_connection_cut_before_the_end_is_told_apart(self, answer: bytes) -> None:
        async with answering(answer) as there, asking(there) as client:
            error = await refusal(client.check("default", "123456"), UnreachableError)

        assert str(error) == (
            "the connection to dev was lost; the code may be used up: try the next one"
        )

    async def test_a_client_asks_on_after_a_loss(self, server: RunningServer) -> None:
        lost: list[bytes] = []

        async def handle(front: Front, reader: Reader, writer: Writer) -> None:
            if front.connections == 1:
                lost.append(await read_request(reader))
            else:
                await pass_on(server.url, reader, writer)

        async with listening(handle) as front, asking(front, server.token) as client:
            await refusal(client.check("default", server.code()), UnreachableError)

            assert (await client.check("default", server.code())).answer.valid
            assert len(lost) == 1


class TestTls:
    AUTHORITY = trustme.CA()

    def context(self, *names: str) -> ssl.SSLContext:
        """A server's TLS with a certificate for these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.AUTHORITY.issue_cert(*names).configure_cert(context)
        return context

    @pytest.fixture
    def ca_file(self, tmp_path: Path) -> Path:
        path = tmp_path / "ca.pem"
        self.AUTHORITY.cert_pem.write_to_path(str(path))
        return path

    async def test_a_server_of_the_named_authority_is_trusted(
        self, server: RunningServer, ca_file: Path
    ) -> None:
        async with relay(server.url, self.context("127.0.0.1")) as front:
            profile = replace(profile_of(server), url=front.url, ca_file=ca_file)
            async with ValidatorClient(profile) as client:
                assert (await client.check("default", server.code())).answer.valid

    async def test_without_the_authority_it_is_refused_before_the_token_is_sent(self) -> None:
        async with answering(http('{"valid": true}'), self.context("127.0.0.1")) as there:
            async with asking(there) as client:
                error = await refusal(client.check("default", "123456"), UnreachableError)

            assert there.requests == []
        assert str(error) == (
            "the certificate of dev is not trusted;"
            " name the authority's certificate with --ca-file or ca_file"
        )

    async def test_a_certificate_for_another_host_is_refused(self, ca_file: Path) -> None:
        async with answering(http("{}"), self.context("codes.example.net")) as there:
            profile = ServerProfile("dev", there.url, token="ww_secret", ca_file=ca_file)
            async with ValidatorClient(profile) as client:
                error = await refusal(client.probe(), UnreachableError)

            assert there.requests == []
        assert str(error) == "the certificate of dev is for another host; check the URL"

    async def test_a_certificate_that_has_expired_is_told_apart(self, ca_file: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        last_year = datetime.now(UTC) - timedelta(days=365)
        self.AUTHORITY.issue_cert("127.0.0.1", not_after=last_year).configure_cert(context)
        async with answering(http("{}"), context) as there:
            profile = ServerProfile("dev", there.url, ca_file=ca_file)
            async with ValidatorClient(profile) as client:
                error = await refusal(client.probe(), UnreachableError)

        assert str(error) == "the certificate of dev has expired; its operator must renew it"

    async def test_a_server_without_tls_is_told_apart(self, server: RunningServer) -> None:
        url = server.url.replace("http:", "https:")
        async with ValidatorClient(ServerProfile("dev", url)) as client:
            error = await refusal(client.probe(), UnreachableError)

        assert str(error) == f"dev does not speak TLS at {url}; check the URL"

    @pytest.mark.parametrize("content", [None, "", "no certificate"])
    async def test_a_ca_file_that_holds_none_is_named(self, tmp_path: Path, content: str | None) -> None:
        path = tmp_path / "ca.pem"
        if content is not None:
            path.write_text(content)

        with pytest.raises(SettingsError) as caught:
            ValidatorClient(ServerProfile("dev", "https://codes.example.net", ca_file=path))

        assert str(caught.value) == f"cannot read certificates from {path}; ca_file must be a PEM file"
