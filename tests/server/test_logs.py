from __future__ import annotations

import json
import re
import socket
import time
from datetime import datetime, timedelta
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
    lines = running.log.read_text().splitlines()
    assert any(line.endswith(" INFO stopping") for line in lines)
    assert not [line for line in lines if LINE.fullmatch(line)]


def test_json_lines_say_the_same_for_programs(tmp_path: Path) -> None:
    with server_process(tmp_path, "--access-log", "--log-format", "json") as running:
        with httpx.Client(base_url=running.url, trust_env=False, verify=NO_TLS) as client:
            client.get("/check/492039", headers={"X-Request-Id": "door-7"})
        host, port = running.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(b"GET /492039 HTTP/1.1\r\nAuthorization : sesame\r\n\r\n")
            assert connection.recv(4096)
        assert running.stop() == 0
    log = running.log.read_text()
    assert "492039" not in log
    assert "sesame" not in log
    lines = [json.loads(line) for line in log.splitlines()]
    for line in lines:
        assert {"time", "level", "logger", "message"} <= set(line)
        assert datetime.fromisoformat(line["time"]).utcoffset() == timedelta(0)
    (request,) = [line for line in lines if line.get("route") == "/check/{code}"]
    assert (request["method"], request["status"], request["request_id"]) == ("GET", 401, "door-7")
    malformed, answered = [line for line in lines if line.get("request_id", "door-7") != "door-7"]
    assert malformed["message"].startswith("malformed request from 127.0.0.1: ")
    assert (answered["route"], answered["status"]) == ("-", 400)
    assert malformed["request_id"] == answered["request_id"]
