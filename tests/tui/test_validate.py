"""Validate, from the key press to the verdict, against a real server on a real socket."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from textual.widgets import Button, Input, Select

from apps import GITHUB, NOWHERE, lines, make_app, press, profile_of, running, settled, text
from servers import running_server
from watchword_tui.settings import ServerProfile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from textual.pilot import Pilot

    from servers import RunningServer
    from watchword_tui.screens.codes import CodesScreen


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RunningServer]:
    async with running_server(tmp_path, key=GITHUB) as server:
        yield server


async def submit(pilot: Pilot[None], screen: CodesScreen, code: str) -> str:
    """Type `code` over what is in the field, send it, and give the verdict's lines."""
    field = screen.query_one("#code", Input)
    field.focus()
    field.value = ""
    await press(pilot, *("space" if character == " " else character for character in code), "enter")
    region = screen.query_one("#verdict").region
    return " ".join(line.strip() for line in lines(pilot)[region.y : region.bottom]).strip()


async def test_one_key_types_the_live_code_and_enter_has_it_accepted_once(server: RunningServer) -> None:
    app = make_app(clock=server.clock, profiles=[profile_of(server)])
    async with running(app) as (pilot, screen):
        await press(pilot, "v", "enter")
        assert "✓ Accepted   on time" in text(pilot)
        assert screen.query_one("#verdict").has_class("-good")
        await press(pilot, "enter")
        assert "✗ Not valid   already used just now" in text(pilot)
        assert screen.query_one("#verdict").has_class("-bad")


async def test_the_verdict_is_a_toast_too(server: RunningServer) -> None:
    app = make_app(clock=server.clock, profiles=[profile_of(server)])
    async with running(app) as (pilot, screen):
        await press(pilot, "v", "enter")
        toasts = [(toast.title, toast.severity) for toast in app._notifications]
        assert toasts == [("✓ Accepted", "information")]
        await submit(pilot, screen, server.wrong_code())
        toasts = [(toast.title, toast.severity) for toast in app._notifications]
        assert toasts[-1] == ("✗ Not valid", "error")


async def test_validate_is_disabled_while_there_is_nothing_to_send(server: RunningServer) -> None:
    app = make_app(clock=server.clock, profiles=[profile_of(server)])
    async with running(app) as (pilot, screen):
        screen.query_one("#code").focus()
        disabled = []
        for key in ("enter", "1", "backspace", "space"):
            await press(pilot, key)
            disabled.append(screen.query_one("#send", Button).disabled)
        assert disabled == [True, False, True, True]
        assert not app._notifications


async def test_the_mouse_can_do_it_all(server: RunningServer) -> None:
    app = make_app(clock=server.clock, profiles=[profile_of(server)])
    async with running(app) as (pilot, _):
        await pilot.click("#code")
        await press(pilot, *server.code())
        await pilot.click("#send")
        await settled(pilot)
        assert "✓ Accepted" in text(pilot)


async def test_a_code_pasted_with_its_space_is_taken(server: RunningServer) -> None:
    app = make_app(clock=server.clock, profiles=[profile_of(server)])
    async with running(app) as (pilot, screen):
        code = server.code()
        assert "✓ Accepted" in await submit(pilot, screen, f"{code[:3]} {code[3:]}")


async def test_the_tries_left_and_the_lock_are_told(server: RunningServer) -> None:
    app = make_app(clock=server.clock, profiles=[profile_of(server)])
    async with running(app) as (pilot, screen):
        wrong = server.wrong_code()
        assert "✗ Not valid   wrong code, 4 tries left" in await submit(pilot, screen, wrong)
        await submit(pilot, screen, wrong)
        await submit(pilot, screen, wrong)
        assert "1 try left" in await submit(pilot, screen, wrong)
        assert "locked for 30 s now" in await submit(pilot, screen, wrong)
        locked = await submit(pilot, screen, server.code())
        assert "! Locked" in locked
        assert "try again in 30 s" in locked
        server.clock.advance(31)
        assert "✓ Accepted" in await submit(pilot, screen, server.code())


async def test_an_early_or_late_code_says_how_far_off(server: RunningServer) -> None:
    app = make_app(clock=server.clock, profiles=[profile_of(server)])
    async with running(app) as (pilot, screen):
        assert "1 step behind" in await submit(pilot, screen, server.code(-1))
        assert "1 step ahead" in await submit(pilot, screen, server.code(1))


