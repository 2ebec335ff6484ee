"""Checking a code, by path as the prototype did, and by key."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from watchword_server.api import KEY_NAME, Answer, Operation, PathParameter, RequestHeader
from watchword_server.appkeys import CHECKER, TOKEN
from watchword_server.bodies import json_response
from watchword_server.callers import IDEMPOTENCY_KEY, caller_of, retry_of
from watchword_server.names import DEFAULT_KEY
from watchword_server.problems import IDEMPOTENCY_KEY_REUSED, KEY_PENDING, NO_SUCH_KEY, ProblemError
from watchword_server.resync import Finding
from watchword_server.routes.refusals import (
    JUDGING_PROBLEMS,
    looks_like_code,
    not_active,
    refuse_unjudged,
    require_code,
)
from watchword_server.sitting import Question
from watchword_server.tokens import Scope
from watchword_server.verifier import Verdict

if TYPE_CHECKING:
    from aiohttp import web

    from watchword_server.resync import Diagnosis
    from watchword_server.sitting import Outcome

_VALID, _NOT_VALID = b'{"valid":true}', b'{"valid":false}'
_TRUE, _FALSE = b'{"status":true}', b'{"status":false}'

_REASONS: dict[Verdict, Literal["accepted", "wrong", "replayed"]] = {
    Verdict.ACCEPTED: "accepted",
    Verdict.WRONG: "wrong",
    Verdict.REPLAYED: "replayed",
}


MAX_CODE = 64
"""Most characters read as a code: none has more than 10, but a few too many are no bad body."""

CODE = msgspec.Meta(max_length=MAX_CODE, description="The code, digit for digit.")


class CheckRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /v1/keys/{name}/check`."""

    code: Annotated[str, CODE, msgspec.Meta(examples=["492039"])]

    def __repr__(self) -> str:
        return "<CheckRequest>"


class CheckAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the code is valid; wrong and used codes look the same."""

    valid: bool


class CheckDetail(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answer to a token with `check:detail`."""

    valid: bool
    reason: Annotated[
        Literal["accepted", "wrong", "replayed"], msgspec.Meta(description="What became of the code.")
    ]
    offset: Annotated[
        int | None,
        msgspec.Meta(description="Steps the code's clock is ahead (+) or behind (-); null if wrong."),
    ]
    attempts_left: Annotated[
        Annotated[int, msgspec.Meta(ge=0)],
        msgspec.Meta(description="Wrong codes in a row that would start the next lock; 0 while locked."),
    ]
    used_ago: Annotated[
        Annotated[int, msgspec.Meta(ge=0)] | None,
        msgspec.Meta(description="Seconds since this very code was accepted; null if it was not."),
    ]
    locked_for: Annotated[
        Annotated[int, msgspec.Meta(ge=1)] | None,
        msgspec.Meta(description="Seconds this wrong code locked the key for, else null."),
    ]
    diagnosis: Annotated[
        str | None,
        msgspec.Meta(description="What is probably wrong, in words; null if nobody knows."),
    ]


class PathAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The prototype's answer."""

    status: Annotated[bool, msgspec.Meta(description="Whether the code was valid.")]


async def check_by_path(request: web.Request) -> web.Response:
    """`GET /check/{code}`: the prototype's check of the default key; all but accepted is false."""
    code = request.match_info["code"]
    if not looks_like_code(code):
        return json_response(_FALSE)
    outcome = await _ask(request, DEFAULT_KEY, code)
    decision = outcome.decision
    if decision is None:
        raise await not_active(request, DEFAULT_KEY)
    if decision.verdict is Verdict.DISABLED:
        return json_response(_FALSE, HTTPStatus.LOCKED)
    if decision.verdict is Verdict.LOCKED:
        headers = {"Retry-After": str(decision.locked_for)}
        return json_response(_FALSE, HTTPStatus.TOO_MANY_REQUESTS, headers)
    return json_response(_TRUE if decision.verdict is Verdict.ACCEPTED else _FALSE)


