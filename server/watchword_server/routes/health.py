"""Is it alive, is it ready: for supervisors and load balancers, open to all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_server.appkeys import STORE
from watchword_server.bodies import json_response
from watchword_server.problems import NOT_READY, ProblemError
from watchword_server.store.protocol import StoreError

if TYPE_CHECKING:
    from aiohttp import web


async def healthz(_request: web.Request) -> web.Response:
    """`GET /healthz`: the process answers, and this is a Watchword server. Touches nothing."""
    return json_response(b'{"status":"ok","service":"watchword"}')


async def readyz(request: web.Request) -> web.Response:
    """`GET /readyz`: a check would be answered now; the database was read to be sure."""
    try:
        await request.app[STORE].ping()
    except StoreError as error:
        raise ProblemError(NOT_READY, "the database cannot be read") from error
    return json_response(b'{"status":"ready"}')