async def test_a_token_without_detail_learns_only_yes_or_no(server: RunningServer) -> None:
    app = make_app(clock=server.clock, profiles=[profile_of(server, token=server.check_token)])
    async with running(app) as (pilot, screen):
        accepted = await submit(pilot, screen, server.code())
        assert accepted.startswith("✓ Accepted")
        replayed = await submit(pilot, screen, server.code())
        wrong = await submit(pilot, screen, server.wrong_code())
        for verdict in (replayed, wrong):
            assert verdict.startswith("✗ Not valid")
            assert "used" not in verdict
            assert "tries" not in verdict


@pytest.mark.parametrize(
    ("token", "words"),
    [("", "wants a token"), ("ww_wrong", "does not know this token")],
)
async def test_an_unauthorised_token_has_its_own_words(
    server: RunningServer, token: str, words: str
) -> None:
    app = make_app(clock=server.clock, profiles=[profile_of(server, token=token)])
    async with running(app) as (pilot, screen):
        verdict = await submit(pilot, screen, "123456")
        assert verdict.startswith("! Not authorised")
        assert words in verdict


async def test_a_missing_scope_is_named(server: RunningServer) -> None:
    app = make_app(clock=server.clock, profiles=[profile_of(server, token=server.qr_token)])
    async with running(app) as (pilot, screen):
        verdict = await submit(pilot, screen, "123456")
        assert verdict.startswith("! Not authorised")
        assert "scope check" in verdict


async def test_an_unreachable_server_has_its_own_words(server: RunningServer) -> None:
    app = make_app(clock=server.clock, profiles=[ServerProfile("dev", NOWHERE, token="ww_x")])
    async with running(app) as (pilot, screen):
        assert "! dev not reached" in lines(pilot)[0]
        assert "! Unreachable   dev cannot be reached" in await submit(pilot, screen, "123456")
        assert screen.query_one("#verdict").has_class("-uncertain")


async def test_something_else_on_the_port_has_its_own_words(server: RunningServer) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as other:
        port = other.sockets[0].getsockname()[1]
        profile = ServerProfile("dev", f"http://127.0.0.1:{port}", token="ww_x")
        async with running(make_app(clock=server.clock, profiles=[profile])) as (pilot, screen):
            verdict = await submit(pilot, screen, "123456")
            assert verdict.startswith("! Not Watchword")
            assert "is not a Watchword server" in verdict


async def test_another_key_can_be_named(server: RunningServer) -> None:
    app = make_app(clock=server.clock, profiles=[profile_of(server)])
    async with running(app) as (pilot, screen):
        screen.query_one("#key", Input).value = "nobody"
        assert "dev has no key 'nobody'" in await submit(pilot, screen, "123456")


async def test_a_code_of_the_wrong_length_is_not_judged(server: RunningServer) -> None:
    app = make_app(clock=server.clock, profiles=[profile_of(server)])
    async with running(app) as (pilot, screen):
        verdict = await submit(pilot, screen, "12345")
        assert verdict.startswith("! Not a code")
        assert "type all of its digits" in verdict


async def test_s_asks_the_next_server_and_its_state_is_shown(
    server: RunningServer,
) -> None:
    profiles = [ServerProfile("dev", NOWHERE), profile_of(server, "prod")]
    async with running(make_app(clock=server.clock, profiles=profiles)) as (pilot, screen):
        assert "dev not reached" in lines(pilot)[0]
        await press(pilot, "s")
        assert screen.query_one("#server", Select).value == "prod"
        assert "prod" in lines(pilot)[0]
        assert "clock ok" in lines(pilot)[0]
        await press(pilot, "v", "enter")
        assert "✓ Accepted" in text(pilot)


async def test_the_last_verdicts_are_listed_where_there_is_room(server: RunningServer) -> None:
    app = make_app(clock=server.clock, profiles=[profile_of(server)])
    async with running(app, (120, 40)) as (pilot, _):
        await press(pilot, "v", "enter", "enter")
        listed = [line for line in lines(pilot) if line.rstrip(" │").endswith("  dev")]
        assert ["✗ Not valid" in listed[0], "✓ Accepted" in listed[1]] == [True, True]


async def test_while_asking_it_says_so_and_escape_gives_up(server: RunningServer) -> None:
    asked = asyncio.Event()

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b"/check" in await reader.readuntil(b"\r\n\r\n"):
            asked.set()
            await reader.read()
        writer.close()

    async with await asyncio.start_server(never, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        profile = ServerProfile("dev", f"http://127.0.0.1:{port}", token="ww_x")
        async with running(make_app(clock=server.clock, profiles=[profile])) as (pilot, screen):
            await pilot.press("v", "enter")
            await asked.wait()
            await pilot.pause()
            assert "Asking dev" in text(pilot)
            assert screen.query_one("#send", Button).disabled
            await pilot.press("escape")
            await pilot.pause()
            assert "Asking" not in text(pilot)
            assert screen.code_list.has_focus
