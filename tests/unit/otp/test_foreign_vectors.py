"""URIs from other apps' own tests, each read as its app reads it or as said here why not.

Nothing of theirs is kept here: the vectors are read from a folder that WATCHWORD_FOREIGN_EXPORTS names.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from watchword_otp import Algorithm, Key, Kind, Secret, UriError, parse_uri

FOLDER = "WATCHWORD_FOREIGN_EXPORTS"


@dataclass(frozen=True)
class Reading:
    """What a URI says, in the vectors' own words; the secret as bytes, for its last bits vary."""

    kind: str
    issuer: str
    name: str
    algorithm: str
    digits: int
    moving: int
    """The period, or the counter of a HOTP key."""

    @classmethod
    def of(cls, key: Key) -> Reading:
        moving = key.counter if key.kind is Kind.HOTP else key.period
        return cls(key.kind, key.issuer, key.name, key.algorithm, key.digits, moving)


def totp(issuer: str, name: str, algorithm: str = Algorithm.SHA1, period: int = 30) -> Reading:
    return Reading(Kind.TOTP, issuer, name, algorithm, 6, period)


BARE = "a bare label is the account, as Yubico Authenticator reads it"
OURS: dict[str, tuple[Reading | None, str]] = {
    "otpauth://hotp/issuer?secret=ABCDEFG": (Reading(Kind.HOTP, "", "issuer", "SHA1", 6, 0), BARE),
    "otpauth://totp/issuer?secret=ABCDEFG&counter=10": (totp("", "issuer"), BARE),
    "otpauth://totp/issuer?secret=ABCDEFG&period=60": (totp("", "issuer", period=60), BARE),
    "otpauth://totp/issuer?secret=ABCDEFG&algorithm=SHA1": (totp("", "issuer"), BARE),
    "otpauth://totp/issuer?secret=ABCDEFG&algorithm=SHA512": (totp("", "issuer", "SHA512"), BARE),
    "otpauth://totp/:username?secret=ABCDEFG": (
        totp("", "username"),
        "cotp writes an empty issuer like this, and reads the rest as the account",
    ),
    "otpauth://totp/Steam:username?secret=ABCDEFG": (
        totp("Steam", "username"),
        "an issuer's name alone must not change the digits: anybody may be called Steam",
    ),
    "otpauth://hotp/acct?secret=JBSWY3DPEHPK3PXP": (
        Reading(Kind.HOTP, "", "acct", "SHA1", 6, 0),
        "the counter is mandatory, but exporters leave it out and Stratum reads 0",
    ),
    "motp://motp:username?secret=30edcc8edae50a60": (None, "mOTP keys are not supported"),
}
"""Vectors on which the apps contradict each other or go beyond us: our reading, and why."""


@pytest.fixture(scope="module")
def vectors() -> list[dict[str, object]]:
    folder = os.environ.get(FOLDER)
    if not folder:
        pytest.skip(f"{FOLDER} names no folder with other apps' exports")
    path = Path(folder) / "otpauth_uri" / "uri_vectors.json"
    found: list[dict[str, object]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def theirs(expected: object) -> Reading | None:
    """What a vector's app reads, or None where it refuses."""
    if not isinstance(expected, dict):
        assert expected == "error"
        return None
    moving = expected["counter"] if "counter" in expected else expected.get("period", 0)
    return Reading(
        expected["type"],
        expected["issuer"],
        expected["name"],
        expected["algo"],
        expected["digits"],
        moving,
    )


def read(uri: str) -> Key | None:
    try:
        return parse_uri(uri)
    except UriError:
        return None


def test_every_vector_is_read_as_its_app_reads_it_or_as_we_say(vectors: list[dict[str, object]]) -> None:
    wrong = {}
    for vector in vectors:
        uri = str(vector["uri"])
        expected = OURS[uri][0] if uri in OURS else theirs(vector["expect"])
        key = read(uri)
        found = key and Reading.of(key)
        if found != expected:
            wrong[uri] = (vector["source"], found, expected)
    assert not wrong


def test_every_secret_is_the_one_that_the_app_reads(vectors: list[dict[str, object]]) -> None:
    wrong = []
    for vector in vectors:
        uri, expected = str(vector["uri"]), vector["expect"]
        key = read(uri)
        if key and isinstance(expected, dict) and key.secret != Secret.from_base32(expected["secret"]):
            wrong.append(uri)
    assert not wrong


def test_a_reading_of_our_own_is_needed_and_really_differs(vectors: list[dict[str, object]]) -> None:
    peers = {str(vector["uri"]): theirs(vector["expect"]) for vector in vectors}
    assert {uri for uri in OURS if uri not in peers or OURS[uri][0] == peers[uri]} == set()
