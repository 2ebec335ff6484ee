"""A server in a process of its own that does all it can, and what is left in its log and its files."""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING

import httpx

from key_routes import (
    check,
    confirm,
    invite,
    make,
    make_token,
    recovery_codes,
    redeem,
    resync,
    rotate,
)
from server_processes import run_server_command, server_process
from servers import NO_TLS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

ENV_TOKEN = "open-sesame-0123456789"


def in_any_form(secret: bytes, base32: str) -> Iterable[bytes]:
    yield from (secret, secret.hex().encode(), base32.encode(), base32.lower().encode())


async def test_w33_nothing_that_opens_anything_is_left_in_the_log_or_in_plain_text(
    tmp_path: Path,
) -> None:
    with server_process(tmp_path, "--access-log") as running:
        made = run_server_command(
            tmp_path, "tokens", "create", "admin", "--scope", "tokens:admin", "--json"
        )
        assert made.returncode == 0, made.stderr
        (admin,) = re.findall(r"ww_[A-Za-z0-9_-]+", made.stdout)
        async with httpx.AsyncClient(
            base_url=running.url,
            trust_env=False,
            verify=NO_TLS,
            headers={"Authorization": f"Bearer {admin}"},
        ) as client:
            scopes = "check check:detail qr keys:read keys:write locks:write audit:read metrics"
            token = await make_token(client, *scopes.split(), name="all")
            client.headers["Authorization"] = f"Bearer {token}"
            alice = await make(client)
            page = await invite(client)
            await client.get(page)
            codes = [alice.code(time.time, offset) for offset in range(-1, 8)]
            await client.post(page, data={"code": alice.wrong(time.time)})
            shown = await client.post(page, data={"code": codes[1]})
            recovery = re.findall(r"<code>([a-z2-7-]{29})</code>", shown.text)
            recovery += await recovery_codes(client)
            assert (await redeem(client, recovery[10])).json()["valid"] is True
            assert (await redeem(client, recovery[0])).json()["valid"] is False
            assert (await check(client, codes[2])).json()["valid"] is True
            assert (await resync(client, codes[6], codes[7])).status_code == 200
            successor = await rotate(client)
            assert (await confirm(client, successor.code(time.time))).status_code == 200
            for path in ("/", f"/check/{codes[0]}", f"/check/{codes[0]}?code={codes[0]}", "/metrics"):
                await client.get(path, headers={"Referer": f"https://x/{codes[0]}"})
            await client.get(f"/enrol/{page[7:]}", headers={"User-Agent": codes[0]})
            await client.post("/v1/keys", json={"name": "x", "secret": "GEZDGNBVGY3TQOJ!"})
            await client.get("/v1/audit/verify")
        assert running.stop() == 0
        log = running.log.read_text()
    assert "/v1/keys/{name}/check" in log
    assert len(recovery) == 20
    texts = [admin, token, running.token or "ww_", page[7:], *recovery, "otpauth", "GEZDGNBV"]
    for number, text in enumerate(texts):
        assert text not in log, f"number {number}"
    for code in codes:
        assert not re.search(rf"(?<![0-9.]){code}(?![0-9])", log)
    keys = [alice.key.secret, successor.key.secret]
    private = [form for key in keys for form in in_any_form(key.reveal(), key.base32())]
    private += [text.encode() for text in (admin, token, page[7:], *recovery)]
    private += [text.replace("-", "").encode() for text in recovery]
    folder = await asyncio.to_thread(lambda: [*tmp_path.rglob("*")])
    files = [path for path in folder if path.is_file()]
    assert any(path.name == "watchword.db" for path in files)
    for file in files:
        content = await asyncio.to_thread(file.read_bytes)
        for number, form in enumerate(private):
            assert form not in content, f"number {number} in {file.name}"
