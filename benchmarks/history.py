"""What clients asked and were told, held against what the database says of it.

Whatever was killed, cut or slow meanwhile, these must hold:

- a code is accepted once, and none of an older step after one of a newer step was;
- every acceptance that was told is in the audit log, with its key and step, and in the key's state;
- every acceptance in the log was asked for, and nobody was told that it was none;
- a right code was refused only where its step, or a newer one, is in the log;
- every chain of the log verifies.

An acceptance that nobody was told of may be in the database: its answer was lost. Its code is used.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

MOST_SHOWN = 10


class Said(StrEnum):
    """What a check was answered with."""

    TRUE = "true"
    FALSE = "false"
    LOCKED = "locked"
    UNAVAILABLE = "unavailable"
    """503: it cannot be decided now. A commit whose end nobody saw may have been one all the same."""
    NOTHING = "nothing"
    """No answer came."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A check that was asked for, and what came of it. Times are seconds of one clock."""

    ids: tuple[str, ...]
    """Of the request, and of the same one sent again with its Idempotency-Key."""
    key: str
    step: int | None
    """The one whose code was sent; None for a wrong code."""
    node: str
    sent_at: float
    answered_at: float | None
    """None if no answer came."""
    said: Said


@dataclass(frozen=True, slots=True)
class Accepted:
    """An acceptance in the audit log."""

    key: str
    step: int
    chain: int
    seq: int
    request_id: str


@dataclass(frozen=True)
class Evidence:
    """What the database says when all is over."""

    accepted: Sequence[Accepted]
    """Those of keys that are still there; in each chain in its order."""
    last_steps: Mapping[str, int]
    """Of each key that is still there, by its name, the last step that was consumed; -1 for none."""
    chains: int = 1
    rows: int = 0
    """Of the audit log."""
    audit_fault: str | None = None
    """Why the log does not verify."""


@dataclass
class History:
    """Every answer that matters, and what was not as it should be."""

    answers: Counter[str] = field(default_factory=Counter)
    """How often each kind of answer came."""
    faults: list[str] = field(default_factory=list)
    """What must not have happened."""
    asked: list[Asked] = field(default_factory=list)
    """The checks, but for wrong codes that were refused."""

    def fault(self, what: str) -> None:
        """Note something that must not have happened."""
        self.faults.append(what)

    def note(self, asked: Asked) -> None:
        """Note a check and its answer."""
        self.answers[f"check: {asked.said}"] += 1
        # Refused, a wrong code can only come up again as an acceptance that nobody asked for.
        if asked.step is not None or asked.said not in {Said.FALSE, Said.LOCKED}:
            self.asked.append(asked)

    def compare(self, evidence: Evidence, *, period: float) -> None:
        """Note every contradiction to what the database says.

        Args:
            evidence: What it says.
            period: Seconds of a step: a code that took longer to be judged may have been over.
        """
        self.faults += contradictions(self.asked, evidence, period=period)

    def as_text(self) -> str:
        """The counts, and the first faults."""
        lines = [f"  {kind}: {count:,}" for kind, count in sorted(self.answers.items())]
        lines += [f"FAULT: {fault}" for fault in self.faults[:MOST_SHOWN]]
        if len(self.faults) > MOST_SHOWN:
            lines.append(f"and {len(self.faults) - MOST_SHOWN} more faults")
        return "\n".join(lines)


def contradictions(asked: Sequence[Asked], evidence: Evidence, *, period: float) -> Iterator[str]:
    """Say what of the history and the database cannot both be so; nothing if all is well.

    Args:
        asked: The checks; wrong codes that were refused may be missing.
        evidence: What the database says.
        period: Seconds of a step.
    """
    yield from _wrong_among(asked)
    yield from _steps_told(asked)
    yield from _steps_written(evidence)
    yield from _states(asked, evidence)
    yield from _told_and_written(asked, evidence)
    yield from _refused_for_nothing(asked, evidence, period)
    if evidence.audit_fault is not None:
        yield f"the audit log does not verify: {evidence.audit_fault}"


