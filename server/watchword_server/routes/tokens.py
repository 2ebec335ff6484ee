"""Tokens over HTTP. The first one that may do this is made at the command line."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from watchword_server.api import Answer, Operation, PathParameter
from watchword_server.appkeys import CLOCK, LEDGER, STORE, TOKENS
from watchword_server.bodies import json_response
from watchword_server.callers import caller_of
from watchword_server.names import CANONICAL, NAME, WORDS
from watchword_server.problems import CONTRADICTORY_TOKEN, NO_SUCH_TOKEN, TOKEN_EXISTS
from watchword_server.routes.views import moment, moment_or_none
from watchword_server.tokenadmin import (
    MadeToken,
    NewToken,
    create_token,
    find_token,
    revoke_token,
    rotate_token,
)
from watchword_server.tokens import Scope, Token

_MAX_SECONDS = 10 * 365 * 86_400


class TokenView(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token without its text."""

    name: str
    scopes: list[Scope]
    keys: Annotated[list[str] | None, Meta(description="The keys it may touch; null for all.")]
    rate_limit: Annotated[int | None, Meta(description="Requests a minute; null for no limit.")]
    created_at: datetime
    expires_at: datetime | None
    replaced: Annotated[
        bool, Meta(description="Whether another has its name; it counts till it expires.")
    ]
    last_used_at: Annotated[datetime | None, Meta(description="To the minute.")]


class TokenList(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every token that counts."""

    tokens: list[TokenView]


class NewTokenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A token to be made."""

    name: Annotated[str, NAME]
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=len(Scope))]
    keys: (
        Annotated[
            list[Annotated[str, NAME]],
            Meta(
                min_length=1,
                max_length=100,
                description="The keys it may touch; null for all. Only with scopes about keys.",
            ),
        ]
        | None
    ) = None
    rate_limit: (
        Annotated[
            int,
            Meta(
                ge=1,
                le=1_000_000,
                description="Requests a minute, half of them (rounded up) at once; null for no limit.",
            ),
        ]
        | None
    ) = None
    expires_in: (
        Annotated[int, Meta(ge=1, le=_MAX_SECONDS, description="Seconds; null for never.")] | None
    ) = None


class CreatedToken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new token, which is shown this once."""

    token: str
    about: TokenView

    def __repr__(self) -> str:
        return f"<CreatedToken {self.about.name}>"


class RotateRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How to replace a token."""

    grace: Annotated[
        int, Meta(ge=0, le=30 * 86_400, description="Seconds for which the old one counts on.")
    ] = 3600


async def list_tokens(request: web.Request) -> web.Response:
    """`GET /v1/tokens`: every token that counts; the prototype's is not among them."""
    now = request.app[CLOCK]()
    tokens = [token for token in await request.app[STORE].tokens() if token.counts(now)]
    return json_response(msgspec.json.encode(TokenList(tokens=list(map(_view, tokens)))))


async def make_token(request: web.Request, sent: NewTokenRequest) -> web.Response:
    """`POST /v1/tokens`: a new token, shown this once."""
    new = NewToken(
        name=sent.name,
        scopes=frozenset(sent.scopes),
        keys=None if sent.keys is None else frozenset(sent.keys),
        rate_limit=sent.rate_limit,
        lifetime=sent.expires_in,
    )
    return _created(request, await create_token(request.app[LEDGER], new, caller_of(request)))


async def show_token(request: web.Request) -> web.Response:
    """`GET /v1/tokens/{name}`: a token without its text."""
    tokens = await request.app[STORE].tokens()
    found = find_token(tokens, request.match_info["name"], request.app[CLOCK]())
    return json_response(msgspec.json.encode(_view(found)))


async def replace_token(request: web.Request, sent: RotateRequest) -> web.Response:
    """`POST /v1/tokens/{name}/rotate`: a new text for the same rights."""
    name = request.match_info["name"]
    made = await rotate_token(request.app[LEDGER], name, caller_of(request), grace=sent.grace)
    return _created(request, made)


async def end_token(request: web.Request) -> web.Response:
    """`DELETE /v1/tokens/{name}`: the token, and any it replaced, count no more."""
    await revoke_token(request.app[LEDGER], request.match_info["name"], caller_of(request))
    request.app[TOKENS].forget()
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _view(token: Token) -> TokenView:
    return TokenView(
        name=token.name,
        scopes=sorted(token.scopes),
        keys=None if token.keys is None else sorted(token.keys),
        rate_limit=token.rate_limit,
        created_at=moment(token.created_at),
        expires_at=moment_or_none(token.expires_at),
        replaced=token.replaced_at is not None,
        last_used_at=moment_or_none(token.last_used_at),
    )


def _created(request: web.Request, made: MadeToken) -> web.Response:
    request.app[TOKENS].forget()
    created = CreatedToken(token=made.text, about=_view(made.token))
    headers = {"Location": f"/v1/tokens/{made.token.name}"}
    return json_response(msgspec.json.encode(created), HTTPStatus.CREATED, headers)


_TOKEN_NAME = PathParameter(
    name="name",
    description=f"The name of a token: {WORDS}.",
    pattern=CANONICAL,
    missing=(NO_SUCH_TOKEN, "there is no active token of this name"),
    example="door",
)
_CREATED: dict[int, Answer] = {
    HTTPStatus.CREATED: Answer(
        description="Made. The token is shown this once.",
        json=(CreatedToken,),
        headers={"Location": "Where what is known of it is."},
    )
}

LIST_TOKENS = Operation(
    id="listTokens",
    handler=list_tokens,
    tag="Tokens",
    summary="List tokens",
    answers={HTTPStatus.OK: Answer(description="Every token that counts.", json=(TokenList,))},
)

CREATE_TOKEN = Operation(
    id="createToken",
    handler=make_token,
    tag="Tokens",
    summary="Make a token",
    body=NewTokenRequest,
    answers=_CREATED,
    problems=(TOKEN_EXISTS, CONTRADICTORY_TOKEN),
)

SHOW_TOKEN = Operation(
    id="showToken",
    handler=show_token,
    tag="Tokens",
    summary="Show what is known of a token",
    path=(_TOKEN_NAME,),
    answers={HTTPStatus.OK: Answer(description="The token.", json=(TokenView,))},
    problems=(NO_SUCH_TOKEN,),
)

ROTATE_TOKEN = Operation(
    id="rotateToken",
    handler=replace_token,
    tag="Tokens",
    summary="Replace a token",
    description="The new one has the same name and rights. The old one counts on for a grace.",
    path=(_TOKEN_NAME,),
    body=RotateRequest,
    answers=_CREATED,
    problems=(NO_SUCH_TOKEN,),
)

REVOKE_TOKEN = Operation(
    id="revokeToken",
    handler=end_token,
    tag="Tokens",
    summary="Revoke a token",
    description="It, and any it replaced, count no more.",
    path=(_TOKEN_NAME,),
    answers={HTTPStatus.NO_CONTENT: Answer(description="It counts no more.")},
    problems=(NO_SUCH_TOKEN,),
)
