"""How a key that cannot judge now refuses: the same through every route that can answer true."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_server.appkeys import STORE
from watchword_server.problems import (
    DISABLED,
    KEY_PENDING,
    LOCKED,
    MALFORMED_CODE,
    NO_SUCH_KEY,
    ProblemError,
)
from watchword_server.store.records import Status, Wanted
from watchword_server.verifier import Decision, Verdict

if TYPE_CHECKING:
    from aiohttp import web

JUDGING_PROBLEMS = (MALFORMED_CODE, NO_SUCH_KEY, KEY_PENDING, DISABLED, LOCKED)
"""What every such route can end in."""


def refuse_unjudged(decision: Decision) -> None:
    """Return if the code was judged.

    Raises:
        ProblemError: 400, 423 or 429: nothing was compared.
    """
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


def no_such_key() -> ProblemError:
    """There is no such key, or none that this token may touch."""
    return ProblemError(NO_SUCH_KEY, "there is no active key of this name")


async def not_active(request: web.Request, name: str) -> ProblemError:
    """There is no active key of this name; perhaps one that waits for its first code."""
    pending = await request.app[STORE].look(Wanted(names=[name], statuses=(Status.PENDING,)))
    if pending.keys:
        return ProblemError(KEY_PENDING, "this key waits for its first code; confirm it with that")
    return no_such_key()
