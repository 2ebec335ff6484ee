"""Enrolment for programs: the QR code of a pending key, links to the page, and the first code."""

from __future__ import annotations

import re
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from watchword_server.api import KEY_NAME, Answer, Operation
from watchword_server.appkeys import CLOCK, LEDGER, PUBLIC_URL, STORE, WINDOW
from watchword_server.bodies import json_response
from watchword_server.callers import caller_of
from watchword_server.enrolment import by_name, confirm_key, make_link, pending_key
from watchword_server.problems import (
    KEY_PENDING,
    MALFORMED_HEADER,
    NO_SUCH_KEY,
    NOT_PENDING,
    WRONG_CODE,
    ProblemError,
)
from watchword_server.resync import Finding
from watchword_server.routes.check import CODE
from watchword_server.routes.qr import QR_ANSWER, QR_PROBLEMS, QrQuery, draw
from watchword_server.routes.refusals import JUDGING_PROBLEMS, refuse_unjudged, require_code
from watchword_server.routes.views import KeyView, etag_of, moment, view_of
from watchword_server.verifier import Verdict

if TYPE_CHECKING:
    from aiohttp import web

    from watchword_server.enrolment import Confirmation

_HOST = re.compile(r"([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
"""A name or an address, and a port (RFC 3986 section 3.2.2), of those that people use."""


class LinkMade(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A link to the enrolment page, shown this once."""

    url: str
    expires_at: datetime

    def __repr__(self) -> str:
        return "<LinkMade>"


class ConfirmRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The first code."""

    code: Annotated[str, CODE]

    def __repr__(self) -> str:
        return "<ConfirmRequest>"


class Confirmed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The key is in use."""

    key: KeyView
    recovery_codes: Annotated[list[str], Meta(description="Shown this once.")]

    def __repr__(self) -> str:
        return f"<Confirmed {self.key.name}>"


async def show_pending_qr(request: web.Request, query: QrQuery) -> web.Response:
    """`GET /v1/keys/{name}/qr`: a pending key as SVG, PNG, terminal text or otpauth URI."""
    snapshot = await request.app[STORE].look(by_name(request.match_info["name"]))
    return await draw(request, query, pending_key(snapshot, request.app[CLOCK]()))


async def invite(request: web.Request) -> web.Response:
    """`POST /v1/keys/{name}/enrolment-links`: a link for one confirmation, ten minutes long."""
    base = request.app[PUBLIC_URL] or _where_it_came_to(request)
    link = await make_link(request.app[LEDGER], request.match_info["name"], caller_of(request))
    made = LinkMade(url=f"{base}/enrol/{link.ticket}", expires_at=moment(link.expires_at))
    return json_response(msgspec.json.encode(made), HTTPStatus.CREATED)


async def confirm(request: web.Request, sent: ConfirmRequest) -> web.Response:
    """`POST /v1/keys/{name}/confirm`: the first code puts the key into use, and is consumed."""
    require_code(sent.code)
    confirmation = await confirm_key(
        request.app[LEDGER],
        by_name(request.match_info["name"]),
        sent.code,
        caller_of(request),
        window=request.app[WINDOW],
    )
    refuse_unjudged(confirmation.decision)
    if confirmation.decision.verdict is not Verdict.ACCEPTED:
        raise ProblemError(WRONG_CODE, _hint(confirmation))
    stored = confirmation.stored
    answer = Confirmed(key=view_of([stored]), recovery_codes=list(confirmation.recovery_codes))
    return json_response(msgspec.json.encode(answer), headers={"ETag": etag_of(stored)})


def _where_it_came_to(request: web.Request) -> str:
    if not _HOST.fullmatch(request.host):
        detail = "the header Host names no host; a link cannot begin with it"
        raise ProblemError(MALFORMED_HEADER, detail)
    return f"{request.scheme}://{request.host}"


def _hint(confirmation: Confirmation) -> str:
    diagnosis = confirmation.diagnosis
    if diagnosis is None or diagnosis.finding is Finding.NOTHING:
        return "this is not the key's code now; take the one that the app shows next"
    return f"this is not the key's code now: {diagnosis.text}"


SHOW_PENDING_QR = Operation(
    id="showPendingQr",
    handler=show_pending_qr,
    tag="Enrolment",
    summary="Show a pending key as a QR code",
    description="It holds the secret. Once the key is confirmed it is not shown again.",
    path=(KEY_NAME,),
    query=QrQuery,
    answers={HTTPStatus.OK: QR_ANSWER},
    problems=(*QR_PROBLEMS, NOT_PENDING),
)

INVITE = Operation(
    id="makeEnrolmentLink",
    handler=invite,
    tag="Enrolment",
    summary="Make a link to the enrolment page",
    description="For one confirmation within ten minutes. A link made before opens no more.",
    path=(KEY_NAME,),
    answers={HTTPStatus.CREATED: Answer(description="Shown this once.", json=(LinkMade,))},
    problems=(NO_SUCH_KEY, NOT_PENDING, MALFORMED_HEADER),
)

CONFIRM = Operation(
    id="confirmKey",
    handler=confirm,
    tag="Enrolment",
    summary="Confirm a pending key by its first code",
    description="The code is consumed, the key is in use, and one that it replaces is retired. A wrong"
    " code spends an attempt of the name's budget.",
    path=(KEY_NAME,),
    body=ConfirmRequest,
    answers={
        HTTPStatus.OK: Answer(
            description="The key is in use.",
            json=(Confirmed,),
            headers={"ETag": "Its version, for `If-Match`."},
        )
    },
    problems=(*(each for each in JUDGING_PROBLEMS if each is not KEY_PENDING), NOT_PENDING, WRONG_CODE),
    judges=True,
)
