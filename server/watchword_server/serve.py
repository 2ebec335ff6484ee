"""Sockets, signals, start and stop."""

from __future__ import annotations

from aiohttp import web

from watchword_server.logs import AccessLogger, access_logger, http_logger

KEEPALIVE_SECONDS = 15
SHUTDOWN_SECONDS = 10
LINGERING_SECONDS = 2


def make_runner(app: web.Application) -> web.AppRunner:
    """A runner with this server's limits, the same in production and in tests."""
    return web.AppRunner(
        app,
        access_log_class=AccessLogger,
        access_log=access_logger,
        logger=http_logger,
        auto_decompress=False,
        keepalive_timeout=KEEPALIVE_SECONDS,
        lingering_time=LINGERING_SECONDS,
        max_line_size=2048,
        max_field_size=4096,
        max_headers=64,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
