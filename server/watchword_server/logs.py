"""Logs that hold no code, no token and no secret."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Literal

from aiohttp.abc import AbstractAccessLogger
from pythonjsonlogger.json import JsonFormatter

if TYPE_CHECKING:
    from aiohttp.web import BaseRequest, StreamResponse

access_logger = logging.getLogger("watchword_server.access")
"""One line for each request."""

http_logger = logging.getLogger("watchword_server.http")
"""What goes wrong with connections, before and after the application has the request."""


class AccessLogger(AbstractAccessLogger):
    """Logs method, route template, status, milliseconds and request id.

    Never the path, the query or a header: a path can hold a code and a header holds the token.
    """

    def log(self, request: BaseRequest, response: StreamResponse, time: float) -> None:
        """Log one request; `time` is in seconds."""
        # A message that could not be parsed comes as a request that was never matched to a route.
        match = getattr(request, "_match_info", None)
        resource = None if match is None else match.route.resource
        method = "-" if match is None else request.method
        route = "-" if resource is None else resource.canonical
        milliseconds = time * 1000
        request_id = response.headers.get("X-Request-Id", "-")
        self.logger.info(
            "%s %s %d %.1f ms %s",
            method,
            route,
            response.status,
            milliseconds,
            request_id,
            extra={
                "method": method,
                "route": route,
                "status": response.status,
                "milliseconds": round(milliseconds, 1),
                "request_id": request_id,
            },
        )

    @property
    def enabled(self) -> bool:
        """Whether anyone would see the lines."""
        return self.logger.isEnabledFor(logging.INFO)


def log_to_stderr(
    *, access_log: bool, log_format: Literal["text", "json"] = "text", worker: int | None = None
) -> None:
    """Send this program's log to standard error, one line each.

    Args:
        access_log: Whether to log requests.
        log_format: Words, or JSON with `time` (RFC 3339, UTC), `level`, `logger`, `message` and,
            where there is one, `request_id`; a worker adds `worker`.
        worker: Which of several processes this is, from 1; None for the only one and for the one
            that starts the others.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(log_format, worker))
    logger = logging.getLogger("watchword_server")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    access_logger.setLevel(logging.INFO if access_log else logging.WARNING)


def _formatter(log_format: Literal["text", "json"], worker: int | None) -> logging.Formatter:
    if log_format == "json":
        return JsonFormatter(
            ["levelname", "name", "message"],
            rename_fields={"levelname": "level", "name": "logger"},
            static_fields={} if worker is None else {"worker": worker},
            timestamp="time",
        )
    who = "" if worker is None else f"worker {worker}: "
    return logging.Formatter(f"%(asctime)s %(levelname)s {who}%(message)s")
