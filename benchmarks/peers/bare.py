"""A bare aiohttp server, the most that the server could reach: it reads JSON and answers a constant."""

from __future__ import annotations

import json
import socket
import sys

from aiohttp import web

ANSWER = {"valid": True}


async def check(request: web.Request) -> web.Response:
    """Read what would be checked."""
    await request.json()
    return web.json_response(ANSWER)


async def constant(_request: web.Request) -> web.Response:
    """Read nothing."""
    return web.json_response(ANSWER)


def main() -> None:
    """Serve on a free port, and say which."""
    loop = None
    if sys.argv[1] == "uvloop":
        import uvloop  # noqa: PLC0415 - only where it is asked for

        loop = uvloop.new_event_loop()
    app = web.Application()
    app.router.add_post("/v1/keys/{name}/check", check)
    app.router.add_get("/", constant)
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}"}), flush=True)
    web.run_app(app, sock=listener, access_log=None, print=None, loop=loop)


if __name__ == "__main__":
    main()
