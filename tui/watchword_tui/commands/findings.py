"""What `watchword doctor` has found, and what to do about it."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING

import click
from msgspec.structs import asdict

from watchword_otp import strip_controls
from watchword_otp.value import Value
from watchword_tui.errors import Exit

if TYPE_CHECKING:
    from collections.abc import Iterable


class State(StrEnum):
    """How one thing is; the value is what people read."""

    OK = "ok"
    WARNING = "warning"
    """It works, and should be changed all the same."""
    WRONG = "wrong"
    """It does not work, or lets in who should stay out."""


class Finding(Value, frozen=True):
    """One thing that was looked at."""

    subject: str
    state: State
    detail: str
    """What was found."""
    advice: str = ""
    """What to do, unless it is ok."""


def ok(subject: str, detail: str) -> Finding:
    """Nothing to do."""
    return Finding(subject, State.OK, detail)


def warning(subject: str, detail: str, advice: str) -> Finding:
    """Something to change."""
    return Finding(subject, State.WARNING, detail, advice)


def wrong(subject: str, detail: str, advice: str) -> Finding:
    """Something that must be mended."""
    return Finding(subject, State.WRONG, detail, advice)


def show(findings: Iterable[Finding], *, as_json: bool) -> Exit:
    """Print the findings, a line each; give the exit status: something wrong is not `OK`."""
    status = Exit.OK
    for finding in findings:
        if finding.state is State.WRONG:
            status = Exit.NOT_VALID
        if as_json:
            click.echo(json.dumps(asdict(finding)))
        else:
            advice = f"; {finding.advice}" if finding.advice else ""
            click.echo(strip_controls(f"{finding.state:<8} {finding.subject}: {finding.detail}{advice}"))
    return status
