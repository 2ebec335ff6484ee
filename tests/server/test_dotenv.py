from __future__ import annotations

import os
import traceback
from typing import TYPE_CHECKING

import pytest

from watchword_otp import Key, Secret
from watchword_server.dotenv import Configured, read_configured
from watchword_server.errors import UserError
from watchword_server.tokens import Scope, digest_of

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
TWENTY = "JBSWY3DPEHPK3PXPJBSW"
SIXTEEN = "JBSWY3DPEHPK3PXP"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_nothing_there() -> None:
    assert read_configured({}) == Configured()


def test_the_prototypes_file_defines_the_key_and_a_token(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f'# mine\nexport TOTP_BASE32_SECRET="{SECRET}"\nBEARER=open-sesame\n')
    found = read_configured({})
    assert found.key == Key(secret=Secret.from_base32(SECRET))
    assert found.token is not None
    assert found.token.digest == digest_of("open-sesame")
    assert found.token.scopes == {Scope.CHECK, Scope.QR}
    assert "default key from TOTP_BASE32_SECRET in .env" in found.notes
    assert "token with the scopes check and qr from BEARER in .env" in found.notes


def test_it_never_reaches_the_environment(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"TOTP_BASE32_SECRET={SECRET}\nBEARER=open-sesame\n")
    before = dict(os.environ)
    read_configured(before)
    assert dict(os.environ) == before


def test_real_variables_win_and_it_is_said(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"TOTP_BASE32_SECRET={SECRET}\nBEARER=from-file\n")
    found = read_configured({"BEARER": "from-environment"})
    assert found.token is not None
    assert found.token.digest == digest_of("from-environment")
    assert found.key is not None
    assert any("BEARER in the environment" in note for note in found.notes)


def test_another_file_can_be_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("BEARER=not-this-one\n")
    (tmp_path / "prototype.env").write_text("BEARER=this-one\n")
    found = read_configured({}, tmp_path / "prototype.env")
    assert found.token is not None
    assert found.token.digest == digest_of("this-one")


def test_somebody_elses_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL=postgres://...\n")
    assert read_configured({}) == Configured()


@pytest.mark.parametrize(("text", "bits"), [(SIXTEEN, 80), (TWENTY, 96)])
def test_a_short_secret_works_and_is_warned_of(text: str, bits: int) -> None:
    found = read_configured({"TOTP_BASE32_SECRET": text})
    assert found.key is not None
    assert found.key.secret.bits == bits
    assert any(note.startswith("warning: ") and "bit secret" in note for note in found.notes)


def test_a_secret_as_people_write_it() -> None:
    found = read_configured({"TOTP_BASE32_SECRET": "gezd gnbv gy3t qojq gezd gnbv gy3t qojq"})
    assert found.key == Key(secret=Secret.from_base32(SECRET))


@pytest.mark.parametrize("text", ["", "not base32!", "ABC1890", "A", "é" * 32])
def test_a_bad_secret_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    (tmp_path / ".env").write_text(f"TOTP_BASE32_SECRET='{text}'\n")
    with pytest.raises(UserError) as caught:
        read_configured({})
    said = str(caught.value)
    assert "TOTP_BASE32_SECRET in .env cannot be used" in said
    shown = "".join(traceback.format_exception(caught.value))
    assert len(text) < 2 or text not in shown


@pytest.mark.parametrize("text", ["", "two words", "tab\there", "sésame", "a\x00b"])
def test_a_token_no_header_could_carry_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(UserError) as caught:
        read_configured({"BEARER": text})
    assert "BEARER in the environment" in str(caught.value)
    assert not text or text not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone\.env: no such file.*--env-file"):
        read_configured({}, tmp_path / "gone.env")


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"BEARER=\xff\xfe\n")
    with pytest.raises(UserError, match="not UTF-8"):
        read_configured({})


def test_secrets_are_in_no_repr(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"TOTP_BASE32_SECRET={SECRET}\nBEARER=open-sesame\n")
    shown = repr(read_configured({}))
    assert SECRET not in shown
    assert "open-sesame" not in shown
