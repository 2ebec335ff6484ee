"""Reading a file of another app: its passphrase, its price, how long it takes, and why it cannot be."""

from __future__ import annotations

import asyncio
import concurrent.futures
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Static

from watchword_tui.background import in_background
from watchword_tui.errors import CancelledError, WatchwordError, WrongPassphraseError
from watchword_tui.exchange.cost import words
from watchword_tui.exchange.reading import Recognised, read_entries
from watchword_tui.screens.page import Dialog
from watchword_tui.sentences import sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from textual.app import ComposeResult

    from watchword_tui.exchange.model import Cost
    from watchword_tui.exchange.source import Source

_Answer = TypeVar("_Answer")
_TRIES = 3
_TICK = 1.0
"""Seconds between two looks at how long it has taken."""


class ReadingScreen(Dialog[Recognised | None]):
    """Closes with what the file gave, or with None where the person gave up."""

    DEFAULT_CSS = """
    ReadingScreen {
        #reading { height: auto; }
        #reading.-bad { color: $error; }
        #reading-more { height: auto; color: $foreground 65%; }
        Input { margin-top: 1; background: $panel; padding: 0 1; }
        Input:focus { background: $accent 25%; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Back", key_display="Esc")]

    def __init__(self, name: str, load: Callable[[], Source], format_name: str = "") -> None:
        """Read what `load` gives, in a thread.

        Args:
            name: What the file is called, cleaned.
            load: Gives the file's content; may block, and raise `ForeignFileError`.
            format_name: The format, where it is not told by the content.
        """
        super().__init__()
        self._file = name
        self._load = load
        self._format_name = format_name
        self._allowed: set[str] = set()
        self._answer: asyncio.Future[str] | None = None
        self._what = ""
        self._working = True
        self._seconds = 0
        self._wrong = 0

    def compose(self) -> ComposeResult:
        """Lay out what is going on, a field for the passphrase, and two buttons."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(self._file)
            yield Static("", id="reading", markup=False)
            yield Static("", id="reading-more", markup=False)
            yield Input(password=True, compact=True)
            with Horizontal(classes="buttons"):
                yield Button("Cancel (Esc)", compact=True, id="cancel")
                yield Button("Go on (Enter)", compact=True, id="go", variant="primary")

    def on_mount(self) -> None:
        """Begin to read."""
        self.query_one(Input).cursor_blink = False
        self._say("Reading …")
        self.set_interval(_TICK, self._tick)
        self._read()

    def on_unmount(self) -> None:
        """Let the thread go, also where the app locked over this."""
        self._give_up()

    def _give_up(self) -> None:
        if self._answer is not None:
            self._answer.cancel()

    @work
    async def _read(self) -> None:
        ask = _Asked(self, asyncio.get_running_loop())
        try:
            source = await in_background(self._load)
            found = await self._tried(source, ask)
        except CancelledError:
            pass  # it comes of closing this screen
        except WatchwordError as error:
            self._say(f"! {sentence(error.message)}", sentence(error.remedy), bad=True)
        else:
            self.dismiss(found)

    async def _tried(self, source: Source, ask: _Asked) -> Recognised:
        while True:
            try:
                return await in_background(lambda: read_entries(source, ask, self._format_name))
            except WrongPassphraseError:
                self._wrong += 1
                if self._wrong == _TRIES:
                    raise

    async def ask_passphrase(self) -> str:
        """Show the field, and wait for what is typed into it."""
        what = "Type the passphrase it was encrypted with."
        if self._wrong:
            left = _TRIES - self._wrong
            tries = "one try is left" if left == 1 else f"{left} tries are left"
            what = f"That is not the passphrase: {tries}."
        self._say(what, bad=self._wrong > 0, field=True)
        passphrase = await self._answered()
        self._say("Opening it …")
        return passphrase

    async def ask_cost(self, cost: Cost) -> bool:
        """Ask once whether work that takes long is wanted."""
        if cost.what not in self._allowed:
            self._say(
                f"Opening it takes {words(cost)} here. Go on?",
                f"{cost.what}: so slow that nobody can guess the passphrase.",
                go=True,
            )
            await self._answered()
            self._allowed.add(cost.what)
        self._say("Opening it …", f"{words(cost).capitalize()}.")
        return True

    async def _answered(self) -> str:
        self._answer = asyncio.get_running_loop().create_future()
        return await self._answer

    def _say(
        self, what: str, more: str = "", *, bad: bool = False, field: bool = False, go: bool = False
    ) -> None:
        self._seconds = 0
        self._what = what
        self._working = not (bad or field or go)
        self.query_one("#reading", Static).update(Content(what))
        self.query_one("#reading").set_class(bad, "-bad")
        self.query_one("#reading-more", Static).update(Content(more))
        self.query_one("#reading-more").display = bool(more)
        entry = self.query_one(Input)
        entry.value = ""
        entry.display = field
        self.query_one("#go").display = field or go
        (entry if field else self.query_one("#go" if go else "#cancel")).focus()

    def _tick(self) -> None:
        """Say how long it has taken, while nothing is asked."""
        if self._working:
            self._seconds += 1
            self.query_one("#reading", Static).update(Content(f"{self._what} {self._seconds} s"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer with the passphrase."""
        self._give(event.value)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Do as the keys do."""
        if event.button.id == "go":
            self._give(self.query_one(Input).value)
        else:
            self.action_close()

    def _give(self, answer: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    def action_close(self) -> None:
        """Give up; what still runs in the thread comes to nothing."""
        self._give_up()
        self.dismiss(None)


class _Asked:
    """Asks on the screen, for a thread that waits."""

    def __init__(self, screen: ReadingScreen, loop: asyncio.AbstractEventLoop) -> None:
        self._screen = screen
        self._loop = loop

    def passphrase(self) -> str:
        return self._wait(self._screen.ask_passphrase())

    def allow(self, cost: Cost) -> bool:
        return self._wait(self._screen.ask_cost(cost))

    def _wait(self, asking: Coroutine[None, None, _Answer]) -> _Answer:
        try:
            return asyncio.run_coroutine_threadsafe(asking, self._loop).result()
        except concurrent.futures.CancelledError:
            raise CancelledError("not opened") from None
