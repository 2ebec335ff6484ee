"""Reports of unexpected errors: where, and never what."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from watchword_tui.crash_report import KEPT, place_of, report_of, write_report

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECRET = "JBSWY3DP"
FACTS = {"TERM": "xterm-256color", "size": "80x24"}


def caught(work: Callable[[], object]) -> Exception:
    with pytest.raises(Exception) as info:  # noqa: PT011 - any
        work()
    return info.value


def deep(secret: str, depth: int = 200) -> None:
    if depth:
        deep(secret, depth - 1)
    else:
        raise ValueError(secret)


def with_cause(secret: str) -> None:
    try:
        int(secret)
    except ValueError as error:
        raise LookupError(secret, error.args) from error


def in_groups(secret: str) -> None:
    inner = ExceptionGroup(secret, [caught(lambda: int(secret)), KeyError(secret)])
    raise ExceptionGroup(secret, [inner, OSError(5, secret, f"/home/{secret}")])


@pytest.mark.parametrize("work", [deep, with_cause, in_groups])
def test_no_value_and_no_message_gets_into_a_report(work: Callable[[str], None]) -> None:
    error = caught(lambda: work(SECRET))
    error.add_note(SECRET)
    told = report_of(error, FACTS) + place_of(error)
    assert SECRET not in told
    assert type(error).__name__ in told
    assert f"in {work.__name__}" in told


def test_it_follows_causes_and_the_parts_of_groups() -> None:
    assert "\n2. caused by: ValueError\n" in report_of(caught(lambda: with_cause(SECRET)), FACTS)
    told = report_of(caught(lambda: in_groups(SECRET)), FACTS)
    for kind in ("ExceptionGroup", "ValueError", "KeyError", "OSError"):
        assert f"in the group: {kind}" in told


def test_an_error_that_is_its_own_cause_ends() -> None:
    error = ValueError(SECRET)
    other = KeyError(SECRET)
    error.__cause__, other.__cause__ = other, error
    assert report_of(error, FACTS).count("caused by") == 1


def test_frames_have_module_line_function_and_source_and_no_path() -> None:
    told = report_of(caught(lambda: deep(SECRET, 0)), FACTS)
    assert "in deep\n    raise ValueError(secret)\n" in told
    assert os.path.dirname(__file__) not in told  # noqa: PTH120 - as text


def test_a_report_of_endless_calls_is_short() -> None:
    assert len(report_of(caught(lambda: deep(SECRET)), FACTS).splitlines()) < 150


def test_a_terminal_name_cannot_forge_lines() -> None:
    told = report_of(ValueError(), {"TERM": "x\n1. nothing\x1b[2J"})
    assert "TERM: x?1. nothing?[2J\n" in told


def test_the_newest_reports_are_kept_for_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    paths = [write_report(f"{number}", folder) for number in range(KEPT + 3)]
    kept = set(folder.iterdir())
    assert kept == set(paths[-KEPT:])
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
