"""`watchword qr`: a key as a QR code that scanners read back."""

from __future__ import annotations

import json
import os
import stat
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from desk import GITHUB, VPN, Desk, Here
from qr_reader import decode_qr, scan
from servers import Clock, running_server
from unit.otp.terminal_picture import ascii_modules, half_block_modules, space_modules
from watchword_otp import format_uri, parse_uri

if TYPE_CHECKING:
    from pathlib import Path


URI = format_uri(parse_uri(GITHUB))
BY_HAND = "By hand: GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"


@pytest.fixture
def qr(desk: Desk, here: Here) -> Here:
    """`watchword qr` with two accounts at hand."""
    desk.write("otp.txt", f"{GITHUB}\n{VPN}\n")
    return partial(here, "qr", "--accounts", "otp.txt")


class TestDrawing:
    async def test_a_pipe_gets_the_same_picture_as_a_terminal(self, desk: Desk, tmp_path: Path) -> None:
        desk.write("otp.txt", GITHUB)
        ended = await desk.run("qr", "--accounts", "otp.txt")

        assert ended.status == 0
        assert decode_qr(half_block_modules(ended.out), tmp_path) == URI
        assert ended.err == f"GitHub (alice@example.com)\n{BY_HAND}\n"

    def test_spaces_do_without_a_font(self, qr: Here, tmp_path: Path) -> None:
        drawn = qr("github", "--drawing", "space").out

        assert decode_qr(space_modules(drawn), tmp_path) == URI

    def test_ascii_does_without_colours(self, qr: Here, tmp_path: Path) -> None:
        drawn = qr("github", "--drawing", "ascii").out
        columns = max(map(len, drawn.splitlines()))

        assert drawn.isascii()
        assert "\x1b" not in drawn
        assert decode_qr(ascii_modules(drawn, columns), tmp_path) == URI

    def test_ascii_can_be_for_dark_text_on_light(self, qr: Here, tmp_path: Path) -> None:
        drawn = qr("github", "--drawing", "ascii", "--invert").out
        columns = max(map(len, drawn.splitlines())) + 8

        assert decode_qr(ascii_modules(drawn, columns, light_mark="  "), tmp_path) == URI

    def test_json_holds_the_uri_and_the_modules(self, qr: Here, tmp_path: Path) -> None:
        told = json.loads(qr("github", "--json").out)
        modules = [[module == "1" for module in row] for row in told["modules"]]
        light = [[False] * (len(modules) + 8)] * 4
        framed = [*light, *([False] * 4 + row + [False] * 4 for row in modules), *light]

        assert (told["issuer"], told["name"], told["uri"]) == ("GitHub", "alice@example.com", URI)
        assert decode_qr(framed, tmp_path) == URI

    async def test_the_servers_key_can_be_scanned(self, desk: Desk, tmp_path: Path) -> None:
        async with running_server(tmp_path, clock=Clock(time.time() // 1 + 1)) as server:
            desk.use(server)
            ended = await desk.run("qr", "--from-server")
            key = parse_uri(decode_qr(half_block_modules(ended.out), tmp_path))

            assert key.secret == server.key.secret
            assert (await desk.run("check", server.code())).status == 0
        assert ended.err.startswith("Watchword (default)\n")


class TestTerminal:
    @pytest.mark.parametrize(("issuer", "quiet_zone"), [("GitHub", 4), ("Example Corporation", 2)])
    async def test_it_stands_whole_on_80_columns_and_24_rows_above_the_prompt(
        self, desk: Desk, tmp_path: Path, issuer: str, quiet_zone: int
    ) -> None:
        uri = format_uri(replace(parse_uri(GITHUB), issuer=issuer))
        desk.write("otp.txt", uri)
        ended = await desk.run_on_terminal("qr", "--accounts", "otp.txt")
        visible = ended.out.splitlines()[-23:]
        drawn = [line for line in visible if line.startswith("\x1b")]
        modules = half_block_modules("\n".join(drawn))

        assert ended.status == 0
        assert visible[-1] == drawn[-1]
        assert [any(row) for row in modules].index(True) == quiet_zone
        assert decode_qr(modules, tmp_path) == uri

    async def test_a_terminal_that_is_too_small_is_refused_with_a_way_out(self, desk: Desk) -> None:
        desk.write("otp.txt", GITHUB)
        ended = await desk.run_on_terminal("qr", "--accounts", "otp.txt", size=(30, 24))

        assert ended.status == 2
        assert ended.out == (
            "watchword: the QR code needs 39 columns and 21 rows, the terminal has 30 by 24;"
            " enlarge it, or write a file with --output key.png\n"
        )


class TestFiles:
    def test_a_png_is_for_its_owner_only(self, qr: Here, desk: Desk, tmp_path: Path) -> None:
        before = os.umask(0)
        try:
            ended = qr("github", "--output", "key.png")
        finally:
            os.umask(before)
        path = desk.folder / "key.png"

        assert (ended.status, ended.out) == (0, "")
        assert ended.err == "watchword: key.png holds the secret of GitHub (alice@example.com)\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert scan(path.read_bytes(), tmp_path).decode() == URI

    def test_an_svg_is_one(self, qr: Here, desk: Desk) -> None:
        assert qr("github", "--output", "key.SVG").status == 0
        assert (desk.folder / "key.SVG").read_text().startswith("<svg ")

    def test_a_file_that_is_there_is_not_written_over(self, qr: Here, desk: Desk) -> None:
        path = desk.write("key.png", "mine")
        ended = qr("github", "--output", "key.png")

        assert ended.status == 2
        assert ended.complaint == "key.png is there already; name another file"
        assert path.read_text() == "mine"

    def test_a_link_is_not_followed(self, qr: Here, desk: Desk, tmp_path: Path) -> None:
        (desk.folder / "key.png").symlink_to(tmp_path / "elsewhere.png")

        assert qr("github", "--output", "key.png").status == 2
        assert not (tmp_path / "elsewhere.png").exists()

    @pytest.mark.parametrize("name", ["key.jpg", "key", ".png"])
    def test_a_format_that_cannot_be_told_is_refused(self, qr: Here, desk: Desk, name: str) -> None:
        ended = qr("github", "--output", name)

        assert ended.status == 2
        assert ended.complaint == f"cannot tell the format of {name}; end its name in .svg or .png"
        assert not (desk.folder / name).exists()

    def test_a_folder_that_is_not_there_is_told(self, qr: Here) -> None:
        ended = qr("github", "--output", "no/key.png")

        assert ended.status == 2
        assert ended.complaint == "cannot write no/key.png: No such file or directory"


class TestFailures:
    def test_of_several_accounts_one_must_be_named(self, qr: Here) -> None:
        ended = qr()

        assert ended.status == 2
        assert ended.complaint == (
            "there are 2 accounts; name one of: GitHub (alice@example.com), VPN (alice)"
        )

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["github", "--from-server"], "--from-server draws the server's key, no account"),
            (["github", "--json", "--output", "x.png"], "--json prints and --output writes a file"),
        ],
        ids=["two keys", "two places"],
    )
    def test_options_that_exclude_each_other_are_told(
        self, qr: Here, arguments: list[str], words: str
    ) -> None:
        ended = qr(*arguments)

        assert ended.status == 2
        assert ended.complaint == f"{words}; leave one of them out"

    def test_lines_left_out_are_told(self, qr: Here, desk: Desk) -> None:
        desk.write("broken.txt", f"{GITHUB}\notpauth://totp/nonsense\n")
        ended = qr("github", "--accounts", "broken.txt", "--drawing", "ascii")

        assert ended.status == 0
        assert ended.err.splitlines()[0] == "watchword: broken.txt, line 2: the URI has no secret"
