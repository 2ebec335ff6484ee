"""What an import would do, before anything is written; and the word to write it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Footer, Static

from watchword_tui.exchange.plan import Accepted, ImportPlan, PlannedRow, plan_import
from watchword_tui.exchange.reading import Recognised, gather
from watchword_tui.exchange.taking import kept_keys
from watchword_tui.screens.page import Page
from watchword_tui.widgets.line_list import LineList
from watchword_tui.widgets.plan_table import PlanTable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.app import ComposeResult

    from watchword_tui.vault.document import Document

_PROBLEMS_SHOWN = 3


class ImportScreen(Page[None]):
    """A table of what was read: new, changed, duplicate, kept, invalid, each row with its choice.

    Args:
        first: The first file that was read.
        document: What is in the vault.
        more: Asks for another file and reads it; None where the person gave up.
        write: Writes what was accepted; false where it was not written, which has been said.
    """

    DEFAULT_CSS = """
    ImportScreen {
        #import-title, #import-files, #import-counts, #import-problems { padding: 0 1; }
        #import-title { text-style: bold; color: $accent; }
        #import-files { color: $foreground 65%; }
        #import-files, #import-counts { height: auto; }
        #import-counts { margin: 1 0; }
        #import-problems { height: auto; color: $warning; margin-bottom: 1; }
        #import-about { height: 3; margin-top: 1; padding: 0 3; }
        #import-next { height: 1; padding: 0 3; text-style: bold; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus,a", "add_file", "Another file", key_display="+", tooltip="Read one more file"),
        Binding("escape", "close", "Back", key_display="Esc", tooltip="Write nothing"),
    ]

    def __init__(
        self,
        first: Recognised,
        document: Callable[[], Document],
        *,
        more: Callable[[], Awaitable[Recognised | None]],
        write: Callable[[Accepted], Awaitable[bool]],
    ) -> None:
        super().__init__()
        self._files = [first]
        self._document = document
        self._more = more
        self._write = write
        self._plan = ImportPlan(())
        self._busy = False

    def compose(self) -> ComposeResult:
        """Lay out the counts, the table, and what the highlighted row is about."""
        yield Static("Import", id="import-title", markup=False)
        yield Static("", id="import-files", markup=False)
        yield Static("", id="import-counts", markup=False)
        yield Static("", id="import-problems", markup=False)
        yield PlanTable()
        yield Static("", id="import-about", markup=False)
        yield Static("", id="import-next", markup=False)
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Compare what was read with the vault."""
        self._compare()
        self.query_one(PlanTable).focus()

    def _compare(self) -> None:
        document = self._document()
        entries, problems = gather(one.reading for one in self._files)
        self._plan = plan_import(entries, document.accounts, kept_keys(document))
        titles = ", ".join(dict.fromkeys(one.format.title for one in self._files))
        several = f"{len(self._files)} files: " if len(self._files) > 1 else ""
        self.query_one("#import-files", Static).update(Content(f"{several}{titles}"))
        summary = self._plan.summary or "no accounts in it"
        self.query_one("#import-counts", Static).update(Content(summary.capitalize()))
        shown = list(problems[:_PROBLEMS_SHOWN])
        if len(problems) > _PROBLEMS_SHOWN:
            shown.append(f"and {len(problems) - _PROBLEMS_SHOWN} more")
        place = self.query_one("#import-problems", Static)
        place.update(Content("\n".join(f"! {problem}" for problem in shown)))
        place.display = bool(shown)
        self.query_one(PlanTable).show(self._plan)
        self._say_next()

    @on(LineList.Highlighted)
    def _say_about(self) -> None:
        """Say all about the highlighted row, and what Enter would do now."""
        row = self.query_one(PlanTable).highlighted
        about = Content("") if row is None else _about(row)
        self.query_one("#import-about", Static).update(about)
        self._say_next()

    @property
    def _accepted(self) -> Accepted:
        return self._plan.accepted(self.query_one(PlanTable).choices)

    def _say_next(self) -> None:
        accepted = self._accepted
        parts = [
            f"{verb} {count:,}"
            for verb, count in (("adds", len(accepted.new)), ("replaces", len(accepted.replaced)))
            if count
        ]
        words = f"Enter {' and '.join(parts)}." if parts else "Nothing is chosen. Esc goes back."
        self.query_one("#import-next", Static).update(words)

    @on(LineList.Chosen)
    @work
    async def write(self) -> None:
        """Write what is chosen, and close if that went well."""
        accepted = self._accepted
        if self._busy or not (accepted.new or accepted.replaced):
            return
        # Not an exclusive worker: that would cancel a save in its middle.
        self._busy = True
        self._busy = await self._write(accepted)
        if self._busy:
            self.dismiss(None)

    @work(exclusive=True)
    async def action_add_file(self) -> None:
        """Read one more file, and compare all of them together."""
        if (found := await self._more()) is not None:
            self._files.append(found)
            self._compare()

    def action_close(self) -> None:
        """Write nothing."""
        self.dismiss(None)


def _about(row: PlannedRow) -> Content:
    entry = row.entry
    title = (
        f"{entry.issuer} ({entry.name})" if entry.issuer and entry.name else entry.issuer or entry.name
    )
    parts: list[tuple[str, str]] = [
        (title or "No name", "bold"),
        (f"   {entry.where}", "$foreground 65%"),
    ]
    parts.append((f"\n{row.verdict.capitalize()}", ""))
    if row.remarks:
        parts.append((f": {'; '.join(row.remarks)}", ""))
    parts += [(f"\n! {notice}", "$warning") for notice in entry.notices[:1]]
    return Content.assemble(*parts)
