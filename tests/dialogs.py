"""The app's dialogs in tests: opened on a real vault file, waited for by what they show."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

from textual import events

from apps import lines, make_vault_app
from servers import NOON, Clock
from watchword_tui.screens.codes import CodesScreen
from watchword_tui.vault.store import VaultStore
from watchword_tui.vault.vault import read_vault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from textual.pilot import Pilot
    from textual.screen import Screen

    from watchword_otp import Key
    from watchword_tui.accounts import Account
    from watchword_tui.vault.document import Document

SIZES = [(80, 24), (120, 40)]
HOSTILE = "[/] [@click=app.quit]x[/] \x1b]52;c;aGk=\x07 \u202e" + "宽" * 60
"""A label that is markup, an action, a sequence for the terminal, turned round, and very wide."""

_Screen = TypeVar("_Screen", bound="Screen[Any]")


def said(pilot: Pilot[None]) -> str:
    """What is on the screen, in one line."""
    return " ".join(" ".join(lines(pilot)).split())


async def until(pilot: Pilot[None], condition: Callable[[], bool], what: str) -> None:
    """Wait for `condition`; `what` says in the failure what never came."""
    for _ in range(500):
        await pilot.pause(0.01)
        if condition():
            return
    raise AssertionError(f"{what} never came; there is:\n" + "\n".join(lines(pilot)))


async def shows(pilot: Pilot[None], *words: str) -> str:
    """Wait until all these words are on the screen; give what is on it."""
    await until(pilot, lambda: all(one in said(pilot) for one in words), repr(words))
    return said(pilot)


async def on_screen(pilot: Pilot[None], kind: type[_Screen]) -> _Screen:
    """Wait until a screen of this kind is on top."""
    await until(pilot, lambda: isinstance(pilot.app.screen, kind), kind.__name__)
    await pilot.pause()
    screen = pilot.app.screen
    assert isinstance(screen, kind)
    return screen


async def type_in(pilot: Pilot[None], text: str) -> None:
    """Put a text into the field that has the focus; the last letter is a key, which are slow here."""
    await pilot.pause()
    field = pilot.app.screen.focused
    assert field is not None
    field.post_message(events.Paste(text[:-1]))
    await pilot.pause()
    await pilot.press(text[-1])


@contextlib.asynccontextmanager
async def on_vault(
    folder: Path,
    content: Sequence[Account | Key] | Document,
    *,
    size: tuple[int, int] = (80, 24),
    others: Sequence[Key] = (),
) -> AsyncIterator[Pilot[None]]:
    """Run the app on a plain vault file in `folder` until its list is whole."""
    app = make_vault_app(folder, content, clock=Clock(NOON + 12.0), others=others)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: _is_whole(pilot), "the list")
        yield pilot


def _is_whole(pilot: Pilot[None]) -> bool:
    screen = pilot.app.screen
    return isinstance(screen, CodesScreen) and screen.is_whole


def kept(folder: Path) -> Document:
    """What the vault's file in `folder` holds now, read anew."""
    return read_vault(VaultStore(folder / "vault.json")).open_plain().document
