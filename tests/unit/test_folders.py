"""Looking for a file by its path."""

import os
from pathlib import Path

import pytest

from watchword_tui.errors import ForeignFileError
from watchword_tui.folders import completed, look_into, shown, split


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    inside = tmp_path / "in"
    (inside / "Photos").mkdir(parents=True)
    for name in ("accounts.json", "Accounts.txt", "zebra.txt", ".hidden"):
        (inside / name).write_text("12345")
    os.mkfifo(inside / "pipe")
    (inside / "nowhere").symlink_to(inside / "gone")
    monkeypatch.chdir(inside)
    return inside


@pytest.mark.parametrize(
    ("typed", "place", "beginning"),
    [
        ("", "in", ""),
        ("acc", "in", "acc"),
        ("~/in/acc", "in", "acc"),
        ("'~/in/acc'", "in", "acc"),
        ("~/", ".", ""),
        ("~/in/", "in", ""),
    ],
)
def test_a_typed_path_is_a_folder_and_a_beginning(
    folder: Path, typed: str, place: str, beginning: str
) -> None:
    found, rest = split(typed)

    assert (found.resolve(), rest) == ((folder.parent / place).resolve(), beginning)


def test_the_root_and_an_unknown_home_are_paths_too() -> None:
    assert split("/etc") == (Path("/"), "etc")
    assert split("~//work/file") == (Path("/work"), "file")
    assert split("~/a/~/b") == (Path.home(), "b")
    assert split("~/'/work/my file'") == (Path("/work"), "my file")
    assert split("~nobody-has-this-name/x") == (Path("~nobody-has-this-name"), "x")


def test_folders_come_first_and_case_does_not_matter(folder: Path) -> None:
    assert [one.name for one in look_into(folder)] == [
        "Photos",
        "accounts.json",
        "Accounts.txt",
        "zebra.txt",
    ]
    assert [one.name for one in look_into(folder, "ACC")] == ["accounts.json", "Accounts.txt"]
    assert look_into(folder, "z")[0].size == 5


def test_hidden_files_are_shown_to_those_who_ask(folder: Path) -> None:
    assert [one.name for one in look_into(folder, ".")] == [".hidden"]


def test_what_cannot_be_read_is_named(folder: Path) -> None:
    with pytest.raises(ForeignFileError, match="No such file"):
        look_into(folder / "gone")
    with pytest.raises(ForeignFileError, match="Not a directory"):
        look_into(folder / "zebra.txt")


@pytest.mark.parametrize(
    ("beginning", "rest"),
    [
        ("z", "zebra.txt"),
        ("p", "Photos/"),
        ("acc", "acc"),
        ("accounts.", "accounts."),
        ("q", "q"),
        ("", ""),
    ],
)
def test_a_name_is_completed_as_far_as_all_agree(folder: Path, beginning: str, rest: str) -> None:
    assert completed(look_into(folder, beginning), beginning) == rest


def test_paths_are_shown_as_people_type_them(folder: Path) -> None:
    assert shown(folder) == "~/in"
    assert shown(folder.parent) == "~"
    assert shown(Path("/etc")) == "/etc"
