"""The last verdicts, newest first; shown where there is room."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from watchword_tui.wording import Tone

if TYPE_CHECKING:
    from watchword_tui.wording import Verdict

_KEPT = 6
_COLOURS = {Tone.GOOD: "$success", Tone.BAD: "$error", Tone.UNCERTAIN: "$warning"}


class History(Static):
    """What the servers said in this session."""

    DEFAULT_CSS = """
    History { height: auto; }
    """

    def __init__(self) -> None:
        super().__init__("No verdicts yet.", markup=False, classes="panel")
        self.border_title = "Verdicts"
        self._lines: deque[Content] = deque(maxlen=_KEPT)

    def add(self, now: float, server: str, verdict: Verdict) -> None:
        """Note a verdict given at `now` (Unix seconds)."""
        stamp = datetime.fromtimestamp(now).astimezone().strftime("%H:%M:%S")
        colour = _COLOURS[verdict.tone]
        self._lines.appendleft(
            Content.assemble(
                (stamp, "$text-muted"),
                "  ",
                (f"{verdict.tone.sign} {verdict.title}", colour),
                f"  {server}",
            )
        )
        self.update(Content("\n").join(self._lines))
