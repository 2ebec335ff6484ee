"""The audit log over HTTP: read it, and have its chains verified."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from watchword_server.api import Answer, Operation
from watchword_server.appkeys import LEDGER, STORE
from watchword_server.audit import Event
from watchword_server.audit_check import verify_audit
from watchword_server.audit_reading import event_of
from watchword_server.bodies import json_response

if TYPE_CHECKING:
    from aiohttp import web

_LARGEST = 2**53
_MOST_CHAINS = 2**31 - 1
_SCAN = 5_000
"""Most rows looked at for one page: a filter that fits little must not hold up the checks."""


class AuditQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which rows."""

    chain: Annotated[int, Meta(ge=0, le=_MOST_CHAINS, description="Of which chain.")] = 0
    after: Annotated[int, Meta(ge=0, le=_LARGEST, description="The number before the first row.")] = 0
    limit: Annotated[int, Meta(ge=1, le=1000, description="Most rows on a page.")] = 100
    key: Annotated[str, Meta(max_length=64, description="Only rows about the key of this name.")] = ""


class AuditRowView(msgspec.Struct, frozen=True, kw_only=True):
    """One row."""

    seq: int
    event: Annotated[Event, Meta(description="What was done; `at` is in Unix seconds.")]
    mac: Annotated[str, Meta(description="Keyed hash chained to the row before.")]


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a chain of the log, oldest first."""

    rows: list[AuditRowView]
    next: Annotated[int, Meta(description="For `after`: the last row looked at, fitting or not.")]
    head: Annotated[int, Meta(description="The number of the last row there is in this chain.")]
    chain: Annotated[int, Meta(description="The chain that these rows are of.")]
    chains: Annotated[list[int], Meta(description="The chains there are: read each one for all rows.")]


class AuditVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether all chains hold."""

    intact: bool
    rows: Annotated[int, Meta(description="Rows that follow from one another.")]
    head: Annotated[
        str,
        Meta(
            description="SEQ:MAC of the end, CHAIN.SEQ:MAC of chains but number 0, with a space between:"
            " note it elsewhere, to find a cut end by."
        ),
    ]
    chains: Annotated[int, Meta(description="How many chains there are.")]
    fault: Annotated[str | None, Meta(description="What is wrong, and where.")]


async def list_rows(request: web.Request, query: AuditQuery) -> web.Response:
    """`GET /v1/audit`: a page of the log."""
    store = request.app[STORE]
    ends = {head.chain: head.seq for head in await store.audit_heads()}
    limit = _SCAN if query.key else query.limit
    found = []
    at = query.after
    for row in await store.audit_rows(query.chain, query.after, limit):
        at = row.seq
        event = event_of(row)
        if not query.key or event.key == query.key:
            found.append(AuditRowView(seq=row.seq, event=event, mac=row.mac))
            if len(found) == query.limit:
                break
    page = AuditPage(
        rows=found, next=at, head=ends.get(query.chain, 0), chain=query.chain, chains=list(ends)
    )
    return json_response(msgspec.json.encode(page))


async def verify(request: web.Request) -> web.Response:
    """`GET /v1/audit/verify`: every chain, from its first row; a long log takes a while."""
    report = await verify_audit(request.app[LEDGER])
    verdict = AuditVerdict(
        intact=report.fault is None,
        rows=report.rows,
        head=" ".join(report.ends),
        chains=len(report.heads),
        fault=report.fault,
    )
    return json_response(msgspec.json.encode(verdict))


LIST_AUDIT = Operation(
    id="listAuditRows",
    handler=list_rows,
    tag="Audit",
    summary="Read the audit log",
    description="Every decision and every change, a chain at a time, oldest first. It holds no code,"
    " token or secret.",
    query=AuditQuery,
    answers={HTTPStatus.OK: Answer(description="A page of rows.", json=(AuditPage,))},
)

VERIFY_AUDIT = Operation(
    id="verifyAudit",
    handler=verify,
    tag="Audit",
    summary="Verify the audit log",
    description="Finds rows and chains that were changed, removed, reordered or cut off.",
    answers={HTTPStatus.OK: Answer(description="What was found.", json=(AuditVerdict,))},
)
