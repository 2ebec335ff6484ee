"""Themes of the person's own: TOML files in the `themes` folder beside the settings."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import msgspec
from textual.color import Color, ColorParseError
from textual.theme import Theme

from watchword_otp import clean_label
from watchword_otp.value import Value

if TYPE_CHECKING:
    from pathlib import Path


class _ThemeFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A theme as written: the names of Textual's own theme, colours as it reads them."""

    primary: str
    secondary: str | None = None
    accent: str | None = None
    foreground: str | None = None
    background: str | None = None
    surface: str | None = None
    panel: str | None = None
    success: str | None = None
    warning: str | None = None
    error: str | None = None
    dark: bool = True


class UserThemes(Value, frozen=True):
    """What the folder gave."""

    themes: tuple[Theme, ...]
    problems: tuple[str, ...]
    """Files that are no themes, one sentence each."""


def load_user_themes(folder: Path) -> UserThemes:
    """Read every `NAME.toml` in `folder` as the theme NAME; a folder that is not there has none."""
    themes = []
    problems = []
    for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
        name = clean_label(path.stem)
        try:
            table = tomllib.loads(path.read_text("utf-8"))
            read = msgspec.convert(table, _ThemeFile)
            colours = {
                key: value for key, value in msgspec.structs.asdict(read).items() if key != "dark"
            }
            for colour in colours.values():
                if colour is not None:
                    Color.parse(colour)
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"theme {name}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}")
        except (tomllib.TOMLDecodeError, msgspec.ValidationError, ColorParseError) as error:
            problems.append(f"theme {name}: {clean_label(str(error).splitlines()[0])}")
        else:
            themes.append(Theme(name=name, dark=read.dark, **colours))
    return UserThemes(tuple(themes), tuple(problems))
