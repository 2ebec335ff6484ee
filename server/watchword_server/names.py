"""Names of keys and tokens."""

from __future__ import annotations

import re

DEFAULT_KEY = "default"
"""The name of the key that routes without a key's name mean."""

CANONICAL = re.compile(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?")
"""The one spelling of a name; to be matched from end to end."""

PATTERN = f"^{CANONICAL.pattern}$(?!\\n)"
"""The same as a JSON Schema has it. Python's `$` alone would let one line feed follow."""


def is_canonical(name: str) -> bool:
    """Tell whether `name` is spelt the one way names are: 1 to 64 of `a-z 0-9 . _ -`.

    One spelling for each, so that another spelling is never another budget of attempts.
    """
    return CANONICAL.fullmatch(name) is not None
