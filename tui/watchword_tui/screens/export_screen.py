"""Writing accounts to a file for another app, or showing them as QR codes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Footer, Input, Select, Static

from watchword_tui.background import in_background
from watchword_tui.errors import WatchwordError
from watchword_tui.exchange.files import write_new
from watchword_tui.exchange.writing import WRITERS
from watchword_tui.folders import split
from watchword_tui.screens.page import Page
from watchword_tui.screens.typing_ahead import TAB_AT_ONCE
from watchword_tui.sentences import sentences
from watchword_tui.vault.vault import check_passphrase
from watchword_tui.widgets.cells import fit
from watchword_tui.widgets.line_list import LineList

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from textual.app import ComposeResult

    from watchword_tui.accounts import Account
    from watchword_tui.exchange.model import Writer, Written
    from watchword_tui.reach import Reach

_TITLE_WIDTH = 24
_ALL, _ONE, _GROUP = "all", "one", "group:"
_PLAIN = "Not encrypted: whoever reads the file can make the codes for ever."


class FormatList(LineList):
    """What can be written: encrypted files, plain ones, QR codes on the screen."""

    DEFAULT_CSS = """
    FormatList { height: auto; }
    """

    @property
    def count(self) -> int:
        """How many there are; the last is no file."""
        return len(WRITERS) + 1

    @property
    def writer(self) -> Writer | None:
        """The one that is highlighted; None is QR codes on the screen."""
        return WRITERS[self.cursor] if self.cursor < len(WRITERS) else None

    def spans(self, index: int, width: int) -> list[tuple[str, str]]:
        """Whose files they are, and whether they are encrypted."""
        if index == len(WRITERS):
            title, more, ink = (
                "QR codes, here",
                "on this screen, page by page, to scan",
                "quiet",
            )
        else:
            title = WRITERS[index].title
            encrypted = WRITERS[index].encrypts
            more, ink = ("encrypted", "good") if encrypted else ("plain", "warning")
        return [(fit(title, _TITLE_WIDTH), "strong"), (fit(more, width - _TITLE_WIDTH), ink)]


class ExportScreen(Page[None]):
    """A form: which format, which accounts, which file, which passphrase.

    Args:
        accounts: All that can be exported.
        highlighted: The one that is highlighted in the list, if any.
        groups: The names of the groups.
        clock: Gives Unix seconds.
        reach: Where files can be written.
    """

    DEFAULT_CSS = """
    ExportScreen {
        #export { padding: 0 1; height: 1fr; max-width: 100; scrollbar-size-vertical: 1; }
        #export-title { text-style: bold; color: $accent; margin-bottom: 1; }
        .row { height: 1; }
        .caption { width: 13; color: $foreground 65%; padding-left: 1; }
        #which-row { margin-top: 1; }
        Input { width: 1fr; background: $panel; padding: 0 1; }
        Input:focus { background: $accent 25%; }
        Select { width: 1fr; }
        SelectCurrent { background: $panel; padding: 0 1; }
        Select:focus SelectCurrent { background: $accent 25%; }
        #export-say { height: auto; min-height: 1; margin: 1 1 0 1; color: $warning; }
        #export-say.-bad { color: $error; }
        .buttons { height: 1; margin-top: 1; align-horizontal: right; }
        .buttons Button { margin-left: 2; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *TAB_AT_ONCE,
        Binding("ctrl+s", "write", "Export", key_display="^s", tooltip="Write the file"),
        Binding("escape", "close", "Back", key_display="Esc", tooltip="Write nothing"),
    ]

    def __init__(
        self,
        accounts: Sequence[Account],
        highlighted: Account | None,
        groups: Sequence[str],
        clock: Callable[[], float],
        reach: Reach,
    ) -> None:
        super().__init__()
        self._reach = reach
        self._accounts = accounts
        self._highlighted = highlighted
        self._groups = groups
        self._day = datetime.fromtimestamp(clock(), UTC).astimezone().strftime("%Y-%m-%d")
        self._suggested = ""
        self._busy = False

    def compose(self) -> ComposeResult:
        """Lay out the formats over the fields."""
        count = len(self._accounts)
        which: list[tuple[Content, str]] = [(Content(f"all {count}"), _ALL)]
        if self._highlighted is not None:
            which.append((Content(f"only {self._highlighted.key.title}"), _ONE))
        which += [(Content(f"group {name}"), f"{_GROUP}{name}") for name in self._groups]
        with VerticalScroll(id="export", can_focus=False):
            yield Static("Export", id="export-title", markup=False)
            yield FormatList()
            with Horizontal(classes="row", id="which-row"):
                yield Static("Accounts", classes="caption")
                yield Select(which, value=_ALL, allow_blank=False, compact=True, id="which")
            with Horizontal(classes="row", id="file-row"):
                yield Static("File", classes="caption")
                yield Input(id="file", compact=True, select_on_focus=False)
            with Horizontal(classes="row", id="passphrase-row"):
                yield Static("Passphrase", classes="caption")
                yield Input(id="passphrase", password=True, compact=True)
            with Horizontal(classes="row", id="again-row"):
                yield Static("Once more", classes="caption")
                yield Input(id="again", password=True, compact=True)
            yield Static("", id="export-say", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel (Esc)", compact=True, id="cancel")
                yield Button("Export (^s)", compact=True, id="write", variant="primary")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Begin with the formats."""
        for field in self.query(Input):
            field.cursor_blink = False
        self.query_one(FormatList).focus()
        self._show_format()

    @on(LineList.Highlighted)
    def _show_format(self) -> None:
        """Show the fields that the format needs."""
        writer = self.query_one(FormatList).writer
        encrypts = writer is not None and writer.encrypts
        self.query_one("#file-row").display = writer is not None
        self.query_one("#passphrase-row").display = encrypts
        self.query_one("#again-row").display = encrypts
        self._say("" if encrypts else "" if writer is None else f"! {_PLAIN}")
        field = self.query_one("#file", Input)
        if writer is not None and field.value == self._suggested:
            kind = "" if encrypts or writer.name == "qr" else "-plain"
            # Where there is one folder only, that is where the app is.
            folder = "~/" if self._reach.root is None else ""
            self._suggested = f"{folder}{writer.name}{kind}-{self._day}{writer.suffix}"
            field.value = self._suggested

    def _say(self, words: str, *, bad: bool = False) -> None:
        place = self.query_one("#export-say", Static)
        place.update(Content(words))
        place.set_class(bad, "-bad")

    @property
    def _chosen(self) -> list[Account]:
        which = str(self.query_one("#which", Select).value)
        if which == _ONE and self._highlighted is not None:
            return [self._highlighted]
        if which.startswith(_GROUP):
            return [one for one in self._accounts if which.removeprefix(_GROUP) in one.groups]
        return list(self._accounts)

    @on(LineList.Chosen)
    def _next_field(self) -> None:
        """Go on to what is to be typed; without fields, show the codes."""
        if self.query_one(FormatList).writer is None:
            self.action_write()
        else:
            field = self.query_one("#file", Input)
            field.focus()
            field.cursor_position = len(field.value)

    @on(Input.Submitted, "#file, #passphrase")
    def _after_field(self, event: Input.Submitted) -> None:
        """Go on to the next field; after the last, export."""
        writer = self.query_one(FormatList).writer
        if writer is not None and writer.encrypts:
            self.query_one("#passphrase" if event.input.id == "file" else "#again").focus()
        else:
            self.action_write()

    @on(Input.Submitted, "#again")
    @work
    async def action_write(self) -> None:
        """Write the file, after a question if it is plain."""
        if self._busy:
            return
        self._busy = True
        try:
            await self._export()
        finally:
            self._busy = False

    async def _export(self) -> None:
        writer = self.query_one(FormatList).writer
        accounts = self._chosen
        if not accounts:
            self._say("! There is no account to export.", bad=True)
        elif writer is None:
            await self._show_codes(accounts)
        elif self._may_write(writer) and await self._agreed(writer, len(accounts)):
            await self._write(writer, accounts)

    def _may_write(self, writer: Writer) -> bool:
        """Whether the fields are complete; says what is missing."""
        if not split(self.query_one("#file", Input).value)[1]:
            self._refuse("Type the name of a new file.", "#file")
            return False
        try:
            self._reach.checked(split(self.query_one("#file", Input).value)[0])
        except WatchwordError as error:
            self._refuse(sentences(error), "#file")
            return False
        if writer.encrypts:
            passphrase = self.query_one("#passphrase", Input).value
            try:
                check_passphrase(passphrase)
            except WatchwordError as error:
                self._refuse(sentences(error), "#passphrase")
                return False
            if self.query_one("#again", Input).value != passphrase:
                self._refuse("The two passphrases are not the same.", "#again")
                return False
        return True

    def _refuse(self, words: str, where: str) -> None:
        self._say(f"! {words}", bad=True)
        self.query_one(where).focus()

    async def _agreed(self, writer: Writer, count: int) -> bool:
        return writer.encrypts or await self._confirmed(
            f"Write {_accounts(count)} to a file without encryption?\n\n{_PLAIN}", "Write it"
        )

    async def _confirmed(self, question: str, yes: str) -> bool:
        from watchword_tui.screens.confirm import ConfirmScreen  # noqa: PLC0415 - when asked for

        return await self.app.push_screen_wait(ConfirmScreen(question, yes))

    async def _write(self, writer: Writer, accounts: list[Account]) -> None:
        self._say("Writing …")
        folder, name = split(self.query_one("#file", Input).value)
        passphrase = self.query_one("#passphrase", Input).value

        def write() -> tuple[Written, Path]:
            target = self._reach.checked(folder) / name
            written = writer.write(accounts, passphrase)
            write_new(target, written.content)
            return written, target

        try:
            written, target = await in_background(write)
        except WatchwordError as error:
            self._refuse(sentences(error), "#file")
            return
        count = len(accounts) - len(written.left_out)
        self.app.notify(
            f"{target}, for your eyes only", title=f"{_accounts(count)} written", markup=False
        )
        if written.left_out:
            await self._name_left_out(writer, written.left_out)
        self.dismiss(None)

    async def _name_left_out(self, writer: Writer, left_out: Sequence[str]) -> None:
        from watchword_tui.screens.message import MessageScreen  # noqa: PLC0415 - when needed

        title = f"{_accounts(len(left_out))} left out"
        text = f"{writer.title} cannot hold:\n\n" + "\n".join(left_out)
        await self.app.push_screen_wait(MessageScreen(title, text))

    async def _show_codes(self, accounts: list[Account]) -> None:
        from watchword_tui.screens.qr_pages_screen import QrPagesScreen  # noqa: PLC0415 - when asked for

        question = (
            f"Show the keys of {_accounts(len(accounts))} as QR codes?\n\n"
            "Whoever sees them can make the codes for ever."
        )
        if await self._confirmed(question, "Show them"):
            await self.app.push_screen_wait(QrPagesScreen(accounts, *self.app.size))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Do as the keys do."""
        if event.button.id == "write":
            self.action_write()
        else:
            self.action_close()

    def action_close(self) -> None:
        """Write nothing."""
        self.dismiss(None)


def _accounts(count: int) -> str:
    return "1 account" if count == 1 else f"{count:,} accounts"
