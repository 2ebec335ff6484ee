"""nginx as deploy/nginx.conf has it, before the server as its unit starts it."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import httpx
import pytest

from deploy.proxies import HOST, Proxy, nginx
from deploy.units import Service, started
from server_processes import home_environment
from watchword_otp import Key, Secret, code_at, format_uri, step_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = Key(secret=Secret(b"12345678901234567890"), name="alice")


class Front(NamedTuple):
    """The server, the proxy before it, and a token."""

    service: Service
    proxy: Proxy
    token: str

    def last_check(self) -> dict[str, object]:
        """The newest row of a check in the audit log."""
        line = self.service.run("audit", "tail", "-n", "1", "--event", "check", "--json")
        found: dict[str, object] = json.loads(line)["event"]
        return found


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    for name in ("server", "proxy"):
        (tmp_path / name).mkdir()
    with started(tmp_path / "server") as service:
        assert service.told() == "READY=1"
        file = tmp_path / "keys"
        file.write_text(f"{format_uri(KEY)}\n")
        service.run("import", str(file))
        scopes = ("--scope", "check", "--scope", "keys:write", "--scope", "qr")
        token = service.run("tokens", "create", "door", *scopes)
        with nginx(tmp_path / "proxy", service.socket_path) as proxy:
            yield Front(service, proxy, token)


def code_now() -> str:
    return code_at(KEY, step_at(KEY, time.time()))


def check(client: httpx.Client, code: str, headers: dict[str, str] | None = None) -> httpx.Response:
    return client.post("/v1/keys/alice/check", json={"code": code}, headers=headers)


def watchword(proxy: Proxy, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the app's command line through the proxy."""
    flags = ("--server", proxy.url, "--ca-file", str(proxy.authority))
    return subprocess.run(
        [sys.executable, "-m", "watchword_tui", *arguments, *flags],
        env=home_environment(proxy.folder, {"WATCHWORD_TOKEN": "ww_secret"}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_code_is_accepted_once_and_the_answer_is_the_servers(front: Front) -> None:
    code = code_now()
    with front.proxy.client(front.token) as client:
        answer, again = check(client, code), check(client, code)

    assert [answer.json(), again.json()] == [{"valid": True}, {"valid": False}]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Watchword-Version"]
    assert answer.headers.get_list("Strict-Transport-Security") == ["max-age=31536000"]
    assert answer.headers["Server"] == "nginx"


def test_the_audit_log_has_the_senders_address_whatever_the_sender_says(front: Front) -> None:
    lies = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "X-Real-IP": "203.0.113.9"}
    with front.proxy.client(front.token, address="127.0.0.2") as client:
        check(client, "000000", lies)

    row = front.last_check()
    assert (row["actor"], row["address"]) == ("token:door", "127.0.0.2")


def test_one_sender_who_is_refused_keeps_no_other_out(front: Front) -> None:
    with (
        front.proxy.client("ww_wrong", "127.0.0.2") as guessing,
        front.proxy.client(front.token) as good,
    ):
        found = {check(guessing, "000000").status_code for _ in range(70)}
        assert found == {401, 429}
        assert check(good, "000000").status_code == 200


def test_links_lead_to_the_public_host_and_their_page_stays_there(front: Front) -> None:
    with front.proxy.client(front.token) as client:
        assert client.post("/v1/keys", json={"name": "bob"}).status_code == 201
        # Each voids the one before.
        for link in (
            lambda: client.post("/v1/keys/bob/enrolment-links").json()["url"],
            lambda: front.service.run("keys", "link", "bob").splitlines()[0],
        ):
            begin, ticket = link().split("/enrol/")
            assert begin == f"https://{HOST}"
            page = client.get(f"/enrol/{ticket}")
            assert page.status_code == 200
            led_to = re.findall(r'(?:action|href|src)="([^"]+)"', page.text)
            assert not [url for url in led_to if url.startswith("http:")]
            assert page.headers.get_list("Referrer-Policy") == ["no-referrer"]


def test_no_log_has_a_code_a_ticket_or_a_token(front: Front) -> None:
    with front.proxy.client(front.token) as client:
        client.post("/v1/keys", json={"name": "bob"})
        link = client.post("/v1/keys/bob/enrolment-links").json()["url"]
        ticket = link.rpartition("/")[2]

        def ask() -> list[int]:
            paths = ["/check/271828", "//check/271828", "/%63heck/271828", f"/enrol/{ticket}"]
            answers = [client.get(path) for path in (*paths, f"/x?token={front.token}")]
            answers += [client.post(f"/enrol/{ticket}", data={"code": "271828"})]
            answers += [client.get("/favicon.ico", headers={"Referer": link})]
            answers += [client.post(f"/enrol/{ticket}", content=b"x" * 9000)]
            return [answer.status_code for answer in answers]

        assert ask() == [200, 404, 200, 200, 404, 422, 404, 413]
        front.service.stop()
        front.service.socket_path.unlink()
        # Now nginx has something to say of each.
        assert ask()[:2] == [502, 502]

    written = front.proxy.logs()
    assert "GET 200" in written
    assert " 502 " in written
    found = [secret for secret in ("271828", ticket, front.token) if secret in written]
    assert found == []


def test_a_body_beyond_the_servers_limit_is_refused(front: Front) -> None:
    with front.proxy.client(front.token) as client:
        longest = client.post("/v1/keys/alice/check", content=b"x" * 8192)
        longer = client.post("/v1/keys/alice/check", content=b"x" * 8193)
    assert longest.headers["Content-Type"] == "application/problem+json"
    assert (longest.status_code, longer.status_code) == (415, 413)


def test_without_tls_there_is_only_the_way_to_it(front: Front) -> None:
    url = f"http://127.0.0.1:{front.proxy.plain_port}/check/271828"
    answer = httpx.get(url, headers={"Host": HOST}, trust_env=False)
    assert (answer.status_code, answer.headers["Location"]) == (301, f"https://{HOST}/")


class TestWithoutTheServer:
    @pytest.fixture
    def proxy(self, tmp_path: Path) -> Iterator[Proxy]:
        with nginx(tmp_path, tmp_path / "nobody.sock") as proxy:
            yield proxy

    def test_the_app_says_who_is_missing(self, proxy: Proxy) -> None:
        done = watchword(proxy, "check", "271828")
        assert done.returncode == 3
        assert "cannot reach it (status 502); is the server running?" in done.stderr

    def test_a_flood_is_stopped_before_it(self, proxy: Proxy) -> None:
        with proxy.client() as client:
            found = {client.get("/healthz").status_code for _ in range(300)}
        assert found == {502, 429}


DATE = "Thu, 01 Jan 2026 00:00:00 GMT"


def test_a_question_is_asked_once_and_the_servers_clock_is_passed_on(tmp_path: Path) -> None:
    """A code is used up by the first try: a second one would be told that it is no good."""
    path = tmp_path / "w.sock"
    asked: list[bytes] = []

    def answer(listening: socket.socket) -> None:
        # The first question of a connection is answered; after the second it is closed.
        connection, _ = listening.accept()
        with connection:
            asked.append(connection.recv(4096).split()[1])
            connection.sendall(f"HTTP/1.1 200 OK\r\nDate: {DATE}\r\nContent-Length: 0\r\n\r\n".encode())
            asked.append(connection.recv(4096).split()[1])
        # One more would be a second try.
        with contextlib.suppress(TimeoutError), listening.accept()[0] as another:
            asked.append(another.recv(4096).split()[1])

    with socket.socket(socket.AF_UNIX) as listening, ThreadPoolExecutor(1) as pool:
        listening.bind(str(path))
        listening.listen()
        listening.settimeout(2)
        with nginx(tmp_path, path) as proxy, proxy.client() as client:
            answering = pool.submit(answer, listening)
            answers = [client.get(f"/check/{number}") for number in (111111, 222222)]
            answering.result(timeout=20)

    assert [each.status_code for each in answers] == [200, 502]
    assert asked == [b"/check/111111", b"/check/222222"]
    assert answers[0].headers.get_list("Date") == [DATE]
