"""The harness of the benchmarks: fair rounds, honest gaps, and a run of some that writes nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from benchmarks.__main__ import main, measured
from benchmarks.documents import BEGIN, DOCUMENT, END, KEPT
from benchmarks.figures import Figure, Series, amount, ratio, single
from benchmarks.harness import UnavailableError
from benchmarks.on_terminal import first_frame
from benchmarks.peer_programs import _reason, installed_program
from benchmarks.rounds import in_turns
from benchmarks.tables import as_text
from benchmarks.typed import typed
from click.testing import CliRunner

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.bench import Bench, Measure


def series(*values: float, subject: str = "ours") -> Series:
    return Series(subject, "time", "s", values)


def one_that_passes(bench: Bench) -> None:
    bench.add(single("one", bench.in_turns(3, {"ours": lambda: 0.5}, "time")[0], 1))


def one_with_a_gap(bench: Bench) -> None:
    with bench.apart():
        bench.program("no-such-program")
    bench.add(Figure("after the gap", 1, "s", 2))


def one_that_breaks_off(bench: Bench) -> None:
    bench.add(Figure("before the end", 1, "s", 2))
    raise UnavailableError("the rest cannot be had")


def test_subjects_take_turns_after_a_round_that_does_not_count() -> None:
    calls: list[str] = []

    def subject(name: str) -> int:
        calls.append(name)
        return len(calls)

    found = in_turns(2, {"a": lambda: subject("a"), "b": lambda: subject("b")})

    assert calls == ["a", "b"] * 3
    assert found == {"a": [3, 5], "b": [4, 6]}


def test_a_ratio_is_the_median_of_the_rounds_so_that_a_busy_round_hurts_neither_side() -> None:
    figure = ratio("r", series(1, 10, 3), series(1, 5, 3), 1)

    assert (figure.value, figure.spread, figure.unit) == (1, (1, 2), "times")
    # Medians alone would have been level only by chance.
    assert ratio("r", series(2, 10, 3), series(1, 5, 3), 1).value == 2


def test_rounds_that_do_not_belong_together_are_not_compared() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratio("r", series(1, 2), series(1), 1)


@pytest.mark.parametrize(
    ("value", "at_least", "passed"),
    [(2, False, True), (2.1, False, False), (2, True, True), (1.9, True, False)],
)
def test_a_goal_is_reached_on_its_side(value: float, at_least: bool, passed: bool) -> None:  # noqa: FBT001
    assert Figure("f", value, "s", 2, at_least=at_least).passed is passed


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.00102, "s", "1.02 ms"),
        (0.2154, "s", "215 ms"),
        (8.2, "s", "8.20 s"),
        (9845.4, "/s", "9,845/s"),
        (0.57, "% of a core", "0.57% of a core"),
        (42.2 * 2**20, "bytes", "42.2 MiB"),
        (300, "bytes", "300 bytes"),
        (2048, "bytes", "2.00 KiB"),
    ],
)
def test_amounts_are_written_as_they_read_best(value: float, unit: str, text: str) -> None:
    assert amount(value, unit) == text


def test_what_is_missing_costs_its_own_figures_and_is_named(tmp_path: Path) -> None:
    measures: dict[str, Measure] = {
        "gap": one_with_a_gap,
        "broken-off": one_that_breaks_off,
        "fine": one_that_passes,
    }
    report = measured(measures, list(measures), tmp_path)

    assert [one.name for result in report.results for one in result.figures] == [
        "after the gap",
        "before the end",
        "one",
    ]
    assert report.unavailable == [
        "gap: the program no-such-program is not installed",
        "broken-off: the rest cannot be had",
    ]
    assert not report.passed
    text = as_text(report)
    assert "not measured: gap: the program no-such-program is not installed" in text
    assert "500 ms (500 ms to 500 ms)" in text


def test_a_run_of_everything_is_published_and_one_of_some_is_not(tmp_path: Path) -> None:
    (tmp_path / "docs" / "pictures").mkdir(parents=True)
    (tmp_path / DOCUMENT).write_text(f"{BEGIN}{END}", "utf-8")
    measures: dict[str, Measure] = {"a": one_that_passes, "b": one_that_passes}

    assert measured(measures, ["a"], tmp_path).passed
    assert (tmp_path / DOCUMENT).read_text("utf-8") == f"{BEGIN}{END}"
    assert not (tmp_path / KEPT).exists()

    assert measured(measures, [], tmp_path).passed
    assert "| one | 500 ms | 500 ms to 500 ms | at most 1 s | pass |" in (tmp_path / DOCUMENT).read_text(
        "utf-8"
    )
    assert (tmp_path / KEPT).exists()


@pytest.mark.parametrize(
    "arguments", [["--redraw", "app-screen"], ["--redraw", "--json"], ["app-scren"]]
)
def test_what_cannot_be_meant_is_refused(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, arguments).exit_code == 2


def test_a_program_is_named_with_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "peer"
    program.write_text("#!/bin/sh\necho 'Peer v3.1.4 of 2024' >&2; exit 1\n", "utf-8")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    assert installed_program("peer").version == "peer 3.1.4"
    assert installed_program("peer").path == program


def test_why_a_package_cannot_be_had_is_told_without_addresses_and_paths() -> None:
    said = "ERROR: one\nERROR: no route from /home/me/x to https://example.test/simple for peer==1\n"

    assert _reason(said) == "ERROR: no route from ... to ... for peer==1"
    assert _reason("") == "no reason given"


ASKS = """
import getpass, sys
said = getpass.getpass()
sys.exit(f"said {said}" if len(sys.argv) > 1 else print(said))
"""


def test_a_passphrase_is_typed_when_it_is_asked_for(tmp_path: Path) -> None:
    seconds, shown = typed([sys.executable, "-c", ASKS], tmp_path, "six words")

    assert seconds > 0
    assert shown.strip() == "six words"


@pytest.mark.parametrize(
    ("command", "reason"),
    [([sys.executable, "-c", ASKS, "fail"], "said x"), (["/bin/true"], "does not ask")],
)
def test_a_command_that_fails_is_no_measurement(tmp_path: Path, command: list[str], reason: str) -> None:
    with pytest.raises(UnavailableError, match=reason):
        typed(command, tmp_path, "x")


LATE = r"""
import sys, time
time.sleep(0.3)
print("\x1b[2;3Hre\x1b[2;5Hady", flush=True)
sys.stdin.read()
"""


def test_a_first_frame_is_when_the_screen_shows_it_however_late(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LATE]
    took = first_frame(command, tmp_path, lambda text: "ready" in text, seconds=0.25)

    assert took > 0.3


def test_a_program_that_ends_without_a_frame_is_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="true did not show what it is for"):
        first_frame(["/bin/true"], tmp_path, lambda text: "ready" in text)
