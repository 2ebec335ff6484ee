"""Keys and themes of the person's own, from the folder of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from apps import GITHUB, NOWHERE, press, running, settled, text
from servers import NOON, Clock
from watchword_tui.accounts import Account, Loaded
from watchword_tui.app import WatchwordApp
from watchword_tui.session import Session
from watchword_tui.settings import Overrides, ServerProfile, Settings, load_settings
from watchword_tui.user_themes import load_user_themes

if TYPE_CHECKING:
    from pathlib import Path

NIGHT = 'primary = "#ff5f00"\nbackground = "#000000"\naccent = "#ff5f00"\n'


def make_app(settings: Settings) -> WatchwordApp:
    return WatchwordApp(Session(settings, Loaded((Account(GITHUB, "test"),), ()), clock=Clock(NOON)))


def settings_of(folder: Path, **more: object) -> Settings:
    profile = ServerProfile("dev", NOWHERE)
    return Settings((profile,), profile.name, path=folder / "config.toml", **more)  # type: ignore[arg-type]


async def test_a_theme_of_ones_own_is_there_to_start_with(tmp_path: Path) -> None:
    (tmp_path / "themes").mkdir()
    (tmp_path / "themes" / "night.toml").write_text(NIGHT)
    app = make_app(settings_of(tmp_path, theme="night"))
    async with running(app):
        assert app.theme == "night"
        assert app.current_theme.primary == "#ff5f00"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("primary = ", "theme odd:"),
        ("dark = true", "theme odd: Object missing required field `primary`"),
        ('primary = "plaid"', "theme odd:"),
        ('primary = "#ffffff"\nprimry = "#000000"', "theme odd: Object contains unknown field `primry`"),
        ("primary = 1", "theme odd: Expected `str"),
    ],
)
async def test_a_file_that_is_no_theme_is_named_and_stops_nothing(
    tmp_path: Path, content: str, said: str
) -> None:
    folder = tmp_path / "themes"
    folder.mkdir()
    (folder / "odd.toml").write_text(content)
    (folder / "night.toml").write_text(NIGHT)

    found = load_user_themes(folder)

    assert [theme.name for theme in found.themes] == ["night"]
    assert len(found.problems) == 1
    assert found.problems[0].startswith(said)
    async with running(make_app(settings_of(tmp_path))) as (pilot, _):
        assert "theme odd" in text(pilot)


async def test_a_key_of_ones_own_replaces_the_usual_one(tmp_path: Path) -> None:
    app = make_app(settings_of(tmp_path, keys=(("help", "h"),)))
    async with app.run_test(notifications=True) as pilot:
        await settled(pilot)
        await press(pilot, "question_mark")
        assert len(app.screen_stack) == 1
        await press(pilot, "h")
        assert len(app.screen_stack) == 2


async def test_a_key_for_something_unknown_is_told(tmp_path: Path) -> None:
    async with running(make_app(settings_of(tmp_path, keys=(("helpp", "h"),)))) as (pilot, _):
        assert "No binding helpp" in text(pilot)


def test_keys_come_from_the_settings_file(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[keys]\nlock = "L"\n')

    settings = load_settings(Overrides(config=path), {"HOME": str(tmp_path)}, tmp_path)

    assert settings.keys == (("lock", "L"),)
