"""The application put together; nothing is decided here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from watchword_server.appkeys import (
    CHECKER,
    CLOCK,
    ISSUER,
    LEDGER,
    METRICS,
    PUBLIC_URL,
    READINESS,
    REFUSALS,
    SEAT,
    STAMP,
    STORE,
    TOKEN_LIMITS,
    TOKENS,
    WINDOW,
)
from watchword_server.bodies import MAX_BODY
from watchword_server.checker import Checker
from watchword_server.edge import Edge
from watchword_server.janitor import tidying
from watchword_server.metrics import Metrics
from watchword_server.middleware.bearer import bearer
from watchword_server.middleware.client import Proxies
from watchword_server.middleware.cors import make_preflight, make_share
from watchword_server.middleware.errors import make_errors
from watchword_server.middleware.headers import Stamp
from watchword_server.middleware.limits import Refusals, TokenLimits
from watchword_server.readiness import Readiness
from watchword_server.routes import add_routes
from watchword_server.tokens import TokenBook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator

    from aiohttp.typedefs import Middleware

    from watchword_server.ledger import Ledger
    from watchword_server.seat import Seat
    from watchword_server.tokens import Token


def create_app(  # noqa: PLR0913 - all by name
    *,
    ledger: Ledger,
    clock: Callable[[], float],
    window: int = 1,
    issuer: str = "Watchword",
    configured_tokens: Iterable[Token] = (),
    audit_retention: float | None = None,
    edge: Edge | None = None,
    seat: Seat | None = None,
) -> web.Application:
    """Put the validator together.

    Args:
        ledger: On a store that is open, and left open when the application stops.
        clock: Unix seconds.
        window: Steps accepted either side of the current one, 0 to 10.
        issuer: Who hands the keys out, as authenticators will show it.
        configured_tokens: Tokens that count beside those of the store.
        audit_retention: Seconds for which rows of the audit log are kept; None for ever.
        edge: How the application meets the network; None for loopback.
        seat: Which of several workers this process is; None if it is the only one.
    """
    edge = edge or Edge()
    metrics = Metrics()
    token_limits = TokenLimits(clock)
    refusals = Refusals(edge.refusals_per_minute, clock) if edge.refusals_per_minute else None
    app = web.Application(
        middlewares=[*_edge_middlewares(edge, metrics, token_limits, refusals), bearer],
        client_max_size=MAX_BODY,
    )
    if refusals is not None:
        app[REFUSALS] = refusals
    if seat is not None:
        app[SEAT] = seat
    app[CLOCK] = clock
    app[LEDGER] = ledger
    app[STORE] = ledger.store
    app[CHECKER] = Checker(ledger, window=window, metrics=metrics)
    app[TOKENS] = TokenBook(ledger.store, configured_tokens, clock=clock)
    app[WINDOW] = window
    app[PUBLIC_URL] = edge.public_url
    app[ISSUER] = issuer
    app[METRICS] = metrics
    app[READINESS] = Readiness(ledger, data_path=edge.data_path, metrics=metrics)
    app[TOKEN_LIMITS] = token_limits
    app[STAMP] = Stamp(clock, hsts=edge.hsts)
    app.on_response_prepare.append(app[STAMP])
    if edge.cors_origins:
        app.on_response_prepare.append(make_share(edge.cors_origins))
    app.cleanup_ctx.append(_drain_checker)
    app.cleanup_ctx.append(_tidying(audit_retention))
    add_routes(app)
    return app


def _edge_middlewares(
    edge: Edge, metrics: Metrics, token_limits: TokenLimits, refusals: Refusals | None
) -> Iterator[Middleware]:
    """What is off is not there: even an idle middleware takes its time."""
    yield make_errors(
        metrics,
        token_limits,
        proxies=Proxies(edge.trusted_proxies) if edge.trusted_proxies else None,
        refusals=refusals,
    )
    if edge.cors_origins:
        yield make_preflight(edge.cors_origins)


def _tidying(audit_retention: float | None) -> Callable[[web.Application], AsyncIterator[None]]:
    async def tidy(app: web.Application) -> AsyncIterator[None]:
        seat = app.get(SEAT)
        is_first = seat is None or seat.is_first
        async with tidying(app[LEDGER], app[TOKENS], app[CLOCK], audit_retention, is_first=is_first):
            yield

    return tidy


async def _drain_checker(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[CHECKER].drain()
