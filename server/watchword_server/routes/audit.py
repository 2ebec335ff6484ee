"""The audit log over HTTP: read it, and have its chain verified."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from watchword_server.api import Answer, Operation
from watchword_server.appkeys import LEDGER, STORE
from watchword_server.audit import Event, checkpoint
from watchword_server.audit_check import verify_audit
from watchword_server.audit_reading import event_of
from watchword_server.bodies import json_response

if TYPE_CHECKING:
    from aiohttp import web

_LARGEST = 2**53
_SCAN = 5_000
"""Most rows looked at for one page: a filter that fits little must not hold up the checks."""


class AuditQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which rows."""

    after: Annotated[int, Meta(ge=0, le=_LARGEST, description="The number before the first row.")] = 0
    limit: Annotated[int, Meta(ge=1, le=1000, description="Most rows on a page.")] = 100
    key: Annotated[str, Meta(max_length=64, description="Only rows about the key of this name.")] = ""


class AuditRowView(msgspec.Struct, frozen=True, kw_only=True):
    """One row."""

    seq: int
    event: Annotated[Event, Meta(description="What was done; `at` is in Unix seconds.")]
    mac: Annotated[str, Meta(description="Keyed hash chained to the row before.")]


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the log, oldest first."""

    rows: list[AuditRowView]
    next: Annotated[int, Meta(description="For `after`: the last row looked at, fitting or not.")]
    head: Annotated[int, Meta(description="The number of the last row there is.")]


class AuditVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the chain holds."""

    intact: bool
    rows: Annotated[int, Meta(description="Rows that follow from one another.")]
    head: Annotated[
        str, Meta(description="SEQ:MAC of the end: note it elsewhere, to find a cut end by.")
    ]
    fault: Annotated[str | None, Meta(description="What is wrong, and where.")]


async def list_rows(request: web.Request, query: AuditQuery) -> web.Response:
    """`GET /v1/audit`: a page of the log."""
    store = request.app[STORE]
    head = await store.audit_head()
    limit = _SCAN if query.key else query.limit
    found = []
    at = query.after
    for row in await store.audit_rows(query.after, limit):
        at = row.seq
        event = event_of(row)
        if not query.key or event.key == query.key:
            found.append(AuditRowView(seq=row.seq, event=event, mac=row.mac))
            if len(found) == query.limit:
                break
    return json_response(msgspec.json.encode(AuditPage(rows=found, next=at, head=head.seq)))


async def verify(request: web.Request) -> web.Response:
    """`GET /v1/audit/verify`: the whole chain, from its first row; a long log takes a while."""
    report = await verify_audit(request.app[LEDGER])
    verdict = AuditVerdict(
        intact=report.fault is None,
        rows=report.rows,
        head=checkpoint(report.head),
        fault=report.fault,
    )
    return json_response(msgspec.json.encode(verdict))


LIST_AUDIT = Operation(
    id="listAuditRows",
    handler=list_rows,
    tag="Audit",
    summary="Read the audit log",
    description="Every decision and every change, oldest first. It holds no code, token or secret.",
    query=AuditQuery,
    answers={HTTPStatus.OK: Answer(description="A page of rows.", json=(AuditPage,))},
)

VERIFY_AUDIT = Operation(
    id="verifyAudit",
    handler=verify,
    tag="Audit",
    summary="Verify the audit log",
    description="Finds rows that were changed, removed, reordered or cut off.",
    answers={HTTPStatus.OK: Answer(description="What was found.", json=(AuditVerdict,))},
)
