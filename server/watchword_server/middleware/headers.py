"""The headers that every response carries, and the request id."""

from __future__ import annotations

import random
import re
from email.utils import formatdate
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

from multidict import CIMultiDict, istr

from watchword_server.appkeys import REQUEST_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

REQUEST_ID_HEADER = istr("X-Request-Id")
_CONTENT_SECURITY_POLICY = istr("Content-Security-Policy")
_DATE = istr("Date")
_SERVER = istr("Server")

_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

_ALWAYS = {
    # A code is valid once: an answer kept anywhere would be a lie.
    istr("Cache-Control"): "no-store",
    istr("Watchword-Version"): version("watchword"),
    istr("X-Content-Type-Options"): "nosniff",
}
_NOTHING_ACTIVE = "default-src 'none'; frame-ancestors 'none'"

# A year (RFC 6797 section 6.1). Subdomains are none of this server's business.
_HSTS = {istr("Strict-Transport-Security"): "max-age=31536000"}


def give_request_id(request: web.Request) -> str:
    """Give the request its id for answers and logs: the sender's if it is sane, or a new one."""
    sent = request.headers.get(REQUEST_ID_HEADER)
    is_sane = sent is not None and _SANE_ID.fullmatch(sent)
    given = sent if sent is not None and is_sane else new_request_id()
    request[REQUEST_ID] = given
    return given


def new_request_id() -> str:
    """An id for a request that brought none."""
    return f"{random.getrandbits(64):016x}"


class Stamp:
    """Puts the headers on a response that is about to leave, and takes aiohttp's `Server` off."""

    def __init__(self, clock: Callable[[], float], *, hsts: bool) -> None:
        """Date responses by `clock`, Unix seconds; `hsts` if TLS ends here (RFC 6797 section 7.2)."""
        self._clock = clock
        self._own_policy = CIMultiDict(_ALWAYS | _HSTS if hsts else _ALWAYS)
        self._always = CIMultiDict({**self._own_policy, _CONTENT_SECURITY_POLICY: _NOTHING_ACTIVE})

    async def __call__(self, request: web.Request, response: web.StreamResponse) -> None:
        """Stamp the response to `request`."""
        try:
            request_id = request[REQUEST_ID]
        except KeyError:
            # An unmet `Expect` is answered before any middleware has seen the request.
            request_id = give_request_id(request)
        self.put(response.headers, request_id)

    def put(self, headers: CIMultiDict[str], request_id: str) -> None:
        """Put on what does not depend on the request."""
        # A page says itself what it may load.
        headers.extend(self._own_policy if _CONTENT_SECURITY_POLICY in headers else self._always)
        headers[REQUEST_ID_HEADER] = request_id
        # The validator's own clock, so that a client can tell how far its clock is from the judge's.
        headers[_DATE] = _http_date(int(self._clock()))
        headers.pop(_SERVER, None)


@lru_cache(maxsize=1)
def _http_date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)
