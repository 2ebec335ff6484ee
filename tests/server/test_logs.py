from __future__ import annotations

import re
import socket
import time
from typing import TYPE_CHECKING

import httpx

from server_processes import server_process
from servers import NO_TLS
from watchword_otp import code_at, parse_uri, step_at

if TYPE_CHECKING:
    from pathlib import Path

LINE = re.compile(r"\S+ \S+ INFO (\S+) (\S+) (\d{3}) \d+\.\d ms (\S+)")


def test_a_whole_run_logs_templates_and_nothing_that_matters(tmp_path: Path) -> None:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    environment = {"TOTP_BASE32_SECRET": secret, "BEARER": "open-sesame"}
    with server_process(tmp_path, "--access-log", environment=environment) as running:
        with httpx.Client(
            base_url=running.url,
            trust_env=False,
            verify=NO_TLS,
            headers={"Authorization": "Bearer open-sesame"},
        ) as client:
            key = parse_uri(client.get("/qr", params={"format": "uri"}).text)
            code = code_at(key, step_at(key, time.time()))
            client.get(f"/check/{code}", headers={"Referer": f"https://x/{code}", "User-Agent": code})
            client.post("/v1/keys/default/check", json={"code": code}, params={"code": code})
            client.post(f"/v1/keys/{code}/check", json={"code": code})
            client.get(f"/nowhere/{code}", headers={"X-Request-Id": "door-7"})
            client.get("/qr", headers={"Authorization": "Bearer wrong-token"})
        host, port = running.url.removeprefix("http://").split(":")
        for malformed in (
            b"GET /qr HTTP/1.1\r\nHost: x\r\nAuthorization : Bearer open-sesame\r\n\r\n",
            b"GET /qr HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer open-\x01sesame\r\n\r\n",
            f"GET /check/{code}\x7f HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
        ):
            with socket.create_connection((host, int(port))) as connection:
                connection.sendall(malformed)
                assert connection.recv(4096).startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert running.stop() == 0
    log = running.log.read_text()
    for private in (code, secret, "sesame", "wrong-token", "Traceback", "Referer", "?"):
        assert private not in log
    requests = [match.groups() for match in map(LINE.fullmatch, log.splitlines()) if match]
    assert [(method, route, status) for method, route, status, _ in requests] == [
        ("GET", "/qr", "200"),
        ("GET", "/check/{code}", "200"),
        ("POST", "/v1/keys/{name}/check", "400"),
        ("POST", "/v1/keys/{name}/check", "404"),
        ("GET", "-", "404"),
        ("GET", "/qr", "401"),
        ("-", "-", "400"),
        ("-", "-", "400"),
        ("-", "-", "400"),
    ]
    assert requests[4][3] == "door-7"
    assert log.count("malformed request from 127.0.0.1: ") == 3


def test_without_being_asked_it_logs_no_requests(tmp_path: Path) -> None:
    with server_process(tmp_path) as running:
        httpx.get(f"{running.url}/healthz", trust_env=False, verify=NO_TLS)
        running.stop()
    lines = [line for line in running.log.read_text().splitlines() if "as root" not in line]
    assert [line.split(" INFO ")[1] for line in lines] == ["stopping"]
