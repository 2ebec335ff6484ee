"""Recovery codes over HTTP."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from watchword_server.api import KEY_NAME, Answer, Operation
from watchword_server.appkeys import LEDGER
from watchword_server.bodies import json_response
from watchword_server.callers import caller_of
from watchword_server.errors import RefusedError
from watchword_server.problems import MALFORMED_CODE, NO_SUCH_KEY, ProblemError
from watchword_server.recovery import looks_like_recovery_code, redeem, replace_recovery_codes
from watchword_server.routes.refusals import JUDGING_PROBLEMS, not_active, refuse_unjudged
from watchword_server.verifier import Verdict

if TYPE_CHECKING:
    from aiohttp import web


class RecoveryCodes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """New recovery codes, shown this once."""

    recovery_codes: list[str]

    def __repr__(self) -> str:
        return "<RecoveryCodes>"


class RedeemRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A recovery code."""

    code: Annotated[
        str,
        Meta(
            max_length=64,
            description="24 letters and digits from 2 to 7; case, spaces and dashes do not matter.",
        ),
    ]

    def __repr__(self) -> str:
        return "<RedeemRequest>"


class Redeemed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether the recovery code is valid; wrong and used ones look the same."""

    valid: bool
    remaining: Annotated[
        int | None, Meta(description="Codes that are left; null if this one is not valid.")
    ]


async def make_codes(request: web.Request) -> web.Response:
    """`POST /v1/keys/{name}/recovery-codes`: ten new ones; those before are void."""
    name = request.match_info["name"]
    fresh = await replace_recovery_codes(request.app[LEDGER], name, caller_of(request))
    made = RecoveryCodes(recovery_codes=list(fresh.codes))
    return json_response(msgspec.json.encode(made), HTTPStatus.CREATED)


async def redeem_code(request: web.Request, sent: RedeemRequest) -> web.Response:
    """`POST /v1/keys/{name}/recovery-codes/redeem`: valid once, under the key's one lock."""
    if not looks_like_recovery_code(sent.code):
        raise ProblemError(MALFORMED_CODE, "a recovery code has 24 letters and digits from 2 to 7")
    name = request.match_info["name"]
    try:
        redemption = await redeem(request.app[LEDGER], name, sent.code, caller_of(request))
    except RefusedError:
        raise await not_active(request, name) from None
    refuse_unjudged(redemption.decision)
    valid = redemption.decision.verdict is Verdict.ACCEPTED
    answer = Redeemed(valid=valid, remaining=redemption.remaining if valid else None)
    return json_response(msgspec.json.encode(answer))


MAKE_RECOVERY_CODES = Operation(
    id="makeRecoveryCodes",
    handler=make_codes,
    tag="Recovery",
    summary="Make new recovery codes",
    description="Ten, each good once; those the key had are void.",
    path=(KEY_NAME,),
    answers={HTTPStatus.CREATED: Answer(description="Shown this once.", json=(RecoveryCodes,))},
    problems=(NO_SUCH_KEY,),
)

REDEEM = Operation(
    id="redeemRecoveryCode",
    handler=redeem_code,
    tag="Recovery",
    summary="Check a recovery code",
    description="Valid once. A wrong one spends an attempt, as a wrong code does.",
    path=(KEY_NAME,),
    body=RedeemRequest,
    answers={HTTPStatus.OK: Answer(description="The code was judged.", json=(Redeemed,))},
    problems=JUDGING_PROBLEMS,
    judges=True,
)
