"""docs/performance.md and its chart show the run that docs/performance.json keeps, and nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from benchmarks.chart import INNER, LINE_LETTERS, NOT_MEASURED, draw
from benchmarks.documents import BEGIN, CHART, DOCUMENT, END, KEPT, kept, publish, written_into
from benchmarks.figures import Figure, Series
from benchmarks.measures import MEASURES
from benchmarks.panels import PANELS, Bar
from benchmarks.report import Report, Result, as_json, from_json
from benchmarks.tables import as_markdown

ROOT = Path(__file__).resolve().parents[2]
RENEW = "renew it with: .venv/bin/python -m benchmarks --redraw"
SVG = "{http://www.w3.org/2000/svg}"
BARS = [bar for panel in PANELS for bar in panel.bars]
MACHINE = {"processor": "a processor", "system": "a system", "Python": "3.11", "load before": "0.1 0 0"}
GOALS = [
    Figure("the ratio", 1.25, "times", 1.3, spread=(1.2, 1.3)),
    Figure("the rate", 0.4, "times", 0.5, at_least=True),
]


def read(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


@pytest.fixture
def report() -> Report:
    """A run in which everything was measured but what a program was missing for."""
    series = [Series(bar.subject, bar.quantity, "s", (0.2, 0.1, 0.4)) for bar in BARS[1:]]
    missing = ["the program x is not installed"]
    return Report(
        MACHINE,
        "2026-01-02",
        [
            Result("first", GOALS, [], ["tool 1.2"], missing),
            *(
                Result(
                    name,
                    [],
                    [one for one, bar in zip(series, BARS[1:], strict=True) if bar.measure == name],
                )
                for name in dict.fromkeys(bar.measure for bar in BARS)
            ),
        ],
    )


def test_the_document_shows_the_run_that_is_kept() -> None:
    assert read(DOCUMENT) == written_into(read(DOCUMENT), kept(ROOT)), RENEW


def test_the_chart_shows_the_run_that_is_kept() -> None:
    assert read(CHART) == draw(kept(ROOT)), RENEW


def test_the_run_that_is_kept_is_a_whole_one_and_kept_without_loss() -> None:
    assert [result.name for result in kept(ROOT).results] == list(MEASURES)
    assert as_json(kept(ROOT)) == read(KEPT)
    assert str(ROOT) not in read(KEPT)


@pytest.mark.parametrize("bar", BARS, ids=lambda bar: f"{bar.measure}, {bar.subject}")
def test_every_bar_was_measured_or_the_document_says_why_not(bar: Bar) -> None:
    run = kept(ROOT)

    assert run.find(bar.measure, bar.subject, bar.quantity) or any(
        gap.startswith(f"{bar.measure}: ") for gap in run.unavailable
    )


def test_the_chart_has_every_figure_as_text_and_says_what_it_is_to_those_who_cannot_see_it() -> None:
    run = kept(ROOT)
    svg = ET.fromstring(draw(run))
    described = svg.findtext(f"{SVG}desc") or ""

    assert svg.get("role") == "img"
    assert svg.get("aria-labelledby") == "title desc"
    assert svg.findtext(f"{SVG}title")
    for bar in BARS:
        found = run.find(bar.measure, bar.subject, bar.quantity)
        assert f"{bar.label}: {NOT_MEASURED if found is None else found.as_text()}" in described


def test_the_chart_fetches_nothing() -> None:
    assert not re.findall(r"href|src\s*=|url\(|@import|<script|<image|<use|<foreignObject", read(CHART))


def test_labels_leave_room_for_their_figures() -> None:
    widest = len("not measured")
    assert [bar.label for bar in BARS if len(bar.label) + 2 + widest > LINE_LETTERS] == []


def test_bars_are_as_long_as_what_they_stand_for(report: Report) -> None:
    svg = ET.fromstring(draw(report))
    widths = [
        float(one.get("width") or 0)
        for one in svg.iter(f"{SVG}rect")
        if "bar" in (one.get("class") or "")
    ]
    linear = [bar for panel in PANELS if not panel.logarithmic for bar in panel.bars][1:]

    # The median, 0.2, of the greatest, 0.4.
    assert widths[: len(linear)] == [INNER / 2] * len(linear)
    # Logarithmic ones begin at 0.01: the power of ten below half of the least, 0.1.
    assert set(widths[len(linear) :]) == {round(INNER * 0.8121, 1)}
    assert len(widths) == len(BARS) - 1


def test_what_was_not_measured_is_named_and_drawn_without_a_length(report: Report) -> None:
    svg = ET.fromstring(draw(report))

    assert [one.text for one in svg.iter(f"{SVG}text")].count(NOT_MEASURED) == 1
    assert len([one for one in svg.iter(f"{SVG}rect") if one.get("class") == "missing"]) == 1
    assert "- first: the program x is not installed" in as_markdown(report)


def test_text_from_outside_stays_text(report: Report) -> None:
    odd = "<script>|&amp;*_`[x](y)"
    report = replace(report, machine={**MACHINE, "processor": odd})
    texts = [one.text or "" for one in ET.fromstring(draw(report)).iter(f"{SVG}text")]

    assert any(odd in text for text in texts)
    assert "processor: &lt;script>\\|&amp;amp;\\*\\_\\`\\[x](y)" in as_markdown(report)


def test_goals_are_told_with_their_rounds_and_what_falls_short_in_bold(report: Report) -> None:
    table = as_markdown(report)

    assert "| the ratio | 1.25 times | 1.20 to 1.30 | at most 1.3 times | pass |" in table
    assert "| the rate | 0.40 times |  | at least 0.5 times | **falls short** |" in table


def test_a_whole_run_is_written_between_the_marks_and_can_be_read_back(
    tmp_path: Path, report: Report
) -> None:
    (tmp_path / "docs" / "pictures").mkdir(parents=True)
    (tmp_path / DOCUMENT).write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", "utf-8")

    assert publish(report, tmp_path) == [KEPT, DOCUMENT, CHART]

    written = (tmp_path / DOCUMENT).read_text("utf-8")
    assert written.startswith(f"before\n{BEGIN}\n")
    assert written.endswith(f"\n{END}\nafter\n")
    assert "old" not in written
    assert kept(tmp_path) == report == from_json(as_json(report))
    assert (tmp_path / CHART).read_text("utf-8") == draw(report)


@pytest.mark.parametrize("document", ["", f"{END} {BEGIN}", BEGIN, f"{BEGIN} {END} {END}"])
def test_a_document_without_its_marks_is_not_touched(
    tmp_path: Path, report: Report, document: str
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / DOCUMENT).write_text(document, "utf-8")

    with pytest.raises(ValueError, match="lost the marks"):
        publish(report, tmp_path)

    assert (tmp_path / DOCUMENT).read_text("utf-8") == document
    assert not (tmp_path / KEPT).exists()
