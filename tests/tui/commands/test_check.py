"""`watchword check`: a code, judged by a real server."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import signal
import time
from typing import TYPE_CHECKING, Protocol

import pytest

from desk import GITHUB, WATCHWORD, Desk, Ended, Here, interrupt
from loopback import Front, Reader, Writer, listening, read_request
from servers import Clock, RunningServer, running_server
from watchword_otp import Key, Secret, parse_uri
from watchword_server.bootstrap import activate_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NOWHERE = "http://127.0.0.1:9"
"""The discard port: nothing listens on it."""


@pytest.fixture
async def server(tmp_path: Path, desk: Desk) -> AsyncIterator[RunningServer]:
    """A server that the desk asks. Its clock stands still, just ahead of ours: a test has 3 s."""
    async with running_server(tmp_path, clock=Clock(time.time() // 1 + 1)) as running:
        desk.use(running)
        yield running


class Check(Protocol):
    """Runs `watchword check`."""

    async def __call__(self, *arguments: str) -> Ended: ...


@pytest.fixture
def check(here: Here) -> Check:
    """`watchword check` in a thread: this one's loop is the server's."""

    async def run(*arguments: str) -> Ended:
        return await asyncio.to_thread(here, "check", *arguments)

    return run


class TestVerdicts:
    async def test_a_valid_code_is_accepted_once(self, desk: Desk, server: RunningServer) -> None:
        code = server.code()
        first, second = await desk.run("check", code), await desk.run("check", code)

        assert (first.status, first.err) == (0, "")
        assert re.fullmatch(r"accepted: on time, \d+ ms\n", first.out)
        assert (second.status, second.err) == (1, "")
        assert re.fullmatch(r"not valid: already used just now, \d+ ms\n", second.out)

    async def test_a_wrong_code_is_not_valid(self, check: Check, server: RunningServer) -> None:
        ended = await check(server.wrong_code())

        assert ended.status == 1
        assert re.fullmatch(r"not valid: wrong code, 4 tries left, \d+ ms\n", ended.out)

    async def test_json_is_for_programs(self, check: Check, server: RunningServer) -> None:
        code = server.code()
        first, second = await check("--json", code), await check(code, "--json")
        accepted, replayed = json.loads(first.out), json.loads(second.out)

        assert (first.status, second.status) == (0, 1)
        assert accepted.pop("round_trip_ms") > 0
        assert replayed.pop("round_trip_ms") > 0
        assert accepted == {"valid": True, "reason": "accepted", "offset": 0, "attempts_left": 5}
        assert replayed == {
            "valid": False,
            "reason": "replayed",
            "offset": 0,
            "attempts_left": 5,
            "used_ago": 0,
        }

    async def test_a_token_without_detail_learns_true_or_false(
        self, desk: Desk, check: Check, server: RunningServer
    ) -> None:
        desk.use(server, server.check_token)

        assert list(json.loads((await check(server.code(), "--json")).out)) == [
            "valid",
            "round_trip_ms",
        ]

    async def test_another_key_is_named(self, check: Check, server: RunningServer) -> None:
        await activate_key(server.ledger, "alice", Key(secret=Secret(b"x" * 20)))

        assert (await check("--key", "alice", server.code())).status == 1
        assert (await check("--key", "default", server.code())).status == 0

    @pytest.mark.parametrize("ahead", [41, -41])
    async def test_a_clock_that_is_off_is_told_beside_the_verdict(
        self, desk: Desk, check: Check, tmp_path: Path, ahead: int
    ) -> None:
        async with running_server(tmp_path, clock=Clock(time.time() // 1 - ahead)) as other:
            desk.use(other)
            ended = await check(other.code())

        assert ended.status == 0
        assert ended.out.startswith("accepted: ")
        said = re.fullmatch(
            r"watchword: this clock is (\d+) s (fast|slow) by 127\.0\.0\.1:\d+'s;"
            r" set it, or codes will fail\n",
            ended.err,
        )
        assert said
        assert abs(int(said[1]) - 41) <= 5
        assert said[2] == ("fast" if ahead > 0 else "slow")


class TestInput:
    @pytest.mark.parametrize("form", ["{}", "  {}  \r\n", "{}\nanything else\n"])
    async def test_a_dash_reads_the_first_line_of_the_input(
        self, desk: Desk, server: RunningServer, form: str
    ) -> None:
        ended = await desk.run("check", "-", stdin=form.format(server.code()).encode())

        assert (ended.status, ended.err) == (0, "")

    async def test_what_watchword_code_prints_can_be_checked(
        self, desk: Desk, server: RunningServer
    ) -> None:
        desk.write("otp.txt", GITHUB)
        assert parse_uri(GITHUB).secret == server.key.secret
        printed = await desk.run("code", "github", "--accounts", "otp.txt")

        assert (await desk.run("check", "-", stdin=printed.out.encode())).status == 0

    async def test_the_spaces_people_copy_do_not_count(
        self, check: Check, server: RunningServer
    ) -> None:
        code = server.code()

        assert (await check(f" {code[:3]} {code[3:]} ")).status == 0

    @pytest.mark.parametrize("stdin", [b"", b"  \n123456\n"])
    async def test_an_empty_input_is_one_line(self, desk: Desk, stdin: bytes) -> None:
        ended = await desk.run("check", "-", stdin=stdin)

        assert ended.status == 2
        assert ended.complaint.startswith("there is no code to check")

    @pytest.mark.parametrize("stdin", [b"\xff\xfe12\n", b"12\x1b[31m\n", ("\uff11" * 6).encode()])
    async def test_an_input_that_is_no_code_is_one_line_and_not_shown(
        self, desk: Desk, stdin: bytes
    ) -> None:
        ended = await desk.run("check", "-", stdin=stdin)

        assert ended.status == 2
        assert ended.complaint == "this is no code; codes are digits, and for Steam letters too"

    async def test_an_argument_that_is_no_text_is_one_line(self, desk: Desk) -> None:
        ended = await desk.run("check", os.fsdecode(b"\xff\xfe"))

        assert ended.status == 2
        assert ended.complaint.startswith("this is no code")

    async def test_a_closed_input_is_one_line(self, desk: Desk) -> None:
        program = ("sh", "-c", 'exec "$@" <&-', "sh", WATCHWORD)
        process = await desk.start("check", "-", program=program)
        _, err = await process.communicate()

        assert process.returncode == 2
        assert err.startswith(b"watchword: there is no code to check")

    async def test_a_terminal_is_asked_for_the_code(self, desk: Desk, server: RunningServer) -> None:
        ours, theirs = pty.openpty()
        try:
            process = await desk.start("check", "-", stdin=theirs)
            assert process.stderr is not None
            asked = await process.stderr.readuntil(b": ")
            os.write(ours, f"{server.code()}\n".encode())
            out, err = await process.communicate()
        finally:
            os.close(theirs)
            os.close(ours)

        assert (asked, err) == (b"Code: ", b"")
        assert (process.returncode, out[:9]) == (0, b"accepted:")


class TestTokens:
    async def test_a_file_named_by_the_profile_gives_it(
        self, desk: Desk, check: Check, server: RunningServer
    ) -> None:
        desk.environ.clear()
        desk.write("my.token", f"{server.token}\n")
        desk.write("my.toml", f'[servers.dev]\nurl = "{server.url}"\ntoken_file = "my.token"\n')

        assert (await check("--config", "my.toml", server.code())).status == 0

    async def test_a_file_that_others_can_read_is_refused(
        self, desk: Desk, check: Check, server: RunningServer
    ) -> None:
        desk.environ.clear()
        desk.write("my.token", server.token, 0o644)
        desk.write("my.toml", f'[servers.dev]\nurl = "{server.url}"\ntoken_file = "my.token"\n')
        ended = await check("--config", "my.toml", server.code())

        assert ended.status == 2
        assert ended.complaint == (
            "the token file my.token can be read by others (mode 0644); run: chmod 600 my.token"
        )


class TestRefusals:
    """Status 3: nobody said yes or no."""

    async def test_an_unreachable_server(self, desk: Desk) -> None:
        ended = await desk.run("check", "123456", "--server", NOWHERE)

        assert ended.status == 3
        assert ended.complaint == (
            f"{NOWHERE.removeprefix('http://')} cannot be reached at {NOWHERE}; is the server running?"
        )

    @pytest.mark.parametrize(
        ("token", "words"),
        [("", " wants a token"), ("ww_wrong", " does not know this token")],
    )
    async def test_a_missing_or_wrong_token(
        self, desk: Desk, check: Check, server: RunningServer, token: str, words: str
    ) -> None:
        desk.use(server, token)
        ended = await check(server.code())

        assert ended.status == 3
        assert words in ended.complaint
        assert "ww_" not in ended.err

    async def test_a_missing_scope(self, desk: Desk, check: Check, server: RunningServer) -> None:
        desk.use(server, server.qr_token)
        ended = await check(server.code())

        assert ended.status == 3
        assert ended.complaint.startswith("the token may not do this on 127.0.0.1:")

    async def test_a_locked_key(self, check: Check, server: RunningServer) -> None:
        async with server.client() as other:
            for _ in range(5):
                await other.post("/v1/keys/default/check", json={"code": server.wrong_code()})
        ended = await check(server.code())

        assert ended.status == 3
        assert ended.complaint == "too many wrong codes: default is locked; try again in 30 s"

    async def test_a_key_that_is_not_there(self, check: Check, server: RunningServer) -> None:
        ended = await check("--key", "alice", server.code())

        assert ended.status == 3
        assert ended.complaint.endswith(" has no key 'alice'; choose another key")

    async def test_a_code_of_the_wrong_length(self, check: Check, server: RunningServer) -> None:
        ended = await check(f"{server.code()}0")

        assert ended.status == 2
        assert (
            ended.complaint == "this is not a code of default; type all of its digits, and nothing else"
        )

    async def test_certificates_for_a_server_without_tls(
        self, check: Check, server: RunningServer
    ) -> None:
        ended = await check("--ca-file", "ca.pem", server.code())

        assert ended.status == 2
        assert "uses no TLS, so ca.pem has no use" in ended.complaint


async def test_ctrl_c_ends_a_check_quietly_and_not_as_not_valid(desk: Desk) -> None:
    asked = asyncio.Event()

    async def handle(_: Front, reader: Reader, __: Writer) -> None:
        await read_request(reader)
        asked.set()
        await reader.read()  # until the client hangs up

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        async with listening(handle) as there:
            process = await desk.start("check", "123456", "--server", there.url)
            await asked.wait()
            interrupt(process)
            out, err = await process.communicate()
    finally:
        signal.signal(signal.SIGINT, before)

    assert process.returncode == 128 + signal.SIGINT
    assert (out, err.strip()) == (b"", b"")
