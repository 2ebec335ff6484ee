"""What tests need of the machine: programs as judges (oathtool, zbarimg, rsvg-convert), a network."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def require_program(name: str, *folders: str) -> str:
    """Give the path of program `name`, also from `folders`; without it the test cannot run."""
    path = shutil.which(name, path=os.pathsep.join([os.environ["PATH"], *folders]))
    if path is None:
        cannot_run(f"the program {name} is not installed")
    return path


def cannot_run(reason: str) -> NoReturn:
    """Skip the test, or fail it where CI=true.

    At a desk what is missing costs one test; in CI it would cost the proof without anyone noticing.
    """
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, and CI=true allows no skip")
    pytest.skip(reason)
