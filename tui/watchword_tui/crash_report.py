"""What is kept of an error that nobody expected: where it happened, and no value of anything.

Messages of exceptions quote what was typed and read, locals hold secrets, paths name people. So a
report has types, places and lines of source code, which are the same for everybody.
"""

from __future__ import annotations

import contextlib
import linecache
import os
import platform
import secrets
import time
import traceback
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from typing import TYPE_CHECKING

from watchword_tui.folders import shown
from watchword_tui.settings import state_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import FrameType

KEPT = 10
"""Reports that are kept, the newest."""

_PREFIX = "error-"
_MOST_ERRORS = 20
_MOST_FRAMES = 60
_PACKAGES = ("watchword", "textual", "rich", "msgspec", "cryptography")


def words_of(error: BaseException | None, facts: Mapping[str, str]) -> str:
    """Keep a report of an unexpected error, with `facts` about the terminal; give words for people."""
    if error is None:
        return "the app broke while it read keys; this should not happen."
    broke = f"the app broke: {place_of(error)}."
    try:
        path = write_report(report_of(error, facts), state_path() / "reports")
    except OSError as trouble:
        return f"{broke} No report could be written: {trouble.strerror}."
    return f"{broke} A report without secrets is in {shown(path)}"


def place_of(error: BaseException) -> str:
    """The kind of an error and where it was raised, such as "KeyError in watchword_tui.app, line 7"."""
    frames = list(traceback.walk_tb(error.__traceback__))
    return f"{_kind(error)}{_place(*frames[-1]) if frames else ''}"


def report_of(error: BaseException, facts: Mapping[str, str]) -> str:
    """The text of a report; `facts` are about the terminal, by name."""
    lines = [
        f"watchword error report, {time.strftime('%Y-%m-%d %H:%M:%S %z')}",
        "Types, places and source lines only: no values, no messages.",
        "",
        f"python {platform.python_version()} on {platform.system()} {platform.machine()}",
        ", ".join(f"{name} {_version(name)}" for name in _PACKAGES),
        *(f"{name}: {_plain(value)}" for name, value in facts.items()),
    ]
    for number, (how, one) in enumerate(islice(_all_errors(error), _MOST_ERRORS)):
        lines += ["", f"{number + 1}. {how}{_kind(one)}"]
        frames = list(traceback.walk_tb(one.__traceback__))
        if len(frames) > _MOST_FRAMES:
            lines.append(f"  ({len(frames) - _MOST_FRAMES} frames left out)")
        for frame, line in frames[-_MOST_FRAMES:]:
            code = frame.f_code
            lines.append(f"  {_module(frame)}, line {line}, in {code.co_name}")
            if source := linecache.getline(code.co_filename, line, frame.f_globals).strip():
                lines.append(f"    {_plain(source)}")
    return "\n".join([*lines, ""])


def write_report(text: str, folder: Path) -> Path:
    """Write a report into `folder`, mode 0600, and delete the oldest beyond `KEPT`; give its path.

    Raises:
        OSError: It cannot be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Names sort by age, also those of one second: files' own times are too coarse to tell.
    second, nanosecond = divmod(time.time_ns(), 10**9)
    stamp = f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(second))}-{nanosecond:09d}"
    name = f"{_PREFIX}{stamp}-{secrets.token_hex(3)}.txt"
    path = folder / name
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    for old in sorted(folder.glob(f"{_PREFIX}*.txt"))[:-KEPT]:
        with contextlib.suppress(OSError):
            old.unlink()
    return path


def _all_errors(error: BaseException, how: str = "") -> Iterator[tuple[str, BaseException]]:
    """An error and those it came from, each once: causes, contexts, parts of groups."""
    waiting = [(how, error)]
    seen = set()
    while waiting:
        how, one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield how, one
        if isinstance(one, BaseExceptionGroup):
            waiting += [("in the group: ", part) for part in reversed(one.exceptions)]
        if one.__cause__ is not None:
            waiting.append(("caused by: ", one.__cause__))
        elif one.__context__ is not None and not one.__suppress_context__:
            waiting.append(("while handling: ", one.__context__))
        # Textual's workers put what failed into an error of their own.
        if isinstance(inner := getattr(one, "error", None), BaseException):
            waiting.append(("of the worker: ", inner))


def _kind(error: BaseException) -> str:
    kind = type(error)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"{module}{kind.__qualname__}"


def _place(frame: FrameType, line: int) -> str:
    return f" in {_module(frame)}, line {line}"


def _module(frame: FrameType) -> str:
    # Not the file's path: it begins with somebody's home.
    return str(frame.f_globals.get("__name__", "?"))


def _plain(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"
