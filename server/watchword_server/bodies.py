"""Bodies in and JSON out. A bad body is the sender's fault and says so; it never ends in a 500."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qsl

import msgspec
from aiohttp import hdrs, web
from multidict import CIMultiDict

from watchword_server.faults import fault_of
from watchword_server.problems import (
    BODY_TIMEOUT,
    BODY_TOO_LONG,
    MALFORMED_BODY,
    UNSUPPORTED_MEDIA_TYPE,
    ProblemError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

MAX_BODY = 8 * 1024
"""Longest body read, in bytes: no request of ours has more than a few hundred."""

BODY_SECONDS = 10
"""How long a body may take to arrive."""

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

_JSON_HEADERS = CIMultiDict({"Content-Type": JSON})

_Shape = TypeVar("_Shape", bound=msgspec.Struct)


def json_reader(shape: type[_Shape]) -> Callable[[web.Request], Awaitable[_Shape]]:
    """Make a function that reads a request's JSON body (RFC 8259) as `shape`, a flat struct.

    What it raises is a `ProblemError`: 400, 408, 413 or 415, saying what is wrong with the body.
    """
    decode = json_decoder(shape)

    async def read(request: web.Request) -> _Shape:
        if request.headers.get(hdrs.CONTENT_TYPE) != JSON:
            _require(request, JSON)
        return decode(await _read(request))

    return read


def json_decoder(shape: type[_Shape]) -> Callable[[bytes], _Shape]:
    """Make a function that decodes JSON as `shape`, a flat struct, with no member there twice.

    Readers disagree about which of two members of one name counts (RFC 8259 section 4): what looks at
    a request before the server does might see another one than the server. What the function raises
    is a `ProblemError`, 400.
    """
    decoder = msgspec.json.Decoder(shape)
    # Every member has a colon: with no more of them than members that must be there, none is twice.
    fewest = max(1, sum(each.required for each in msgspec.structs.fields(shape)))

    def decode(body: bytes) -> _Shape:
        try:
            decoded = decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise ProblemError(MALFORMED_BODY, _json_fault(body, shape)) from None
        if body.count(b":") > fewest and _has_twins(body):
            raise ProblemError(MALFORMED_BODY, "each member of the body can be given once")
        return decoded

    return decode


def form_reader(shape: type[_Shape]) -> Callable[[web.Request], Awaitable[_Shape]]:
    """Make a function that reads what an HTML form sends as `shape`, whose members are all text.

    Not with aiohttp's `request.post()`, which takes files, repeated fields and any charset. What it
    raises is a `ProblemError`: 400, 408, 413 or 415, saying what is wrong with the body.
    """

    async def read(request: web.Request) -> _Shape:
        _require(request, FORM)
        body = await _read(request)
        try:
            pairs = parse_qsl(
                body.decode("ascii"),
                keep_blank_values=True,
                strict_parsing=bool(body),
                errors="strict",
                max_num_fields=len(msgspec.structs.fields(shape)) + 1,
            )
        except ValueError:
            raise ProblemError(MALFORMED_BODY, "the body is not a form in UTF-8") from None
        sent = dict(pairs)
        if len(sent) != len(pairs):
            raise ProblemError(MALFORMED_BODY, "each member of the form can be given once")
        try:
            return msgspec.convert(sent, shape)
        except msgspec.ValidationError:
            raise ProblemError(MALFORMED_BODY, fault_of(sent, shape)) from None

    return read


def json_response(
    body: bytes, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Answer with JSON that is encoded already."""
    all_headers = _JSON_HEADERS if headers is None else {**_JSON_HEADERS, **headers}
    return web.Response(status=status, body=body, headers=all_headers)


def _has_twins(body: bytes) -> bool:
    found = False

    def compare(pairs: list[tuple[str, object]]) -> None:
        nonlocal found
        found = len(dict(pairs)) != len(pairs)

    # Numbers stay text: how long they are is none of our business here.
    json.loads(body.decode(), object_pairs_hook=compare, parse_int=str, parse_float=str)
    return found


def _json_fault(body: bytes, shape: type[msgspec.Struct]) -> str:
    try:
        return fault_of(msgspec.json.decode(body), shape)
    except RecursionError:
        return "the body is nested too deeply"
    except (msgspec.DecodeError, UnicodeError):
        return "the body is not JSON in UTF-8"


def _require(request: web.Request, media_type: str) -> None:
    # JSON knows no other charset (RFC 8259 section 8.1), and our forms are sent from pages in UTF-8.
    charset = (request.charset or "utf-8").lower()
    if request.content_type != media_type or charset not in {"utf-8", "utf8"}:
        raise ProblemError(UNSUPPORTED_MEDIA_TYPE, f"send the body as {media_type} in UTF-8")


async def _read(request: web.Request) -> bytes:
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise ProblemError(UNSUPPORTED_MEDIA_TYPE, "send the body without a Content-Encoding")
    try:
        # The usual body has come along with the headers, and needs no watch.
        if request.content.is_eof():
            return await request.read()
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise ProblemError(BODY_TOO_LONG, f"the body can have at most {MAX_BODY} bytes") from None
    except web.RequestPayloadError:
        # As chunks that are none.
        detail = "the body is not what its headers announce"
        raise ProblemError(MALFORMED_BODY, detail, headers={"Connection": "close"}) from None
    except (TimeoutError, ConnectionError):
        # Late, or its sender has gone away: then nobody reads this, but neither is it our error.
        detail = f"the body did not arrive within {BODY_SECONDS} s"
        raise ProblemError(BODY_TIMEOUT, detail, headers={"Connection": "close"}) from None
