"""What is left to do where codes are only shown (`show_only`): no key is seen, changed or taken out."""

from __future__ import annotations

LEFT_OUT = frozenset(
    {
        *("add", "import", "enrol"),
        *("edit", "delete", "undo", "move", "groups", "favourite"),
        *("export", "qr"),
    }
)
"""Actions of the list of accounts that there are not; a test holds that each other one is known."""

OFFERED = frozenset(
    {
        *("Validate", "Next server", "Help"),
        *("Copy", "Next code", "Hide codes", "Show the code"),
        *("Find", "Order", "Next group", "Previous group"),
    }
)
"""Commands of the palette that are left, by their titles."""
