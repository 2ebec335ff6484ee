"""What was asked and answered while a server was killed again and again, held against its database."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST_SHOWN = 10


@dataclass
class History:
    """Every answer that matters, and what was not as it should be."""

    answers: Counter[str] = field(default_factory=Counter)
    """How often each kind of answer came."""
    faults: list[str] = field(default_factory=list)
    """What must not have happened."""
    accepted: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """For each acceptance that was answered: the ids of the requests that asked for it."""
    _steps: set[tuple[str, int]] = field(default_factory=set)

    def fault(self, what: str) -> None:
        """Note something that must not have happened."""
        self.faults.append(what)

    def accept(self, name: str, step: int, *request_ids: str) -> None:
        """Note that `name`'s code of a step was answered true; it may be only once.

        Args:
            name: The key's.
            step: The one whose code was sent.
            request_ids: The request's, and those of the same request sent before in vain.
        """
        if (name, step) in self._steps:
            self.fault(f"{name} accepted the code of step {step} twice")
        self._steps.add((name, step))
        self.accepted[request_ids[0]] = request_ids

    def compare(self, database: Path) -> int:
        """Hold the history against the audit log; give the number of acceptances there.

        None that was answered may be missing, and no key may accept a step that is not newer than
        the last it accepted. More may be there: answers were lost when the server was killed.
        """
        logged: set[str] = set()
        last: dict[int, int] = {}
        for key_id, name, period, at, offset, request_id in _acceptances(database):
            logged.add(request_id)
            step = int(at // period) + offset
            if step <= last.get(key_id, -1):
                self.fault(f"{name} accepted step {step} after step {last[key_id]}")
            last[key_id] = step
        lost = [asked for asked in self.accepted.values() if logged.isdisjoint(asked)]
        if lost:
            self.fault(f"{len(lost)} acceptances were answered and are not in the database")
        with contextlib.closing(sqlite3.connect(database)) as connection:
            stored = dict(connection.execute("SELECT id, last_step FROM keys"))
        for key_id, step in last.items():
            if key_id in stored and stored[key_id] < step:
                self.fault(f"key {key_id} accepted step {step} and has {stored[key_id]}")
        return len(logged)

    def as_text(self) -> str:
        """The counts, and the first faults."""
        lines = [f"  {kind}: {count:,}" for kind, count in sorted(self.answers.items())]
        lines += [f"FAULT: {fault}" for fault in self.faults[:MOST_SHOWN]]
        if len(self.faults) > MOST_SHOWN:
            lines.append(f"and {len(self.faults) - MOST_SHOWN} more faults")
        return "\n".join(lines)


def _acceptances(database: Path) -> Iterator[tuple[int, str, int, float, int, str]]:
    """Each accepted check of a key that is there: id, name, period, time, offset, request id."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        periods = dict(connection.execute("SELECT id, period FROM keys"))
        for (text,) in connection.execute("SELECT event FROM audit ORDER BY seq"):
            event = json.loads(text)
            if event.get("verdict") != "accepted" or event.get("offset") is None:
                continue
            if event["event"] == "check" and event["key_id"] in periods:
                key_id = event["key_id"]
                yield (
                    *(key_id, event["key"], periods[key_id]),
                    *(event["at"], event["offset"], event.get("request_id", "")),
                )
