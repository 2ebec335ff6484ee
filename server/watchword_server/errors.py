"""What the command line says in one line before it gives up."""

from __future__ import annotations


class UserError(Exception):
    """Something the person who started the server can mend; the message says what and how."""
