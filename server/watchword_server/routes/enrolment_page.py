"""Enrolment for people: the page that a link opens, and what becomes of the code typed there."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

from watchword_server import pages
from watchword_server.api import Answer, BodyType, Media, Operation, PathParameter
from watchword_server.appkeys import CLOCK, ISSUER, LEDGER, STORE, WINDOW
from watchword_server.callers import caller_of
from watchword_server.enrolment import by_ticket, confirm_key, pending_key
from watchword_server.errors import RefusedError
from watchword_server.labels import labelled_key, labels_of
from watchword_server.routes.enrolment import ConfirmRequest
from watchword_server.setbacks import setback_of
from watchword_server.verifier import Verdict

if TYPE_CHECKING:
    from aiohttp import web

    from watchword_server.setbacks import Setback


async def show_page(request: web.Request) -> web.Response:
    """`GET /enrol/{ticket}`: the page with the QR code. Looking at it uses nothing up."""
    try:
        return await _page(request)
    except RefusedError:
        return await _closed()


async def confirm_on_page(request: web.Request, sent: ConfirmRequest) -> web.Response:
    """`POST /enrol/{ticket}`: the first code, from the page's form; then the link is used up."""
    ledger = request.app[LEDGER]
    where = by_ticket(request.match_info["ticket"])
    try:
        confirmation = await confirm_key(
            ledger, where, sent.code, caller_of(request), window=request.app[WINDOW]
        )
        if confirmation.decision.verdict is not Verdict.ACCEPTED:
            return await _page(request, setback_of(confirmation))
    except RefusedError:
        return await _closed()
    labels = labels_of(confirmation.stored, request.app[ISSUER])
    now = request.app[CLOCK]()
    return await asyncio.to_thread(pages.confirmed_page, labels, confirmation.recovery_codes, now)


async def _page(request: web.Request, setback: Setback | None = None) -> web.Response:
    snapshot = await request.app[STORE].look(by_ticket(request.match_info["ticket"]))
    now = request.app[CLOCK]()
    stored = pending_key(snapshot, now)
    keyring, issuer = request.app[LEDGER].keyring, request.app[ISSUER]
    opening = pages.Opening(0.0 if snapshot.ticket is None else snapshot.ticket.expires_at, now)

    def render() -> web.Response:
        return pages.enrolment_page(labelled_key(stored, keyring, issuer), opening, setback)

    # In a thread: drawing takes milliseconds in which nobody's code would be checked.
    page = await asyncio.to_thread(render)
    if setback is not None and setback.status == HTTPStatus.TOO_MANY_REQUESTS:
        page.headers["Retry-After"] = str(setback.wait)
    return page


async def _closed() -> web.Response:
    # In a thread: the first page of all reads its template.
    return await asyncio.to_thread(pages.closed_page)


_TICKET = PathParameter(
    name="ticket",
    description="The secret part of an enrolment link.",
    example="Zm9yLWV4YW1wbGUtb25seS0wMDAwMDAw",
)
_HTML = (Media.HTML,)

SHOW_PAGE = Operation(
    id="showEnrolmentPage",
    handler=show_page,
    tag="Enrolment",
    summary="The enrolment page",
    path=(_TICKET,),
    any_query=True,
    for_people=True,
    answers={
        HTTPStatus.OK: Answer(description="The page.", media=_HTML),
        HTTPStatus.GONE: Answer(description="The link was used or is too old.", media=_HTML),
    },
)

CONFIRM_ON_PAGE = Operation(
    id="confirmOnEnrolmentPage",
    handler=confirm_on_page,
    tag="Enrolment",
    summary="Confirm from the enrolment page",
    path=(_TICKET,),
    any_query=True,
    for_people=True,
    body=ConfirmRequest,
    body_type=BodyType.FORM,
    answers={
        HTTPStatus.OK: Answer(description="Done; with recovery codes.", media=_HTML),
        HTTPStatus.GONE: Answer(description="The link was used or is too old.", media=_HTML),
        HTTPStatus.UNPROCESSABLE_ENTITY: Answer(description="A wrong code, or none.", media=_HTML),
        HTTPStatus.LOCKED: Answer(description="The key is disabled.", media=_HTML),
        HTTPStatus.TOO_MANY_REQUESTS: Answer(
            description="The key is locked for a time.",
            media=_HTML,
            headers={"Retry-After": "Seconds until the lock ends."},
        ),
    },
    judges=True,
)
