"""The pictures in the documents are the screens that the tests hold."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("pictures", ROOT / "scripts" / "pictures.py")
assert SPEC
assert SPEC.loader
pictures = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(pictures)


@pytest.mark.parametrize("name", pictures.CHOSEN)
def test_a_picture_is_what_the_tests_saw(name: str) -> None:
    snapshot = (pictures.SNAPSHOTS / pictures.CHOSEN[name]).read_text("utf-8")
    assert (pictures.PICTURES / name).read_text("utf-8") == pictures.picture_of(snapshot), (
        "renew it with: make pictures"
    )


@pytest.mark.parametrize("name", pictures.CHOSEN)
def test_a_picture_fetches_nothing(name: str) -> None:
    text = (pictures.PICTURES / name).read_text("utf-8")
    # URLs may be read on a screen; what an image fetches stands in these places.
    assert not re.findall(r"(?:href|src)\s*=|url\((?!#)|@import|<script|<image|<use", text)
