"""A command to start a program under, whose clock is off then: `faketime` changes what it is told."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from programs import require_program

if TYPE_CHECKING:
    from collections.abc import Sequence


def shifted(seconds: int) -> Sequence[str]:
    """Have the clock be so many seconds ahead, or behind; how time passes is left as it is.

    `faketime` itself stays between, and a signal would end it and not the program: so it is asked for
    its library, and the program gets that.
    """
    faketime = require_program("faketime")
    asked = subprocess.run(
        [faketime, "-f", "+0s", "printenv", "LD_PRELOAD"], capture_output=True, text=True, check=True
    )
    variables = {
        "LD_PRELOAD": asked.stdout.strip(),
        "FAKETIME": f"{seconds:+d}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    return ["env", *(f"{name}={value}" for name, value in variables.items())]
