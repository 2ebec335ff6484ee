"""Which files can be named at the far end of SSH: those of one folder, however they are named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.widgets import Input

from apps import GITHUB, account_of, make_vault_app
from dialogs import on_screen, said, shows, until
from servers import NOON, Clock
from watchword_otp import format_uri
from watchword_tui.errors import ForeignFileError
from watchword_tui.far_end import FarEnd
from watchword_tui.reach import Reach
from watchword_tui.screens.ask import AskScreen
from watchword_tui.screens.codes import CodesScreen
from watchword_tui.screens.export_screen import ExportScreen
from watchword_tui.screens.file_picker import FilePicker
from watchword_tui.screens.import_screen import ImportScreen
from watchword_tui.screens.recovery_codes import RecoveryCodesScreen

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def everything(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


class TestReach:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        """A folder with a file, and links that lead out of it, into it, and nowhere."""
        root = tmp_path / "data"
        (root / "sub").mkdir(parents=True)
        (root / "mine.txt").write_text("mine")
        (tmp_path / "secret.txt").write_text("theirs")
        (tmp_path / "elsewhere").mkdir()
        (root / "out.txt").symlink_to(tmp_path / "secret.txt")
        (root / "out").symlink_to(tmp_path / "elsewhere")
        (root / "in.txt").symlink_to(root / "mine.txt")
        (root / "loop").symlink_to(root / "loop")
        return root

    @pytest.mark.parametrize(
        "path", ["mine.txt", "sub", "sub/../mine.txt", "new.txt", "sub/new.txt", "in.txt", "."]
    )
    def test_what_is_inside_can_be_used(self, root: Path, path: str) -> None:
        found = Reach(root).checked(root / path)
        assert found == (root / path).resolve()

    @pytest.mark.parametrize(
        "path",
        [
            "..",
            "../secret.txt",
            "sub/../../secret.txt",
            "out.txt",
            "out",
            "out/new.txt",
            "loop",
            "/etc/passwd",
            "/",
        ],
    )
    def test_what_is_outside_is_refused_and_the_folder_named(self, root: Path, path: str) -> None:
        with pytest.raises(ForeignFileError) as caught:
            Reach(root).checked(root / path)
        assert str(caught.value) == f"only files in {root} can be used here; name one there"

    def test_a_folder_whose_name_begins_alike_is_outside(self, root: Path) -> None:
        other = root.with_name("data2")
        other.mkdir()
        with pytest.raises(ForeignFileError):
            Reach(root).checked(other)

    def test_links_that_lead_out_are_not_listed(self, root: Path) -> None:
        names = [one.name for one in Reach(root).look_into(root)]
        assert names == ["sub", "in.txt", "mine.txt"]
        assert Reach(root).completed(root, "out") == "out"

    def test_nothing_above_is_offered(self, root: Path) -> None:
        assert Reach(root).above(root) is None
        assert Reach(root).above(root / "sub") == root
        assert Reach().above(root) == root.parent

    def test_at_ones_own_terminal_all_can_be_used(self, root: Path) -> None:
        assert Reach().checked(root / "out.txt") == root / "out.txt"
        assert {one.name for one in Reach().look_into(root)} >= {"out", "out.txt"}


async def type_path(pilot: Pilot[None], path: str) -> None:
    field = pilot.app.screen.query_one("Input", Input)
    field.value = path
    field.cursor_position = len(path)
    await pilot.pause()


class TestApp:
    @pytest.fixture
    def root(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        root = home / "data"
        root.mkdir()
        monkeypatch.chdir(root)
        return root

    async def test_files_come_in_from_the_folder_alone(self, home: Path, root: Path) -> None:
        (home / "outside.txt").write_text(format_uri(GITHUB))
        (root / "inside.txt").write_text(format_uri(GITHUB))
        (root / "link.txt").symlink_to(home / "outside.txt")
        app = make_vault_app(root, [], clock=Clock(NOON), far=FarEnd(root))
        async with app.run_test(notifications=True) as pilot:
            await on_screen(pilot, CodesScreen)
            await until(pilot, lambda: getattr(app.screen, "is_whole", False), "the list")
            await pilot.press("i")
            await on_screen(pilot, FilePicker)
            await shows(pilot, "~/data/", "inside.txt")
            assert "link.txt" not in said(pilot)
            assert ".." not in said(pilot)
            await pilot.press("ctrl+up")
            await shows(pilot, "~/data/", "inside.txt")
            for path in ("~/", "../", "/etc/", "../outside.txt", "~/data/link.txt"):
                await type_path(pilot, path)
                await pilot.press("enter")
                await pilot.pause()
                assert isinstance(app.screen, FilePicker)
                assert "outside.txt 1" not in said(pilot)
                assert "link.txt 1" not in said(pilot)
            await type_path(pilot, "/etc/")
            await shows(pilot, "only files in ~/data can be used here")
            await type_path(pilot, "inside.txt")
            await pilot.press("enter")
            await on_screen(pilot, ImportScreen)
            await shows(pilot, "1 new")

    async def test_files_go_out_into_the_folder_alone(self, home: Path, root: Path) -> None:
        (root / "out").symlink_to(home)
        app = make_vault_app(root, [GITHUB], clock=Clock(NOON), far=FarEnd(root))
        async with app.run_test(notifications=True) as pilot:
            await on_screen(pilot, CodesScreen)
            await until(pilot, lambda: getattr(app.screen, "is_whole", False), "the list")
            await pilot.press("x")
            screen = await on_screen(pilot, ExportScreen)
            field = screen.query_one("#file", Input)
            assert "/" not in field.value
            for name in ("#passphrase", "#again"):
                screen.query_one(name, Input).value = "correct horse"
            for path in ("~/new.json", "../new.json", "out/new.json", "/tmp/new.json"):
                field.value = path
                await pilot.press("ctrl+s")
                await shows(pilot, "Only files in ~/data can be used here.")
                assert not (home / "new.json").exists()
            field.value = "new.json"
            await pilot.press("ctrl+s")
            await until(pilot, (root / "new.json").exists, "the file")

    async def test_recovery_codes_are_saved_in_the_one_folder_only(self, home: Path, root: Path) -> None:
        (root / "away").symlink_to(home)
        app = make_vault_app(root, [account_of(GITHUB)], clock=Clock(NOON), far=FarEnd(root))
        async with app.run_test(notifications=True) as pilot:
            await on_screen(pilot, CodesScreen)
            await until(pilot, lambda: getattr(app.screen, "is_whole", False), "the list")
            codes = RecoveryCodesScreen("alice", "dev", "Example", ["aaaa"], NOON, reach=Reach(root))
            await app.push_screen(codes)
            await on_screen(pilot, RecoveryCodesScreen)
            await pilot.press("s")
            ask = await on_screen(pilot, AskScreen)
            field = ask.query_one(Input)
            assert field.value == "recovery-codes-alice.txt"
            for path in ("~/codes.txt", "../codes.txt", f"{root}/away/codes.txt", "/tmp/codes.txt"):
                field.value = path
                await pilot.press("enter")
                await shows(pilot, "Only files in ~/data can be used here.")
            assert not (home / "codes.txt").exists()
            field.value = f"{root}/codes.txt"
            await pilot.press("enter")
            await until(pilot, (root / "codes.txt").exists, "the file")

    async def test_nothing_reaches_outside(self, home: Path, root: Path) -> None:
        app = make_vault_app(root, [account_of(GITHUB)], clock=Clock(NOON), far=FarEnd(root))
        async with app.run_test(notifications=True) as pilot:
            await on_screen(pilot, CodesScreen)
            await until(pilot, lambda: getattr(app.screen, "is_whole", False), "the list")
            offered = {command.title for command in app.get_system_commands(app.screen)}
            assert not offered & {"Screenshot", "Keys", "Maximize", "Minimize"}
            before = everything(home)
            for action in (
                "app.screenshot('x.svg', '/tmp')",
                "app.suspend_process",
            ):
                await app.run_action(action)
            assert app.deliver_screenshot("x.svg", str(root)) is None
            app.deliver_text("/etc/hostname")
            app.deliver_binary("/etc/hostname")
            app.open_url("https://example.net")
            await pilot.pause()
            assert everything(home) == before
