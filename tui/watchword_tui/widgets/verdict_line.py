"""A verdict where the eye is: its sign, its words, and the colour that says the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

if TYPE_CHECKING:
    from watchword_tui.wording import Verdict

_TONES = ("-good", "-bad", "-uncertain")


class VerdictLine(Static):
    """Shows a verdict, or what is waited for.

    Args:
        between: What stands between title and detail.
        id: As Textual has it.
    """

    DEFAULT_CSS = """
    VerdictLine {
        margin-top: 1;
        &.-good { color: $success; }
        &.-bad { color: $error; }
        &.-uncertain { color: $warning; }
    }
    """

    def __init__(self, between: str, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__("", id=id, markup=False)
        self._between = between

    def show_verdict(self, verdict: Verdict) -> None:
        """Show a verdict with its sign and its colour."""
        self.remove_class(*_TONES)
        self.add_class(f"-{verdict.tone}")
        detail = f"{self._between}{verdict.detail}" if verdict.detail else ""
        self.update(Content.assemble((f"{verdict.tone.sign} {verdict.title}", "bold"), detail))

    def show_words(self, words: str) -> None:
        """Show what is waited for; "" clears the line."""
        self.remove_class(*_TONES)
        self.update(Content.assemble((words, "bold")))
