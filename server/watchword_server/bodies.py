"""JSON bodies in and out. A bad body is the sender's fault and says so; it never ends in a 500."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

import msgspec
from aiohttp import hdrs, web
from multidict import CIMultiDict

from watchword_server.problems import (
    BODY_TIMEOUT,
    MALFORMED_BODY,
    UNSUPPORTED_MEDIA_TYPE,
    ProblemError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BODY = 8 * 1024
"""Longest body read, in bytes: no request of ours has more than a few hundred."""

BODY_SECONDS = 10
"""How long a body may take to arrive."""

JSON = "application/json"

_JSON_HEADERS = CIMultiDict({"Content-Type": JSON})

_T = TypeVar("_T")


async def read_json(request: web.Request, shape: type[_T]) -> _T:
    """Read the request's body as `shape`.

    Raises:
        ProblemError: 408, 415 or 400, saying what is wrong with the body.
        web.HTTPRequestEntityTooLarge: It is longer than `MAX_BODY`.
    """
    if request.headers.get(hdrs.CONTENT_TYPE) != JSON:
        _require_json(request)
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise ProblemError(UNSUPPORTED_MEDIA_TYPE, "send the body without a Content-Encoding")
    body = await _read(request)
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        raise ProblemError(MALFORMED_BODY, str(error)) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise ProblemError(MALFORMED_BODY, "the body is not JSON") from None


def json_response(
    body: bytes, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Answer with JSON that is encoded already."""
    all_headers = _JSON_HEADERS if headers is None else {**_JSON_HEADERS, **headers}
    return web.Response(status=status, body=body, headers=all_headers)


def _require_json(request: web.Request) -> None:
    # RFC 8259 section 8.1 knows no other charset.
    if request.content_type != JSON or (request.charset or "utf-8").lower() not in {"utf-8", "utf8"}:
        raise ProblemError(UNSUPPORTED_MEDIA_TYPE, f"send the body as {JSON} in UTF-8")


async def _read(request: web.Request) -> bytes:
    try:
        # The usual body has come along with the headers, and needs no watch.
        if request.content.is_eof():
            return await request.read()
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except (TimeoutError, ConnectionError):
        # Late, or its sender has gone away: then nobody reads this, but neither is it our error.
        detail = f"the body did not arrive within {BODY_SECONDS} s"
        raise ProblemError(BODY_TIMEOUT, detail, headers={"Connection": "close"}) from None