async def check_key(request: web.Request, sent: CheckRequest) -> web.Response:
    """`POST /v1/keys/{name}/check`: whether the code is valid, now and never again."""
    require_code(sent.code)
    detailed = Scope.CHECK_DETAIL in request[TOKEN].scopes
    name = request.match_info["name"]
    outcome = await _ask(request, name, sent.code, detailed=detailed)
    decision = outcome.decision
    if decision is None:
        raise await not_active(request, name)
    refuse_unjudged(decision)
    accepted = decision.verdict is Verdict.ACCEPTED
    if not detailed:
        return json_response(_VALID if accepted else _NOT_VALID)
    detail = CheckDetail(
        valid=accepted,
        reason=_REASONS[decision.verdict],
        offset=decision.offset,
        attempts_left=decision.attempts_left,
        used_ago=decision.used_ago,
        locked_for=decision.locked_for,
        diagnosis=_words(outcome.diagnosis),
    )
    return json_response(msgspec.json.encode(detail))


def _words(diagnosis: Diagnosis | None) -> str | None:
    if diagnosis is None or diagnosis.finding is Finding.NOTHING:
        return None
    return diagnosis.text


async def _ask(request: web.Request, name: str, code: str, *, detailed: bool = False) -> Outcome:
    retry = await retry_of(request, "check", name, code)
    question = Question(name, code, caller_of(request), retry, detailed)
    outcome = await request.app[CHECKER].check(question)
    if outcome.is_other_request:
        detail = "this Idempotency-Key came with another request before; make a new one for each code"
        raise ProblemError(IDEMPOTENCY_KEY_REUSED, detail)
    return outcome


CHECK_KEY = Operation(
    id="checkCode",
    handler=check_key,
    tag="Checking",
    summary="Check a code",
    description="Whether a code is valid, now and never again: a valid code is consumed by this. Why it"
    " is not is told only to tokens with `check:detail`.",
    path=(KEY_NAME,),
    body=CheckRequest,
    answers={
        HTTPStatus.OK: Answer(
            description="The code was judged.",
            json=(CheckAnswer, CheckDetail),
            examples={
                "valid": {"valid": True},
                "not valid": {"valid": False},
                "used before, to a token with check:detail": {
                    "valid": False,
                    "reason": "replayed",
                    "offset": 0,
                    "attempts_left": 5,
                    "used_ago": 8,
                    "locked_for": None,
                    "diagnosis": None,
                },
            },
        )
    },
    problems=(*JUDGING_PROBLEMS, IDEMPOTENCY_KEY_REUSED),
    request_headers=(
        RequestHeader(
            name=IDEMPOTENCY_KEY,
            description="Makes the request safe to repeat for a day: the same request with the same key"
            " gets the first answer again, and nothing is judged anew.",
            pattern=re.compile(r"[\x21-\x7e]{1,255}"),
            form="1 to 255 visible ASCII characters without spaces",
        ),
    ),
    judges=True,
)

_NOT_VALID_EXAMPLE = {"not valid": {"status": False}}

CHECK_BY_PATH = Operation(
    id="checkCodeByPath",
    handler=check_by_path,
    tag="Checking",
    summary="Check a code of the default key, by path",
    description="As the prototype did it: whatever is not valid is false. Prefer `POST`, which leaves"
    " no code in anybody's log.",
    path=(
        PathParameter(
            name="code",
            description="The code; what is none is false.",
            max_length=MAX_CODE,
            example="492039",
        ),
    ),
    answers={
        HTTPStatus.OK: Answer(
            description="The code was judged.",
            json=(PathAnswer,),
            examples={"valid": {"status": True}, **_NOT_VALID_EXAMPLE},
        ),
        HTTPStatus.LOCKED: Answer(
            description="The key is disabled; an operator has to unlock it.",
            json=(PathAnswer,),
            examples=_NOT_VALID_EXAMPLE,
        ),
        HTTPStatus.TOO_MANY_REQUESTS: Answer(
            description="The key is locked for a time.",
            json=(PathAnswer,),
            headers={"Retry-After": "Seconds until the lock ends."},
            examples=_NOT_VALID_EXAMPLE,
        ),
    },
    problems=(NO_SUCH_KEY, KEY_PENDING),
    judges=True,
)
