"""The table of advisories and the tests that stand for them say the same."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
TABLE = HERE.parents[1] / "docs" / "security-tests.md"
NUMBERS = {f"W{number:02}" for number in range(1, 43)}


def test_every_advisory_has_its_row_and_its_tests() -> None:
    tested = {
        f"W{number}"
        for path in HERE.glob("test_*.py")
        for name in re.findall(r"def (test_w\w+)", path.read_text(encoding="utf-8"))
        for number in re.findall(r"_?w([0-9]{2})_", name)
    }
    assert tested == NUMBERS
    rows = re.findall(r"^\| (W[0-9]{2}) \|", TABLE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(NUMBERS)


def test_every_file_it_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+\.py)`", TABLE.read_text(encoding="utf-8")))
    there = {path.name for path in HERE.parent.rglob("test_*.py")}
    assert named <= there
