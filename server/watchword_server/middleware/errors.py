"""The outermost middleware: names a request and its sender, limits and counts it, answers every failure.

All in one, since aiohttp takes as long for a further middleware as all of this does.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from time import perf_counter
from typing import TYPE_CHECKING, NoReturn

import mimeparse  # type: ignore[import-untyped]  # it has no stubs
from aiohttp import HttpVersion11, hdrs, web

from watchword_server.api import Media
from watchword_server.appkeys import CLIENT, PAGES, TOKEN
from watchword_server.errors import RefusedError
from watchword_server.middleware.headers import give_request_id
from watchword_server.middleware.limits import tell
from watchword_server.pages import problem_page
from watchword_server.problems import (
    CONTENT_TYPE,
    INTERNAL_ERROR,
    STORE_UNAVAILABLE,
    VERSION_NOT_SUPPORTED,
    ProblemError,
    problem_for_status,
    problem_of,
)
from watchword_server.store.protocol import StoreError

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

    from watchword_server.metrics import Metrics
    from watchword_server.middleware.client import Proxies
    from watchword_server.middleware.limits import Refusals, TokenLimits

_TRY_AGAIN = {"Retry-After": "1"}
"""Another node may decide at once, and most of what keeps one from it passes within seconds."""

_logger = logging.getLogger(__name__)


def make_errors(
    metrics: Metrics,
    token_limits: TokenLimits,
    *,
    proxies: Proxies | None = None,
    refusals: Refusals | None = None,
) -> Middleware:
    """Make the middleware.

    Args:
        metrics: Counts every answer.
        token_limits: Says in the answers what they leave.
        proxies: Whose word is taken for the sender's address; None for nobody's.
        refusals: Whom to refuse for a while; None for nobody.
    """

    @web.middleware
    async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer with a problem (RFC 9457) whatever goes wrong further in."""
        started = perf_counter()
        request_id = give_request_id(request)
        client = (request.remote or "") if proxies is None else proxies.client_of(request)
        request[CLIENT] = client
        response: web.StreamResponse
        try:
            if refusals is not None:
                refusals.check(client, request)
            if request._version[0] != 1:  # noqa: SLF001 - the property would keep it for good
                _refuse_version(request)
            response = await handler(request)
        except Exception as error:  # noqa: BLE001 - the last line of defence
            response = await _answer(request, _problem_that(error, request_id))
        if response.status >= 400 and refusals is not None:  # noqa: PLR2004 - the refusals' range
            token = request.get(TOKEN)
            user = None if token is None else (token, request)
            standing = refusals.charge(client, response.status, user)
            if standing is not None:
                tell(response.headers, standing)
        token_limits.tell(request, response)
        metrics.answered(
            request.match_info.route.resource,
            request.method,
            response.status,
            perf_counter() - started,
        )
        return response

    return errors


def _problem_that(error: Exception, request_id: str) -> ProblemError:
    """The problem that an error is to whoever asked; what is ours to mend goes into the log."""
    match error:
        case ProblemError():
            return error
        case RefusedError():
            return problem_of(error)
        case web.HTTPException():
            return problem_for_status(error.status, error.headers.get("Allow"))
        case StoreError():
            _logger.error("%s: %s: %s", request_id, error.cause, error, extra={"request_id": request_id})
            detail = f"{error.cause.words}; nothing was done and nothing was counted; try again later"
            return ProblemError(STORE_UNAVAILABLE, detail, headers=_TRY_AGAIN, cause=error.cause.value)
        case _:
            _logger.error("%s: %s", request_id, where_of(error), extra={"request_id": request_id})
            detail = "something went wrong here; the log has it under this request id"
            return ProblemError(INTERNAL_ERROR, detail, request_id=request_id)


async def _answer(request: web.Request, problem: ProblemError) -> web.Response:
    """The problem as JSON, or as a page to a browser that wants to see one."""
    if request.match_info.route in request.app.get(PAGES, ()) and _prefers_pages(request):
        # In a thread: the first page of all reads its template.
        response = await asyncio.to_thread(problem_page, problem)
    else:
        response = problem.response()
    if problem.headers is not None and problem.headers.get("Connection") == "close":
        response.force_close()
    return response


def _prefers_pages(request: web.Request) -> bool:
    # Of equally welcome types, as to programs that take anything, mimeparse takes the last.
    offered = [Media.HTML.value, CONTENT_TYPE]
    try:
        best = mimeparse.best_match(offered, request.headers.get(hdrs.ACCEPT, "*/*"))
    except mimeparse.MimeTypeParseException:
        return False
    return bool(best == Media.HTML)


def where_of(error: BaseException) -> str:
    """Where an error came from, but not what it says.

    Its message or a source line may hold a code, a token or a secret.
    """
    frames = traceback.extract_tb(error.__traceback__)
    where = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
    return f"{type(error).__name__} in {where}"


def _refuse_version(request: web.Request) -> NoReturn:
    # aiohttp would answer in the version it was asked in, which it does not speak.
    request._version = HttpVersion11  # noqa: SLF001 - it has no other way
    raise ProblemError(
        VERSION_NOT_SUPPORTED, "this server speaks HTTP/1.1", headers={"Connection": "close"}
    )
