"""What must be true of the interpreter before a validator runs in it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from aiohttp import http_parser

from watchword_server.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping


def refuse_unsound(environment: Mapping[str, str]) -> None:
    """Refuse an interpreter in which aiohttp is not as safe as it is meant to be.

    Raises:
        UserError: Assertions are off, its parser is the slow one, or its debug mode is on.
    """
    if sys.flags.optimize:
        # Advisories against aiohttp have come down to an assertion that -O had taken out.
        message = "python runs with -O, which takes safety checks out; leave -O and PYTHONOPTIMIZE away"
        raise UserError(message)
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        # Most advisories about requests that two servers read differently were about this one.
        message = (
            "aiohttp's C parser is missing, and its Python one is no match for hostile requests;"
            " install aiohttp from a wheel, and unset AIOHTTP_NO_EXTENSIONS"
        )
        raise UserError(message)
    if sys.flags.dev_mode or environment.get("PYTHONASYNCIODEBUG"):
        message = (
            "asyncio's debug mode is on, which shows tracebacks to clients;"
            " unset PYTHONASYNCIODEBUG and PYTHONDEVMODE, and leave -X dev away"
        )
        raise UserError(message)
