"""What a server says of a fault, for tests that make one."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from watchword_otp import code_at, parse_uri, step_at

if TYPE_CHECKING:
    import httpx

CHECK = "/v1/keys/default/check"


async def cause_of(client: httpx.AsyncClient, code: str) -> str:
    answer = await client.post(CHECK, json={"code": code})
    assert answer.status_code == 503
    problem = answer.json()
    assert problem["type"] == "urn:watchword:problem:store-unavailable"
    assert answer.headers["Content-Type"] == "application/problem+json"
    return str(problem["cause"])


async def is_ready(client: httpx.AsyncClient) -> bool:
    answer = await client.get("/readyz")
    if answer.status_code == 503:
        assert answer.json()["type"] == "urn:watchword:problem:not-ready"
    return answer.status_code == 200


async def code_by(client: httpx.AsyncClient) -> str:
    """The default key's code at the server's real time."""
    key = parse_uri((await client.get("/qr", params={"format": "uri"})).text)
    return code_at(key, step_at(key, time.time()))


async def eventually(client: httpx.AsyncClient, *, ready: bool) -> bool:
    """Whether the server says so within the second for which it repeats its answer."""
    for _ in range(30):
        if await is_ready(client) is ready:
            return True
        await asyncio.sleep(0.1)
    return False
