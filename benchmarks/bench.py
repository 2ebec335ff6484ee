"""One measure at work, and all of them one after the other."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from benchmarks.figures import Series
from benchmarks.harness import UnavailableError, say, workplace
from benchmarks.peer_programs import installed_packages, installed_program
from benchmarks.report import Result
from benchmarks.rounds import in_turns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from benchmarks.figures import Figure
    from benchmarks.peer_programs import Peer
    from benchmarks.report import Report


@dataclass(frozen=True)
class Bench:
    """Where one measure works and puts down what it finds."""

    folder: Path
    """Empty at first, on the project's own disk."""
    result: Result

    def add(self, *figures: Figure) -> None:
        """Put figures into the report."""
        self.result.figures.extend(figures)

    def keep(self, *series: Series) -> None:
        """Put the measurements behind a figure into the report."""
        self.result.series.extend(series)

    def in_turns(
        self,
        rounds: int,
        subjects: Mapping[str, Callable[[], float]],
        quantity: str,
        unit: str = "s",
    ) -> list[Series]:
        """Measure one quantity of subjects in turns; keep and give each one's series.

        Args:
            rounds: How often each is measured, 1 or more.
            subjects: What gives one measurement, by the subject's name.
            quantity: What is measured of each.
            unit: That of the measurements.
        """
        found = in_turns(rounds, subjects).items()
        series = [Series(subject, quantity, unit, tuple(values)) for subject, values in found]
        self.keep(*series)
        return series

    def program(self, name: str) -> Path:
        """Give the path of a peer, or of a tool, that this machine has.

        Raises:
            UnavailableError: It is not installed.
        """
        return self._note(installed_program(name))

    def packages(self, environment: str, packages: list[str]) -> Path:
        """Give the folder of commands of an environment with these packages, made if need be.

        Raises:
            UnavailableError: They cannot be installed.
        """
        return self._note(installed_packages(environment, packages))

    @contextlib.contextmanager
    def apart(self) -> Iterator[None]:
        """Do something that the measure goes on without: what is not to be had is noted, and no more."""
        try:
            yield
        except UnavailableError as error:
            self.result.unavailable.append(str(error))

    def _note(self, peer: Peer) -> Path:
        self.result.peers.append(peer.version)
        return peer.path


Measure: TypeAlias = Callable[[Bench], None]
"""It adds its figures, and raises UnavailableError where it cannot go on."""


def run(measures: Mapping[str, Measure], report: Report) -> None:
    """Run measures one after the other, and put what they give into the report."""
    for name, measure in measures.items():
        say(f"measuring {name}")
        result = Result(name)
        report.results.append(result)
        with workplace() as folder:
            bench = Bench(folder, result)
            with bench.apart():
                measure(bench)
