"""The Unix socket: who may use it, and what may be in its way."""

from __future__ import annotations

import socket
import stat
from typing import TYPE_CHECKING

import httpx
import pytest

from server_processes import server_process
from watchword_server import sockets
from watchword_server.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path


def test_its_owner_and_group_may_use_it_under_any_umask(tmp_path: Path) -> None:
    path = tmp_path / "w.sock"
    with server_process(tmp_path, "--unix-socket", str(path), umask=0) as running:
        assert running.url == f"unix:{path}"
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        transport = httpx.HTTPTransport(uds=str(path))
        with httpx.Client(transport=transport, base_url="http://localhost") as client:
            client.headers["Authorization"] = f"Bearer {running.token}"
            assert client.get("/healthz").status_code == 200
            assert client.get("/check/000000").json() == {"status": False}
        assert running.stop() == 0
    assert not path.exists()


def test_one_that_was_left_behind_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "w.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with sockets.bind_unix(path) as bound:
        assert bound.getsockname() == str(path)
        assert sockets.is_local(bound)


def test_one_that_somebody_listens_on_is_not(tmp_path: Path) -> None:
    path = tmp_path / "w.sock"
    with sockets.bind_unix(path), pytest.raises(UserError, match="is in use"):
        sockets.bind_unix(path)


def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "diary"
    path.write_text("dear diary")
    with pytest.raises(UserError, match="is no socket"):
        sockets.bind_unix(path)
    assert path.read_text() == "dear diary"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file or directory; check --unix-socket"):
        sockets.bind_unix(tmp_path / "nowhere" / "w.sock")


def test_only_our_own_is_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "w.sock"
    sockets.bind_unix(path).close()
    made = path.lstat()
    path.rename(tmp_path / "old")
    with sockets.bind_unix(path):
        sockets.remove_unix(path, made)
        assert path.exists()
        sockets.remove_unix(path, path.lstat())
        assert not path.exists()


@pytest.mark.parametrize(
    ("host", "secure", "begins", "is_local"),
    [
        ("127.0.0.1", False, "http://127.0.0.1:", True),
        ("0.0.0.0", True, "https://127.0.0.1:", False),
        ("localhost", True, "https://", True),
    ],
)
def test_urls(host: str, *, secure: bool, begins: str, is_local: bool) -> None:
    bound = sockets.bind(host, 0)
    assert sockets.url_of(bound[0], secure=secure).startswith(begins)
    assert all(map(sockets.is_local, bound)) is is_local
    sockets.close(bound)


def test_a_proxy_behind_it_names_the_senders_and_without_one_nobody_is_limited(tmp_path: Path) -> None:
    path = tmp_path / "w.sock"
    limit = ("--refusals-per-minute", "2")
    for trusted, statuses in (((), {404}), (("--trusted-proxies", "unix"), {404, 429})):
        with server_process(tmp_path, "--unix-socket", str(path), *limit, *trusted):
            transport = httpx.HTTPTransport(uds=str(path))
            with httpx.Client(transport=transport, base_url="http://localhost") as client:
                first = {"X-Forwarded-For": "192.0.2.1"}
                found = {client.get("/nowhere", headers=first).status_code for _ in range(5)}
                assert found == statuses
                second = {"X-Forwarded-For": "192.0.2.2"}
                assert client.get("/nowhere", headers=second).status_code == 404
