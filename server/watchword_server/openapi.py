"""The OpenAPI 3.1 document, made of the declarations that requests are checked by."""

from __future__ import annotations

from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from watchword_server.api import Auth, BodyType, Endpoint, Media
from watchword_server.names import TO_THE_END
from watchword_server.problems import (
    BODY_TIMEOUT,
    BODY_TOO_LONG,
    CONTENT_TYPE,
    INSUFFICIENT_SCOPE,
    INTERNAL_ERROR,
    MALFORMED_BODY,
    MALFORMED_HEADER,
    MALFORMED_QUERY,
    STORE_UNAVAILABLE,
    TOO_MANY_REQUESTS,
    UNAUTHORIZED,
    UNSUPPORTED_MEDIA_TYPE,
    ProblemType,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from watchword_server.api import Answer, Operation, PathParameter, RequestHeader

Json: TypeAlias = dict[str, Any]

_SCHEMAS = "#/components/schemas/{name}"
_BEARER = "bearer"
_VERSION = version("watchword")

_PROBLEM: Json = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457). Further members belong to the type.",
    "type": "object",
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "What it is, for programs."},
        "title": {"type": "string", "description": "What it is, for people."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What it was this time, and what to do."},
    },
    "required": ["type", "title", "status", "detail"],
}

_HEADERS_OF_PROBLEMS: dict[int, dict[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "How to come in (RFC 6750)."},
    HTTPStatus.FORBIDDEN: {"WWW-Authenticate": "Which scope is needed (RFC 6750)."},
    HTTPStatus.TOO_MANY_REQUESTS: {"Retry-After": "Seconds to wait."},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "Seconds to wait, where that helps."},
}


def document(endpoints: Sequence[Endpoint]) -> Json:
    """Describe these endpoints (OpenAPI 3.1.1), for people and programs."""
    shapes = list(dict.fromkeys(shape for each in endpoints for shape in _shapes(each.operation)))
    _, schemas = msgspec.json.schema_components(shapes, ref_template=_SCHEMAS)
    responses: dict[str, Json] = {}
    paths: dict[str, Json] = {}
    for endpoint in endpoints:
        described = _operation(endpoint, responses)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = described
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Watchword server",
            "summary": "Checks two-factor codes, each accepted exactly once.",
            "description": "Any path also answers 405 to other methods and 417 to an unknown `Expect`.",
            "version": _VERSION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(each.operation.tag for each in endpoints)],
        "paths": paths,
        "components": {
            "schemas": {**_plain(schemas), "Problem": _PROBLEM},
            "responses": dict(sorted(responses.items())),
            "securitySchemes": {
                _BEARER: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token (RFC 6750). Each operation names the scope it needs.",
                }
            },
        },
    }


def problems_of(endpoint: Endpoint) -> list[ProblemType]:
    """Every problem that requests to an endpoint can end in: its own, and those that any can have."""
    operation = endpoint.operation
    found = [*operation.problems, *(() if operation.any_query else (MALFORMED_QUERY,))]
    found += [each.missing[0] for each in operation.path if each.missing is not None]
    if operation.request_headers:
        found.append(MALFORMED_HEADER)
    if endpoint.scope is not None:
        # Tokens and tickets are looked up; what is open to all says itself if it needs the database.
        found.append(STORE_UNAVAILABLE)
        if not isinstance(endpoint.scope, Auth):
            found += [UNAUTHORIZED, INSUFFICIENT_SCOPE]
    if operation.body is not None:
        found += [MALFORMED_BODY, BODY_TIMEOUT, BODY_TOO_LONG, UNSUPPORTED_MEDIA_TYPE]
    found += [TOO_MANY_REQUESTS, INTERNAL_ERROR]
    return sorted(set(found), key=lambda problem: (problem.status, problem.slug))


def _shapes(operation: Operation) -> Iterable[type[msgspec.Struct]]:
    if operation.body is not None:
        yield operation.body
    for answer in operation.answers.values():
        yield from answer.json


def _operation(endpoint: Endpoint, shared: dict[str, Json]) -> Json:
    operation = endpoint.operation
    described: Json = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
    }
    description = [operation.description] if operation.description else []
    match endpoint.scope:
        case None:
            described["security"] = []
            description.append("Open to all.")
        case Auth.TICKET:
            described["security"] = []
            description.append("Open to whoever has the ticket.")
        case scope:
            described["security"] = [{_BEARER: [scope.value]}]
            described["x-watchword-scope"] = scope.value
            description.append(f"Needs a token with the scope `{scope.value}`.")
    described["description"] = " ".join(description)
    if parameters := [
        *map(_path_parameter, operation.path),
        *_query_parameters(operation.query),
        *map(_header_parameter, operation.request_headers),
    ]:
        described["parameters"] = parameters
    if operation.body is not None:
        schema = {"$ref": _SCHEMAS.format(name=operation.body.__name__)}
        described["requestBody"] = {
            "required": True,
            "content": {operation.body_type.value: {"schema": schema}},
        }
    described["responses"] = _responses(endpoint, shared)
    return described


