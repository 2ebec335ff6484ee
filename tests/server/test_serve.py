"""The server as a process: its first run and the later ones, and how it stops."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import trustme

from server_processes import home_environment, run_server_command, server_process
from servers import NO_TLS
from watchword_otp import code_at, parse_uri, step_at

ROOT = "runs as root"
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def get(url: str, token: str, path: str) -> httpx.Response:
    return httpx.get(
        url + path, headers={"Authorization": f"Bearer {token}"}, trust_env=False, verify=NO_TLS
    )


def code_now(uri: str) -> str:
    """The code of the real time, good for at least a period more."""
    key = parse_uri(uri)
    return code_at(key, step_at(key, time.time()))


def check(url: str, token: str, code: str) -> bool:
    return bool(get(url, token, f"/check/{code}").json()["status"])


class TestFirstRun:
    def test_it_needs_nothing_and_the_next_one_keeps_all(self, tmp_path: Path) -> None:
        with server_process(tmp_path) as first:
            assert first.token is not None
            assert first.token.startswith("ww_")
            uri = get(first.url, first.token, "/qr?format=uri").text
            key = parse_uri(uri)
            assert (key.secret.bits, key.issuer, key.name) == (160, "Watchword", "default")
            assert not key.warnings()
            code = code_now(uri)
            assert check(first.url, first.token, code)
            assert first.stop() == 0
        assert first.database == str(tmp_path / "state" / "watchword" / "watchword.db")
        with server_process(tmp_path) as second:
            assert second.token is None
            assert get(second.url, first.token, "/qr?format=uri").text == uri
            assert not check(second.url, first.token, code)

    def test_it_tells_people_where_all_is_and_what_to_type(self, tmp_path: Path) -> None:
        said = _spoken(tmp_path, "--data-dir", str(tmp_path / "data"))
        url = said.split("on ")[1].split()[0]
        token = said.split("token  ")[1].split()[0]
        assert said.count(token) == 2
        assert str(tmp_path / "data" / "watchword.db") in said
        assert "--cacert" not in said
        # Others on the machine can see the command lines of programs, not what the shell does itself.
        asking = next(line for line in said.splitlines() if "/qr?format=text" in line)
        assert asking.strip() == (
            f"echo \"Authorization: Bearer $WATCHWORD_TOKEN\" | curl -sH @- '{url}/qr?format=text'"
        )
        assert f"watchword --server {url}" in said
        again = _spoken(tmp_path, "--data-dir", str(tmp_path / "data"))
        assert "ww_" not in again
        assert f"watchword-server tokens create --data-dir {tmp_path / 'data'} NAME" in again

    def test_with_tls_it_says_how_to_trust_the_certificate(self, tmp_path: Path) -> None:
        certificate = trustme.CA().issue_cert("127.0.0.1")
        certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
        certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
        files = ("--tls-cert", str(tmp_path / "cert.pem"), "--tls-key", str(tmp_path / "key.pem"))
        said = _spoken(tmp_path, *files)
        assert "--cacert FILE to curl, --ca-file FILE to watchword" in said

    def test_the_files_are_the_owners_alone_under_any_umask(self, tmp_path: Path) -> None:
        with server_process(tmp_path, umask=0) as running:
            database = Path(running.database)
            assert stat.S_IMODE(database.parent.stat().st_mode) == 0o700
            modes = {stat.S_IMODE(path.stat().st_mode) for path in database.parent.iterdir()}
            assert modes == {0o600}

    def test_a_lost_token_is_replaced_while_the_server_runs(self, tmp_path: Path) -> None:
        with server_process(tmp_path) as running:
            made = run_server_command(tmp_path, "tokens", "create", "second", "--scope", "qr")
            assert made.returncode == 0
            assert get(running.url, made.stdout.strip(), "/qr").status_code == 200


def _spoken(folder: Path, *arguments: str) -> str:
    """What `serve` says to people between its start and its stop."""
    process = subprocess.Popen(
        [sys.executable, "-m", "watchword_server", "serve", "--port", "0", *arguments],
        cwd=folder,
        env=home_environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Ctrl+C"):
            process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 0
    process.stdout.close()
    return "".join(lines)


class TestPrototype:
    def test_its_env_file_is_all_it_needs(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text(f"TOTP_BASE32_SECRET={SECRET}\nBEARER=open-sesame\n")
        with server_process(tmp_path) as running:
            assert running.token is None
            uri = get(running.url, "open-sesame", "/?format=uri").text
            assert parse_uri(uri).secret.base32() == SECRET
            assert check(running.url, "open-sesame", code_now(uri))
            assert running.stop() == 0
        log = running.log.read_text()
        assert "default key from TOTP_BASE32_SECRET in .env" in log
        assert SECRET not in log
        assert "open-sesame" not in log
        assert b"open-sesame" not in Path(running.database).read_bytes()

    def test_another_secret_and_back_again_keeps_used_codes_used(self, tmp_path: Path) -> None:
        codes: dict[str, str] = {}
        for secret in (SECRET, SECRET[::-1], SECRET):
            environment = {"TOTP_BASE32_SECRET": secret, "BEARER": "open-sesame"}
            with server_process(tmp_path, environment=environment) as running:
                uri = get(running.url, "open-sesame", "/?format=uri").text
                is_new = secret not in codes
                code = codes.setdefault(secret, code_now(uri))
                assert check(running.url, "open-sesame", code) is is_new


class TestStopping:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_ends_it_well(self, tmp_path: Path, number: signal.Signals) -> None:
        with server_process(tmp_path) as running:
            assert running.stop(number) == 0
            assert "Traceback" not in running.log.read_text()
        # Closed cleanly: SQLite has put its log away.
        left = {path.name for path in Path(running.database).parent.iterdir()}
        assert not {name for name in left if name.startswith("watchword.db-")}
        assert "watchword.db" in left

    def test_the_end_of_standard_input_ends_it_if_asked(self, tmp_path: Path) -> None:
        with server_process(tmp_path, "--stop-on-eof") as running:
            assert running.process.stdin is not None
            running.process.stdin.close()
            assert running.process.wait(timeout=20) == 0
            running.process.stdin = None

    def test_otherwise_it_does_not(self, tmp_path: Path) -> None:
        with server_process(tmp_path) as running:
            assert running.process.stdin is not None
            running.process.stdin.close()
            running.process.stdin = None
            assert httpx.get(f"{running.url}/healthz", trust_env=False, verify=NO_TLS).status_code == 200
            assert running.process.poll() is None

    async def test_checks_in_flight_get_their_answers(self, tmp_path: Path) -> None:
        with server_process(tmp_path) as running:
            assert running.token is not None
            # Another process holds the database, so that the check has to wait for it.
            holder = sqlite3.connect(running.database, isolation_level=None)
            holder.execute("BEGIN IMMEDIATE")
            async with httpx.AsyncClient(trust_env=False, verify=NO_TLS, timeout=20) as client:
                authorization = {"Authorization": f"Bearer {running.token}"}
                # The token is read before; only the check is to wait.
                holder.execute("COMMIT")
                await client.get(f"{running.url}/qr", headers=authorization)
                holder.execute("BEGIN IMMEDIATE")
                check = asyncio.create_task(
                    client.get(f"{running.url}/check/000000", headers=authorization)
                )
                await asyncio.to_thread(_wait_for_request, running.url)
                running.process.send_signal(signal.SIGTERM)
                await asyncio.to_thread(_wait_until_refused, running.url)
                assert not check.done()
                holder.execute("COMMIT")
                answer = await check
            assert (answer.status_code, answer.json()) == (200, {"status": False})
            assert await asyncio.to_thread(running.process.wait, 20) == 0
            holder.close()


def _wait_for_request(url: str) -> None:
    # A later request that is answered means that the earlier one has been begun.
    for _ in range(3):
        httpx.get(f"{url}/healthz", trust_env=False, verify=NO_TLS)


def _wait_until_refused(url: str) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{url}/healthz", trust_env=False, verify=NO_TLS)
        except httpx.TransportError:
            return
    pytest.fail("the server still accepts connections")


class TestWarnings:
    def test_other_machines_can_reach_it(self, tmp_path: Path) -> None:
        with server_process(tmp_path, "--host", "0.0.0.0", "--insecure-http") as running:
            assert running.url.startswith("http://127.0.0.1:")
            assert httpx.get(f"{running.url}/healthz", trust_env=False, verify=NO_TLS).status_code == 200
            assert "without TLS" in running.log.read_text()

    def test_a_loopback_address_is_fine(self, tmp_path: Path) -> None:
        with server_process(tmp_path, "--host", "localhost") as running:
            assert httpx.get(f"{running.url}/healthz", trust_env=False, verify=NO_TLS).status_code == 200
            assert not [line for line in running.log.read_text().splitlines() if ROOT not in line]

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root is warned")
    def test_root(self, tmp_path: Path) -> None:
        with server_process(tmp_path) as running:
            assert ROOT in running.log.read_text()

    def test_a_short_secret(self, tmp_path: Path) -> None:
        with server_process(
            tmp_path, environment={"TOTP_BASE32_SECRET": "JBSWY3DPEHPK3PXP", "BEARER": "x"}
        ) as running:
            assert "warning: 80-bit secret" in running.log.read_text()
            assert check(running.url, "x", code_now(get(running.url, "x", "/?format=uri").text))


def test_json_is_one_line_and_nothing_else(tmp_path: Path) -> None:
    with server_process(tmp_path) as running:
        running.process.send_signal(signal.SIGTERM)
        rest, _ = running.process.communicate(timeout=20)
        assert rest == ""
