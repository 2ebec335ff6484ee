"""The document that describes all routes, itself included."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from watchword_server.api import Answer, Operation
from watchword_server.appkeys import OPENAPI
from watchword_server.bodies import json_response

if TYPE_CHECKING:
    from aiohttp import web


class OpenApiDocument(msgspec.Struct, frozen=True):
    """OpenAPI 3.1, as its own specification has it."""

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]
    components: dict[str, Any]


async def show_openapi(request: web.Request) -> web.Response:
    """`GET /openapi.json`: what this server takes and gives."""
    return json_response(request.app[OPENAPI])


SHOW_OPENAPI = Operation(
    id="openapi",
    handler=show_openapi,
    tag="About",
    summary="Show this document",
    answers={HTTPStatus.OK: Answer(description="OpenAPI 3.1.", json=(OpenApiDocument,))},
)
