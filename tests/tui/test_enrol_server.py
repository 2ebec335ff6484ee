"""Enrolling on the server from the app: made, scanned, confirmed, saved, and what can come between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from apps import GITHUB, NOWHERE, make_app, make_vault_app, profile_of, settled
from dialogs import kept, on_screen, said, shows
from each_store import run_sql
from enrolments import begin, code, fill, lead, opened, send, status, tells, told
from loopback import losing_answers
from servers import RunningServer, running_server, store_token
from watchword_server.tokens import Scope, Token, digest_of, new_token
from watchword_tui.screens.confirm import ConfirmScreen
from watchword_tui.screens.enrol import EnrolScreen
from watchword_tui.screens.enrol_form import EnrolForm
from watchword_tui.screens.recovery_codes import RecoveryCodesScreen
from watchword_tui.widgets.qr_view import QrView

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RunningServer]:
    async with running_server(tmp_path, key=GITHUB) as running:
        yield running


class TestConfirming:
    async def test_from_the_form_to_the_recovery_codes_in_a_file(
        self, server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        async with opened(server) as pilot:
            key = await begin(pilot, tmp_path, issuer="Example", account="alice@example.com")
            assert (key.issuer, key.name) == ("Example", "alice@example.com")
            seen = told(pilot)
            assert "Enrol alice on dev" in seen
            assert " ".join([key.secret.base32()[:4], key.secret.base32()[4:8]]) in seen
            assert "23 h 59 min left to confirm it" in seen or "24 h 0 min left" in seen
            assert await status(server) == "pending"
            await send(pilot, code(key, server))
            await on_screen(pilot, RecoveryCodesScreen)
            assert await status(server) == "active"
            seen = await shows(pilot, "✓ Confirmed", "not shown again")
            await pilot.press("s")
            await shows(pilot, "Save the recovery codes")
            await pilot.press("enter")
            await shows(pilot, "✓ Saved in")
            sheet = tmp_path / "recovery-codes-alice.txt"
            assert sheet.stat().st_mode & 0o777 == 0o600
            lines = sheet.read_text().splitlines()
            assert lines[:2] == ["Recovery codes of alice on dev", "Example (alice@example.com)"]
            codes = [line.split()[1] for line in lines[4:]]
            assert len(codes) == 10
            assert all(each in seen for each in codes)
            await pilot.press("escape")
            await settled(pilot)
            assert codes[0] not in said(pilot)
        async with server.client() as client:
            redeem = "/v1/keys/alice/recovery-codes/redeem"
            assert (await client.post(redeem, json={"code": codes[7]})).json()["valid"] is True

    async def test_codes_that_were_not_saved_are_not_left_without_a_question(
        self, server: RunningServer, tmp_path: Path
    ) -> None:
        async with opened(server) as pilot:
            key = await begin(pilot, tmp_path)
            await send(pilot, code(key, server))
            screen = await on_screen(pilot, RecoveryCodesScreen)
            await pilot.press("escape")
            await on_screen(pilot, ConfirmScreen)
            await pilot.press("n")
            assert await on_screen(pilot, RecoveryCodesScreen) is screen
            await pilot.press("escape")
            await on_screen(pilot, ConfirmScreen)
            await pilot.press("y")
            await settled(pilot)

    @pytest.mark.parametrize("name", ["there/sheet.txt", "taken.txt", ""])
    async def test_a_file_that_cannot_be_made_loses_nothing(
        self, server: RunningServer, tmp_path: Path, name: str
    ) -> None:
        (tmp_path / "taken.txt").write_text("mine")
        async with opened(server) as pilot:
            key = await begin(pilot, tmp_path)
            await send(pilot, code(key, server))
            await on_screen(pilot, RecoveryCodesScreen)
            await pilot.press("s")
            await shows(pilot, "Save the recovery codes")
            field = pilot.app.focused
            field.value = f"{tmp_path}/{name}"  # type: ignore[union-attr]
            await pilot.press("enter")
            await shows(pilot, {"": "Type the name"}.get(name, "no folder" if "/" in name else "✗"))
            assert (tmp_path / "taken.txt").read_text() == "mine"

    async def test_it_can_be_kept_in_the_vault_as_well(
        self, server: RunningServer, tmp_path: Path
    ) -> None:
        folder = tmp_path / "mine"
        folder.mkdir()
        app = make_vault_app(folder, clock=server.clock, profiles=[profile_of(server)])
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            await settled(pilot)
            key = await begin(pilot, tmp_path, issuer="Example")
            await pilot.press("k")
            # Not before it is confirmed.
            await on_screen(pilot, EnrolScreen)
            await send(pilot, code(key, server))
            await on_screen(pilot, RecoveryCodesScreen)
            await pilot.press("k", "y")
            await shows(pilot, "2 accounts")
        assert [row.account.key for row in kept(folder).rows if row.account][1] == key

    @pytest.mark.parametrize(("offset", "words"), [(-5, "5 steps slow"), (None, "take the one that")])
    async def test_a_wrong_code_says_what_is_wrong_and_another_can_be_typed(
        self, server: RunningServer, tmp_path: Path, offset: int | None, words: str
    ) -> None:
        async with opened(server) as pilot:
            key = await begin(pilot, tmp_path)
            near = {code(key, server, step) for step in range(-40, 41)}
            wrong = next(f"{number:06}" for number in range(100) if f"{number:06}" not in near)
            await send(pilot, wrong if offset is None else code(key, server, offset))
            await tells(pilot, "✗ Not valid", words)
            await send(pilot, code(key, server))
            await on_screen(pilot, RecoveryCodesScreen)

    async def test_locked_it_says_how_long_and_goes_on_afterwards(
        self, server: RunningServer, tmp_path: Path
    ) -> None:
        async with opened(server) as pilot:
            key = await begin(pilot, tmp_path)
            await run_sql(
                server.database,
                f"UPDATE keys SET failures = 5, locked_until = {server.clock.now + 30}",
            )
            await send(pilot, code(key, server))
            await tells(pilot, "! Locked", "Try again in 30 s")
            server.clock.advance(30)
            await send(pilot, code(key, server))
            await on_screen(pilot, RecoveryCodesScreen)

    async def test_letters_in_the_field_are_keys_of_the_screen(
        self, server: RunningServer, tmp_path: Path
    ) -> None:
        async with opened(server, size=(120, 40)) as pilot:
            await begin(pilot, tmp_path)
            screen = await on_screen(pilot, EnrolScreen)
            await pilot.press("1", "2", "r", "3", " ")
            assert screen.panel.field.value == "123 "
            assert screen.query_one(QrView).size.width > 60, "two cells a module"


class TestEnding:
    async def test_giving_up_deletes_the_key_after_a_question(
        self, server: RunningServer, tmp_path: Path
    ) -> None:
        async with opened(server) as pilot:
            await begin(pilot, tmp_path)
            await pilot.press("escape")
            await on_screen(pilot, ConfirmScreen)
            assert "Give up enrolling alice?" in said(pilot)
            await pilot.press("n")
            await on_screen(pilot, EnrolScreen)
            assert await status(server) == "pending"
            await pilot.press("escape")
            await on_screen(pilot, ConfirmScreen)
            await pilot.press("y")
            await shows(pilot, "✓ Given up", "alice is deleted on dev")
            assert await status(server) is None

    async def test_a_key_that_was_confirmed_elsewhere_is_not_deleted(
        self, server: RunningServer, tmp_path: Path
    ) -> None:
        async with opened(server) as pilot:
            key = await begin(pilot, tmp_path)
            async with server.client() as client:
                await client.post("/v1/keys/alice/confirm", json={"code": code(key, server)})
            await pilot.press("escape")
            await on_screen(pilot, ConfirmScreen)
            await pilot.press("y")
            await shows(pilot, "! In use", "It was not deleted")
            assert await status(server) == "active"

    async def test_confirmed_elsewhere(self, server: RunningServer, tmp_path: Path) -> None:
        async with opened(server) as pilot:
            key = await begin(pilot, tmp_path)
            async with server.client() as client:
                await client.post("/v1/keys/alice/confirm", json={"code": code(key, server)})
            await send(pilot, code(key, server, 1))
            seen = await tells(pilot, "! Confirmed already", "typed elsewhere")
            assert "By hand" not in seen
            assert pilot.app.screen.query_one(QrView).size.width == 0
            await pilot.press("escape")
            await settled(pilot)

    async def test_too_late(self, server: RunningServer, tmp_path: Path) -> None:
        async with opened(server) as pilot:
            key = await begin(pilot, tmp_path)
            server.clock.advance(86_400 - 90)
            await tells(pilot, "89 s left to confirm it")
            server.clock.advance(90)
            await tells(pilot, "Its time is over")
            await send(pilot, code(key, server))
            await tells(pilot, "! Too late", "not confirmed in time")

    async def test_too_late_by_the_servers_word_alone(
        self, server: RunningServer, tmp_path: Path
    ) -> None:
        async with opened(server) as pilot:
            key = await begin(pilot, tmp_path)
            await run_sql(server.database, "UPDATE keys SET expires_at = 1 WHERE name = 'alice'")
            await send(pilot, code(key, server))
            await tells(pilot, "! Too late")

    async def test_deleted_meanwhile(self, server: RunningServer, tmp_path: Path) -> None:
        async with opened(server) as pilot:
            key = await begin(pilot, tmp_path)
            async with server.client() as client:
                await client.delete("/v1/keys/alice")
            await send(pilot, code(key, server))
            await tells(pilot, "! Deleted", "Enrol it again")

    async def test_a_server_with_another_clock_does_not_change_the_time_left(
        self, server: RunningServer
    ) -> None:
        app = make_app(clock=lambda: server.clock() - 3600, profiles=[profile_of(server)])
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            await settled(pilot)
            await fill(pilot, "alice")
            seen = await tells(pilot, "left to confirm it")
            assert "24 h 0 min" in seen or "23 h 59 min" in seen


class TestLostConnections:
    async def test_a_server_that_is_away_is_asked_again_with_the_same_code(
        self, server: RunningServer, tmp_path: Path
    ) -> None:
        profile = profile_of(server)
        async with opened(server, profile) as pilot:
            key = await begin(pilot, tmp_path)
            lead(pilot, profile, NOWHERE)
            await send(pilot, code(key, server))
            await tells(pilot, "! Unreachable", "Is the server running?")
            # Nothing arrived: whoever confirms it now has the recovery codes.
            assert not pilot.app.screen._enrolment._answer_was_lost  # type: ignore[attr-defined]
            lead(pilot, profile, server.url)
            await pilot.press("enter")
            await on_screen(pilot, RecoveryCodesScreen)

    async def test_a_lost_answer_to_the_first_code_loses_no_key(
        self, server: RunningServer, tmp_path: Path
    ) -> None:
        async with losing_answers(server.url, "/confirm") as front:
            profile = replace(profile_of(server), url=front.url)
            async with opened(server, profile) as pilot:
                key = await begin(pilot, tmp_path)
                await send(pilot, code(key, server))
                await tells(pilot, "! Unreachable", "Try again")
                assert len(front.requests) == 1
                assert await status(server) == "active"
                lead(pilot, profile, server.url)
                await pilot.press("enter")
                await tells(pilot, "✓ Confirmed", "recovery codes was lost")
                await pilot.press("n")
                await on_screen(pilot, RecoveryCodesScreen)
                shown = said(pilot)
        async with server.client() as client:
            codes = [word for word in shown.split() if word.count("-") == 5]
            redeem = "/v1/keys/alice/recovery-codes/redeem"
            assert (await client.post(redeem, json={"code": codes[0]})).json()["valid"] is True

    async def test_a_lost_answer_to_the_new_key_is_taken_up_again(
        self, server: RunningServer, tmp_path: Path
    ) -> None:
        async with losing_answers(server.url, "/v1/keys") as front:
            profile = replace(profile_of(server), url=front.url)
            async with opened(server, profile) as pilot:
                await fill(pilot, "alice", "Example")
                await tells(pilot, "if alice was made, it is shown then")
                assert await status(server) == "pending"
                lead(pilot, profile, server.url)
                await pilot.press("escape")
                await settled(pilot)
                key = await begin(pilot, tmp_path)
                assert key.issuer == "Example"
                assert "was made before and waits still. It keeps its labels." in told(pilot)
                await send(pilot, code(key, server))
                await on_screen(pilot, RecoveryCodesScreen)


class TestRefusals:
    async def test_a_name_in_use(self, server: RunningServer) -> None:
        async with opened(server) as pilot:
            await fill(pilot, "default")
            await tells(pilot, "! The key default is in use on dev", "keys recovery-codes default")

    async def test_a_token_that_may_not(self, server: RunningServer) -> None:
        async with opened(server, profile_of(server, token=server.qr_token)) as pilot:
            await fill(pilot, "alice")
            await tells(pilot, "The token may not do this on dev", "--scope keys:write")

    async def test_a_name_that_is_taken_and_may_not_be_looked_at(self, server: RunningServer) -> None:
        text = new_token()
        scopes = frozenset({Scope.KEYS_WRITE})
        await store_token(server.store, Token(name="few", digest=digest_of(text), scopes=scopes))
        async with server.client() as client:
            await client.post("/v1/keys", json={"name": "alice"})
        async with opened(server, profile_of(server, token=text)) as pilot:
            await fill(pilot, "alice")
            await tells(pilot, "! There is a key alice on dev already.", "Choose another name")

    @pytest.mark.parametrize("name", ["-alice", "alice.", "_", "alice@example.com", "Mary Ann"])
    async def test_what_is_no_name_is_not_sent(self, server: RunningServer, name: str) -> None:
        async with opened(server) as pilot:
            await pilot.press("e")
            form = await on_screen(pilot, EnrolForm)
            form.query_one("#key-name").value = name  # type: ignore[attr-defined]
            await pilot.press("enter")
            await shows(pilot, "✗ A name has 1 to 64 of a-z")
            assert pilot.app.screen is form

    async def test_capitals_are_a_slip(self, server: RunningServer, tmp_path: Path) -> None:
        async with opened(server) as pilot:
            await begin(pilot, tmp_path, "Alice")
            assert await status(server, "alice") == "pending"
