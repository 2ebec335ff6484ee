"""What is shown of values with secrets in them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from rich.pretty import pretty_repr

from watchword_otp.value import Value


class Sealed(Value, frozen=True):
    HIDDEN = frozenset({"secret"})

    name: str
    secret: bytes = b"hunter2"


def test_whatever_prints_a_value_leaves_out_what_is_hidden() -> None:
    sealed = Sealed("slot 1")

    assert repr(sealed) == f"{sealed}" == "Sealed(name='slot 1')"
    # As Textual's console and Rich's tracebacks do.
    assert pretty_repr(sealed) == "Sealed(name='slot 1')"


def test_a_value_with_other_fields_is_another_value() -> None:
    sealed = Sealed("slot 1")

    with pytest.raises(AttributeError):
        sealed.name = "slot 2"  # type: ignore[misc] # what is forbidden is tried
    other = replace(sealed, secret=b"other")
    assert other != sealed
    assert replace(other, secret=b"hunter2") == sealed
    assert hash(replace(other, secret=b"hunter2")) == hash(sealed)