def _responses(endpoint: Endpoint, shared: dict[str, Json]) -> Json:
    """Describe every status; what is only problems is shared among the operations that give it."""
    answers = endpoint.operation.answers
    by_status: dict[int, list[ProblemType]] = {}
    for problem in problems_of(endpoint):
        by_status.setdefault(problem.status, []).append(problem)
    has_content = endpoint.method != "HEAD"
    for_people = endpoint.operation.for_people
    responses: Json = {}
    for status in sorted({*answers, *by_status}):
        problems = by_status.get(status, [])
        if status in answers:
            described = _answer(answers[status], has_content=has_content)
            if problems and has_content:
                content = _problem_content(problems, for_people=for_people)
                described.setdefault("content", {}).update(content)
        elif has_content:
            slugs = [problem.slug for problem in problems]
            name = ".".join([*slugs, "page"] if for_people else slugs)
            shared[name] = _problem_response(status, problems, for_people=for_people)
            described = {"$ref": f"#/components/responses/{name}"}
        else:
            described = {"description": HTTPStatus(status).phrase}
        responses[str(status)] = described
    return responses


def _answer(answer: Answer, *, has_content: bool) -> Json:
    described: Json = {"description": answer.description}
    if answer.headers:
        described["headers"] = _headers(answer.headers)
    if not has_content:
        return described
    content: Json = {}
    if answer.json:
        references = [{"$ref": _SCHEMAS.format(name=shape.__name__)} for shape in answer.json]
        schema = references[0] if len(references) == 1 else {"anyOf": references}
        content[BodyType.JSON.value] = {"schema": schema}
        if answer.examples:
            examples = {name: {"value": value} for name, value in answer.examples.items()}
            content[BodyType.JSON.value]["examples"] = examples
    for media_type in answer.media:
        is_binary = media_type == Media.PNG
        content[media_type.value] = {} if is_binary else {"schema": {"type": "string"}}
    if content:
        described["content"] = content
    return described


def _problem_response(status: int, problems: Sequence[ProblemType], *, for_people: bool) -> Json:
    described: Json = {"description": " or ".join(problem.title for problem in problems) + "."}
    if headers := _HEADERS_OF_PROBLEMS.get(status):
        described["headers"] = _headers(headers)
    return {**described, "content": _problem_content(problems, for_people=for_people)}


def _problem_content(problems: Sequence[ProblemType], *, for_people: bool) -> Json:
    members: Json = {
        "type": {"enum": [problem.uri for problem in problems]},
        "title": {"enum": list(dict.fromkeys(problem.title for problem in problems))},
        "status": {"const": int(problems[0].status)},
    }
    schema = {"$ref": _SCHEMAS.format(name="Problem"), "properties": members}
    content: Json = {CONTENT_TYPE: {"schema": schema}}
    if for_people:
        content[Media.HTML.value] = {"schema": {"type": "string"}}
    return content


def _plain(schema: Any) -> Any:  # noqa: ANN401 - JSON
    """The same with patterns as ECMA-262 has them (JSON Schema, section 6.4), whose `$` is the end."""
    match schema:
        case dict():
            return {name: _plain(value) for name, value in schema.items()}
        case list():
            return [_plain(each) for each in schema]
        case str() if schema.endswith(TO_THE_END):
            return f"{schema.removesuffix(TO_THE_END)}$"
        case _:
            return schema


def _headers(headers: Mapping[str, str]) -> Json:
    return {
        name: {"description": description, "required": True, "schema": {"type": "string"}}
        for name, description in headers.items()
    }


def _path_parameter(parameter: PathParameter) -> Json:
    schema: Json = {"type": "string", "minLength": 1}
    if parameter.pattern is not None:
        schema["pattern"] = f"^{parameter.pattern.pattern}$"
    if parameter.max_length is not None:
        schema["maxLength"] = parameter.max_length
    return {
        "name": parameter.name,
        "in": "path",
        "required": True,
        "description": parameter.description,
        "schema": schema,
        "example": parameter.example,
    }


def _query_parameters(query: type[msgspec.Struct] | None) -> Iterable[Json]:
    if query is None:
        return
    _, components = msgspec.json.schema_components([query], ref_template=_SCHEMAS)
    for name, schema in components[query.__name__]["properties"].items():
        described = schema.pop("description", "")
        sent = _without_null(schema)
        yield {"name": name, "in": "query", "description": described, "schema": sent}


def _without_null(schema: Json) -> Json:
    """A member of a query can be left out, but there is no way to write null."""
    if "anyOf" not in schema:
        return schema
    (kind,) = (each for each in schema["anyOf"] if each != {"type": "null"})
    rest = {name: value for name, value in schema.items() if name not in {"anyOf", "default"}}
    return {**kind, **rest}


def _header_parameter(header: RequestHeader) -> Json:
    return {
        "name": header.name,
        "in": "header",
        "description": f"{header.description} {header.form[0].upper()}{header.form[1:]}.",
        "schema": {"type": "string", "pattern": f"^{header.pattern.pattern}$"},
    }
