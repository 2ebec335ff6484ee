"""The server's counters, for Prometheus."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from watchword_server.api import Answer, Media, Operation
from watchword_server.appkeys import METRICS, READINESS, SEAT
from watchword_server.exposition import expose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword_server.exposition import Family


async def counted(app: web.Application) -> Sequence[Family]:
    """What this process has counted."""
    # Looked at now, so that the gauge is of now.
    await app[READINESS].faults()
    return app[METRICS].families()


async def show_metrics(request: web.Request) -> web.Response:
    """`GET /metrics`: all counters, in the text format that `Accept` asks for."""
    families = await counted(request.app)
    seat = request.app.get(SEAT)
    if seat is not None:
        families = await seat.totals(families)
    body, content_type = expose(families, request.headers.get(hdrs.ACCEPT, ""))
    return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type})


SHOW_METRICS = Operation(
    id="metrics",
    handler=show_metrics,
    tag="Health",
    summary="Show the server's counters",
    description="In the text format of Prometheus, or that of OpenMetrics if `Accept` asks for it.",
    answers={HTTPStatus.OK: Answer(description="The counters.", media=(Media.TEXT,))},
)
