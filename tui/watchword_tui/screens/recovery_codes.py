"""The recovery codes of a key that was just confirmed: shown this once, and saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Footer, Static

from watchword_tui.errors import WatchwordError
from watchword_tui.exchange.files import write_new
from watchword_tui.folders import shown, split
from watchword_tui.recovery_sheet import recovery_sheet
from watchword_tui.screens.page import Page
from watchword_tui.sentences import sentences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from watchword_tui.reach import Reach

_QUESTION = "Leave without saving the recovery codes?\n\nThey are not shown again."


class RecoveryCodesScreen(Page[bool]):
    """Closes with whether the key is to be kept in the list here as well.

    Args:
        name: The key's name on the server.
        server: What the server is called.
        whose: Issuer and account, as the phone shows them.
        codes: The recovery codes.
        now: Unix seconds, for the date on the sheet.
        reach: Where the sheet can be saved.
    """

    DEFAULT_CSS = """
    RecoveryCodesScreen {
        #recovery { padding: 1 2 0 2; height: 1fr; max-width: 100; }
        #recovery > Static { height: auto; margin-bottom: 1; }
        #recovery > #confirmed { color: $success; text-style: bold; }
        #recovery > #codes { text-style: bold; padding-left: 2; }
        #recovery > #recovery-words { min-height: 1; color: $foreground 80%; }
        #recovery > #recovery-words.-bad { color: $error; }
        .buttons { height: 1; }
        .buttons Button { margin-right: 2; }
    }
    """
    ALLOW_SELECT = False
    AUTO_FOCUS = ""  # Enter ends this, and presses no button.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "save", "Save", tooltip="Write the recovery codes to a new file"),
        Binding("k", "keep", "Keep here", tooltip="Take the key into the list here as well"),
        Binding("escape,enter", "close", "Done", key_display="Esc"),
    ]

    def __init__(  # noqa: PLR0913 - what stands on the sheet, and where that may go
        self, name: str, server: str, whose: str, codes: Sequence[str], now: float, *, reach: Reach
    ) -> None:
        super().__init__()
        self._key_name = name
        self._server = server
        self._sheet = recovery_sheet(name, server, whose, codes, now)
        self._codes = codes
        self.question_before_leaving = _QUESTION
        self._reach = reach

    def compose(self) -> ComposeResult:
        """Lay out what happened, the codes, and what to do with them."""
        with Vertical(id="recovery"):
            yield Static(
                Content(
                    f"✓ Confirmed: from now on the codes of {self._key_name} count on {self._server}."
                ),
                id="confirmed",
            )
            yield Static(
                "These are the recovery codes. Each lets you in once, when the phone is gone."
                " They are not shown again: save them where you keep passwords.",
                markup=False,
            )
            lines = [f"{number:>2}  {code}" for number, code in enumerate(self._codes, 1)]
            yield Static(Content("\n".join(lines)), id="codes", classes="secret")
            yield Static("", id="recovery-words", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Save (s)", compact=True, id="save", variant="primary")
                yield Button("Keep the key here too (k)", compact=True, id="keep")
                yield Button("Done (Esc)", compact=True, id="done")
        yield Footer(compact=True, show_command_palette=False)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Do as the keys do."""
        match event.button.id:
            case "save":
                self.action_save()
            case "keep":
                self.action_keep()
            case _:
                self.action_close()

    @work(exclusive=True)
    async def action_save(self) -> None:
        """Ask for a file's name, and write the sheet."""
        from watchword_tui.screens.ask import AskScreen  # noqa: PLC0415 - when asked for

        text = "A new file, for your eyes only. Print it, or move it into your password manager."
        if self._reach.root is not None:
            text = (
                "A new file on the machine that the app runs on. It cannot be fetched from here:"
                " write the codes down as well."
            )
        # Where there is one folder only, that is where the app is.
        home = "~/" if self._reach.root is None else ""
        suggested = f"{home}recovery-codes-{self._key_name}.txt"
        ask = AskScreen("Save the recovery codes", text, self._trouble_with, value=suggested)
        path = await self.app.push_screen_wait(ask)
        if path is None:
            return
        folder, name = split(path)
        try:
            target = self._reach.checked(folder) / name
            write_new(target, self._sheet.encode())
        except WatchwordError as error:
            self._say(f"✗ {sentences(error)}", bad=True)
            return
        self.question_before_leaving = ""
        self._say(f"✓ Saved in {shown(target)}.")

    def _trouble_with(self, text: str) -> str:
        """What is wrong with a name, before the dialog closes."""
        folder, name = split(text)
        if not name:
            return "Type the name of a new file."
        try:
            found = self._reach.checked(folder)
        except WatchwordError as error:
            return sentences(error)
        return "" if found.is_dir() else f"There is no folder {folder}."

    def _say(self, words: str, *, bad: bool = False) -> None:
        place = self.query_one("#recovery-words", Static)
        place.set_class(bad, "-bad")
        place.update(Content(words))

    def action_keep(self) -> None:
        """Close, taking the key into the list."""
        self._leave(keep=True)

    def action_close(self) -> None:
        """Close, taking nothing."""
        self._leave(keep=False)

    @work(exclusive=True, group="leave")
    async def _leave(self, *, keep: bool) -> None:
        """Close; ask first where the codes were not saved: they are not shown again."""
        from watchword_tui.screens.confirm import ConfirmScreen  # noqa: PLC0415 - when asked for

        question = self.question_before_leaving
        if not question or await self.app.push_screen_wait(ConfirmScreen(question, "Leave")):
            self.dismiss(keep)

    @property
    def loss(self) -> str:
        """What is lost with this screen, and how to get it again."""
        if not self.question_before_leaving:
            return ""
        return (
            "The recovery codes were not saved. New ones:"
            f" watchword-server keys recovery-codes {self._key_name}"
        )
