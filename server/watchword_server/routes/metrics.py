"""The server's counters, for Prometheus."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import hdrs, web

from watchword_server.api import Answer, Media, Operation
from watchword_server.appkeys import METRICS, READINESS


async def show_metrics(request: web.Request) -> web.Response:
    """`GET /metrics`: all counters, in the text format that `Accept` asks for."""
    # Looked at now, so that the gauge is of now.
    await request.app[READINESS].faults()
    body, content_type = request.app[METRICS].expose(request.headers.get(hdrs.ACCEPT, ""))
    return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type})


SHOW_METRICS = Operation(
    id="metrics",
    handler=show_metrics,
    tag="Health",
    summary="Show the server's counters",
    description="In the text format of Prometheus, or that of OpenMetrics if `Accept` asks for it.",
    answers={HTTPStatus.OK: Answer(description="The counters.", media=(Media.TEXT,))},
)
