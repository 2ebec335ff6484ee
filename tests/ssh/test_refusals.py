"""What the account of deploy/ does not do: commands, files, tunnels, sessions without a terminal."""

from __future__ import annotations

import getpass
import subprocess
from typing import TYPE_CHECKING

import pytest

from processes import wait_until
from programs import require_program
from sshd import ALONE, PEOPLE, SNIPPET, Sshd, running_sshd

if TYPE_CHECKING:
    from collections.abc import Callable

    from terminal import Terminal

NO_COMMAND = (
    "watchword: only the app runs here, no command and no file transfer;"
    " connect with: ssh -t, and no command\n"
)
NO_TERMINAL = "watchword: the app needs a terminal; connect with: ssh -t\n"


def test_without_a_terminal_it_says_so_in_one_line(alone: Sshd) -> None:
    ended = alone.ask("-T")
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", NO_TERMINAL)


def test_without_a_terminal_and_killed_nothing_goes_on(alone: Sshd) -> None:
    client = subprocess.Popen(
        alone.client("-T"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    client.kill()
    client.communicate()
    wait_until(lambda: not alone.apps(), "nothing is left")


@pytest.mark.parametrize("options", [(), ("-tt",)], ids=["plain", "with a terminal"])
@pytest.mark.parametrize("command", ["id", "sh -i", "watchword code"])
def test_a_command_is_refused_in_one_line(alone: Sshd, command: str, options: tuple[str, ...]) -> None:
    ended = alone.ask(*options, then=[command])
    assert ended.returncode == 2
    assert (ended.stdout + ended.stderr).replace("\r", "") == NO_COMMAND


def test_sftp_is_refused(alone: Sshd) -> None:
    # sshd hands on no words of a subsystem's, only how it ended.
    ended = alone.ask("-s", then=["sftp"])
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", "")


def test_scp_is_refused(alone: Sshd) -> None:
    me = getpass.getuser()
    options = alone.client()[1:-1]
    options[options.index("-p")] = "-P"
    ended = subprocess.run(
        [require_program("scp"), *options, f"{me}@127.0.0.1:/etc/hostname", str(alone.folder / "got")],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert ended.returncode != 0
    assert "Connection closed" in ended.stderr
    assert not (alone.folder / "got").exists()


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_without_a_screen_is_refused(
    alone: Sshd, open_terminals: Callable[[Terminal], Terminal], term: str
) -> None:
    terminal = open_terminals(alone.connect(environ={"TERM": term}))
    assert terminal.wait_for_end() == 2
    assert f"watchword: the terminal type TERM='{term}' has no screen;" in terminal.raw
    assert "\x1b" not in terminal.raw


def test_no_tunnel_is_dug(alone: Sshd) -> None:
    ended = alone.ask("-W", f"127.0.0.1:{alone.port}")
    assert ended.returncode != 0
    assert "stdio forwarding failed" in ended.stderr


def test_nothing_is_listened_to_from_afar(alone: Sshd) -> None:
    ended = alone.ask("-N", "-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:1")
    assert ended.returncode != 0
    assert "remote port forwarding failed" in ended.stderr


def test_there_is_one_session_to_a_connection(
    alone: Sshd, open_terminals: Callable[[Terminal], Terminal]
) -> None:
    shared = str(alone.folder / "shared")
    first = open_terminals(alone.connect("-M", "-S", shared))
    first.wait_for(lambda screen: "GitHub" in screen, "the codes")
    # A client that shares the connection is refused, and would connect anew by itself.
    ended = alone.ask("-T", "-S", shared, "-o", "ControlMaster=no", "-p", "1")
    assert "refused" in ended.stderr
    assert len(alone.apps()) == 1


def test_a_connection_that_asks_for_nothing_goes() -> None:
    def sooner(text: str) -> str:
        assert "UnusedConnectionTimeout 30s" in text
        return text.replace("UnusedConnectionTimeout 30s", "UnusedConnectionTimeout 1s")

    with running_sshd(change=sooner) as running:
        ended = running.ask("-N")
        assert ended.returncode == 255


EFFECTIVE = {
    "authenticationmethods": "publickey",
    "passwordauthentication": "no",
    "kbdinteractiveauthentication": "no",
    "hostbasedauthentication": "no",
    "gssapiauthentication": "no",
    "disableforwarding": "yes",
    "permittunnel": "no",
    "allowtcpforwarding": "no",
    "allowstreamlocalforwarding": "no",
    "allowagentforwarding": "no",
    "x11forwarding": "no",
    "permituserrc": "no",
    "permituserenvironment": "no",
    "permittty": "yes",
    "maxsessions": "1",
    "clientaliveinterval": "15",
    "clientalivecountmax": "3",
    "unusedconnectiontimeout": "30",
}


@pytest.mark.parametrize(
    ("account", "own"),
    [
        (ALONE, {"forcecommand": "exec /usr/local/bin/watchword --ssh"}),
        (PEOPLE, {"forcecommand": "none", "authorizedkeysfile": "/etc/ssh/watchword-people.keys"}),
    ],
)
def test_each_line_of_the_configuration_holds(alone: Sshd, account: str, own: dict[str, str]) -> None:
    # As a distribution has it: others' lines behind ours.
    sshd = require_program("sshd", "/usr/sbin")
    config = alone.folder / "whole_config"
    config.write_text(
        f"Include {SNIPPET}\nHostKey {alone.folder / 'host'}\nUsePAM yes\nX11Forwarding yes\n"
        "PermitTunnel yes\nAllowTcpForwarding yes\nAcceptEnv LANG LC_*\nMaxSessions 10\n"
    )

    def effective(user: str) -> dict[str, str]:
        told = subprocess.run(
            [sshd, "-T", "-f", str(config), "-C", f"user={user},host=a,addr=1.2.3.4"],
            capture_output=True,
            text=True,
            check=True,
        )
        pairs = [line.partition(" ") for line in told.stdout.splitlines()]
        found = {name: value for name, _, value in pairs}
        found["acceptenv"] = " ".join(sorted({value for name, _, value in pairs if name == "acceptenv"}))
        return found

    for name, value in {**EFFECTIVE, **own}.items():
        assert effective(account)[name] == value, name
    assert effective(account)["acceptenv"] == "COLORTERM LANG LC_* NO_COLOR"
    # Nobody else's account is touched.
    other = effective("somebody")
    assert (other["forcecommand"], other["x11forwarding"], other["maxsessions"]) == ("none", "yes", "10")
