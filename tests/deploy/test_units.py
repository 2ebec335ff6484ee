"""The systemd units: sound, hardened, and true to what the server understands."""

from __future__ import annotations

import contextlib
import re
import shlex
import signal
import subprocess
import time
from ctypes.util import find_library
from typing import TYPE_CHECKING

import click
import httpx
import pytest

from deploy.units import CONFIG, DATA, DEPLOY, PROGRAM, Service, one, read_unit, started
from programs import cannot_run, require_program
from watchword_otp import Key, Secret, code_at, format_uri, step_at
from watchword_server.cli import cli
from watchword_server.seal import CREDENTIAL_NAME
from watchword_server.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SERVER, BACKUP, ADMIN = "watchword-server.service", "watchword-backup.service", "watchword-admin"
SERVICES = [SERVER, BACKUP]
UNITS = sorted(path.name for path in DEPLOY.glob("watchword-*.*"))
WORST = 1.0
"""How exposed a service may be, as systemd reckons it: 10 is not protected at all, 0 perfectly."""

_SELF_DEFENCE = re.compile(
    r"(Protect|Private|Restrict|SystemCall|NoNew|NoExec|Capab|Lock|MemoryDeny|IPAdd)"
)


def server_command(unit: str) -> list[str]:
    """The words of a unit's ExecStart from the server's name on, without a shell around them."""
    command = one(read_unit(unit), "ExecStart")
    assert command.count(PROGRAM) == 1
    return shlex.split(command.partition(PROGRAM)[2].removesuffix("'"))


def admin_properties() -> dict[str, str]:
    """The unit settings in watchword-admin."""
    script = (DEPLOY / ADMIN).read_text("utf-8").replace("\\\n", "")
    words = [word for word in shlex.split(script, comments=True) if word.startswith("--property=")]
    pairs = (word.removeprefix("--property=").partition("=") for word in words)
    return {name: value for name, _, value in pairs}


def require_options(words: Sequence[str]) -> None:
    """Have the real command line parse a command without running it."""
    group: click.Command = cli
    context = click.Context(cli)
    rest = list(words)
    while isinstance(group, click.Group):
        found = group.get_command(context, rest.pop(0))
        assert found is not None, words
        group = found
    group.make_context("watchword-server", rest)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units in a folder, with a program that is there for the one that an operator installs."""
    folder = tmp_path_factory.mktemp("units")
    for name in UNITS:
        text = (DEPLOY / name).read_text("utf-8").replace(PROGRAM, "/bin/true")
        (folder / name).write_text(text)
    return folder


def analyse(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [require_program("systemd-analyze"), "--no-pager", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


class TestFiles:
    def test_systemd_has_nothing_to_complain_about(self, installed: Path) -> None:
        done = analyse(installed, "verify", "--man=no", *(f"./{name}" for name in UNITS))
        ours = [line for line in (done.stdout + done.stderr).splitlines() if "watchword" in line]
        assert (done.returncode, ours) == (0, [])

    @pytest.mark.parametrize("name", SERVICES)
    def test_little_is_exposed(self, installed: Path, name: str) -> None:
        done = analyse(
            installed, "security", "--offline=true", f"--threshold={WORST * 10:.0f}", f"./{name}"
        )
        assert done.returncode == 0, done.stdout

    @pytest.mark.parametrize("name", SERVICES)
    def test_the_command_line_is_one(self, name: str) -> None:
        require_options(server_command(name))

    def test_the_settings_are_settings(self) -> None:
        settings = load_settings({}, {}, DEPLOY / "server.toml")
        # With DynamicUser= /var/lib/watchword is a symbolic link, which the server does not follow.
        assert settings.data_dir == DATA
        assert settings.trusted_proxies == ("unix",)
        assert settings.public_url == "https://codes.example.net"

    def test_all_three_work_on_the_same_data_as_the_same_user(self) -> None:
        server, backup, admin = read_unit(SERVER), read_unit(BACKUP), admin_properties()
        name = DATA.rpartition("/")[2]
        assert one(server, "StateDirectory") == name
        assert one(backup, "StateDirectory") == admin["StateDirectory"] == f"{name} {name}-backups"
        for setting in (
            "DynamicUser",
            "User",
            "StateDirectoryMode",
            "UMask",
            "LimitCORE",
            "MemorySwapMax",
        ):
            assert one(server, setting) == one(backup, setting) == admin[setting], setting

    def test_the_backup_is_as_confined_as_the_server(self) -> None:
        server, backup = read_unit(SERVER), read_unit(BACKUP)
        switches = {name: values for name, values in server.items() if _SELF_DEFENCE.match(name)}
        assert len(switches) > 20
        assert switches == {name: backup.get(name) for name in switches}

    def test_the_sealing_keys_are_a_credential_of_the_name_that_is_looked_for(self) -> None:
        server, admin = read_unit(SERVER), admin_properties()
        name, _, path = one(server, "LoadCredentialEncrypted").partition(":")
        assert name == CREDENTIAL_NAME
        assert path == f"/etc/credstore.encrypted/{CREDENTIAL_NAME}"
        assert admin["LoadCredentialEncrypted"] == f"{name}:{path}"
        assert "LoadCredentialEncrypted" not in read_unit(BACKUP)

    def test_commands_may_ask_the_socket_that_the_proxy_asks(self) -> None:
        group = one(read_unit("watchword-server.socket"), "SocketGroup")
        assert admin_properties()["SupplementaryGroups"] == group

    def test_the_admins_command_passes_its_words_on(self) -> None:
        script = (DEPLOY / ADMIN).read_text("utf-8")
        assert (DEPLOY / ADMIN).stat().st_mode & 0o111
        assert f"WATCHWORD_SERVER_CONFIG={CONFIG}" in script
        assert script.endswith(f'{PROGRAM} "$@"\n')


def expanded(folder: Path, names: set[str]) -> set[str]:
    """The system calls that these names and @sets stand for."""
    found: set[str] = set()
    while names:
        name = names.pop()
        if not name.startswith("@"):
            found.add(name)
            continue
        done = analyse(folder, "syscall-filter", name)
        assert done.returncode == 0, done.stderr
        lines = (line.strip() for line in done.stdout.splitlines()[1:])
        names |= {line for line in lines if line and not line.startswith("#")}
    return found


KEY = Key(secret=Secret(b"12345678901234567890"), name="alice")


@contextlib.contextmanager
def client_of(service: Service, token: str = "") -> Iterator[httpx.Client]:
    """A client on the service's socket."""
    transport = httpx.HTTPTransport(uds=str(service.socket_path))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(transport=transport, base_url="http://localhost", headers=headers) as client:
        yield client


