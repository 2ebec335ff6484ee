"""The document says what the server does, because both are made of the same declarations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from openapi_spec_validator import OpenAPIV31SpecValidator

from watchword_server import problems
from watchword_server.openapi import document
from watchword_server.problems import ProblemType
from watchword_server.routes import ROUTES, openapi_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server_commands import Commands
    from servers import RunningServer

DOCUMENT = document(ROUTES)


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def schemas_in(node: Any, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of a request: of bodies and of parameters."""
    if isinstance(node, dict):
        if "type" in node and isinstance(node["type"], str):
            yield where, node
        for name, child in node.items():
            yield from schemas_in(child, f"{where}/{name}")
    elif isinstance(node, list):
        for number, child in enumerate(node):
            yield from schemas_in(child, f"{where}/{number}")


def request_schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    components = DOCUMENT["components"]["schemas"]
    for endpoint in ROUTES:
        if endpoint.operation.body is not None:
            yield endpoint.operation.id, components[endpoint.operation.body.__name__]


def test_it_is_valid_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


async def test_anyone_may_read_it(server: RunningServer) -> None:
    async with server.client("") as anyone:
        answer = await anyone.get("/openapi.json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.content == openapi_json()


def test_the_command_prints_the_same(run: Commands) -> None:
    assert run("openapi").out == openapi_json().decode() + "\n"


def test_every_route_is_in_it_and_nothing_else() -> None:
    assert {where for where, _ in operations()} == {f"{row.method} {row.path}" for row in ROUTES}


def test_no_two_operations_share_an_id() -> None:
    ids = [operation["operationId"] for _, operation in operations()]
    assert len(set(ids)) == len(ids)


def test_it_names_the_scope_of_every_route() -> None:
    for row in ROUTES:
        operation = DOCUMENT["paths"][row.path][row.method.lower()]
        if operation["security"]:
            assert operation["x-watchword-scope"] == row.scope
            assert f"`{row.scope}`" in operation["description"]
        else:
            assert "Open to" in operation["description"]


def test_every_example_of_an_answer_fits_its_schema() -> None:
    # The validator checks them as well; here it is told that it has something to check.
    checks = DOCUMENT["paths"]["/v1/keys/{name}/check"]["post"]["responses"]["200"]
    assert len(checks["content"]["application/json"]["examples"]) == 3


def test_every_member_that_is_sent_has_its_limits() -> None:
    for id_, schema in request_schemas():
        assert schema["additionalProperties"] is False, id_
        for where, each in schemas_in(schema["properties"], id_):
            if each["type"] == "string" and "enum" not in each:
                assert "maxLength" in each, where
            if each["type"] in {"integer", "number"}:
                assert {"minimum", "maximum"} <= set(each), where
            if each["type"] == "array":
                assert "maxItems" in each, where


def test_patterns_are_plain_and_take_names_only() -> None:
    patterns = set(re.findall(r'"pattern":"([^"]*)"', openapi_json().decode()))
    assert patterns
    for pattern in patterns:
        # What only some readers of regular expressions know.
        assert "(?" not in pattern
    name = DOCUMENT["components"]["schemas"]["NewKeyRequest"]["properties"]["name"]
    for sent, is_one in (("a", True), ("a.b_c-9", True), ("A", False), ("-a", False), ("a.", False)):
        assert bool(re.search(name["pattern"], sent)) is is_one
    assert "beginning and ending with a letter or digit" in name["description"]


def test_every_parameter_of_a_query_has_its_limits() -> None:
    for where, operation in operations():
        for parameter in operation.get("parameters", []):
            schema = parameter["schema"]
            if parameter["in"] == "query":
                limits = {"integer": {"minimum", "maximum"}}.get(schema["type"], {"maxLength"})
                assert "enum" in schema or limits <= set(schema), f"{where} {parameter['name']}"


def test_every_problem_it_names_is_one_of_ours() -> None:
    known = {each.uri for each in vars(problems).values() if isinstance(each, ProblemType)}
    named = set(re.findall(r"urn:watchword:problem:[a-z-]+", openapi_json().decode()))
    assert named
    assert named <= known
