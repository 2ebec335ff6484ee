"""What went wrong, as people read it."""

import pytest

from watchword_tui.errors import VaultError
from watchword_tui.sentences import sentence, sentences


@pytest.mark.parametrize(
    ("clause", "written"),
    [
        ("the vault is locked", "The vault is locked."),
        ("a.pdf is a PDF document", "a.pdf is a PDF document."),
        ("free, or not", "Free, or not."),
        ("/tmp/x is there already", "/tmp/x is there already."),
        ("", ""),
    ],
)
def test_a_clause_becomes_a_sentence(clause: str, written: str) -> None:
    assert sentence(clause) == written


def test_an_error_says_what_to_do_if_it_knows() -> None:
    assert sentences(VaultError("it is locked", "unlock it")) == "It is locked. Unlock it."
    assert sentences(VaultError("it is locked")) == "It is locked."
