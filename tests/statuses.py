"""Whether the tests reach every status that the document names: collected as the answers leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from watchword_server.openapi import document, problems_of
from watchword_server.problems import TOO_MANY_REQUESTS
from watchword_server.routes import ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp import web

Reached: TypeAlias = tuple[str, str, int]
"""Method, path as in the table, and status."""

REACHED: set[Reached] = set()
"""Of this process."""

ONLY_BY_A_BUG_OF_OURS = {500}
"""test_http.py makes one, in `test_the_unforeseen_is_a_500_that_tells_nothing_but_its_id`."""


async def note(request: web.Request, response: web.StreamResponse) -> None:
    """Remember an answer; a signal handler for `on_response_prepare`."""
    resource = request.match_info.route.resource
    if resource is not None:
        REACHED.add((request.method, resource.canonical, response.status))


def unreached(reached: Iterable[Reached]) -> list[Reached]:
    """What the document names and no test has seen, except what no test of one route has to show."""
    documented = {
        (method.upper(), path, int(status))
        for path, methods in document(ROUTES)["paths"].items()
        for method, operation in methods.items()
        for status in operation["responses"]
    }
    excepted = {each for each in documented if each[2] in ONLY_BY_A_BUG_OF_OURS} | set(_only_limited())
    return sorted(documented - excepted - set(reached))


def _only_limited() -> Iterable[Reached]:
    """429 where only the limits give it: they come before any route, and test_limits.py is theirs."""
    for row in ROUTES:
        limited = [each for each in problems_of(row) if each.status == TOO_MANY_REQUESTS.status]
        if limited == [TOO_MANY_REQUESTS] and TOO_MANY_REQUESTS.status not in row.operation.answers:
            yield row.method, row.path, TOO_MANY_REQUESTS.status
