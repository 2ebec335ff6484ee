"""What an import would do, row by row; what wants a decision stands on top."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from watchword_tui.exchange.plan import Choice, Verdict
from watchword_tui.widgets.cells import fit
from watchword_tui.widgets.line_list import LineList

if TYPE_CHECKING:
    from watchword_tui.exchange.plan import ImportPlan, PlannedRow

_ORDER = (Verdict.CHANGED, Verdict.INVALID, Verdict.KEPT, Verdict.NEW, Verdict.DUPLICATE)
_INK = {
    Verdict.NEW: "good",
    Verdict.CHANGED: "warning",
    Verdict.DUPLICATE: "quiet",
    Verdict.KEPT: "warning",
    Verdict.INVALID: "bad",
}
_CHOICES = {Choice.ADD: "+ add", Choice.REPLACE: "~ replace", Choice.SKIP: "- skip"}
_CHOICE_WIDTH = 10
_VERDICT_WIDTH = 10
_LABEL_SHARE = 0.3


class PlanTable(LineList):
    """Choice, verdict, issuer, name and remark of every row."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Import", tooltip="Write what is chosen into the vault"),
        Binding("space", "turn", "Skip or take", tooltip="The next thing that can be done with the row"),
        Binding("c", "turn_changed", "All changed", tooltip="The same for all that changed"),
    ]

    class Turned(LineList.Highlighted):
        """Another choice was made."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[tuple[int, PlannedRow]] = []
        self.choices: dict[int, Choice] = {}
        """What is to be done with each row of the plan, by its index there."""

    def show(self, plan: ImportPlan) -> None:
        """Show a plan, with the choices it begins with."""
        self._rows = sorted(enumerate(plan.rows), key=lambda row: _ORDER.index(row[1].verdict))
        self.choices = plan.choices()
        self.cursor = 0
        self.rows_changed()

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    @property
    def highlighted(self) -> PlannedRow | None:
        """The highlighted row."""
        return self._rows[self.cursor][1] if self._rows else None

    def double_clicked(self) -> None:
        """Do what the space bar does."""
        self.action_turn()

    def action_turn(self) -> None:
        """Choose the next thing that can be done with the highlighted row."""
        if self._rows:
            index, row = self._rows[self.cursor]
            self._set({index: _next(row, self.choices[index])})

    def action_turn_changed(self) -> None:
        """Choose the next thing for all rows that changed, alike."""
        changed = [(index, row) for index, row in self._rows if row.verdict is Verdict.CHANGED]
        if changed:
            index, row = changed[0]
            wanted = _next(row, self.choices[index])
            self._set({index: wanted for index, _ in changed})

    def _set(self, choices: dict[int, Choice]) -> None:
        self.choices |= choices
        self.refresh()
        self.post_message(self.Turned())

    def spans(self, index: int, width: int) -> list[tuple[str, str]]:
        """One row in columns."""
        place, row = self._rows[index]
        label = int((width - _CHOICE_WIDTH - _VERDICT_WIDTH) * _LABEL_SHARE)
        rest = width - _CHOICE_WIDTH - _VERDICT_WIDTH - 2 * label
        choice = self.choices[place]
        entry = row.entry
        return [
            (fit(_CHOICES[choice], _CHOICE_WIDTH), "quiet" if choice is Choice.SKIP else "strong"),
            (fit(row.verdict, _VERDICT_WIDTH), _INK[row.verdict]),
            (fit(entry.issuer or entry.name or entry.where, label), "plain"),
            (fit(entry.name if entry.issuer else "", label), "quiet"),
            (fit("; ".join(row.remarks) or entry.where, rest), "quiet"),
        ]


def _next(row: PlannedRow, choice: Choice) -> Choice:
    choices = row.choices
    return choices[(choices.index(choice) + 1) % len(choices)]
