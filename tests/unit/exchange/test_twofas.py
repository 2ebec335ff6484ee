"""2FAS backups of all schemas, plain and encrypted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from foreign import read_bytes
from foreign_encoders import SECRET, SECRET_BYTES, as_json, twofas_sealed
from watchword_otp import Algorithm, Kind
from watchword_tui.errors import ForeignFileError, WrongPassphraseError


def _service(name: str = "GitHub", *, group: str | None = None, **otp: object) -> dict[str, Any]:
    service: dict[str, Any] = {"name": name, "secret": SECRET, "otp": otp, "order": {"position": 0}}
    return service | ({"groupId": group} if group else {})


def _backup(*services: object, **fields: object) -> bytes:
    return as_json({"services": services, "schemaVersion": 4, "appVersionCode": 1} | fields)


def test_everything_a_service_holds_is_read() -> None:
    service = _service(
        group="g",
        account="alice",
        issuer="GitHub Inc",
        label="GitHub Inc:alice",
        digits=8,
        period=60,
        algorithm="SHA512",
        tokenType="TOTP",
    )
    found = read_bytes(_backup(service, groups=[{"id": "g", "name": "Work"}]))
    assert found.format.name == "2fas"
    (entry,) = found.reading.entries
    assert entry.key is not None
    assert (entry.issuer, entry.name, entry.groups) == ("GitHub Inc", "alice", ("Work",))
    assert (entry.key.algorithm, entry.key.digits, entry.key.period) == (Algorithm.SHA512, 8, 60)
    assert entry.key.secret.reveal() == SECRET_BYTES


@pytest.mark.parametrize(
    ("otp", "labels"),
    [
        ({}, ("GitHub", "")),
        ({"account": "alice"}, ("GitHub", "alice")),
        ({"label": "GitHub:alice"}, ("GitHub", "alice")),
        ({"label": "alice", "account": None}, ("GitHub", "alice")),
        ({"issuer": "Other", "label": "Other:alice"}, ("Other", "alice")),
    ],
)
def test_labels_that_are_missing_are_found_elsewhere(
    otp: dict[str, Any], labels: tuple[str, str]
) -> None:
    (entry,) = read_bytes(_backup(_service(**otp))).reading.entries
    assert (entry.issuer, entry.name) == labels


def test_what_is_null_or_missing_is_the_common_profile() -> None:
    services = [_service(algorithm=None, digits=None, period=None, tokenType=None), _service()]
    for entry in read_bytes(_backup(*services, schemaVersion=1)).reading.entries:
        assert entry.key is not None
        assert (entry.key.algorithm, entry.key.digits, entry.key.period) == (Algorithm.SHA1, 6, 30)


def test_kinds() -> None:
    services = [_service(tokenType="HOTP", counter=7), _service(tokenType="STEAM", digits=5)]
    hotp, steam = (entry.key for entry in read_bytes(_backup(*services)).reading.entries)
    assert hotp is not None
    assert (hotp.kind, hotp.counter) == (Kind.HOTP, 7)
    assert steam is not None
    assert steam.kind is Kind.STEAM


def test_an_encrypted_backup_opens_with_its_password() -> None:
    groups = [{"id": "g", "name": "Work"}]
    sealed = twofas_sealed([_service(group="g", account="alice")], "pass wörd", groups=groups)
    (entry,) = read_bytes(sealed, "pass wörd").reading.entries
    assert entry.key is not None
    assert entry.groups == ("Work",)
    with pytest.raises(WrongPassphraseError):
        read_bytes(sealed, "wrong")


def test_the_reference_tells_damage_from_a_wrong_password() -> None:
    backup = json.loads(twofas_sealed([_service()], "password"))
    first = backup["servicesEncrypted"]
    backup["servicesEncrypted"] = ("A" if first[0] != "A" else "B") + first[1:]
    with pytest.raises(ForeignFileError, match="damaged"):
        read_bytes(as_json(backup), "password")
    with pytest.raises(WrongPassphraseError):
        read_bytes(as_json(backup), "wrong")
    del backup["reference"]
    with pytest.raises(WrongPassphraseError):
        read_bytes(as_json(backup), "password")


@pytest.mark.parametrize("sealed", ["x", "a:b:c", "AAAA:AAAA", "::", "AAAA:AAAA:AAAA"])
def test_sealed_services_that_make_no_sense_are_damage(sealed: str) -> None:
    with pytest.raises(ForeignFileError, match="damaged"):
        read_bytes(_backup(servicesEncrypted=sealed), "password")
