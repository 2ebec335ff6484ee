"""The default key as a picture, to enrol an authenticator."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

import mimeparse  # type: ignore[import-untyped]  # it has no stubs
import msgspec
from aiohttp import web

from watchword_otp import format_uri
from watchword_otp.qr import make_qr
from watchword_server.api import Answer, Media, Operation
from watchword_server.appkeys import ISSUER, LEDGER, STORE
from watchword_server.labels import labelled_key
from watchword_server.names import DEFAULT_KEY
from watchword_server.problems import NO_SUCH_KEY, NOT_ACCEPTABLE, UNKNOWN_FORMAT, ProblemError
from watchword_server.store.records import Wanted

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword_server.store.records import StoredKey


class Format(StrEnum):
    """How to show a key."""

    SVG = "svg"
    PNG = "png"
    TEXT = "text"
    URI = "uri"


class QrQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The query of the routes that show a key."""

    format: Annotated[
        str | None,
        msgspec.Meta(
            description="How to show it; otherwise `Accept` decides.",
            extra_json_schema={"enum": [*Format]},
        ),
    ] = None


_MEDIA_TYPES = {
    Format.SVG: Media.SVG,
    Format.PNG: Media.PNG,
    Format.TEXT: Media.TEXT,
    Format.URI: Media.URI_LIST,
}

_DRAW: dict[Format, Callable[[str], bytes]] = {
    Format.SVG: lambda uri: make_qr(uri).svg().encode(),
    Format.PNG: lambda uri: make_qr(uri).png(),
    Format.TEXT: lambda uri: make_qr(uri).text().encode(),
    Format.URI: lambda uri: f"{uri}\n".encode(),
}


async def show_qr(request: web.Request, query: QrQuery) -> web.Response:
    """`GET /` and `GET /qr`: the default key as SVG, PNG, terminal text or otpauth URI."""
    snapshot = await request.app[STORE].look(Wanted(names=[DEFAULT_KEY]))
    stored = snapshot.find(DEFAULT_KEY)
    if stored is None:
        raise ProblemError(NO_SUCH_KEY, "there is no active default key")
    return await draw(request, query, stored)


async def draw(request: web.Request, query: QrQuery, stored: StoredKey) -> web.Response:
    """Answer with a key in the form that was asked for. It holds the secret.

    Raises:
        ProblemError: 400 or 406: there is no such form.
        StoreError: The sealing keys do not open it.
    """
    wanted = _wanted(request, query)
    keyring, issuer = request.app[LEDGER].keyring, request.app[ISSUER]

    def drawing() -> bytes:
        return _DRAW[wanted](format_uri(labelled_key(stored, keyring, issuer)))

    # In a thread: drawing takes milliseconds in which nobody's code would be checked.
    drawn = await asyncio.to_thread(drawing)
    charset = "utf-8" if wanted in {Format.TEXT, Format.URI} else None
    return web.Response(
        body=drawn, content_type=_MEDIA_TYPES[wanted], charset=charset, headers={"Vary": "Accept"}
    )


def _wanted(request: web.Request, query: QrQuery) -> Format:
    if query.format is not None:
        try:
            return Format(query.format)
        except ValueError:
            raise ProblemError(
                UNKNOWN_FORMAT, f"format must be {', '.join(Format)}", formats=list(Format)
            ) from None
    offered = {media_type: format_ for format_, media_type in _MEDIA_TYPES.items()}
    try:
        # Of equally welcome types mimeparse takes the last; SVG is what we would rather send.
        best = mimeparse.best_match([*reversed(offered)], request.headers.get("Accept", "*/*"))
    except mimeparse.MimeTypeParseException:
        best = ""
    if best not in offered:
        raise ProblemError(
            NOT_ACCEPTABLE, f"this comes as {', '.join(offered)}", media_types=list(offered)
        )
    return offered[best]


QR_ANSWER = Answer(
    description="The key.",
    media=[*_MEDIA_TYPES.values()],
    headers={"Vary": "`Accept`: the type was chosen by it."},
)
QR_PROBLEMS = (UNKNOWN_FORMAT, NO_SUCH_KEY, NOT_ACCEPTABLE)

SHOW_QR = Operation(
    id="showQr",
    handler=show_qr,
    tag="Enrolment",
    summary="Show the default key",
    description="As a QR code or a URI, to enrol an authenticator. It holds the secret.",
    query=QrQuery,
    answers={HTTPStatus.OK: QR_ANSWER},
    problems=QR_PROBLEMS,
)

SHOW_QR_AT_ROOT = replace(SHOW_QR, id="showQrAtRoot", summary="Show the default key (prototype)")
