"""Is it alive, is it ready: for supervisors and load balancers, open to all."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal

import msgspec

from watchword_server.api import Answer, Operation
from watchword_server.appkeys import READINESS, SEAT
from watchword_server.bodies import json_response
from watchword_server.problems import NOT_READY, ProblemError
from watchword_server.readiness import in_words

if TYPE_CHECKING:
    from aiohttp import web


class Health(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The process answers, and is a Watchword server."""

    status: Literal["ok"]
    service: Literal["watchword"]


class Readiness(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A check would be answered."""

    status: Literal["ready"]
    worker: int | msgspec.UnsetType = msgspec.UNSET
    """Which of several workers says so, from 1; not there if there is only one."""


async def healthz(_request: web.Request) -> web.Response:
    """`GET /healthz`: the process answers, and this is a Watchword server. Touches nothing."""
    return json_response(b'{"status":"ok","service":"watchword"}')


async def readyz(request: web.Request) -> web.Response:
    """`GET /readyz`: a check would be answered now; store, disk and clock were tried to be sure.

    An outcome is repeated for a second.
    """
    checks = await request.app[READINESS].checks()
    faults = [in_words(name, state) for name, state in checks.items() if state != "ok"]
    if faults:
        raise ProblemError(NOT_READY, "; ".join(faults), checks=dict(checks))
    seat = request.app.get(SEAT)
    ready = Readiness(status="ready", worker=msgspec.UNSET if seat is None else seat.number)
    return json_response(msgspec.json.encode(ready))


HEALTHZ = Operation(
    id="healthz",
    handler=healthz,
    tag="Health",
    summary="Whether the process answers",
    answers={HTTPStatus.OK: Answer(description="It does.", json=(Health,))},
)

READYZ = Operation(
    id="readyz",
    handler=readyz,
    tag="Health",
    summary="Whether a check would be answered",
    answers={HTTPStatus.OK: Answer(description="It would.", json=(Readiness,))},
    problems=(NOT_READY,),
)

HEALTHZ_HEAD = replace(HEALTHZ, id="healthzHead")
READYZ_HEAD = replace(READYZ, id="readyzHead")
