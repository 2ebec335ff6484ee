"""Checking a code, by path as the prototype did, and by key."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from watchword_server.appkeys import CHECKER, TOKEN
from watchword_server.bodies import json_response, read_json
from watchword_server.names import DEFAULT_KEY, is_canonical
from watchword_server.problems import (
    DISABLED,
    LOCKED,
    MALFORMED_CODE,
    NO_SUCH_KEY,
    ProblemError,
)
from watchword_server.tokens import Scope
from watchword_server.verifier import Verdict

if TYPE_CHECKING:
    from aiohttp import web

    from watchword_server.verifier import Decision

_VALID, _NOT_VALID = b'{"valid":true}', b'{"valid":false}'
_TRUE, _FALSE = b'{"status":true}', b'{"status":false}'


class CheckRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /v1/keys/{name}/check`."""

    code: str

    def __repr__(self) -> str:
        return "<CheckRequest>"


class CheckDetail(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a token with `check:detail`."""

    valid: bool
    reason: str
    offset: int | None
    attempts_left: int
    used_ago: int | None
    locked_for: int | None


async def check_by_path(request: web.Request) -> web.Response:
    """`GET /check/{code}`: the prototype's check of the default key; all but accepted is false."""
    decision = await _decide(request, DEFAULT_KEY, request.match_info["code"])
    if decision.verdict is Verdict.DISABLED:
        return json_response(_FALSE, HTTPStatus.LOCKED)
    if decision.verdict is Verdict.LOCKED:
        headers = {"Retry-After": str(decision.locked_for)}
        return json_response(_FALSE, HTTPStatus.TOO_MANY_REQUESTS, headers)
    return json_response(_TRUE if decision.verdict is Verdict.ACCEPTED else _FALSE)


async def check_key(request: web.Request) -> web.Response:
    """`POST /v1/keys/{name}/check`: whether the code is valid, now and never again."""
    name = request.match_info["name"]
    if not is_canonical(name):
        raise _no_such_key()
    sent = await read_json(request, CheckRequest)
    decision = await _decide(request, name, sent.code)
    _refuse_unjudged(decision)
    accepted = decision.verdict is Verdict.ACCEPTED
    if Scope.CHECK_DETAIL not in request[TOKEN].scopes:
        return json_response(_VALID if accepted else _NOT_VALID)
    detail = CheckDetail(
        valid=accepted,
        reason=decision.verdict.value,
        offset=decision.offset,
        attempts_left=decision.attempts_left,
        used_ago=decision.used_ago,
        locked_for=decision.locked_for,
    )
    return json_response(msgspec.json.encode(detail))


async def _decide(request: web.Request, name: str, code: str) -> Decision:
    decision = await request.app[CHECKER].check(name, code)
    if decision is None:
        raise _no_such_key()
    return decision


def _refuse_unjudged(decision: Decision) -> None:
    match decision.verdict:
        case Verdict.ACCEPTED | Verdict.WRONG | Verdict.REPLAYED:
            return
        case Verdict.MALFORMED:
            detail = "send exactly the digits this key's codes have, and nothing else"
            raise ProblemError(MALFORMED_CODE, detail)
        case Verdict.DISABLED:
            detail = "too many wrong codes in a row; an operator has to unlock the key"
            raise ProblemError(DISABLED, detail)
        case Verdict.LOCKED:
            seconds = decision.locked_for or 0
            raise ProblemError(
                LOCKED,
                f"too many wrong codes in a row; try again in {seconds} s",
                headers={"Retry-After": str(seconds)},
                retry_after=seconds,
            )


def _no_such_key() -> ProblemError:
    return ProblemError(NO_SUCH_KEY, "there is no active key of this name")
