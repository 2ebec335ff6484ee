"""The application put together; nothing is decided here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from watchword_server.appkeys import CHECKER, CLOCK, ISSUER, LEDGER, STORE, TOKENS, WINDOW
from watchword_server.bodies import MAX_BODY
from watchword_server.checker import Checker
from watchword_server.middleware.bearer import bearer
from watchword_server.middleware.errors import errors
from watchword_server.middleware.headers import stamp
from watchword_server.routes import add_routes
from watchword_server.tokens import TokenBook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from watchword_server.ledger import Ledger
    from watchword_server.tokens import Token


def create_app(
    *,
    ledger: Ledger,
    clock: Callable[[], float],
    window: int = 1,
    issuer: str = "Watchword",
    configured_tokens: Iterable[Token] = (),
) -> web.Application:
    """Put the validator together.

    Args:
        ledger: On a store that is open, and left open when the application stops.
        clock: Unix seconds.
        window: Steps accepted either side of the current one, 0 to 10.
        issuer: Who hands the keys out, as authenticators will show it.
        configured_tokens: Tokens that count beside those of the store.
    """
    app = web.Application(middlewares=[errors, bearer], client_max_size=MAX_BODY)
    app[CLOCK] = clock
    app[LEDGER] = ledger
    app[STORE] = ledger.store
    app[CHECKER] = Checker(ledger, window=window)
    app[TOKENS] = TokenBook(ledger.store, configured_tokens, clock=clock)
    app[WINDOW] = window
    app[ISSUER] = issuer
    app.on_response_prepare.append(stamp)
    app.cleanup_ctx.append(_drain_checker)
    add_routes(app)
    return app


async def _drain_checker(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[CHECKER].drain()
