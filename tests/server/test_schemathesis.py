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

from watchword_server.routes.check import MAX_CODE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemathesis import Case
    from schemathesis.engine.recorder import ScenarioRecorder

    from servers import RunningServer

EXAMPLES = 25
"""Requests made up at random for each operation, beside those of its examples and limits."""

FORM_PROBLEMS = {"malformed-body", "malformed-header", "malformed-query"}

REFUSED_AS_IT_IS = {409, 410, 412, 422, 423}
"""What a key, a ticket or a version of them can be refused with, though the request is well formed."""


async def test_every_answer_is_as_documented(server: RunningServer) -> None:
    async with server.client("") as client:
        document = (await client.get("/openapi.json")).json()
    failures, operations = await asyncio.to_thread(_run, server.url, server.token, document)
    assert failures == []
    assert operations - {"Stateful tests"} == {
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
    assert operations - {"Stateful tests"} == {"POST /v1/keys/{name}/check", "GET /check/{code}"}


def _run(url: str, token: str, document: dict[str, Any]) -> tuple[list[str], set[str]]:
    config = SchemathesisConfig.from_dict(
        {
            "seed": 6238,
            "base-url": url,
            "headers": {"Authorization": f"Bearer {token}"},
            "checks": {
                # 410 beside the usual: text that is no ticket is told the same as a ticket used up.
                "negative_data_rejection": {
                    "expected-statuses": [
                        "400",
                        "401",
                        "403",
                        "404",
                        "405",
                        "406",
                        "409",
                        "410",
                        "415",
                        "422",
                        "428",
                        "429",
                        "5xx",
                    ]
                },
            },
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
            case = recorder.cases[case_id].value
            if check.failure_info is None or _is_told(check.name, case, status, body):
                continue
            failure = check.failure_info.failure
            yield f"{recorder.label}: {check.name}: {status}: {failure.title}: {failure.message}"


def _is_told(check: str, case: Case[Any], status: int, body: bytes) -> bool:
    """Whether a well-formed request was refused for what the key is, as a documented problem tells.

    No schema can say how many digits the key of a path has, or whether it is locked.
    """
    try:
        problem = json.loads(body)["type"].removeprefix("urn:watchword:problem:")
    except (ValueError, KeyError, TypeError):
        problem = ""
    match check:
        case "positive_data_acceptance":
            if status in REFUSED_AS_IT_IS or _has_whole_float(case.body):
                return True
            return bool(problem) and problem not in FORM_PROBLEMS
        case "ensure_resource_availability":
            # A new key waits to be confirmed; until then nothing but its enrolment finds it.
            return case.method != "GET" and problem == "no-such-key"
        case "use_after_free":
            # A key whose lock was taken off has a lock to be read still: none.
            return str(case.operation.path) == "/v1/keys/{name}/lock"
        case "negative_data_rejection":
            # As the prototype had it: what is no code is no error, only false.
            code = str(case.path_parameters.get("code", ""))
            return len(code) > MAX_CODE and body == b'{"status":false}'
        case _:
            return False


def _has_whole_float(body: object) -> bool:
    """Whether a member is a number such as 30.0: JSON Schema takes it for an integer, and we do not."""
    return isinstance(body, dict) and any(
        isinstance(member, float) and member.is_integer() for member in body.values()
    )
