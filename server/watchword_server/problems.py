"""What can go wrong, each with one name: the problem types of this server (RFC 9457)."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias

import msgspec
from aiohttp import web

from watchword_server.errors import Reason, RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTENT_TYPE = "application/problem+json"

Extension: TypeAlias = str | int | list[str] | dict[str, str]


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One kind of problem (RFC 9457 section 3.1)."""

    slug: str
    """The end of its URI, for programs."""
    title: str
    """What it is called, for people; the same every time."""
    status: int
    """The HTTP status it comes with."""

    @property
    def uri(self) -> str:
        """The `type` member: a name, not an address."""
        return f"urn:watchword:problem:{self.slug}"


MALFORMED_REQUEST = ProblemType("malformed-request", "Not a request", 400)
MALFORMED_BODY = ProblemType("malformed-body", "Malformed body", 400)
MALFORMED_HEADER = ProblemType("malformed-header", "Malformed header", 400)
MALFORMED_QUERY = ProblemType("malformed-query", "Malformed query", 400)
MALFORMED_CODE = ProblemType("malformed-code", "Not a code", 400)
UNKNOWN_FORMAT = ProblemType("unknown-format", "Unknown format", 400)
UNAUTHORIZED = ProblemType("unauthorized", "Unauthorized", 401)
INSUFFICIENT_SCOPE = ProblemType("insufficient-scope", "The token may not do this", 403)
NO_SUCH_KEY = ProblemType("no-such-key", "No such key", 404)
NO_SUCH_TOKEN = ProblemType("no-such-token", "No such token", 404)
NOT_FOUND = ProblemType("not-found", "Nothing here", 404)
METHOD_NOT_ALLOWED = ProblemType("method-not-allowed", "Method not allowed", 405)
NOT_ACCEPTABLE = ProblemType("not-acceptable", "Not acceptable", 406)
BODY_TIMEOUT = ProblemType("body-timeout", "The body did not arrive", 408)
IMMUTABLE_MEMBER = ProblemType("immutable-member", "This cannot be changed", 409)
KEY_EXISTS = ProblemType("key-exists", "There is such a key already", 409)
KEY_PENDING = ProblemType("key-pending", "The key is not confirmed yet", 409)
TOKEN_EXISTS = ProblemType("token-exists", "There is such a token already", 409)
NOT_PENDING = ProblemType("not-pending", "The key does not wait to be confirmed", 410)
PRECONDITION_FAILED = ProblemType("precondition-failed", "It was changed in between", 412)
BODY_TOO_LONG = ProblemType("body-too-long", "The body is too long", 413)
URI_TOO_LONG = ProblemType("uri-too-long", "The request line is too long", 414)
UNSUPPORTED_MEDIA_TYPE = ProblemType("unsupported-media-type", "Unsupported media type", 415)
EXPECTATION_FAILED = ProblemType("expectation-failed", "Expectation failed", 417)
IDEMPOTENCY_KEY_REUSED = ProblemType(
    "idempotency-key-reused", "The Idempotency-Key was used for another request", 422
)
INVALID_KEY = ProblemType("invalid-key", "The key cannot be used", 422)
CONTRADICTORY_TOKEN = ProblemType(
    "contradictory-token", "The scopes and the keys do not go together", 422
)
WRONG_CODE = ProblemType("wrong-code", "The code is not right", 422)
DISABLED = ProblemType("disabled", "The key is disabled", 423)
LOCKED = ProblemType("locked", "The key is locked", 429)
TOO_MANY_REQUESTS = ProblemType("too-many-requests", "Too many requests", 429)
HEADERS_TOO_LARGE = ProblemType("headers-too-large", "The headers are too large", 431)
INTERNAL_ERROR = ProblemType("internal-error", "Internal error", 500)
NOT_READY = ProblemType("not-ready", "Not ready", 503)
STORE_UNAVAILABLE = ProblemType("store-unavailable", "The database is unavailable", 503)
TOO_MANY_CONNECTIONS = ProblemType("too-many-connections", "Too many connections", 503)
VERSION_NOT_SUPPORTED = ProblemType("version-not-supported", "HTTP version not supported", 505)


class ProblemError(Exception):
    """Ends a request with a problem."""

    def __init__(
        self,
        kind: ProblemType,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **extensions: Extension,
    ) -> None:
        """Say what went wrong this time and what to do; never a code, a token or a secret."""
        super().__init__(kind.slug)
        self.kind = kind
        self.detail = detail
        self.headers = headers
        self.extensions = extensions

    def body(self) -> bytes:
        """The problem as JSON."""
        members = {
            "type": self.kind.uri,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            **self.extensions,
        }
        return msgspec.json.encode(members)

    def response(self) -> web.Response:
        """The problem as `application/problem+json`."""
        return web.Response(
            status=self.kind.status,
            body=self.body(),
            headers=self.headers,
            content_type=CONTENT_TYPE,
        )


_REFUSALS = {
    Reason.NO_SUCH_KEY: NO_SUCH_KEY,
    Reason.KEY_EXISTS: KEY_EXISTS,
    Reason.NOT_PENDING: NOT_PENDING,
    Reason.CHANGED: PRECONDITION_FAILED,
    Reason.NO_SUCH_TOKEN: NO_SUCH_TOKEN,
    Reason.TOKEN_EXISTS: TOKEN_EXISTS,
    Reason.CONTRADICTORY_TOKEN: CONTRADICTORY_TOKEN,
}


def problem_of(refusal: RefusedError) -> ProblemError:
    """The problem that a refusal is, over HTTP."""
    return ProblemError(_REFUSALS[refusal.reason], str(refusal))


def problem_for_status(status: int, allowed: str | None = None) -> ProblemError:
    """The problem for an HTTP error that aiohttp found itself.

    Args:
        status: 400 to 599.
        allowed: The `Allow` header of a 405 (RFC 9110 section 15.5.6).
    """
    if status == HTTPStatus.METHOD_NOT_ALLOWED and allowed:
        methods = ", ".join(allowed.split(","))
        return ProblemError(
            METHOD_NOT_ALLOWED, f"this path takes only {methods}", headers={"Allow": methods}
        )
    kind, detail = _FOUND_BY_AIOHTTP.get(status) or (
        ProblemType(f"http-{status}", HTTPStatus(status).phrase, status),
        "the request cannot be answered",
    )
    return ProblemError(kind, detail)


_FOUND_BY_AIOHTTP = {
    404: (NOT_FOUND, "there is nothing at this path"),
    413: (BODY_TOO_LONG, "the body is too long"),
}
