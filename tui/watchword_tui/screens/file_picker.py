"""Choosing a file: type its path, or walk through folders with the arrows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Footer, Input, Static

from watchword_otp import clean_label
from watchword_tui.errors import ForeignFileError
from watchword_tui.exchange.cost import size_words
from watchword_tui.folders import Found, shown, split
from watchword_tui.screens.page import Page
from watchword_tui.widgets.cells import fit
from watchword_tui.widgets.line_list import LineList

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from watchword_tui.reach import Reach

_SIZE_WIDTH = 11
_DATE_WIDTH = 12
_KIB = 1024
_NAME_LIMIT = 255


class FileList(LineList):
    """Folders and files, with size and date."""

    def __init__(self) -> None:
        super().__init__()
        # The keys stay with the field above.
        self.can_focus = False
        self._found: tuple[Found, ...] = ()

    def show(self, found: tuple[Found, ...], above: Found | None) -> None:
        """Show what was found, under the folder above, if that is to be shown."""
        self._found = (above, *found) if above is not None else found
        self.cursor = 1 if above is not None and found else 0
        self.rows_changed()

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._found)

    @property
    def highlighted(self) -> Found | None:
        """The one that is highlighted."""
        return self._found[self.cursor] if self._found else None

    def spans(self, index: int, width: int) -> list[tuple[str, str]]:
        """Name, size, date."""
        found = self._found[index]
        name = clean_label(found.name, _NAME_LIMIT)
        room = width - _SIZE_WIDTH - _DATE_WIDTH
        day = datetime.fromtimestamp(found.modified, UTC).astimezone().strftime("%Y-%m-%d")
        if found.is_folder:
            return [(fit(f"{name}/", room), "accent"), (fit("folder", _SIZE_WIDTH), "quiet")]
        return [
            (fit(name, room), "plain"),
            (fit(_size(found.size), _SIZE_WIDTH), "quiet"),
            (fit(day, _DATE_WIDTH), "quiet"),
        ]


class PathField(Input):
    """The field for the path; Enter opens what is highlighted."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Open", tooltip="Open the folder, or take the file")
    ]


class FilePicker(Page[Path | None]):
    """Closes with the path of a file that is there, or with None."""

    DEFAULT_CSS = """
    FilePicker {
        #picker-title, #picker-hint, .row { padding: 0 1; }
        #picker-title { text-style: bold; color: $accent; }
        #picker-hint { color: $foreground 65%; height: auto; margin-bottom: 1; }
        .row { height: 1; margin-bottom: 1; }
        .caption { width: 7; color: $foreground 65%; }
        Input { width: 1fr; background: $panel; padding: 0 1; }
        Input:focus { background: $accent 25%; }
        #picker-trouble { height: auto; color: $warning; padding: 0 3; }
        FileList > .line-list--cursor { background: $accent 25%; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", "Complete", priority=True, tooltip="Type the rest of the name"),
        Binding("ctrl+up", "parent", "Folder above", key_display="^↑", tooltip="Go one folder up"),
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("escape", "close", "Back", key_display="Esc", tooltip="Choose nothing"),
    ]

    def __init__(self, title: str, hint: str, reach: Reach) -> None:
        """Ask for a file within `reach`, under `title`; `hint` says which kind."""
        super().__init__()
        self._reach = reach
        self._title = title
        self._hint = hint

    def compose(self) -> ComposeResult:
        """Lay out the field over the list."""
        yield Static(self._title, id="picker-title", markup=False)
        yield Static(self._hint, id="picker-hint", markup=False)
        with Horizontal(classes="row"):
            yield Static("File", classes="caption")
            yield PathField(f"{shown(Path.cwd())}/", compact=True, select_on_focus=False)
        yield FileList()
        yield Static("", id="picker-trouble", markup=False)
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Show the folder the app was started in."""
        field = self.query_one(Input)
        field.cursor_blink = False
        field.focus()
        field.cursor_position = len(field.value)

    @on(Input.Changed)
    def _look(self) -> None:
        """Show what the typed path may mean."""
        folder, beginning = split(self.query_one(Input).value)
        trouble = ""
        found: tuple[Found, ...] = ()
        try:
            found = self._reach.look_into(folder, beginning)
        except ForeignFileError as error:
            trouble = error.message
        if not found and not trouble:
            trouble = f"Nothing here begins with {beginning}." if beginning else "The folder is empty."
        parent = None if beginning else self._reach.above(folder)
        up = None if parent is None else Found("..", parent, is_folder=True, size=0, modified=0.0)
        self.query_one(FileList).show(found, up)
        self.query_one("#picker-trouble", Static).update(Content(trouble))

    def action_move(self, by: int) -> None:
        """Move the highlight."""
        self.query_one(FileList).action_move(by)

    def action_page(self, by: int) -> None:
        """Move the highlight by pages."""
        self.query_one(FileList).action_page(by)

    def action_complete(self) -> None:
        """Type what all names that are shown have in common."""
        folder, beginning = split(self.query_one(Input).value)
        try:
            self._type(folder, self._reach.completed(folder, beginning))
        except ForeignFileError:
            self.app.bell()

    def action_parent(self) -> None:
        """Go to the folder above."""
        folder, _ = split(self.query_one(Input).value)
        parent = self._reach.above(folder)
        if parent is None:
            self.app.bell()
        else:
            self._type(parent, "")

    @on(Input.Submitted)
    @on(LineList.Chosen)
    def action_choose(self) -> None:
        """Open the folder that is highlighted, or close with the file."""
        found = self.query_one(FileList).highlighted
        if found is None:
            self.app.bell()
        elif found.is_folder:
            self._type(found.path, "")
        else:
            self.dismiss(found.path)

    def _type(self, folder: Path, name: str) -> None:
        text = shown(folder)
        field = self.query_one(Input)
        field.value = f"{text.rstrip('/')}/{name}"
        field.cursor_position = len(field.value)

    def action_close(self) -> None:
        """Choose nothing."""
        self.dismiss(None)


def _size(size: int) -> str:
    if size >= _KIB * _KIB:
        return size_words(size)
    return f"{size} B" if size < _KIB else f"{size // _KIB} KiB"
