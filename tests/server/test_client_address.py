"""Whose request it is, whatever its headers say."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from watchword_server.middleware.client import Proxies

PEER = "10.0.0.1"


def client_of(
    *headers: tuple[str, str], peer: str = PEER, trusted: tuple[str, ...] = ("10.0.0.0/8",)
) -> str:
    request = make_mocked_request("GET", "/", headers=CIMultiDict(headers)).clone(remote=peer)
    return Proxies(trusted).client_of(request)


def forwarded_for(value: str) -> tuple[str, str]:
    return ("X-Forwarded-For", value)


def test_a_stranger_is_not_believed() -> None:
    headers = [forwarded_for("192.0.2.1"), ("Forwarded", "for=192.0.2.1")]
    assert client_of(*headers, peer="198.51.100.7") == "198.51.100.7"


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("203.0.113.9, 192.0.2.1", "192.0.2.1"),
        ("203.0.113.9, 192.0.2.1, 10.9.9.9,10.1.1.1", "192.0.2.1"),
        ("10.3.3.3, 10.2.2.2", "10.3.3.3"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("2001:DB8::0001", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:10.4.4.4, ::ffff:10.5.5.5", "10.4.4.4"),
    ],
)
def test_from_right_to_left_past_the_trusted(chain: str, client: str) -> None:
    assert client_of(forwarded_for(chain)) == client


@pytest.mark.parametrize(
    "chain",
    [
        "",
        "unknown",
        "_hidden",
        "192.0.2.1, ",
        "192.0.2.1, garbage",
        "192.0.2.256",
        "192.0.2.1:x",
        "fe80::1%eth0",
        "[2001:db8::1",
        "192.0.2.1\u0662",
        ", ".join(["10.1.1.1"] * 100),
    ],
)
def test_garbage_counts_as_the_proxys_own(chain: str) -> None:
    assert client_of(forwarded_for(chain)) == PEER


def test_several_lines_are_one_list() -> None:
    assert client_of(forwarded_for("192.0.2.1"), forwarded_for("192.0.2.2")) == "192.0.2.2"


@pytest.mark.parametrize(
    ("value", "client"),
    [
        ("for=192.0.2.1", "192.0.2.1"),
        ('for="[2001:db8::1]:4711";proto=https, for=10.2.2.2;by=10.0.0.1', "2001:db8::1"),
        ("proto=https", PEER),
        ("for=unknown", PEER),
        ("for=192.0.2.1, nonsense", PEER),
    ],
)
def test_forwarded_says_the_same(value: str, client: str) -> None:
    assert client_of(("Forwarded", value)) == client


def test_a_header_the_proxy_did_not_write_cannot_say_otherwise() -> None:
    assert client_of(forwarded_for("192.0.2.1"), ("Forwarded", "for=203.0.113.9")) == PEER
    assert client_of(forwarded_for("192.0.2.1"), ("Forwarded", "for=192.0.2.1")) == "192.0.2.1"


def test_without_a_header_it_is_the_peer() -> None:
    assert client_of() == PEER


def test_the_unix_sockets_peers_are_trusted_only_if_named() -> None:
    header = forwarded_for("192.0.2.1")
    assert client_of(header, peer="") == ""
    assert client_of(header, peer="", trusted=("unix",)) == "192.0.2.1"
    assert client_of(header, peer=PEER, trusted=("unix",)) == PEER


def test_an_ipv4_proxy_on_an_ipv6_socket_is_known() -> None:
    assert client_of(forwarded_for("192.0.2.1"), peer="::ffff:10.0.0.1") == "192.0.2.1"
