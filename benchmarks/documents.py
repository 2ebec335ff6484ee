"""What a whole run leaves in docs: its JSON, the figures in performance.md, and the chart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.chart import draw
from benchmarks.report import as_json, from_json
from benchmarks.tables import as_markdown

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.report import Report

KEPT = "docs/performance.json"
DOCUMENT = "docs/performance.md"
CHART = "docs/pictures/performance.svg"

BEGIN = "<!-- From here on `make bench` writes; it keeps what stands before and after. -->"
END = "<!-- Up to here. -->"

_PICTURE = "![Bars, each with its figure; the tables have the same figures](pictures/performance.svg)"


def kept(root: Path) -> Report:
    """Read the last whole run.

    Args:
        root: The folder of the project.
    """
    return from_json((root / KEPT).read_text(encoding="utf-8"))


def publish(report: Report, root: Path) -> list[str]:
    """Keep a whole run and write the documents that are made of it; give their paths.

    Args:
        report: What was measured.
        root: The folder of the project.

    Raises:
        ValueError: The document has lost the marks between which it is written.
    """
    text = as_json(report)
    # Drawn from what is kept, so that drawing it again gives the same.
    report = from_json(text)
    document = written_into((root / DOCUMENT).read_text(encoding="utf-8"), report)
    for path, content in ((KEPT, text), (DOCUMENT, document), (CHART, draw(report))):
        (root / path).write_text(content, encoding="utf-8")
    return [KEPT, DOCUMENT, CHART]


def written_into(document: str, report: Report) -> str:
    """Give a document with the report between its marks.

    Raises:
        ValueError: The marks are not there, once each and in their order.
    """
    return between(document, BEGIN, f"{_PICTURE}\n\n{as_markdown(report)}")


def between(document: str, begin: str, text: str) -> str:
    """Give a document with a text between its marks, of which `begin` is the first.

    Raises:
        ValueError: The marks are not there, once each and in their order.
    """
    before, found, rest = document.partition(begin)
    _, end, after = rest.partition(END)
    if not found or not end or begin in rest or END in before + after:
        raise ValueError(f"a document has lost the marks between which its figures stand: {begin} {END}")
    return f"{before}{begin}\n\n{text}\n\n{END}{after}"
