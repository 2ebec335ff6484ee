"""Connections: how many there may be, how long they may be silent, and what is said to nonsense.

aiohttp answers what it cannot parse before the application sees a request, repeats it to its sender,
and logs it, token and all. What is replaced here is pinned by tests/server/test_connections.py.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.web_protocol import RequestPayloadError, _ErrInfo
from multidict import CIMultiDict

from watchword_server.appkeys import METRICS, REFUSALS, STAMP
from watchword_server.logs import AccessLogger, access_logger, http_logger
from watchword_server.middleware.errors import where_of
from watchword_server.middleware.headers import new_request_id
from watchword_server.middleware.limits import tell
from watchword_server.problems import (
    CONTENT_TYPE,
    HEADERS_TOO_LARGE,
    INTERNAL_ERROR,
    MALFORMED_REQUEST,
    TOO_MANY_CONNECTIONS,
    URI_TOO_LONG,
    ProblemError,
)
from watchword_server.sockets import BACKLOG, url_of

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Sequence

    from aiohttp.streams import StreamReader
    from aiohttp.web_protocol import _MsgType

    from watchword_server.metrics import Metrics
    from watchword_server.middleware.headers import Stamp
    from watchword_server.middleware.limits import Refusals

KEEPALIVE_SECONDS = 15
"""How long an idle connection, or one that never finishes its headers, is kept."""

SHUTDOWN_SECONDS = 10
"""How long requests in flight may take once the server was told to stop."""

HANDSHAKE_SECONDS = 10
"""How long TLS may take to agree."""

MAX_LINE = 2048
"""Longest request line, in bytes."""

MAX_FIELD = 4096
"""Longest header, name and value together, in bytes."""

MAX_CONNECTIONS = 1024
"""How many connections may be open at once, unless the settings say otherwise."""

_MAX_HEADERS = 64
_LINGERING_SECONDS = 2
_RETRY_SECONDS = 5


class Connection(web.RequestHandler):
    """One connection. Malformed requests and broken bodies are answered in our words, and at once."""

    __slots__ = ("_server",)

    def __init__(self, server: Server, **options: Any) -> None:  # noqa: ANN401 - aiohttp's own
        """Belong to `server`; the options are aiohttp's."""
        super().__init__(server, **options)
        self._server = server

    def data_received(self, data: bytes) -> None:
        """Take bytes; if they break a body off, fail the one who waits for it, and not much later."""
        super().data_received(data)
        if not self._messages or not isinstance(self._messages[-1][0], _ErrInfo):
            return
        payload = self._broken_body(self._messages)
        if payload is not None and not payload.is_eof():
            # The error has no answer of its own: the request whose body it is has one.
            self._messages.pop()
            payload.set_exception(RequestPayloadError("the body is not what its headers announce"))
            # So that aiohttp does not wait for the rest of it.
            payload.feed_eof()
            self.close()

    def _broken_body(self, messages: Sequence[_MsgType]) -> StreamReader | None:
        if len(messages) > 1:
            return messages[-2][1]
        return None if self._current_request is None else self._current_request.content

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,  # noqa: ARG002 - the problem has its own
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - what aiohttp would echo
    ) -> web.StreamResponse:
        """Answer what never reached the application, or failed outside it, and close."""
        request_id = new_request_id()
        # aiohttp makes such a request one of HTTP/1.0, whose answers do not say that they are the last.
        request._version = HttpVersion11  # noqa: SLF001 - it has no other way
        if isinstance(exc, HttpProcessingError):
            http_logger.info(
                "malformed request from %s: %s",
                request.remote,
                type(exc).__name__,
                extra={"request_id": request_id},
            )
            problem = _problem_of(exc)
        else:
            http_logger.error(
                "%s: %s",
                request_id,
                "no answer in time" if exc is None else where_of(exc),
                extra={"request_id": request_id},
            )
            problem = ProblemError(INTERNAL_ERROR, "something went wrong here", request_id=request_id)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun already")
        response = _Unheard(status=problem.kind.status, body=problem.body(), content_type=CONTENT_TYPE)
        self._server.finish(response, request_id, request.remote or "")
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:  # noqa: ANN401 - aiohttp's own
        """Log where an error came from, and not what it says."""
        error = kw.get("exc_info")
        message = str(args[0]) if args else "error"
        http_logger.error(
            "%s: %s", message, where_of(error) if isinstance(error, BaseException) else "unknown"
        )


