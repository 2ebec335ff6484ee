"""Counts of uses: kept across runs, and never worth more than a count."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from servers import NOON
from watchword_tui.usage import UsageBook, Use

if TYPE_CHECKING:
    from pathlib import Path

WRITER = """
import sys
from pathlib import Path
from watchword_tui.usage import UsageBook
book = UsageBook(Path(sys.argv[1]))
for _ in range(200):
    book.note(sys.argv[2], 1.0)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "usage.json"


def test_uses_are_counted_across_runs(path: Path) -> None:
    for number in range(3):
        UsageBook(path).note("one", NOON + number)
    assert UsageBook(path).use_of("one") == Use(3, NOON + 2)
    assert UsageBook(path).use_of("another") == Use()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["usage.json"]


def test_two_books_that_are_open_at_once_count_together(path: Path) -> None:
    books = UsageBook(path), UsageBook(path)
    for number in range(10):
        books[number % 2].note("one", NOON)
        books[number % 2].note(f"only in {number % 2}", NOON)
    counts = [UsageBook(path).use_of(one).count for one in ("one", "only in 0", "only in 1")]
    assert counts == [10, 5, 5]


def test_two_programs_at_once_leave_a_whole_file(path: Path) -> None:
    UsageBook(path).note("before", NOON)
    programs = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), who]) for who in ("one", "two")
    ]
    assert [program.wait(timeout=30) for program in programs] == [0, 0]
    book = UsageBook(path)
    assert book.use_of("before").count == 1
    assert max(book.use_of("one").count, book.use_of("two").count) == 200
    assert min(book.use_of("one").count, book.use_of("two").count) > 0
    assert [one.name for one in path.parent.iterdir()] == ["usage.json"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"one":5}',
        b'{"one":{"count":"many"}}',
        b'{"one":{"count":-3}}',
        b'{"one":{"count":1e999}}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"one":{"count":' + b"9" * 5000 + b"}}",
    ],
)
def test_a_damaged_file_costs_the_counts_and_nothing_else(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    book = UsageBook(path)
    assert book.use_of("one") == Use()
    book.note("one", NOON)
    assert UsageBook(path).use_of("one") == Use(1, NOON)


def test_a_place_that_cannot_be_written_keeps_counts_for_this_run(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder", tmp_path / "pipe" / "usage.json", None):
        book = UsageBook(path)
        book.note("one", NOON)
        book.note("", NOON)
        assert book.use_of("one") == Use(1, NOON)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["folder", "pipe"]


def test_a_pipe_in_its_place_does_not_block(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)
    assert UsageBook(path).use_of("one") == Use()


def test_counts_of_another_app_are_taken_for_accounts_that_have_none(path: Path) -> None:
    UsageBook(path).note("one", NOON)
    UsageBook(path).take_over({"one": 9, "two": 7, "three": 0})
    book = UsageBook(path)
    assert [book.use_of(one).count for one in ("one", "two", "three")] == [1, 7, 0]
