"""Logs that hold no code, no token and no secret."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

from aiohttp.abc import AbstractAccessLogger
from aiohttp.http_exceptions import BadHttpMessage

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from aiohttp.web import BaseRequest, StreamResponse

access_logger = logging.getLogger("watchword_server.access")
"""One line for each request."""


class AccessLogger(AbstractAccessLogger):
    """Logs method, route template, status, milliseconds and request id.

    Never the path, the query or a header: a path can hold a code and a header holds the token.
    """

    def log(self, request: BaseRequest, response: StreamResponse, time: float) -> None:
        """Log one request; `time` is in seconds."""
        # A message that could not be parsed comes as a request that was never matched to a route.
        match = getattr(request, "_match_info", None)
        resource = None if match is None else match.route.resource
        self.logger.info(
            "%s %s %d %.1f ms %s",
            request.method if resource is not None else "-",
            "-" if resource is None else resource.canonical,
            response.status,
            time * 1000,
            response.headers.get("X-Request-Id", "-"),
        )

    @property
    def enabled(self) -> bool:
        """Whether anyone would see the lines."""
        return self.logger.isEnabledFor(logging.INFO)


class HttpLogger(logging.LoggerAdapter[logging.Logger]):
    """What aiohttp says about connections, without what it could not parse.

    The line in question may be a misspelt Authorization, and aiohttp would log it with its token.
    """

    def __init__(self) -> None:
        super().__init__(logging.getLogger("watchword_server.http"))

    def process(
        self, msg: object, kwargs: MutableMapping[str, Any]
    ) -> tuple[object, MutableMapping[str, Any]]:
        """Replace the error's text by its name; the sender's address, the one argument, stays."""
        error = kwargs.get("exc_info")
        if isinstance(error, BadHttpMessage):
            return f"malformed request from %s: {type(error).__name__}", {**kwargs, "exc_info": None}
        return msg, kwargs


def log_to_stderr(*, access_log: bool) -> None:
    """Send this program's log to standard error, one line each; requests only if `access_log`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("watchword_server")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    access_logger.setLevel(logging.INFO if access_log else logging.WARNING)
