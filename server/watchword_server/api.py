"""What an endpoint is: one declaration that its requests are checked by and its document is made of.

An `Operation` stands beside its handler and says what goes in and what comes out. An `Endpoint` is one
row of the table in `routes`: where an operation is found, and who may use it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, TypeAlias

from multidict import istr

from watchword_server.bodies import FORM, JSON, form_reader, json_reader
from watchword_server.names import CANONICAL, WORDS
from watchword_server.problems import (
    MALFORMED_HEADER,
    NO_SUCH_KEY,
    ProblemError,
    ProblemType,
)
from watchword_server.queries import NoQuery, query_reader

if TYPE_CHECKING:
    import msgspec
    from aiohttp import web

    from watchword_server.tokens import Scope

Handler: TypeAlias = Callable[..., Awaitable["web.StreamResponse"]]
"""Takes the request, then the query, then the body, of those that its operation declares."""


class Auth(Enum):
    """Ways in other than a token's scope."""

    TICKET = "ticket"
    """Whoever has the path may come in: its last part is a secret made for one use."""


class Media(StrEnum):
    """Answers that are not JSON."""

    TEXT = "text/plain"
    HTML = "text/html"
    PNG = "image/png"
    SVG = "image/svg+xml"
    URI_LIST = "text/uri-list"


class BodyType(StrEnum):
    """How a request's body is written."""

    JSON = JSON
    FORM = FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class PathParameter:
    """A part of the path that is not fixed."""

    name: str
    """As it stands in braces in the path."""
    description: str
    pattern: re.Pattern[str] | None = None
    """What it must match from end to end; None when the handler judges it."""
    missing: tuple[ProblemType, str] | None = None
    """The problem, and its detail, of a value that does not match."""
    max_length: int | None = None
    """Most characters that make sense, for the document; longer values go to the handler too."""
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHeader:
    """A header that changes what a request does. The handler reads it, checked, from the request."""

    name: str
    description: str
    pattern: re.Pattern[str]
    """What it must match from end to end; otherwise the request is refused, 400."""
    form: str
    """The same in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one status of an operation means. Problems are declared apart."""

    description: str
    json: Sequence[type[msgspec.Struct]] = ()
    """What the JSON may be; of several, which one depends on the token or the request."""
    media: Sequence[Media] = ()
    """Types of answers that are no JSON."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers beside those that every answer has: name to description."""
    examples: Mapping[str, object] = field(default_factory=dict)
    """JSON examples by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What a handler takes and gives."""

    id: str
    """Its name for programs, in camel case, one of a kind."""
    handler: Handler
    tag: str
    """The chapter of the document it stands in."""
    summary: str
    """A few words."""
    description: str = ""
    """A few sentences, if the summary is not enough."""
    path: Sequence[PathParameter] = ()
    query: type[msgspec.Struct] | None = None
    """Flat and optional: members are text or whole numbers. None: any query is refused."""
    any_query: bool = False
    """Whether a query is passed over: programs that show a link to people hang things on to it."""
    for_people: bool = False
    """Whether people open it in a browser: there its problems are pages too."""
    body: type[msgspec.Struct] | None = None
    """Flat, with `forbid_unknown_fields`."""
    body_type: BodyType = BodyType.JSON
    request_headers: Sequence[RequestHeader] = ()
    answers: Mapping[int, Answer]
    problems: Sequence[ProblemType] = ()
    """Those of its own; what any endpoint can end in is known without being said."""
    judges: bool = False
    """Whether it can tell that a code is right, and so spends the key's budget of attempts."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row of the table."""

    method: str
    path: str
    scope: Scope | Auth | None
    """What a token must have; None: open to all."""
    operation: Operation


KEY_NAME = PathParameter(
    name="name",
    description=f"The name of a key: {WORDS}.",
    pattern=CANONICAL,
    missing=(NO_SUCH_KEY, "there is no active key of this name"),
    example="default",
)


def request_handler(endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Make what aiohttp calls: it checks a request against the declaration and calls the handler.

    Raises:
        ValueError: The path and the declared parameters do not go together.
    """
    operation = endpoint.operation
    if re.findall(r"\{([a-z]+)\}", endpoint.path) != [each.name for each in operation.path]:
        raise ValueError(f"{endpoint.path} is not the path of {operation.id}")
    check = _checker(operation)
    read_query = query_reader(operation.query or NoQuery)
    handler = operation.handler
    takes_query = operation.query is not None
    refuses_query = not operation.any_query
    if operation.body is None:

        async def without_body(request: web.Request) -> web.StreamResponse:
            check(request)
            if takes_query:
                return await handler(request, read_query(request))
            if refuses_query and request.rel_url.raw_query_string:
                read_query(request)
            return await handler(request)

        return without_body

    make_reader = json_reader if operation.body_type is BodyType.JSON else form_reader
    read_body = make_reader(operation.body)

    async def with_body(request: web.Request) -> web.StreamResponse:
        check(request)
        if takes_query:
            query = read_query(request)
            return await handler(request, query, await read_body(request))
        if refuses_query and request.rel_url.raw_query_string:
            read_query(request)
        return await handler(request, await read_body(request))

    return with_body


def _checker(operation: Operation) -> Callable[[web.Request], None]:
    """Make what checks the path and the headers of a request."""
    patterns = [
        (each.name, each.pattern.fullmatch, each.missing)
        for each in operation.path
        if each.pattern is not None and each.missing is not None
    ]
    headers = [
        (istr(each.name), each.pattern.fullmatch, each.form) for each in operation.request_headers
    ]

    def check(request: web.Request) -> None:
        for name, matches, missing in patterns:
            # No name needs percent-encoding (RFC 3986 section 2.4): it would be another spelling of it.
            if not matches(request.match_info[name]) or "%" in request.rel_url.raw_path:
                raise ProblemError(*missing)
        for name, matches, form in headers:
            if name in request.headers:
                sent = request.headers.getall(name)
                if len(sent) != 1 or not matches(sent[0]):
                    detail = f"the header {name} must be there once at most, and be {form}"
                    raise ProblemError(MALFORMED_HEADER, detail)

    return check
