"""A real nginx with deploy/nginx.conf, on loopback and with a throw-away certificate."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import trustme

from deploy.units import DEPLOY
from programs import require_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOST = "codes.example.net"
"""The name in the configuration."""

_CERTIFICATE = f"/etc/letsencrypt/live/{HOST}"
_MAIN = """
daemon off;
master_process off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/watchword.conf;
}}
"""


@dataclass(frozen=True)
class Proxy:
    """An nginx that listens."""

    folder: Path
    port: int
    plain_port: int
    authority: Path
    """Who made its certificate, a PEM file."""

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @contextlib.contextmanager
    def client(self, token: str = "", address: str = "127.0.0.1") -> Iterator[httpx.Client]:
        """A client of the public name, from an address of this machine."""
        transport = httpx.HTTPTransport(
            verify=ssl.create_default_context(cafile=self.authority), local_address=address
        )
        headers = {"Host": HOST} | ({"Authorization": f"Bearer {token}"} if token else {})
        with httpx.Client(transport=transport, base_url=self.url, headers=headers) as client:
            yield client

    def logs(self) -> str:
        """All that nginx has written anywhere."""
        return "\n".join(path.read_text("utf-8") for path in self.folder.glob("*.log"))


@contextlib.contextmanager
def nginx(folder: Path, server_socket: Path) -> Iterator[Proxy]:
    """Run nginx before the server that listens, or does not, at `server_socket`."""
    program = require_program("nginx")
    authority = trustme.CA()
    made = authority.issue_cert("localhost", HOST)
    authority.cert_pem.write_to_path(folder / "authority.pem")
    made.private_key_pem.write_to_path(folder / "privkey.pem")
    (folder / "fullchain.pem").write_bytes(b"".join(pem.bytes() for pem in made.cert_chain_pems))
    port, plain_port = _free_ports()
    text = (DEPLOY / "nginx.conf").read_text("utf-8")
    for there, here in {
        "listen 80;": f"listen 127.0.0.1:{plain_port};",
        "listen [::]:80;": "",
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "listen [::]:443 ssl;": "",
        "unix:/run/watchword/server.sock": f"unix:{server_socket}",
        f"{_CERTIFICATE}/fullchain.pem": f"{folder}/fullchain.pem",
        f"{_CERTIFICATE}/privkey.pem": f"{folder}/privkey.pem",
        "/var/log/nginx/watchword.log": f"{folder}/watchword.log",
    }.items():
        assert text.count(there) == 1, there
        text = text.replace(there, here)
    (folder / "watchword.conf").write_text(text)
    # As root it would give its rights up, and could not enter the folder of the test.
    user = "user root root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder, user=user))
    command = [
        program,
        "-e",
        str(folder / "error.log"),
        "-p",
        str(folder),
        "-c",
        str(folder / "nginx.conf"),
    ]
    with (folder / "stderr.log").open("wb") as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
    try:
        proxy = Proxy(folder, port, plain_port, folder / "authority.pem")
        _wait(process, proxy)
        yield proxy
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(process: subprocess.Popen[bytes], proxy: Proxy) -> None:
    deadline = time.monotonic() + 10
    while True:
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", proxy.port)).close()
            return
        assert process.poll() is None, proxy.logs()
        assert time.monotonic() < deadline, proxy.logs()


def _free_ports() -> tuple[int, int]:
    with (
        socket.create_server(("127.0.0.1", 0)) as first,
        socket.create_server(("127.0.0.1", 0)) as second,
    ):
        return first.getsockname()[1], second.getsockname()[1]
