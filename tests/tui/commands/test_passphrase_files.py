"""The passphrases of the vault and of another app's file, from files: never taken for each other."""

from __future__ import annotations

import pytest

from desk import GITHUB, Desk, Here
from watchword_tui.accounts import read_uri_lines
from watchword_tui.exchange.writers.aegis import ENCRYPTED

OWN = "the vault's own words"
OTHERS = "correct horse staple"
BANK = "otpauth://totp/Bank:bob?secret=MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK&issuer=Bank"
VAULTS = ["--passphrase-file", "own"]


@pytest.fixture(params=["before", "behind", "settings"])
def places(request: pytest.FixtureRequest, desk: Desk) -> tuple[list[str], list[str]]:
    """What stands before and behind a command's name to open the vault, one place after the other."""
    desk.keep(GITHUB, passphrase=OWN)
    desk.write("own", OWN)
    desk.write("others", OTHERS)
    if request.param == "settings":
        desk.write("config.toml", 'passphrase_file = "own"')
        return ["--config", "config.toml"], []
    return (VAULTS, []) if request.param == "before" else ([], VAULTS)


@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_an_import_opens_the_vault_and_the_file(
    here: Here, desk: Desk, places: tuple[list[str], list[str]], *, first: bool
) -> None:
    written = ENCRYPTED.write(read_uri_lines(BANK, "here").accounts, OTHERS)
    (desk.folder / "aegis.json").write_bytes(written.content)
    before, behind = places
    files = ["--import-passphrase-file", "others"]
    ended = here(
        *before, "import", "aegis.json", "--yes", *(files + behind if first else behind + files)
    )

    assert ended.status == 0, ended.err
    assert len(desk.kept(OWN).accounts) == 2


@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_an_export_is_encrypted_with_its_own_passphrase(
    here: Here, desk: Desk, places: tuple[list[str], list[str]], *, first: bool
) -> None:
    before, behind = places
    files = ["--export-passphrase-file", "others"]
    ended = here(*before, "export", "mine.json", *(files + behind if first else behind + files))

    assert ended.status == 0, ended.err
    assert len(desk.kept_in("mine.json", OTHERS).accounts) == 1


def test_the_vaults_passphrase_is_never_taken_for_the_files(
    here: Here, desk: Desk, places: tuple[list[str], list[str]]
) -> None:
    before, behind = places
    ended = here(*before, "export", "mine.json", *behind)

    assert ended.status == 2
    assert ended.complaint.endswith("name a file that holds it with --export-passphrase-file")
    assert not (desk.folder / "mine.json").exists()


def test_nor_the_files_for_the_vaults(here: Here, desk: Desk) -> None:
    desk.keep(GITHUB, passphrase=OWN)
    desk.write("own", OWN)
    ended = here("export", "mine.json", "--export-passphrase-file", "own")

    assert ended.status == 2
    assert "--passphrase-file" in ended.complaint
    assert not (desk.folder / "mine.json").exists()
