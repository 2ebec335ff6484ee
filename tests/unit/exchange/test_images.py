"""Images with QR codes."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from urllib.parse import quote

import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import made_exports as made
from damaged_files import changed, cut_short, ends_well
from foreign import read_bytes
from watchword_otp import Key, Secret
from watchword_tui.errors import ForeignFileError

SECRET = Secret.from_base32(made.BASE32)
KEY = Key(secret=SECRET, issuer="GitHub", name="alice")
URI = f"otpauth://totp/GitHub:alice?secret={made.BASE32}&issuer=GitHub"


def sheet(*texts: str, kind: str = "PNG", mode: str = "RGB") -> bytes:
    """Draw QR codes side by side, each 300 pixels wide."""
    page = Image.new("RGB", (320 * max(1, len(texts)), 320), "white")
    for place, text in enumerate(texts):
        drawn = io.BytesIO()
        segno.make(text, error="l").save(drawn, kind="png", scale=4)
        page.paste(Image.open(drawn).convert("RGB"), (320 * place, 0))
    saved = io.BytesIO()
    page.convert(mode).save(saved, kind)
    return saved.getvalue()


def migration(index: int) -> str:
    """Write part `index` of two of an export of Google Authenticator."""
    key = b"\x0a\x14" + made.RAW + b"\x12\x05alice\x1a\x06GitHub\x20\x01\x28\x01\x30\x02"
    payload = b"\x0a" + bytes([len(key)]) + key + b"\x10\x01\x18\x02\x20" + bytes([index]) + b"\x28\x07"
    return f"otpauth-migration://offline?data={quote(made.b64(payload), safe='')}"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_a_qr_code_is_read_from_every_kind_of_image(kind: str) -> None:
    found = read_bytes(sheet(URI, kind=kind))

    assert found.format.name == "image"
    assert [(entry.key, entry.where) for entry in found.reading.entries] == [(KEY, "QR code 1")]


def test_several_qr_codes_are_read_from_left_to_right_and_others_are_counted() -> None:
    other = URI.replace("alice", "bob")

    reading = read_bytes(sheet(URI, "https://example.org", other)).reading

    assert [entry.name for entry in reading.entries] == ["alice", "bob"]
    assert reading.problems == ("1 other QR codes in export left out",)


def test_parts_of_an_export_are_told() -> None:
    reading = read_bytes(sheet(migration(1))).reading

    assert [entry.key for entry in reading.entries] == [KEY]
    assert [(batch.id, batch.index, batch.size) for batch in reading.batches] == [(7, 1, 2)]


def test_what_is_transparent_counts_as_white() -> None:
    drawn = io.BytesIO()
    segno.make(URI).save(drawn, kind="png", scale=4, light=None)

    assert [entry.key for entry in read_bytes(drawn.getvalue()).reading.entries] == [KEY]


def test_what_lies_unseen_under_transparency_does_not_count() -> None:
    code = Image.open(io.BytesIO(sheet(URI))).convert("L")
    black = Image.new("RGBA", code.size, "black")
    black.putalpha(code.point([255 - shade for shade in range(256)]))
    saved = io.BytesIO()
    black.save(saved, "PNG")

    assert [entry.key for entry in read_bytes(saved.getvalue()).reading.entries] == [KEY]


def test_light_on_dark_is_read() -> None:
    drawn = io.BytesIO()
    segno.make(URI).save(drawn, kind="png", scale=4, dark="white", light="black")

    assert [entry.key for entry in read_bytes(drawn.getvalue()).reading.entries] == [KEY]


def test_an_image_without_a_code_and_one_with_another_say_what_to_do() -> None:
    with pytest.raises(ForeignFileError) as caught:
        read_bytes(sheet())
    assert str(caught.value) == "no QR code found in export; crop it closer or take a sharper picture"
    with pytest.raises(ForeignFileError, match="none of an authenticator"):
        read_bytes(sheet("https://example.org"))


@pytest.mark.parametrize("side", [7_000, 20_000, 60_000])
def test_images_that_grow_when_opened_are_refused_before(side: int) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    bomb = (
        b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(10**6))) + chunk(b"IEND", b"")
    )

    with pytest.raises(ForeignFileError, match="larger than"):
        read_bytes(bomb)


@pytest.mark.parametrize("missing", ["PIL", "zxingcpp"])
def test_without_the_extra_it_says_how_to_get_it(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)

    with pytest.raises(ForeignFileError) as caught:
        read_bytes(sheet_made_before)
    assert "watchword[images]" in caught.value.remedy


sheet_made_before = sheet(URI)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_images_cut_anywhere_end_in_words(kind: str) -> None:
    for piece in cut_short(sheet(URI, kind=kind, mode="L"), 60):
        ends_well(piece, name="image")


@settings(max_examples=40, deadline=None)
@given(st.data(), st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "BMP"]))
def test_images_changed_at_random_end_in_words(data: st.DataObject, kind: str) -> None:
    ends_well(data.draw(changed(IMAGES[kind])), name="image")


IMAGES = {kind: sheet(URI, kind=kind, mode="L") for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP")}
