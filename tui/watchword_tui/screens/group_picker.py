"""Choosing groups by marks; making, renaming and deleting them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Footer, Static

from watchword_otp import clean_label
from watchword_otp.value import Value
from watchword_tui.screens.page import Dialog
from watchword_tui.widgets.cells import fit
from watchword_tui.widgets.line_list import LineList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

_NAME_WIDTH = 40


class GroupsChosen(Value, frozen=True):
    """What was chosen, to be saved in one go."""

    chosen: tuple[str, ...]
    """The groups with a mark, by the names they have now."""
    made: tuple[str, ...] = ()
    """Groups that were not there before, by the names they have now."""
    renamed: tuple[tuple[str, str], ...] = ()
    """Old and new names."""
    deleted: tuple[str, ...] = ()


@dataclass(slots=True)
class _Line:
    name: str
    before: str | None
    """Its name in the vault; None for a new one."""
    chosen: bool


class GroupList(LineList):
    """Groups, each with a mark."""

    DEFAULT_CSS = """
    GroupList { height: auto; max-height: 12; min-height: 1; }
    """

    def __init__(self, groups: Sequence[str], chosen: Sequence[str], *, choosing: bool) -> None:
        super().__init__()
        known = dict.fromkeys((*groups, *chosen))
        self.lines = [_Line(name, name if name in groups else None, name in chosen) for name in known]
        self._choosing = choosing

    @property
    def count(self) -> int:
        """How many groups there are."""
        return len(self.lines)

    @property
    def highlighted(self) -> _Line | None:
        """The highlighted group."""
        return self.lines[self.cursor] if self.lines else None

    def spans(self, index: int, width: int) -> list[tuple[str, str]]:
        """The mark and the name."""
        line = self.lines[index]
        mark = ("[x] " if line.chosen else "[ ] ") if self._choosing else ""
        more = "" if line.before == line.name else "new" if line.before is None else f"was {line.before}"
        room = min(_NAME_WIDTH, width - len(mark))
        return [
            (mark, "accent" if line.chosen else "quiet"),
            (fit(line.name, room), "strong"),
            (fit(more, max(1, width - len(mark) - room)), "quiet"),
        ]

    def double_clicked(self) -> None:
        """Mark, as the first click should have."""


class GroupPicker(Dialog[GroupsChosen | None]):
    """Closes with the groups chosen, or with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "turn", "Mark", tooltip="Put the account into the group, or take it out"),
        Binding("n", "new", "New", tooltip="Make a group"),
        Binding("r", "rename", "Rename", tooltip="Rename the highlighted group"),
        Binding("d", "delete", "Delete", tooltip="Delete the highlighted group; accounts stay"),
        Binding("ctrl+s", "done", "Save", key_display="Enter", tooltip="Save all of it"),
        Binding("escape", "close", "Back", key_display="Esc", tooltip="Leave everything as it was"),
    ]
    DEFAULT_CSS = """
    GroupPicker {
        #groups-about { height: auto; margin-bottom: 1; color: $foreground 65%; }
        Footer { dock: none; margin-top: 1; background: $surface; }
    }
    """

    def __init__(
        self, title: str, groups: Sequence[str], chosen: Sequence[str] | None, *, manage: bool = True
    ) -> None:
        """Ask for groups.

        Args:
            title: Whose groups they are.
            groups: All that there are.
            chosen: Those with a mark; None where no account is meant, only the groups themselves.
            manage: Whether groups that are there can be renamed and deleted.
        """
        super().__init__()
        self._whose = title
        self._groups = tuple(groups)
        self._first = chosen
        self._manage = manage
        self._deleted: list[str] = []

    def compose(self) -> ComposeResult:
        """Lay out the list."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Groups"
            about = self._whose if self._groups or self._first else "No groups yet: n makes one."
            yield Static(about, id="groups-about", markup=False)
            yield GroupList(self._groups, self._first or (), choosing=self._first is not None)
            yield Footer(compact=True, show_command_palette=False)

    @property
    def _list(self) -> GroupList:
        return self.query_one(GroupList)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        """Offer what makes sense here."""
        if action == "turn":
            return self._first is not None
        if action in {"rename", "delete"}:
            return self._manage
        return True

    def action_turn(self) -> None:
        """Mark the highlighted group, or take its mark away."""
        if (line := self._list.highlighted) is not None:
            line.chosen = not line.chosen
            self._list.refresh()

    @work
    async def action_new(self) -> None:
        """Ask for a name, and make a group of it."""
        name = await self._ask("New group", "")
        if name is not None:
            groups = self._list
            groups.lines.append(_Line(name, None, self._first is not None))
            groups.rows_changed()
            groups.action_move_to(-1)

    @work
    async def action_rename(self) -> None:
        """Ask for another name."""
        line = self._list.highlighted
        if line is not None and (name := await self._ask("Rename", line.name)) is not None:
            line.name = name
            self._list.refresh()

    def action_delete(self) -> None:
        """Take the group off the list; nothing is saved before Enter."""
        groups = self._list
        line = groups.highlighted
        if line is not None:
            groups.lines.remove(line)
            if line.before is not None:
                self._deleted.append(line.before)
            groups.rows_changed()

    async def _ask(self, title: str, value: str) -> str | None:
        from watchword_tui.screens.ask import AskScreen  # noqa: PLC0415 - when asked for

        lines = [line for line in self._list.lines if line.name != value]
        # Nor those they had before: two groups that change names would become one.
        names = {line.name for line in lines} | {line.before for line in lines}

        def check(answer: str) -> str:
            name = clean_label(answer)
            if not name:
                return "Type a name."
            return "There is a group of this name." if name in names else ""

        answer = await self.app.push_screen_wait(
            AskScreen(title, "The group's name", check, value=value)
        )
        return None if answer is None else clean_label(answer)

    @on(LineList.Chosen)
    def action_done(self) -> None:
        """Close with all of it."""
        lines = self._list.lines
        self.dismiss(
            GroupsChosen(
                tuple(line.name for line in lines if line.chosen),
                tuple(line.name for line in lines if line.before is None),
                tuple(
                    (line.before, line.name)
                    for line in lines
                    if line.before is not None and line.before != line.name
                ),
                tuple(self._deleted),
            )
        )

    def action_close(self) -> None:
        """Leave everything as it was."""
        self.dismiss(None)
