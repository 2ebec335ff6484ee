"""A key's lock, and finding its clock again."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from watchword_server.api import KEY_NAME, Answer, Operation
from watchword_server.appkeys import CLOCK, LEDGER
from watchword_server.bodies import json_response
from watchword_server.callers import caller_of
from watchword_server.errors import RefusedError
from watchword_server.keyadmin import find_key, resync_key, unlock_key
from watchword_server.problems import NO_SUCH_KEY, WRONG_CODE, ProblemError
from watchword_server.routes.check import CODE
from watchword_server.routes.refusals import JUDGING_PROBLEMS, not_active, refuse_unjudged, require_code
from watchword_server.routes.views import moment_or_none
from watchword_server.verifier import Verdict, barred


class LockView(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a key's wrong codes have led to."""

    locked: Annotated[bool, Meta(description="Whether codes are not even compared now.")]
    disabled: Annotated[bool, Meta(description="Whether only taking the lock off helps.")]
    locked_until: datetime | None
    failures: Annotated[int, Meta(description="Wrong codes since the last accepted one.")]
    attempts_left: Annotated[int, Meta(description="Wrong codes that would start the next lock.")]


class ResyncRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Two codes, one right after the other."""

    first: Annotated[str, CODE]
    second: Annotated[str, CODE]

    def __repr__(self) -> str:
        return "<ResyncRequest>"


class Resynced(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the codes were found."""

    offset: Annotated[int, Meta(description="Steps the app is ahead (+) or behind (-).")]


async def show_lock(request: web.Request) -> web.Response:
    """`GET /v1/keys/{name}/lock`."""
    keys = await find_key(request.app[LEDGER], request.match_info["name"])
    state, now = keys[0].state, request.app[CLOCK]()
    barred_now = barred(state, now) is not None
    view = LockView(
        locked=barred_now,
        disabled=state.is_disabled,
        locked_until=moment_or_none(state.locked_until) if now < state.locked_until else None,
        failures=state.failures,
        attempts_left=0 if barred_now else state.attempts_left,
    )
    return json_response(msgspec.json.encode(view))


async def take_lock_off(request: web.Request) -> web.Response:
    """`DELETE /v1/keys/{name}/lock`: failures are forgotten; used codes stay used."""
    await unlock_key(request.app[LEDGER], request.match_info["name"], caller_of(request))
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def resync(request: web.Request, sent: ResyncRequest) -> web.Response:
    """`POST /v1/keys/{name}/resync`: two consecutive codes move the window; both are consumed."""
    require_code(sent.first)
    require_code(sent.second)
    name = request.match_info["name"]
    ledger, caller = request.app[LEDGER], caller_of(request)
    try:
        decision = await resync_key(ledger, name, sent.first, sent.second, caller)
    except RefusedError:
        raise await not_active(request, name) from None
    refuse_unjudged(decision)
    if decision.verdict is not Verdict.ACCEPTED or decision.offset is None:
        detail = "these are not two unused codes in a row; take the next two that the app shows"
        raise ProblemError(WRONG_CODE, detail)
    return json_response(msgspec.json.encode(Resynced(offset=decision.offset)))


SHOW_LOCK = Operation(
    id="showLock",
    handler=show_lock,
    tag="Locks",
    summary="Show a key's lock",
    path=(KEY_NAME,),
    answers={HTTPStatus.OK: Answer(description="The lock.", json=(LockView,))},
    problems=(NO_SUCH_KEY,),
)

TAKE_LOCK_OFF = Operation(
    id="takeLockOff",
    handler=take_lock_off,
    tag="Locks",
    summary="Take a key's lock off",
    description="Its failures are forgotten; codes that were used stay used.",
    path=(KEY_NAME,),
    answers={HTTPStatus.NO_CONTENT: Answer(description="There is no lock now.")},
    problems=(NO_SUCH_KEY,),
)

RESYNC = Operation(
    id="resyncKey",
    handler=resync,
    tag="Keys",
    summary="Find an app's clock again",
    description="Looks for two consecutive codes in a wide range of steps, moves the window there and"
    " consumes both. A miss spends an attempt.",
    path=(KEY_NAME,),
    body=ResyncRequest,
    answers={HTTPStatus.OK: Answer(description="Found.", json=(Resynced,))},
    problems=(*JUDGING_PROBLEMS, WRONG_CODE),
    judges=True,
)
