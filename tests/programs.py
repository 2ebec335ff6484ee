"""Programs of the machine that tests use as judges: oathtool, zbarimg, rsvg-convert and others."""

from __future__ import annotations

import os
import shutil

import pytest


def require_program(name: str) -> str:
    """Give the path of program `name`; without it the test is skipped, or fails where CI=true.

    At a desk a missing judge costs one test; in CI it would cost the proof without anyone noticing.
    """
    path = shutil.which(name)
    if path is not None:
        return path
    reason = f"the program {name} is not installed"
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, and CI=true allows no skip")
    pytest.skip(reason)
