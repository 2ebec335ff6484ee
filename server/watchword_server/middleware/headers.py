"""The headers that every response carries, and the request id."""

from __future__ import annotations

import random
import re
from email.utils import formatdate
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

from multidict import CIMultiDict, istr

from watchword_server.appkeys import CLOCK, REQUEST_ID

if TYPE_CHECKING:
    from aiohttp import web

REQUEST_ID_HEADER = istr("X-Request-Id")
_DATE = istr("Date")
_SERVER = istr("Server")

_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

_ALWAYS = CIMultiDict(
    {
        # A code is valid once: an answer kept anywhere would be a lie.
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Watchword-Version": version("watchword"),
        "X-Content-Type-Options": "nosniff",
    }
)


def give_request_id(request: web.Request) -> str:
    """Give the request its id for answers and logs: the sender's if it is sane, or a new one."""
    sent = request.headers.get(REQUEST_ID_HEADER)
    is_sane = sent is not None and _SANE_ID.fullmatch(sent)
    given = sent if sent is not None and is_sane else f"{random.getrandbits(64):016x}"
    request[REQUEST_ID] = given
    return given


async def stamp(request: web.Request, response: web.StreamResponse) -> None:
    """Put the headers on a response that is about to leave, and take aiohttp's `Server` off."""
    headers = response.headers
    headers.extend(_ALWAYS)
    try:
        headers[REQUEST_ID_HEADER] = request[REQUEST_ID]
    except KeyError:
        # An unmet `Expect` is answered before any middleware has seen the request.
        headers[REQUEST_ID_HEADER] = give_request_id(request)
    # The validator's own clock, so that a client can tell how far its clock is from the judge's.
    headers[_DATE] = _http_date(int(request.app[CLOCK]()))
    headers.pop(_SERVER, None)


@lru_cache(maxsize=1)
def _http_date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)
