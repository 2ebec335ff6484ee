"""HTTPS, with certificates that change while the server runs."""

from __future__ import annotations

import signal
import ssl
from typing import TYPE_CHECKING

import httpx
import pytest
import trustme

from server_processes import run_server_command, server_process
from tls_files import flags, issue, serial_of, trusting, wait_for_line
from watchword_server.errors import UserError
from watchword_server.tls import Tls, TlsFiles

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


class TestServing:
    def test_https_and_only_https(self, tmp_path: Path, authority: trustme.CA) -> None:
        with server_process(tmp_path, *flags(issue(authority, tmp_path))) as running:
            assert running.url.startswith("https://127.0.0.1:")
            context = trusting(authority)
            answer = httpx.get(f"{running.url}/healthz", verify=context, trust_env=False)
            assert answer.status_code == 200
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
            with pytest.raises(httpx.TransportError):
                httpx.get(f"{running.url}/healthz".replace("https", "http"), trust_env=False)
            assert "Traceback" not in running.log.read_text()

    def test_nothing_older_than_1_2(self, tmp_path: Path, authority: trustme.CA) -> None:
        with server_process(tmp_path, *flags(issue(authority, tmp_path))) as running:
            context = trusting(authority)
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            serial_of(running, context)
            with pytest.warns(DeprecationWarning, match="deprecated"):
                context.minimum_version = ssl.TLSVersion.TLSv1_1
            with pytest.warns(DeprecationWarning, match="deprecated"):
                context.maximum_version = ssl.TLSVersion.TLSv1_1
            with pytest.raises(OSError, match=r"(?i)ssl|reset|protocol"):
                serial_of(running, context)

    def test_with_tls_other_machines_are_welcome(self, tmp_path: Path, authority: trustme.CA) -> None:
        with server_process(
            tmp_path, "--host", "0.0.0.0", *flags(issue(authority, tmp_path))
        ) as running:
            assert "without TLS" not in running.log.read_text()

    def test_a_client_certificate_is_needed_if_asked_for(
        self, tmp_path: Path, authority: trustme.CA
    ) -> None:
        members, strangers = trustme.CA(), trustme.CA()
        (tmp_path / "members.pem").write_bytes(members.cert_pem.bytes())
        files = issue(authority, tmp_path)
        with server_process(
            tmp_path, *flags(TlsFiles(files.cert, files.key, tmp_path / "members.pem"))
        ) as running:
            member = trusting(authority, issue(members, tmp_path, "member"))
            answer = httpx.get(f"{running.url}/healthz", verify=member, trust_env=False)
            assert answer.status_code == 200
            stranger = trusting(authority, issue(strangers, tmp_path, "stranger"))
            for context in (stranger, trusting(authority)):
                with pytest.raises(httpx.TransportError):
                    httpx.get(f"{running.url}/healthz", verify=context, trust_env=False)
            log = running.log.read_text()
            assert "Traceback" not in log


class TestRenewing:
    def test_hangup_reads_the_files_again(self, tmp_path: Path, authority: trustme.CA) -> None:
        context = trusting(authority)
        with server_process(tmp_path, *flags(issue(authority, tmp_path))) as running:
            before = serial_of(running, context)
            with httpx.Client(base_url=running.url, verify=context, trust_env=False) as open_before:
                open_before.get("/healthz")
                issue(authority, tmp_path)
                running.process.send_signal(signal.SIGHUP)
                wait_for_line(running, "TLS files were read again")
                assert serial_of(running, context) != before
                assert open_before.get("/healthz").status_code == 200
            assert running.stop() == 0

    def test_bad_files_leave_the_old_ones_in_use(self, tmp_path: Path, authority: trustme.CA) -> None:
        context = trusting(authority)
        files = issue(authority, tmp_path)
        with server_process(tmp_path, *flags(files)) as running:
            before = serial_of(running, context)
            # The certificate is new, its key is still the old one's.
            key = files.key.read_bytes()
            issue(authority, tmp_path)
            files.key.write_bytes(key)
            running.process.send_signal(signal.SIGHUP)
            wait_for_line(running, "TLS stays as it was")
            assert "the key does not belong to the certificate" in running.log.read_text()
            assert serial_of(running, context) == before

    def test_without_tls_a_hangup_is_nothing(self, tmp_path: Path) -> None:
        with server_process(tmp_path) as running:
            running.process.send_signal(signal.SIGHUP)
            wait_for_line(running, "nothing to reload")
            assert httpx.get(f"{running.url}/healthz", trust_env=False).status_code == 200


class TestRefusals:
    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="no such file"):
            Tls(TlsFiles(tmp_path / "cert", tmp_path / "key"))

    def test_files_that_are_no_pem(self, tmp_path: Path) -> None:
        for name in ("cert", "key"):
            (tmp_path / name).write_text("diary")
        with pytest.raises(UserError, match="PEM"):
            Tls(TlsFiles(tmp_path / "cert", tmp_path / "key"))

    def test_a_key_of_another_certificate(self, tmp_path: Path, authority: trustme.CA) -> None:
        files, others = issue(authority, tmp_path), issue(authority, tmp_path, "other")
        with pytest.raises(UserError, match="does not belong"):
            Tls(TlsFiles(files.cert, others.key))

    def test_authorities_that_are_none(self, tmp_path: Path, authority: trustme.CA) -> None:
        files = issue(authority, tmp_path)
        (tmp_path / "ca").write_text("diary")
        with pytest.raises(UserError, match="tls_client_ca"):
            Tls(TlsFiles(files.cert, files.key, tmp_path / "ca"))

    def test_the_command_says_it_in_one_line(self, tmp_path: Path) -> None:
        done = run_server_command(
            tmp_path, "serve", "--port", "0", "--tls-cert", "nowhere", "--tls-key", "nowhere"
        )
        assert (done.returncode, done.stdout) == (2, "")
        (line,) = done.stderr.splitlines()
        assert "cannot use tls_cert nowhere" in line
        assert not (tmp_path / "state").exists()
