"""How a key that cannot judge now refuses: the same through every route that can answer true."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from watchword_otp.key import MAX_DIGITS, MIN_DIGITS
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

_CODE = re.compile(f"[0-9A-Z]{{{MIN_DIGITS},{MAX_DIGITS}}}")

JUDGING_PROBLEMS = (MALFORMED_CODE, NO_SUCH_KEY, KEY_PENDING, DISABLED, LOCKED)
"""What every such route can end in."""


def require_code(code: str) -> None:
    """Refuse what could be no key's code, without looking at any key or writing anything.

    Raises:
        ProblemError: 400.
    """
    if not looks_like_code(code):
        raise _malformed()


def looks_like_code(code: str) -> bool:
    """Tell whether some key could have such a code; which one has it, its key's check tells."""
    return _CODE.fullmatch(code) is not None


def refuse_unjudged(decision: Decision) -> None:
    """Return if the code was judged.

    Raises:
        ProblemError: 400, 423 or 429: nothing was compared.
    """
    match decision.verdict:
        case Verdict.ACCEPTED | Verdict.WRONG | Verdict.REPLAYED:
            return
        case Verdict.MALFORMED:
            raise _malformed()
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


def _malformed() -> ProblemError:
    detail = "send exactly the digits this key's codes have, and nothing else"
    return ProblemError(MALFORMED_CODE, detail)


def no_such_key() -> ProblemError:
    """There is no such key, or none that this token may touch."""
    return ProblemError(NO_SUCH_KEY, "there is no active key of this name")


async def not_active(request: web.Request, name: str) -> ProblemError:
    """There is no active key of this name; perhaps one that waits for its first code."""
    pending = await request.app[STORE].look(Wanted(names=[name], statuses=(Status.PENDING,)))
    if pending.keys:
        return ProblemError(KEY_PENDING, "this key waits for its first code; confirm it with that")
    return no_such_key()