def live(service: Service) -> None:
    """Take a service through its whole life."""
    assert service.told() == "READY=1"
    with client_of(service) as client:
        assert client.get("/readyz").json() == {"status": "ready"}

    file = service.folder / "keys"
    file.write_text(f"{format_uri(KEY)}\n")
    service.run("import", str(file))
    token = service.run("tokens", "create", "door", "--scope", "check")
    body = {"code": code_at(KEY, step_at(KEY, time.time()))}
    with client_of(service, token) as client:
        answers = [client.post("/v1/keys/alice/check", json=body).json() for _ in range(2)]
    assert answers == [{"valid": True}, {"valid": False}]
    service.run("store", "backup", str(service.folder / "copy.db"))
    assert not (service.folder / "state" / "sealing.keys").exists()

    service.process.send_signal(signal.SIGHUP)
    assert service.told().startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert service.told() == "READY=1"
    service.process.send_signal(signal.SIGTERM)
    assert service.told() == "STOPPING=1"
    assert service.process.wait(timeout=20) == 0
    # The socket is systemd's, and stays for the next one.
    assert service.socket_path.exists()
    assert "Traceback" not in service.log
    assert "ww_" not in service.log


class TestRunning:
    def test_from_the_start_to_the_end(self, tmp_path: Path) -> None:
        with started(tmp_path) as service:
            live(service)

    def test_its_log_has_what_its_settings_ask_for_and_its_data_is_its_own(self, tmp_path: Path) -> None:
        with started(tmp_path) as service:
            assert service.told() == "READY=1"
            with client_of(service) as client:
                client.get("/check/123456")
            assert service.stop() == 0
            assert "GET /check/{code} 401" in service.log
            assert "123456" not in service.log
        modes = {path.stat().st_mode & 0o077 for path in (tmp_path / "state").iterdir()}
        assert modes == {0}

    def test_under_its_system_call_filters(self, tmp_path: Path) -> None:
        """SystemCallFilter=, RestrictAddressFamilies= and MemoryDenyWriteExecute=, by the kernel."""
        unit = read_unit(SERVER)
        if find_library("seccomp") is None:
            cannot_run("libseccomp is not installed")
        assert one(unit, "MemoryDenyWriteExecute") == "yes"
        allowed, refused = (value.lstrip("~").split() for value in unit["SystemCallFilter"])
        calls = expanded(tmp_path, {"@default", *allowed}) - expanded(tmp_path, set(refused))
        families = one(unit, "RestrictAddressFamilies").split()
        with started(tmp_path, {"system_calls": sorted(calls), "families": families}) as service:
            live(service)
            assert "not permitted" not in service.log
