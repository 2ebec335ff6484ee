"""Turns every failure into a problem (RFC 9457), and the unforeseen into a quiet 500."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

from aiohttp import web

from watchword_server.middleware.headers import give_request_id
from watchword_server.problems import (
    INTERNAL_ERROR,
    STORE_UNAVAILABLE,
    ProblemError,
    problem_for_status,
)
from watchword_server.store.protocol import StoreError

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

_logger = logging.getLogger(__name__)


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer with a problem whatever goes wrong further in."""
    request_id = give_request_id(request)
    try:
        return await handler(request)
    except ProblemError as problem:
        return problem.response()
    except web.HTTPException as error:
        return problem_for_status(error.status, error.headers.get("Allow")).response()
    except StoreError as error:
        _logger.error("%s: %s: %s", request_id, error.cause, error)  # noqa: TRY400 - its frames may hold secrets
        detail = "nothing was done and nothing was counted; try again, and tell the operator the cause"
        return ProblemError(STORE_UNAVAILABLE, detail, cause=error.cause.value).response()
    except Exception as error:  # noqa: BLE001 - the last line of defence
        # Where, but not what: the message or a source line may hold a code, a token or a secret.
        frames = traceback.extract_tb(error.__traceback__)
        where = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
        _logger.error("%s: %s in %s", request_id, type(error).__name__, where)  # noqa: TRY400 - as above
        detail = "something went wrong here; the log has it under this request id"
        return ProblemError(INTERNAL_ERROR, detail, request_id=request_id).response()
