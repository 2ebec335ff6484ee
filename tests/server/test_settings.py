from __future__ import annotations

import json
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


EVERY: dict[str, tuple[str, object]] = {
    "host": ("::1", "::1"),
    "port": ("0", 0),
    "data_dir": ("/srv/w", "/srv/w"),
    "store": ("postgresql:///codes", "postgresql:///codes"),
    "window": ("10", 10),
    "issuer": ("Söhne & Co", "Söhne & Co"),
    "access_log": ("true", True),
    "log_format": ("json", "json"),
    "tls_cert": ("chain.pem", "chain.pem"),
    "tls_key": ("key.pem", "key.pem"),
    "tls_client_ca": ("ca.pem", "ca.pem"),
    "insecure_http": ("true", True),
    "unix_socket": ("/run/w.sock", "/run/w.sock"),
    "max_connections": ("7", 7),
    "workers": ("4", 4),
    "trusted_proxies": ("10.0.0.0/8, ::1,unix", ("10.0.0.0/8", "::1", "unix")),
    "cors_origins": (
        "https://a.example,http://[::1]:8080",
        ("https://a.example", "http://[::1]:8080"),
    ),
    "refusals_per_minute": ("0", 0),
    "public_url": ("https://codes.example.net", "https://codes.example.net"),
    "sealing_keys": ("/srv/keys", "/srv/keys"),
    "audit_retention_days": ("90", 90),
}
TLS = {"tls_cert": "c", "tls_key": "k"}


@pytest.mark.parametrize("name", EVERY)
def test_every_setting_can_come_from_everywhere(usual_file: Path, name: str) -> None:
    text, value = EVERY[name]
    partners = TLS if name.startswith("tls_") else {}
    assert getattr(load_settings({**partners, name: text}, {}), name) == value
    variables = {f"WATCHWORD_SERVER_{name.upper()}": text for name, text in partners.items()}
    variables[f"WATCHWORD_SERVER_{name.upper()}"] = text
    assert getattr(load_settings({}, variables), name) == value
    usual_file.write_text(
        "".join(f"{n} = {json.dumps(v)}\n" for n, v in {**partners, name: value}.items())
    )
    assert getattr(load_settings({}, {}), name) == value


def test_the_list_above_is_whole() -> None:
    assert set(NAMES) == set(EVERY)


def test_a_list_may_come_as_a_flag_given_often() -> None:
    given = {"cors_origins": ("https://a.example", "https://b.example,https://c.example")}
    assert load_settings(given, {}).cors_origins == (
        "https://a.example",
        "https://b.example",
        "https://c.example",
    )


def test_the_sealing_keys_are_in_the_data_folder_unless_named(tmp_path: Path) -> None:
    settings = load_settings({"data_dir": str(tmp_path)}, {})
    assert settings.sealing_keys_path == tmp_path / "sealing.keys"
    assert load_settings({"sealing_keys": "/srv/k"}, {}).sealing_keys_path.as_posix() == "/srv/k"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("trusted_proxies", "10.0.0.1/8"),
        ("trusted_proxies", "proxy.example"),
        ("trusted_proxies", "10.0.0.0/8,*"),
        ("cors_origins", "*"),
        ("cors_origins", "https://a.example/"),
        ("cors_origins", "https://A.example"),
        ("cors_origins", "https://*.example"),
        ("cors_origins", "null"),
        ("public_url", "codes.example.net"),
        ("public_url", "https://codes.example.net/enrol"),
        ("public_url", "https://me:pw@codes.example.net"),
        ("public_url", "https://codes.example.net:99999"),
        ("tls_cert", ""),
        ("unix_socket", "x" * 101),
        ("max_connections", "0"),
        ("workers", "0"),
        ("workers", "65"),
        ("refusals_per_minute", "-1"),
        ("audit_retention_days", "1.5"),
        ("log_format", "xml"),
        ("insecure_http", "perhaps"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(name: str, text: str) -> None:
    with pytest.raises(UserError) as caught:
        load_settings({name: text}, {})
    said = str(caught.value)
    assert said.startswith(f"--{name.replace('_', '-')} must be ")
    assert "\n" not in said


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"tls_cert": "c"}, "set --tls-key too"),
        ({"tls_key": "k"}, "set --tls-cert too"),
        ({"tls_client_ca": "ca"}, "set --tls-cert and --tls-key too"),
    ],
)
def test_tls_needs_all_of_its_files(flags: dict[str, str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        load_settings(flags, {})


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
