"""What other validators let out, or left lying about: files, timing, logs, caches, oracles."""

from __future__ import annotations

import ast
import asyncio
import inspect
import logging
import os
import re
import statistics
import textwrap
import time
from typing import TYPE_CHECKING

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
)
from requests_to import body_of, path_of, sent_with
from server_processes import run_server_command
from servers import KEY, NOON, Clock, asked, find_key, running_server
from watchword_otp import code
from watchword_server import recovery, resync, tokens
from watchword_server.datadir import prepare_data_dir
from watchword_server.errors import UserError
from watchword_server.routes import ROUTES
from watchword_server.sitting import Sitting
from watchword_server.store.records import Wanted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

    from servers import RunningServer


class TestW05:
    async def test_w05_a_token_that_may_not_touch_a_key_cannot_tell_it_from_none(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        await make_active(client, server.clock)
        token = await make_token(client, "check", "keys:read", keys=["default"])
        async with server.client(token) as limited:
            hidden, missing = [await check(limited, "000000", name) for name in ("alice", "nobody")]
            shown, unknown = [await limited.get(f"/v1/keys/{name}") for name in ("alice", "nobody")]
        assert (hidden.status_code, hidden.content) == (missing.status_code, missing.content)
        assert (shown.status_code, shown.content) == (unknown.status_code, unknown.content)

    async def test_w05_a_key_that_is_not_there_costs_as_much_time(self, server: RunningServer) -> None:
        snapshot = await server.store.look(Wanted(names=["default", "nobody"]))
        took: dict[str, list[float]] = {"default": [], "nobody": []}
        keyring = server.ledger.keyring
        await asyncio.to_thread(keyring.ring)
        for _ in range(400):
            for name, times in took.items():
                sitting = Sitting(keyring, snapshot, NOON, 1)
                started = time.perf_counter()
                sitting.judge(asked("000000", name))
                times.append(time.perf_counter() - started)
        there, nowhere = (statistics.median(times) for times in took.values())
        # Opening the seal and the event are what is left: the codes are drawn and compared for both.
        assert 0.25 < nowhere / there < 4


class TestW13:
    def test_w13_a_data_folder_that_is_a_link_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir(mode=0o700)
        (tmp_path / "data").symlink_to(tmp_path / "real")
        with pytest.raises(UserError):
            prepare_data_dir(tmp_path / "data")

    @pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
    def test_w13_so_is_one_that_others_may_write(self, tmp_path: Path, mode: int) -> None:
        folder = tmp_path / "data"
        folder.mkdir()
        folder.chmod(mode)
        with pytest.raises(UserError):
            prepare_data_dir(folder)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
    def test_w13_so_is_one_of_somebody_else(self, tmp_path: Path) -> None:
        folder = tmp_path / "data"
        folder.mkdir(mode=0o700)
        os.chown(folder, 65534, 65534)
        with pytest.raises(UserError):
            prepare_data_dir(folder)

    def test_w13_the_server_does_not_start_on_it(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir(mode=0o700)
        (tmp_path / "data").symlink_to(tmp_path / "real")
        ended = run_server_command(
            tmp_path, "serve", "--port", "0", "--data-dir", str(tmp_path / "data")
        )
        assert ended.returncode == 2
        assert "link" in ended.stderr
        assert list((tmp_path / "real").iterdir()) == []


def modes_in(folder: Path) -> dict[str, int]:
    return {each.name: each.stat().st_mode & 0o777 for each in folder.iterdir()}


async def test_w14_every_file_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        async with running_server(tmp_path) as server, server.client() as client:
            await check(client, server.code(), "default")
            modes = await asyncio.to_thread(modes_in, tmp_path)
    finally:
        os.umask(before)
    assert modes.keys() >= {"watchword.db", "watchword.db-wal", "sealing.keys"}
    assert set(modes.values()) == {0o600}


@pytest.mark.sqlite
async def test_w15_without_a_database_it_fails_closed(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    # test_faults.py has each fault: no room, read-only, locked, overwritten, gone, replaced.
    away = server.database.with_name("away")
    await asyncio.to_thread(server.database.rename, away)
    answer = await check(client, server.code(), "default")
    assert (answer.status_code, answer.json()["cause"]) == (503, "database-gone")
    by_path = await client.get(f"/check/{server.code()}")
    assert (by_path.status_code, "true" in by_path.text) == (503, False)
    await asyncio.to_thread(away.rename, server.database)
    assert (await check(client, server.code(), "default")).json()["valid"] is True


async def test_w23_names_are_compared_as_text(server: RunningServer, client: httpx.AsyncClient) -> None:
    names = ["0", "00", "1e1", "10", "1", "01", "0x10"]
    made = {name: await make_active(client, server.clock, name) for name in names}
    for name, each in made.items():
        for other in names:
            if other != name:
                assert (await check(client, each.wrong(server.clock), name)).status_code == 200
                break
        assert (await find_key(server.store, name)).state.failures == 1
    assert len({each.key.secret for each in made.values()}) == len(names)
    for name, each in made.items():
        assert (await check(client, each.code(server.clock), name)).json()["valid"] is True


COMPARING: dict[str, Callable[..., object]] = {
    "codes": code.Codes.matching_step,
    "pairs of codes": resync.resync,
    "recovery codes": recovery._judge,
    "tokens": tokens.TokenBook._match,
}


@pytest.mark.parametrize("what", COMPARING)
def test_w29_what_is_secret_is_compared_in_constant_time_and_to_the_end(what: str) -> None:
    tree = ast.parse(textwrap.dedent(inspect.getsource(COMPARING[what])))
    loops = [node for node in ast.walk(tree) if isinstance(node, ast.For)]
    comparing = [loop for loop in loops if "compare_digest" in ast.unparse(loop)]
    assert comparing
    for loop in comparing:
        assert not [node for node in ast.walk(loop) if isinstance(node, (ast.Break, ast.Return))]


class TestW33:
    async def test_w33_no_log_holds_what_opens_anything(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            async with running_server(tmp_path) as server, server.client() as client:
                made = await make(client)
                ticket = await invite(client)
                page = await client.get(ticket)
                codes = [made.code(server.clock, offset) for offset in (-1, 0, 1)]
                await confirm(client, codes[0])
                spare = await recovery_codes(client, "alice")
                await redeem(client, spare[0])
                token = await make_token(client, "check")
                for each in codes:
                    await check(client, each)
                    await client.get(f"/check/{each}")
                await client.get("/qr", params={"format": "uri"})
                server.clock.advance(-7200)
                await check(client, codes[1])
        secrets = [made.key.secret.base32(), KEY.secret.base32(), server.token, token, "otpauth:"]
        secrets += [ticket.rpartition("/")[2], *spare]
        ours = [
            each for each in caplog.records if each.name.startswith(("watchword", "aiohttp", "async"))
        ]
        assert ours
        logged = "\n".join(each.getMessage() for each in ours)
        for count, each in enumerate(secrets):
            assert each not in logged, f"secret {count} is in the log"
        for each in codes:
            assert not re.search(rf"(?<![0-9.]){each}(?![0-9])", logged)
        assert page.status_code == 200

    async def test_w33_the_page_loads_nothing_from_elsewhere(self, client: httpx.AsyncClient) -> None:
        await make(client)
        page = await client.get(await invite(client))
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "http" not in policy
        assert not re.findall(r"""(?:src|href|action)\s*=\s*["']?(?:https?:)?//""", page.text)
        assert page.headers["Referrer-Policy"] == "no-referrer"

    async def test_w33_no_url_of_ours_holds_a_secret(self, client: httpx.AsyncClient) -> None:
        made = await make(client)
        link = await invite(client)
        for url in (str(made.answer.headers["Location"]), link):
            assert made.key.secret.base32() not in url


async def test_w37_wrong_is_the_same_whatever_it_might_have_been(server: RunningServer) -> None:
    """To a token that may only check, nothing but true differs."""
    async with server.client() as admin:
        made = await make_active(admin, server.clock)
        spare = await recovery_codes(admin, "alice")
        await redeem(admin, spare[0])
        used = made.code(server.clock, -1)
    async with server.client(server.check_token) as client:
        answers = [
            await check(client, each)
            for each in (made.wrong(server.clock), used, made.code(server.clock, 5))
        ]
        redeemed = [await redeem(client, each) for each in (spare[0], "a" * 24)]
    assert {(each.status_code, each.content) for each in answers} == {(200, b'{"valid":false}')}
    assert {(each.status_code, each.json()["valid"]) for each in redeemed} == {(200, False)}


async def test_w38_no_answer_may_be_kept(tmp_path: Path) -> None:
    conditional = {"If-None-Match": "*", "If-Modified-Since": "Fri, 31 Dec 2100 00:00:00 GMT"}
    async with running_server(tmp_path, clock=Clock()) as server:
        for row in ROUTES:
            for token in (server.token, ""):
                async with server.client(token) as client:
                    answer = await client.request(
                        row.method, path_of(row), headers=conditional, **sent_with(row, body_of(row))
                    )
                assert answer.headers["Cache-Control"] == "no-store", row.path
                assert answer.status_code != 304, row.path
