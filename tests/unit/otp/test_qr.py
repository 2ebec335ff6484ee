"""QR codes: every drawing holds the same modules, and a scanner reads the text back."""

from __future__ import annotations

import re
import string
import subprocess
from typing import TYPE_CHECKING

import pytest
import segno
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from programs import require_program
from qr_reader import greymap, scan
from unit.otp.strategies import labelled_keys
from unit.otp.terminal_picture import (
    Modules,
    ascii_modules,
    half_block_modules,
    on_a_dark_screen,
    space_modules,
)
from watchword_otp import Algorithm, Key, Secret, format_uri
from watchword_otp.qr import QUIET_ZONES, Drawing, QrCode, make_qr

if TYPE_CHECKING:
    from pathlib import Path

SECRET = Secret(b"12345678901234567890")
URIS = [
    format_uri(key)
    for key in (
        Key(secret=SECRET, issuer="GitHub", name="alice@example.com"),
        Key(secret=SECRET, issuer="Größe & Söhne", name="橡皮鸭 😀 100%"),
        Key(secret=SECRET, issuer="A" * 30, name="b" * 30),
        Key(secret=Secret(b"x" * 64), issuer="x", algorithm=Algorithm.SHA512, digits=8, period=60),
    )
]
NAMES = ["ordinary", "unicode", "long", "unusual"]
URI = URIS[0]
LETTERS = string.ascii_letters + string.digits + "-._"


def drawn_modules(code: QrCode, drawing: Drawing, quiet_zone: int) -> Modules:
    """Give the modules that a terminal shows, as wide and high as the drawing says it is."""
    text = code.text(drawing, quiet_zone)
    if drawing is Drawing.HALF:
        return half_block_modules(text)
    if drawing is Drawing.SPACE:
        return space_modules(text)
    return ascii_modules(text, code.space(drawing, quiet_zone)[0])


def version_by_segno(text: str) -> int:
    """Give the version of the QR code that segno makes of a whole text."""
    return int(segno.make_qr(text, error="l").version)


class TestScanning:
    """Byte for byte, from each form; drawings stand on a dark screen, where the quiet zone matters."""

    @pytest.mark.parametrize("uri", URIS, ids=NAMES)
    def test_the_png_reads_back(self, tmp_path: Path, uri: str) -> None:
        assert scan(make_qr(uri).png(), tmp_path) == uri.encode()

    @pytest.mark.parametrize("uri", URIS, ids=NAMES)
    def test_the_svg_reads_back(self, tmp_path: Path, uri: str) -> None:
        image = subprocess.run(
            [require_program("rsvg-convert")],
            input=make_qr(uri).svg().encode(),
            capture_output=True,
            check=True,
        )
        assert scan(image.stdout, tmp_path) == uri.encode()

    @pytest.mark.parametrize("uri", URIS, ids=NAMES)
    @pytest.mark.parametrize("drawing", Drawing)
    def test_each_drawing_reads_back_with_the_least_quiet_zone(
        self, tmp_path: Path, uri: str, drawing: Drawing
    ) -> None:
        modules = drawn_modules(make_qr(uri), drawing, min(QUIET_ZONES))
        assert scan(greymap(on_a_dark_screen(modules)), tmp_path) == uri.encode()

    @pytest.mark.parametrize("quiet_zone", QUIET_ZONES)
    def test_each_quiet_zone_reads_back(self, tmp_path: Path, quiet_zone: int) -> None:
        modules = drawn_modules(make_qr(URI), Drawing.HALF, quiet_zone)
        assert scan(greymap(on_a_dark_screen(modules)), tmp_path) == URI.encode()

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "a\nb",
            "Größe",
            "é" * 20,
            "橡皮鸭 😀",
            "é and then 0123456789 ABCDEF é",
            "UPPER CASE AND DIGITS 0123456789",
        ],
    )
    def test_any_text_reads_back(self, tmp_path: Path, text: str) -> None:
        assert scan(make_qr(text).png(scale=4), tmp_path) == text.encode()


class TestDrawing:
    @pytest.mark.parametrize("quiet_zone", QUIET_ZONES)
    @pytest.mark.parametrize("drawing", Drawing)
    @pytest.mark.parametrize("uri", URIS, ids=NAMES)
    def test_a_drawing_shows_every_module_in_the_space_it_promised(
        self, uri: str, drawing: Drawing, quiet_zone: int
    ) -> None:
        # The readers refuse a cell whose colours the drawing leaves to the terminal.
        code = make_qr(uri)
        columns, rows = code.space(drawing, quiet_zone)
        text = code.text(drawing, quiet_zone)
        plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
        assert text.endswith("\n")
        assert text.count("\n") == rows
        assert {len(line) for line in plain.splitlines()} == {columns}
        expected = [list(row) for row in code.with_quiet_zone(quiet_zone)]
        if drawing is Drawing.HALF and len(expected) % 2:
            expected.append([False] * len(expected[0]))
        assert drawn_modules(code, drawing, quiet_zone) == expected

    @pytest.mark.parametrize("drawing", [Drawing.HALF, Drawing.SPACE])
    def test_a_coloured_drawing_leaves_no_colour_behind_on_any_line(self, drawing: Drawing) -> None:
        assert all(line.endswith("\x1b[0m") for line in make_qr(URI).text(drawing).splitlines())

    def test_an_ascii_drawing_is_plain_ascii(self) -> None:
        assert set(make_qr(URI).text(Drawing.ASCII)) == {"#", " ", "\n"}

    @pytest.mark.parametrize("drawing", [Drawing.HALF, Drawing.SPACE])
    def test_inverting_swaps_black_and_white(self, drawing: Drawing) -> None:
        code = make_qr(URI)
        swapped = code.text(drawing).replace("5;16", "5;x").replace("5;231", "5;16")
        assert code.text(drawing, invert=True) == swapped.replace("5;x", "5;231")

    def test_inverted_ascii_is_for_dark_text_on_a_light_screen(self, tmp_path: Path) -> None:
        code = make_qr(URI)
        columns, rows = code.space(Drawing.ASCII, 2)
        text = code.text(Drawing.ASCII, 2, invert=True)
        assert text.count("\n") == rows
        light = ascii_modules(text, columns)
        modules = [[not module for module in row] for row in light]
        assert modules == [list(row) for row in code.with_quiet_zone(2)]
        assert scan(greymap(modules), tmp_path) == URI.encode()

    def test_cells_are_pairs_of_modules_one_above_the_other(self) -> None:
        code = make_qr(URI)
        rows = code.with_quiet_zone(2)
        cells = code.cells(2)
        assert [[upper for upper, _ in row] for row in cells] == [list(row) for row in rows[::2]]
        assert [[lower for _, lower in row] for row in cells[:-1]] == [list(row) for row in rows[1::2]]
        assert not any(lower for _, lower in cells[-1])

    @pytest.mark.parametrize("quiet_zone", [0, -1])
    def test_nothing_is_drawn_without_a_quiet_zone(self, quiet_zone: int) -> None:
        code = make_qr(URI)
        for draw in (code.text, code.cells, code.svg, code.png, code.with_quiet_zone):
            with pytest.raises(ValueError, match="quiet zone"):
                draw(quiet_zone=quiet_zone)


