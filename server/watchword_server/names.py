"""Names of keys and tokens."""

from __future__ import annotations

import re

from msgspec import Meta

DEFAULT_KEY = "default"
"""The name of the key that routes without a key's name mean."""

CANONICAL = re.compile(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?")
"""The one spelling of a name; to be matched from end to end."""

WORDS = "1 to 64 of a-z 0-9 . _ -, beginning and ending with a letter or digit"
"""The same for people."""

TO_THE_END = "$(?!\\n)"
"""The end of a pattern for `re.search`: Python's `$` alone would let one line feed follow."""

NAME = Meta(
    min_length=1,
    max_length=64,
    pattern=f"^{CANONICAL.pattern}{TO_THE_END}",
    description=WORDS,
)
"""The same as a member of a body."""


def is_canonical(name: str) -> bool:
    """Tell whether `name` is spelt the one way names are, as `WORDS` has it.

    One spelling for each, so that another spelling is never another budget of attempts.
    """
    return CANONICAL.fullmatch(name) is not None
