from __future__ import annotations

from typing import TYPE_CHECKING

import platformdirs
import pytest

from watchword_server.errors import UserError
from watchword_server.settings import NAMES, Settings, load_settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def usual_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where server.toml would be: nobody's real folder."""
    monkeypatch.setattr(platformdirs, "user_config_path", lambda _name: tmp_path)
    return tmp_path / "server.toml"


def test_there_need_be_none() -> None:
    assert load_settings({}, {}) == Settings()
    assert (Settings().host, Settings().port, Settings().window) == ("127.0.0.1", 6238, 1)


def test_flags_over_environment_over_file_over_defaults(usual_file: Path) -> None:
    usual_file.write_text("port = 1\nwindow = 2\nissuer = 'file'\n")
    environment = {"WATCHWORD_SERVER_PORT": "3", "WATCHWORD_SERVER_WINDOW": "4"}
    settings = load_settings({"port": "5", "window": None}, environment)
    assert (settings.port, settings.window, settings.issuer) == (5, 4, "file")
    assert settings.host == "127.0.0.1"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("host", "::1", "::1"),
        ("port", "0", 0),
        ("data_dir", "/srv/w", "/srv/w"),
        ("window", "10", 10),
        ("issuer", "Söhne & Co", "Söhne & Co"),
        ("access_log", "true", True),
    ],
)
def test_every_setting_can_come_from_everywhere(
    usual_file: Path, name: str, text: str, value: object
) -> None:
    assert getattr(load_settings({name: text}, {}), name) == value
    assert getattr(load_settings({}, {f"WATCHWORD_SERVER_{name.upper()}": text}), name) == value
    toml = f"{value!r}".lower() if isinstance(value, bool) else repr(value)
    usual_file.write_text(f"{name} = {toml}\n")
    assert getattr(load_settings({}, {}), name) == value


def test_the_list_above_is_whole() -> None:
    assert set(NAMES) == {"host", "port", "data_dir", "window", "issuer", "access_log"}


def test_a_file_can_be_named(tmp_path: Path) -> None:
    for number, name in enumerate(("a.toml", "b.toml"), start=1):
        (tmp_path / name).write_text(f"port = {number}")
    environment = {"WATCHWORD_SERVER_CONFIG": str(tmp_path / "a.toml")}
    assert load_settings({}, environment).port == 1
    assert load_settings({}, environment, tmp_path / "b.toml").port == 2


def test_home_is_meant_by_a_tilde(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings({"data_dir": "~/data"}, {}).data_path == tmp_path / "data"


@pytest.mark.parametrize(
    ("flags", "environment", "toml", "said"),
    [
        ({"port": "99999"}, {}, "", ["--port", "0 to 65535", "99999"]),
        ({"port": "abc"}, {}, "", ["--port", "whole number", "abc"]),
        ({"port": "80.5"}, {}, "", ["--port", "whole number"]),
        ({"port": "-1"}, {}, "", ["--port"]),
        ({"window": "11"}, {}, "", ["--window", "0 to 10"]),
        ({"host": ""}, {}, "", ["--host"]),
        ({"data_dir": ""}, {}, "", ["--data-dir"]),
        ({"issuer": "a\x1b[31m"}, {}, "", ["--issuer", "printable"]),
        ({"issuer": " "}, {}, "", ["--issuer"]),
        ({}, {"WATCHWORD_SERVER_PORT": "tcp://10.0.0.1"}, "", ["WATCHWORD_SERVER_PORT", "whole number"]),
        ({}, {"WATCHWORD_SERVER_WINDOW": ""}, "", ["WATCHWORD_SERVER_WINDOW"]),
        ({}, {}, "port = '80'", ["port in", "server.toml", "whole number"]),
        ({}, {}, "window = true", ["window in", "server.toml"]),
        ({}, {}, "access_log = 1", ["access_log in", "true or false"]),
        ({}, {}, "prot = 80", ["server.toml", "unknown setting prot", "did you mean port?"]),
        ({}, {}, "secret = 'x'", ["unknown setting secret"]),
        ({}, {}, "[server]\nport = 80", ["unknown setting server"]),
        ({}, {}, "port =\nwindow = 1", ["server.toml", "not TOML", "line 1"]),
        ({}, {"WATCHWORD_SERVER_PROT": "1"}, "", ["WATCHWORD_SERVER_PROT", "WATCHWORD_SERVER_PORT?"]),
        ({}, {"WATCHWORD_SERVER_CONFIG": "/nowhere.toml"}, "", ["/nowhere.toml", "no such file"]),
    ],
)
def test_a_wrong_setting_is_named_with_where_it_came_from(
    usual_file: Path,
    flags: dict[str, str],
    environment: dict[str, str],
    toml: str,
    said: list[str],
) -> None:
    if toml:
        usual_file.write_text(toml)
    with pytest.raises(UserError) as caught:
        load_settings(flags, environment)
    for part in said:
        assert part in str(caught.value)


def test_a_file_that_is_not_text(usual_file: Path) -> None:
    usual_file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="not TOML"):
        load_settings({}, {})
