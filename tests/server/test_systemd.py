"""systemd's side of things: sockets handed over, states told."""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from server_processes import server_process
from systemd_units import activated, supervisor
from watchword_server.errors import UserError
from watchword_server.systemd import Notifier, inherited_sockets

if TYPE_CHECKING:
    from pathlib import Path


class TestSockets:
    def test_those_passed_are_used_and_no_others(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as first, socket.socket(socket.AF_UNIX) as second:
            second.bind(str(tmp_path / "w.sock"))
            second.listen()
            with activated(tmp_path, first, second) as (process, url):
                assert url == f"http://127.0.0.1:{first.getsockname()[1]}"
                assert httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
                transport = httpx.HTTPTransport(uds=str(tmp_path / "w.sock"))
                with httpx.Client(transport=transport) as client:
                    assert client.get("http://localhost/healthz").status_code == 200
                process.terminate()
                assert process.wait(timeout=20) == 0
            # The socket is systemd's to remove.
            assert (tmp_path / "w.sock").exists()

    def test_one_that_does_not_listen_is_refused(self, tmp_path: Path) -> None:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unfit,
            activated(tmp_path, unfit) as (process, said),
        ):
            assert process.wait(timeout=20) == 2
        (line,) = said.splitlines() or (tmp_path / "log").read_text().splitlines()
        assert "descriptor 3 of LISTEN_FDS is no listening socket" in line

    @pytest.mark.parametrize(
        "environment",
        [
            {},
            {"LISTEN_FDS": "1"},
            {"LISTEN_PID": "1", "LISTEN_FDS": "1"},
            {"LISTEN_PID": str(os.getpid())},
            {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "some"},
            {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "0"},
        ],
    )
    def test_without_activation_there_are_none(self, environment: dict[str, str]) -> None:
        assert inherited_sockets(environment) == []

    def test_a_descriptor_that_is_no_socket(self, monkeypatch: pytest.MonkeyPatch) -> None:
        reading, writing = os.pipe()
        monkeypatch.setattr("watchword_server.systemd._FIRST_FD", reading)
        with pytest.raises(UserError, match="no listening socket"):
            inherited_sockets({"LISTEN_PID": "7", "LISTEN_FDS": "1"}, pid=7)
        os.close(reading)
        os.close(writing)


class TestStates:
    def test_ready_reloading_and_stopping_are_told(self, tmp_path: Path) -> None:
        with supervisor(tmp_path) as listening:
            environment = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
            with server_process(tmp_path, environment=environment) as running:
                assert listening.recv(999) == b"READY=1"
                running.process.send_signal(signal.SIGHUP)
                reloading, _, monotonic = listening.recv(999).partition(b"\nMONOTONIC_USEC=")
                assert reloading == b"RELOADING=1"
                assert int(monotonic) > 0
                assert listening.recv(999) == b"READY=1"
                running.process.send_signal(signal.SIGTERM)
                assert listening.recv(999) == b"STOPPING=1"
                assert running.process.wait(timeout=20) == 0

    def test_signs_of_life_are_shown_as_often_as_asked_for(self, tmp_path: Path) -> None:
        with supervisor(tmp_path) as listening:
            environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "20000"}
            with server_process(tmp_path, environment=environment):
                assert listening.recv(999) == b"READY=1"
                assert [listening.recv(999) for _ in range(3)] == [b"WATCHDOG=1"] * 3

    @pytest.mark.parametrize(
        "extra", [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_PID": "1"}]
    )
    async def test_unless_they_are_not(self, tmp_path: Path, extra: dict[str, str]) -> None:
        with supervisor(tmp_path) as listening:
            notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify"), **extra})
            async with notifier.watchdog():
                notifier.ready()
            assert listening.recv(999) == b"READY=1"
            listening.settimeout(0)
            with pytest.raises(BlockingIOError):
                listening.recv(999)

    @pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's")
    def test_an_abstract_socket_will_do(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
            listening.bind(f"\0watchword-test-{os.getpid()}")
            Notifier({"NOTIFY_SOCKET": f"@watchword-test-{os.getpid()}"}).ready()
            assert listening.recv(999) == b"READY=1"

    def test_a_supervisor_that_is_gone_is_no_reason_to_stop(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()
        assert "cannot tell systemd READY=1" in caplog.text

    def test_without_a_supervisor_nobody_is_told(self) -> None:
        Notifier({}).ready()
