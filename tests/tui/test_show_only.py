"""A screen that only shows codes: no key is seen, changed or taken out, by whatever is pressed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from textual.binding import Binding

from apps import GITHUB, account_of, make_vault_app, settled
from dialogs import said, shows
from servers import NOON, Clock
from watchword_tui.screens.codes import CodesScreen
from watchword_tui.screens.showing import LEFT_OUT, OFFERED
from watchword_tui.vault.document import Document, read_document

if TYPE_CHECKING:
    from pathlib import Path

KEPT = {
    *("validate", "next_server", "help", "back"),
    *("copy", "next_code", "reveal", "toggle_hidden"),
    *("filter", "order", "group"),
    *("app.focus_next", "app.focus_previous", "screen.copy_text"),
}
"""What may be done: it shows no key."""


def bindings() -> list[Binding]:
    owners = CodesScreen.__mro__
    found = [one for owner in owners for one in owner.__dict__.get("BINDINGS", ())]
    return [one for one in found if isinstance(one, Binding)]


def test_of_each_action_it_was_decided_whether_it_may_be_done() -> None:
    assert {one.action.partition("(")[0] for one in bindings()} == KEPT | LEFT_OUT


@pytest.mark.parametrize(
    "key",
    [
        one
        for binding in bindings()
        if binding.action.partition("(")[0] in LEFT_OUT
        for one in binding.key.split(",")
    ],
)
async def test_no_key_opens_what_is_left_out(tmp_path: Path, key: str) -> None:
    app = make_vault_app(tmp_path, [GITHUB, account_of(GITHUB)], clock=Clock(NOON), show_only=True)
    before = (tmp_path / "vault.json").read_bytes()
    async with app.run_test(notifications=True) as pilot:
        await settled(pilot)
        await pilot.press(key)
        await settled(pilot)
        assert isinstance(app.screen, CodesScreen)
        assert "a Add" not in said(pilot)
    assert (tmp_path / "vault.json").read_bytes() == before


async def test_a_quarantined_row_is_not_opened(tmp_path: Path) -> None:
    info = {"secret": "JBSWY3DPEHPK3PXP1", "algo": "SHA1", "digits": 6, "period": 30}
    row = {
        "type": "totp",
        "uuid": "11111111-1111-4111-8111-111111111111",
        "issuer": "Broken",
        "name": "row",
        "info": info,
    }
    content = msgspec.json.encode({"version": 3, "entries": [row], "groups": []})
    document = Document().with_added([account_of(GITHUB)]).with_rows(read_document(content).rows)
    app = make_vault_app(tmp_path, document, clock=Clock(NOON), show_only=True)
    async with app.run_test(notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("down")
        await shows(pilot, "Broken")
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(app.screen, CodesScreen)


async def test_palette_and_help_offer_what_is_left(tmp_path: Path) -> None:
    app = make_vault_app(tmp_path, [GITHUB], clock=Clock(NOON), show_only=True)
    async with app.run_test(notifications=True) as pilot:
        await settled(pilot)
        offered = {command.title for command in app.get_system_commands(app.screen)}
        assert offered == OFFERED | {"Theme", "Quit"}
        await pilot.press("question_mark")
        await shows(pilot, "Validate", "Copy", "Quit")
        for word in ("Export", "Delete", "Import", "QR", "Enrol"):
            assert word not in said(pilot)


async def test_otherwise_all_is_offered(tmp_path: Path) -> None:
    app = make_vault_app(tmp_path, [GITHUB], clock=Clock(NOON))
    async with app.run_test(notifications=True) as pilot:
        await settled(pilot)
        offered = {command.title for command in app.get_system_commands(app.screen)}
        assert offered >= OFFERED | {"Export", "QR code", "Add"}