def unheard(asked: Iterable[Asked], evidence: Evidence) -> int:
    """How many acceptances are in the database whose answers were lost."""
    written = {each.request_id for each in evidence.accepted}
    return sum(each.said is not Said.TRUE and not written.isdisjoint(each.ids) for each in asked)


def _wrong_among(asked: Iterable[Asked]) -> Iterator[str]:
    for each in asked:
        if each.said is Said.TRUE and each.step is None:
            yield f"{each.node} accepted a wrong code of {each.key}"


def _steps_told(asked: Iterable[Asked]) -> Iterator[str]:
    """By what clients were told: one that was sent after another's answer came later."""
    told: dict[str, list[tuple[float, float, int, str]]] = defaultdict(list)
    for each in asked:
        if each.said is Said.TRUE and each.step is not None and each.answered_at is not None:
            told[each.key].append((each.sent_at, each.answered_at, each.step, each.node))
    for key, acceptances in told.items():
        steps = Counter(step for *_, step, _ in acceptances)
        yield from (
            f"{key}: the code of step {step} was accepted {count} times"
            for step, count in steps.items()
            if count > 1
        )
        answers = sorted((answered_at, step) for _, answered_at, step, _ in acceptances)
        newest, seen = -1, 0
        for sent_at, _, step, node in sorted(acceptances):
            while answers[seen][0] < sent_at:
                newest = max(newest, answers[seen][1])
                seen += 1
            if step < newest:
                yield f"{key}: {node} accepted step {step} after step {newest} was"


def _steps_written(evidence: Evidence) -> Iterator[str]:
    """By the log: chains have no order among them, but each has one of its own."""
    counts = Counter((each.key, each.step) for each in evidence.accepted)
    for (key, step), count in counts.items():
        if count > 1:
            yield f"{key}: step {step} is accepted {count} times in the audit log"
    newest: dict[tuple[int, str], int] = {}
    for each in evidence.accepted:
        before = newest.get((each.chain, each.key), -1)
        if each.step < before:
            yield (
                f"{each.key}: row {each.seq} of chain {each.chain} accepts step {each.step} after step"
                f" {before}"
            )
        newest[each.chain, each.key] = max(before, each.step)


def _states(asked: Iterable[Asked], evidence: Evidence) -> Iterator[str]:
    newest = _newest(evidence)
    for key in {each.key for each in asked}:
        accepted, consumed = newest.get(key, -1), evidence.last_steps.get(key)
        if consumed is None:
            yield f"{key} is not in the database"
        elif consumed < accepted:
            yield f"{key} accepted step {accepted} and has consumed {consumed}"
        elif consumed > accepted:
            yield f"{key} has consumed step {consumed}, and no row accepts it"


def _told_and_written(asked: Iterable[Asked], evidence: Evidence) -> Iterator[str]:
    written = {each.request_id: each for each in evidence.accepted}
    known: set[str] = set()
    for each in asked:
        known.update(each.ids)
        found = [written[one] for one in each.ids if one in written]
        if each.said is Said.TRUE and not found:
            yield f"{each.key}: {each.node} accepted step {each.step}, and it is not in the database"
        for row in found:
            if (row.key, row.step) != (each.key, each.step):
                yield f"{each.key}: step {each.step} was sent, and {row.step} of {row.key} accepted"
            if each.said in {Said.FALSE, Said.LOCKED}:
                yield f"{each.key}: step {each.step} was answered {each.said}, and is accepted"
    for row in evidence.accepted:
        if row.request_id not in known:
            yield f"{row.key}: step {row.step} was accepted, and nobody sent its code"


def _refused_for_nothing(asked: Iterable[Asked], evidence: Evidence, period: float) -> Iterator[str]:
    newest = _newest(evidence)
    for each in asked:
        if each.said is not Said.FALSE or each.step is None or each.answered_at is None:
            continue
        was_prompt = each.answered_at - each.sent_at < period
        if was_prompt and newest.get(each.key, -1) < each.step:
            yield f"{each.key}: {each.node} refused step {each.step}, which was never used"


def _newest(evidence: Evidence) -> Mapping[str, int]:
    """By key, the newest step that the log accepts."""
    newest: dict[str, int] = {}
    for row in evidence.accepted:
        newest[row.key] = max(newest.get(row.key, -1), row.step)
    return newest
