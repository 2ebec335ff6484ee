from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword_server.errors import UserError
from watchword_server.settings import Settings
from watchword_server.store.postgres_address import parse_address

PASSWORD = "hunter2-hunter2"


def options_of(uri: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlsplit(uri).query).items()}


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql:///watchword",
        "postgresql://watchword@/watchword?host=/run/postgresql",
        "postgresql://localhost/watchword",
        "postgres://127.0.0.1:6543/watchword",
        "postgresql://[::1]:5432/watchword",
        "postgresql://watchword@%2Frun%2Fpostgresql/watchword",
    ],
)
def test_on_this_machine_nothing_is_asked_of_the_way(uri: str) -> None:
    address = parse_address(uri)
    assert "sslmode" not in options_of(address.uri)
    assert address.is_open is False


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://watchword@db.example.net/watchword",
        "postgresql://localhost,db.example.net/watchword",
        "postgresql://10.0.0.7:5432/watchword",
        "postgresql:///watchword?host=db.example.net",
    ],
)
def test_another_machine_must_show_a_certificate_that_fits(uri: str) -> None:
    address = parse_address(uri)
    assert options_of(address.uri)["sslmode"] == "verify-full"
    assert address.is_open is False


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
def test_an_open_way_is_taken_when_it_is_asked_for_and_is_known(mode: str) -> None:
    address = parse_address(f"postgresql://db.example.net/watchword?sslmode={mode}")
    assert options_of(address.uri)["sslmode"] == mode
    assert address.is_open is True


def test_of_several_hosts_the_one_that_can_be_written_is_taken() -> None:
    several = "postgresql://one,two:5433/watchword"
    assert options_of(parse_address(several).uri)["target_session_attrs"] == "read-write"
    asked = parse_address(f"{several}?target_session_attrs=any")
    assert options_of(asked.uri)["target_session_attrs"] == "any"


def test_what_is_shown_has_no_password_and_no_options() -> None:
    uri = f"postgresql://watchword:{PASSWORD}@db.example.net:5432/watchword?password={PASSWORD}"
    address = parse_address(uri)
    assert address.shown == "postgresql://watchword@db.example.net:5432/watchword"
    assert PASSWORD in address.uri
    assert PASSWORD not in repr(address)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "watchword.db",
        "sqlite:watchword.db",
        "mysql://db/watchword",
        f"postgresql+asyncpg://watchword:{PASSWORD}@db/watchword",
        f"postgresql://watchword:{PASSWORD}@db/watchword#x",
        f"postgresql://watchword:{PASSWORD}@db/watchword?sslmode",
        f"postgresql://watchword:{PASSWORD}@[::1/watchword",
    ],
)
def test_what_is_none_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(UserError) as raised:
        _ = Settings(store=text).address
    assert "postgresql://watchword@db.example.net/watchword" in str(raised.value)
    assert PASSWORD not in str(raised.value)


@given(st.text(max_size=80))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        address = parse_address(f"postgresql://{text}")
    except UserError:
        return
    assert address.uri.startswith("postgresql://")