class Server(web.Server):
    """Makes the connections, up to as many as there may be."""

    def __init__(
        self,
        made: web.Server,
        stamp: Stamp,
        *,
        metrics: Metrics,
        refusals: Refusals | None,
        max_connections: int,
        **options: Any,  # noqa: ANN401 - aiohttp's own
    ) -> None:
        """Serve what `made` serves.

        Args:
            made: The application's server, of which the handler and the requests are taken.
            stamp: Puts the headers on what the application does not answer.
            metrics: Counts refused connections.
            refusals: Counts malformed requests by sender.
            max_connections: How many may be open at once, at least 1.
            options: aiohttp's, for each connection.
        """
        super().__init__(made.request_handler, request_factory=made.request_factory)
        self._stamp = stamp
        self._metrics = metrics
        self._refusals = refusals
        self._max_connections = max_connections
        self._open = 0
        self._options = options

    def __call__(self) -> web.RequestHandler:
        """Make the protocol of an accepted connection."""
        if self._open >= self._max_connections:
            self._metrics.refused_connection()
            return _Refusal(self._stamp)  # type: ignore[return-value]  # it is a protocol, too
        return Connection(self, loop=self._loop, **self._options)

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Count a connection that is open."""
        self._open += 1
        super().connection_made(handler, transport)

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        """Count a connection no more."""
        self._open -= 1
        super().connection_lost(handler, exc)

    def finish(self, response: web.Response, request_id: str, client: str) -> None:
        """Put the headers on an answer that the application knows nothing of, and count it."""
        self._stamp.put(response.headers, request_id)
        if self._refusals is not None:
            standing = self._refusals.charge(client, response.status)
            if standing is not None:
                tell(response.headers, standing)


class _Unheard(web.Response):
    """An answer to what the application never heard of, so that its signals do not run."""

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.pop(hdrs.SERVER, None)


class _Refusal(asyncio.Protocol):
    """A connection too many: one short answer, and it is closed."""

    def __init__(self, stamp: Stamp) -> None:
        self._stamp = stamp

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        detail = f"all connections are taken; try again in {_RETRY_SECONDS} s"
        body = ProblemError(TOO_MANY_CONNECTIONS, detail, retry_after=_RETRY_SECONDS).body()
        headers: CIMultiDict[str] = CIMultiDict(
            {
                hdrs.CONTENT_TYPE: CONTENT_TYPE,
                hdrs.CONTENT_LENGTH: str(len(body)),
                hdrs.CONNECTION: "close",
                hdrs.RETRY_AFTER: str(_RETRY_SECONDS),
            }
        )
        self._stamp.put(headers, new_request_id())
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writing = cast("asyncio.Transport", transport)
        writing.write(f"HTTP/1.1 503 Service Unavailable\r\n{lines}\r\n".encode() + body)
        writing.close()


class Runner(web.AppRunner):
    """Runs an application on this server's connections."""

    def __init__(self, app: web.Application, *, max_connections: int = MAX_CONNECTIONS) -> None:
        """Run `app`, as `create_app` made it, with `max_connections` open at once."""
        self._max_connections = max_connections
        self._options: dict[str, Any] = {
            "access_log_class": AccessLogger,
            "access_log": access_logger,
            "logger": http_logger,
            # A compressed body is refused, not unpacked.
            "auto_decompress": False,
            "keepalive_timeout": KEEPALIVE_SECONDS,
            "lingering_time": _LINGERING_SECONDS,
            "max_line_size": MAX_LINE,
            "max_field_size": MAX_FIELD,
            "max_headers": _MAX_HEADERS,
        }
        super().__init__(app, shutdown_timeout=SHUTDOWN_SECONDS, **self._options)

    async def _make_server(self) -> web.Server:
        return Server(
            await super()._make_server(),
            self.app[STAMP],
            metrics=self.app[METRICS],
            refusals=self.app.get(REFUSALS),
            max_connections=self._max_connections,
            **self._options,
        )


class Listener(web.BaseSite):
    """A socket that is bound already, whatever its family, perhaps with TLS on it."""

    def __init__(self, runner: Runner, bound: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Listen for `runner` on `bound`; `tls` is None for plain HTTP."""
        super().__init__(runner, ssl_context=tls)
        self._bound = bound

    @property
    def name(self) -> str:
        """The socket's address."""
        return url_of(self._bound, secure=self._ssl_context is not None)

    async def start(self) -> None:
        """Begin to accept."""
        await super().start()
        loop = asyncio.get_running_loop()
        protocol = cast("Server", self._runner.server)
        # Without TLS there is no handshake that could take long.
        patience = None if self._ssl_context is None else HANDSHAKE_SECONDS
        # Also for a Unix socket: create_unix_server would remove it from the disk at its end, which is
        # for those to do who made it.
        self._server = await loop.create_server(
            protocol,
            sock=self._bound,
            ssl=self._ssl_context,
            backlog=BACKLOG,
            ssl_handshake_timeout=patience,
        )


def _problem_of(error: HttpProcessingError) -> ProblemError:
    """What was wrong with a request that could not be parsed; none of it is repeated."""
    if isinstance(error, LineTooLong):
        # The parser tells a line from a header only by the limit that was passed.
        if error.args[1] == MAX_LINE:
            return ProblemError(URI_TOO_LONG, f"the request line can have at most {MAX_LINE} bytes")
        detail = f"a header can have at most {MAX_FIELD} bytes"
        return ProblemError(HEADERS_TOO_LARGE, detail)
    detail = f"this is no HTTP/1.1 request with {_MAX_HEADERS} headers at most"
    return ProblemError(MALFORMED_REQUEST, detail)
