"""`--ssh`: who is let in, what the environment is cut down to, and which files can be named."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from watchword_tui.accounts import Loaded
from watchword_tui.door import pass_door
from watchword_tui.errors import Exit, SettingsError, TerminalError
from watchword_tui.far_end import FarEnd, at_far_end
from watchword_tui.keeper import Keeper
from watchword_tui.settings import Overrides, load_settings
from watchword_tui.start import make_session
from watchword_tui.vault.store import VaultStore
from watchword_tui.vault.vault import create_vault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from desk import Desk, Here
    from watchword_tui.settings import Settings

TERMINAL = {"TERM": "xterm-256color"}


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings() -> Settings:
    return load_settings(Overrides(), {}, None)


class TestDoor:
    def test_a_terminal_with_a_screen_and_no_command_is_let_in(self) -> None:
        pass_door(dict(TERMINAL), isatty=lambda _: True)

    @pytest.mark.parametrize(
        ("environ", "lacking", "words"),
        [
            (TERMINAL | {"SSH_ORIGINAL_COMMAND": "id"}, (), "only the app runs here, no command"),
            (TERMINAL | {"SSH_ORIGINAL_COMMAND": ""}, (), "only the app runs here, no command"),
            (TERMINAL, (0,), "the app needs a terminal; connect with: ssh -t"),
            (TERMINAL, (1,), "the app needs a terminal; connect with: ssh -t"),
            (TERMINAL, (2,), "the app needs a terminal; connect with: ssh -t"),
            ({"TERM": "dumb"}, (), "the terminal type TERM='dumb' has no screen"),
            ({"TERM": ""}, (), "the terminal type TERM='' has no screen"),
            ({}, (), "the terminal type TERM='' has no screen"),
        ],
    )
    def test_others_are_not(self, environ: dict[str, str], lacking: tuple[int, ...], words: str) -> None:
        with pytest.raises(TerminalError, match=words.replace("(", r"\(")) as caught:
            pass_door(dict(environ), isatty=lambda descriptor: descriptor not in lacking)
        assert caught.value.exit_status == Exit.USAGE

    def test_only_what_is_on_the_list_comes_along(self) -> None:
        kept = {
            "HOME": "/h", "USER": "u", "LOGNAME": "u", "TERM": "xterm", "COLORTERM": "truecolor",
            "NO_COLOR": "1", "LANG": "C", "LC_ALL": "C", "LC_CTYPE": "C", "TZ": "UTC", "TMUX": "x",
            "STY": "x", "SSH_CONNECTION": "x", "SSH_CLIENT": "x", "SSH_TTY": "x",
            "TEXTUAL_DISABLE_KITTY_KEY": "1",
        }  # fmt: skip
        gone = dict.fromkeys(
            [
                "PATH", "SHELL", "MAIL", "SSH_AUTH_SOCK", "DISPLAY", "DBUS_SESSION_BUS_ADDRESS",
                "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR",
                "WATCHWORD_CONFIG", "WATCHWORD_VAULT", "WATCHWORD_SERVER", "WATCHWORD_TOKEN",
                "TOTP_BASE32_SECRET", "BEARER", "_WATCHWORD_COMPLETE", "PYTHONPATH", "PYTHONSTARTUP",
                "PYTHONINSPECT", "TEXTUAL_LOG", "TEXTUAL_DRIVER", "TEXTUAL_SCREENSHOT", "TEXTUAL_PRESS",
                "COLUMNS", "LINES", "HTTPS_PROXY", "SSL_CERT_FILE", "SSLKEYLOGFILE", "BROWSER",
                "LD_PRELOAD", "NEW_AND_UNKNOWN",
            ],
            "x",
        )  # fmt: skip
        environ = {**kept, **gone, "ESCDELAY": "9"}

        pass_door(environ, isatty=lambda _: True)

        assert environ == {**kept, "ESCDELAY": "250"}

    def test_files_are_made_for_their_owner_only(self, tmp_path: Path) -> None:
        pass_door(dict(TERMINAL), isatty=lambda _: True)
        (tmp_path / "new").touch()
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600

    @pytest.mark.parametrize("more", [(), ("--person", "alice"), ("code",)])
    def test_a_refusal_is_one_line_and_loads_next_to_nothing(
        self, more: tuple[str, ...], tmp_path: Path
    ) -> None:
        ended = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "watchword_tui", "--ssh", *more],
            env={"HOME": str(tmp_path), **TERMINAL},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        lines = ended.stderr.splitlines()
        loaded = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
        (said,) = [line for line in lines if not line.startswith("import time:")]
        assert ended.returncode == 2
        assert said == "watchword: the app needs a terminal; connect with: ssh -t"
        assert "watchword_tui.door" in loaded
        heavy = {"textual", "click", "httpx", "msgspec", "asyncio", "pathlib", "watchword_tui.settings"}
        assert not loaded & heavy

    def test_a_refusal_costs_hardly_more_than_the_interpreter(self, tmp_path: Path) -> None:
        def cost(*arguments: str) -> float:
            """Seconds of processor time: other work on the machine does not count."""
            best = 60.0
            for _ in range(5):
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                subprocess.run(
                    [sys.executable, *arguments],
                    env={"HOME": str(tmp_path)},
                    stdin=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    check=False,
                )
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
                best = min(best, spent)
            return best

        assert cost("-m", "watchword_tui", "--ssh") < cost("-c", "pass") + 0.03


class TestOptions:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("--ssh", "code"), "--ssh starts the app: leave out 'code'"),
            (("--person", "alice"), "--person goes with --ssh only"),
            (("--person", "alice", "list"), "--person goes with --ssh only"),
            (
                ("--ssh", "--person", "alice", "--vault", "v.json"),
                "--person has a vault of its own: leave out --vault and --accounts",
            ),
            (
                ("--ssh", "--person", "alice", "--accounts", "otp.txt"),
                "--person has a vault of its own: leave out --vault and --accounts",
            ),
        ],
    )
    def test_what_does_not_go_together_is_refused_in_one_line(
        self, here: Here, desk: Desk, arguments: tuple[str, ...], words: str
    ) -> None:
        desk.write("otp.txt", "")
        ended = here(*arguments)
        assert ended.status == Exit.USAGE
        assert ended.complaint.startswith(words)


class TestPeople:
    @pytest.mark.parametrize("name", ["alice", "0", "a.b-c_d", "a" * 32])
    def test_each_has_a_folder_with_vault_counts_and_files(self, home: Path, name: str) -> None:
        found = at_far_end(settings(), name)
        folder = home / ".local/share/watchword/people" / name
        assert found.far == FarEnd(folder, folder / "usage.json")
        assert found.vault == folder / "vault.json"
        assert Path.cwd() == folder
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    @pytest.mark.parametrize(
        "name",
        [
            "",
            ".",
            "..",
            ".alice",
            "-alice",
            "Alice",
            "../bob",
            "a/b",
            "a" * 33,
            "al ice",
            "älice",
            "a\n",
        ],
    )
    def test_what_is_no_name_is_refused(self, home: Path, name: str) -> None:
        with pytest.raises(SettingsError, match="is no name of a person"):
            at_far_end(settings(), name)
        assert not (home / ".local").exists()

    def test_without_a_name_it_is_the_accounts_own_vault(self, home: Path) -> None:
        found = at_far_end(settings())
        folder = home / ".local/share/watchword"
        assert found.far == FarEnd(folder)
        assert found.vault == folder / "vault.json"

    def test_the_account_s_passphrase_file_opens_no_persons_vault(self, home: Path) -> None:
        config = home / ".config/watchword/config.toml"
        config.parent.mkdir(parents=True)
        config.write_text("passphrase_file = 'here'\nvault = '/elsewhere'\n")
        assert at_far_end(settings()).passphrase_file == config.with_name("here")
        assert at_far_end(settings(), "alice").passphrase_file is None
        assert at_far_end(settings(), "alice").vault != Path("/elsewhere")

    def test_no_dotenv_is_read(self, home: Path) -> None:
        (home / ".env").write_text("TOTP_BASE32_SECRET=GEZDGNBVGY3TQOJQ\nBEARER=x\n")
        assert settings().dotenv_secret is None
        assert settings().profile.token is None

    @pytest.mark.usefixtures("home")
    def test_no_keyring_is_asked(self) -> None:
        found = at_far_end(settings())
        assert found.vault is not None
        create_vault(VaultStore(found.vault), "correct horse")
        keeper = make_session(found, lambda: Loaded((), ())).keeper
        assert isinstance(keeper, Keeper)
        assert keeper.keychain.get("any") is None
        with pytest.raises(Exception, match="no keyring is used over SSH"):
            keeper.keychain.put("any", b"key")