class TestFit:
    @given(st.text(LETTERS, max_size=14), st.text(LETTERS + "@", min_size=1, max_size=20))
    @example("x" * 14, "y" * 20)
    def test_an_ordinary_account_is_version_5_at_most(self, issuer: str, name: str) -> None:
        assert make_qr(format_uri(Key(secret=SECRET, issuer=issuer, name=name))).version <= 5

    @pytest.mark.parametrize("length", [0, 20, 30, 36])
    def test_60_characters_of_labels_fit_80_by_24(self, length: int) -> None:
        # The issuer stands in the URI twice: from 38 characters of it the 60 are too many.
        code = make_qr(format_uri(Key(secret=SECRET, issuer="x" * length, name="y" * (60 - length))))
        assert code.best_quiet_zone(Drawing.HALF, 80, 24) is not None

    @pytest.mark.parametrize(
        ("columns", "rows", "quiet_zone"),
        [
            *[(80, 24, 4), (45, 23, 4), (44, 23, 3), (45, 22, 3), (43, 22, 3), (42, 22, 2)],
            *[(43, 21, 2), (41, 21, 2), (40, 21, 1), (39, 20, 1)],
        ],
    )
    def test_the_widest_quiet_zone_that_fits_is_chosen(
        self, columns: int, rows: int, quiet_zone: int
    ) -> None:
        code = make_qr(URI)
        assert code.size == 37
        assert code.best_quiet_zone(Drawing.HALF, columns, rows) == quiet_zone
        width, height = code.space(Drawing.HALF, quiet_zone)
        assert width <= columns
        assert height <= rows

    @pytest.mark.parametrize(("columns", "rows"), [(38, 20), (39, 19)])
    def test_no_quiet_zone_is_chosen_where_none_fits(self, columns: int, rows: int) -> None:
        assert make_qr(URI).best_quiet_zone(Drawing.HALF, columns, rows) is None

    def test_two_cells_a_module_need_more_room(self) -> None:
        code = make_qr(URI)
        assert code.space(Drawing.SPACE, 1) == code.space(Drawing.ASCII, 1) == (78, 39)
        assert code.best_quiet_zone(Drawing.SPACE, 80, 39) == 1
        assert code.best_quiet_zone(Drawing.SPACE, 80, 38) is None


class TestEncoding:
    def test_base32_in_alphanumeric_mode_saves_a_version(self) -> None:
        uri = URIS[2]
        assert make_qr(uri).version < version_by_segno(uri)

    @settings(max_examples=30)
    @given(labelled_keys, st.binary(min_size=1, max_size=64))
    def test_a_uri_is_never_larger_than_segno_alone_makes_it(self, key: Key, raw: bytes) -> None:
        uri = format_uri(replace(key, secret=Secret(raw)))
        assume(len(uri) < 2000)
        assert make_qr(uri).version <= version_by_segno(uri)

    def test_a_text_that_no_qr_code_holds_is_refused_without_being_shown(self) -> None:
        make_qr("x" * 2953)
        with pytest.raises(ValueError, match="2954 characters does not fit") as caught:
            make_qr("x" * 2954)
        assert "xxx" not in str(caught.value)


class TestHiding:
    def test_an_svg_holds_no_text_of_the_uri(self) -> None:
        svg = make_qr(URI).svg()
        assert svg.startswith("<svg ")
        texts = re.findall(r">([^<]+)<", svg)
        assert not "".join(texts).strip()
        assert not any(part in svg for part in ("otpauth", SECRET.base32(), "GitHub", "alice"))

    def test_an_svg_has_its_own_black_and_white(self) -> None:
        svg = make_qr(URI).svg()
        assert set(re.findall(r'(?:fill|stroke)="([^"]+)"', svg)) == {"#000", "#fff"}

    def test_an_svg_says_its_measures_so_that_a_page_can_scale_it(self) -> None:
        side = 8 * (make_qr(URI).size + 2 * 4)
        assert f'width="{side}px" height="{side}px" viewBox="0 0 {side} {side}"' in make_qr(URI).svg()

    def test_a_repr_shows_neither_text_nor_modules(self) -> None:
        assert repr(make_qr(URI)) == "QrCode(version=5)"
