"""A shared account: each key opens its person's vault and files, and nobody else's."""

from __future__ import annotations

import re
import stat
from typing import TYPE_CHECKING

import pytest

from desk import SECRET
from watchword_otp import parse_uri
from watchword_tui.accounts import Account
from watchword_tui.vault.document import Document
from watchword_tui.vault.rows import SOURCE, new_id
from watchword_tui.vault.store import VaultStore
from watchword_tui.vault.vault import create_vault, read_vault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sshd import Sshd
    from terminal import Terminal

PASSPHRASE = "correct horse battery"
QUIT = "\x11"
CLEAR = "\x15"
"""Ctrl+U: what stands in a field before the cursor goes."""


def folder_of(people: Sshd, name: str) -> Path:
    return people.home / ".local/share/watchword/people" / name


@pytest.fixture(scope="module", autouse=True)
def bobs_vault(people: Sshd) -> None:
    """Bob has a vault with one account; not encrypted."""
    key = parse_uri(f"otpauth://totp/Bobs-Bank:me?secret={SECRET}&issuer=Bobs-Bank")
    account = Account(key, SOURCE, id=new_id())
    store = VaultStore(folder_of(people, "bob") / "vault.json")
    create_vault(store, None, Document().with_added([account]))


def connect(people: Sshd, name: str) -> Terminal:
    return people.connect(key=name)


def test_a_new_person_finds_nothing_and_makes_a_vault_of_their_own(
    people: Sshd, open_terminals: Callable[[Terminal], Terminal]
) -> None:
    terminal = open_terminals(connect(people, "alice"))
    terminal.wait_for(lambda screen: "No accounts yet." in screen and "^q" in screen, "the app")
    folder = folder_of(people, "alice")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    terminal.press("a")
    terminal.wait_for(lambda screen: "Paste" in screen, "the ways to add")
    terminal.press("p")
    terminal.wait_for(lambda screen: "people/alice/vault.json" in screen, "the new vault")
    terminal.press(f"{PASSPHRASE}\t{PASSPHRASE}\r")
    terminal.wait_for(lambda screen: "Paste an otpauth:// line" in screen, "the field")
    terminal.press(f"otpauth://totp/Bank:alice?secret={SECRET}&issuer=Bank\r")
    terminal.wait_for(lambda screen: "^s Save" in screen, "the form")
    terminal.press("\x13")
    terminal.wait_for(lambda screen: "Added" in screen, "the account")
    terminal.press(QUIT)
    assert terminal.wait_for_end() == 0
    vault = read_vault(VaultStore(folder / "vault.json")).open_with_passphrase(PASSPHRASE)
    assert [one.issuer for one in vault.document.accounts] == ["Bank"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_each_key_opens_its_persons_vault(
    people: Sshd, open_terminals: Callable[[Terminal], Terminal]
) -> None:
    terminal = open_terminals(connect(people, "bob"))
    terminal.wait_for(lambda screen: "Bobs-Bank" in screen and "^q" in screen, "bob's account")
    assert "1 account" in terminal.text
    terminal.press(QUIT)
    assert terminal.wait_for_end() == 0


def test_nobody_reaches_another_ones_files(
    people: Sshd, open_terminals: Callable[[Terminal], Terminal]
) -> None:
    folder_of(people, "alice").mkdir(parents=True, exist_ok=True)
    (folder_of(people, "alice") / "secrets.txt").write_text("otpauth://totp/x?secret=GEZDGNBV")
    terminal = open_terminals(connect(people, "bob"))
    terminal.wait_for(lambda screen: "Bobs-Bank" in screen and "^q" in screen, "the app")
    terminal.press("i")
    terminal.wait_for(lambda screen: "▸ vault.json" in screen, "bob's files")
    assert ".." not in terminal.text
    refusal = "only files in ~/.local/share/watchword/people/bob can be used here"
    for path in ("../alice/", "~/", "/etc/", str(folder_of(people, "alice") / "secrets.txt")):
        terminal.press(CLEAR)
        terminal.wait_for(lambda screen: re.search(r"File *\n", screen) is not None, "an empty field")
        terminal.press(path)
        terminal.wait_for(lambda screen: refusal in " ".join(screen.split()), "the refusal")
        assert "secrets.txt  " not in terminal.text
        terminal.press("\r")
    terminal.press("\x1b")
    terminal.wait_for(lambda screen: "^p palette" in screen, "the list")
    terminal.press(QUIT)
    assert terminal.wait_for_end() == 0


def test_a_key_cannot_ask_for_anything_but_its_own_person(people: Sshd) -> None:
    ended = people.ask(key="bob", then=["watchword --ssh --person alice"])
    assert ended.returncode == 2
    assert "no command and no file transfer" in ended.stderr
