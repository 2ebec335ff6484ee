"""Strangers with the document in hand: whatever they send, the server does what the document says.

Schemathesis makes requests from `/openapi.json`, right and wrong ones, and holds every answer against
it with all of its checks. Endpoints that are added later are found there.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemathesis.engine.recorder import ScenarioRecorder

    from servers import RunningServer

EXAMPLES = 25
"""Requests made up at random for each operation, beside those of its examples and limits."""

FORM_PROBLEMS = {"malformed-body", "malformed-header", "malformed-query"}


async def test_every_answer_is_as_documented(server: RunningServer) -> None:
    async with server.client("") as client:
        document = (await client.get("/openapi.json")).json()
    failures, operations = await asyncio.to_thread(_run, server.url, server.token, document)
    assert failures == []
    assert operations == {
        f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods
    }


async def test_so_is_every_answer_to_a_token_that_may_only_check(server: RunningServer) -> None:
    async with server.client("") as client:
        document = (await client.get("/openapi.json")).json()
    document["paths"] = {
        path: methods
        for path, methods in document["paths"].items()
        if path.endswith(("/check", "{code}"))
    }
    failures, operations = await asyncio.to_thread(_run, server.url, server.check_token, document)
    assert failures == []
    assert operations == {"POST /v1/keys/{name}/check", "GET /check/{code}"}


def _run(url: str, token: str, document: dict[str, Any]) -> tuple[list[str], set[str]]:
    config = SchemathesisConfig.from_dict(
        {
            "seed": 6238,
            "base-url": url,
            "headers": {"Authorization": f"Bearer {token}"},
            "generation": {
                "deterministic": True,
                "max-examples": EXAMPLES,
                "no-shrink": True,
                "database": "none",
            },
        }
    )
    schema = schemathesis.openapi.from_dict(document, config=config)
    failures: list[str] = []
    operations: set[str] = set()
    for event in from_schema(schema).execute():
        match event:
            case events.ScenarioFinished():
                operations.add(event.recorder.label)
                failures += _failures(event.recorder)
            case events.NonFatalError():
                failures.append(f"{event.label}: {event.info.title}")
            case events.FatalError():
                failures.append(f"ended by {type(event.exception).__name__}")
            case events.PhaseFinished(status=Status.ERROR | Status.INTERRUPTED):
                failures.append(f"the phase {event.phase.name} did not end well")
            case _:
                pass
    return failures, operations


def _failures(recorder: ScenarioRecorder) -> Iterator[str]:
    """Every check that failed, told without what was sent: that holds a token."""
    for case_id, checks in recorder.checks.items():
        answer = recorder.interactions[case_id].response
        status, body = (0, b"") if answer is None else (answer.status_code, answer.content)
        for check in checks:
            if check.failure_info is None or _is_told(check.name, body):
                continue
            failure = check.failure_info.failure
            yield f"{recorder.label}: {check.name}: {status}: {failure.title}: {failure.message}"


def _is_told(check: str, body: bytes) -> bool:
    """Whether a request of the right form was refused for what the key is, with a documented problem.

    No schema can say how many digits the key of a path has, or whether it is locked.
    """
    if check != "positive_data_acceptance":
        return False
    try:
        problem = json.loads(body)["type"].removeprefix("urn:watchword:problem:")
    except (ValueError, KeyError, TypeError):
        return False
    return problem not in FORM_PROBLEMS
