"""Help: every key, in words, made from the bindings themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from watchword_tui.screens.page import Dialog
from watchword_tui.screens.showing import LEFT_OUT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.dom import DOMNode

    from watchword_tui.settings import Settings

EVERYWHERE = "Everywhere"
_KEYS_WIDTH = 11
_LEFT_SECTIONS = 3
"""How many sections stand in the left column."""


def sections() -> list[tuple[str, Sequence[type[DOMNode]]]]:
    """The headings, and the classes whose keys stand under each."""
    from watchword_tui.app import WatchwordApp  # noqa: PLC0415 - it imports the screens
    from watchword_tui.screens.account_screen import AccountScreen  # noqa: PLC0415 - as above
    from watchword_tui.screens.code_screen import CodeScreen  # noqa: PLC0415 - as above
    from watchword_tui.screens.codes import CodesScreen  # noqa: PLC0415 - as above
    from watchword_tui.screens.list_screen import ListScreen  # noqa: PLC0415 - as above
    from watchword_tui.widgets.code_list import CodeList  # noqa: PLC0415 - as above
    from watchword_tui.widgets.filter_bar import FilterBar, FilterField  # noqa: PLC0415 - as above

    return [
        ("List", [CodeList]),
        ("Codes", [CodeScreen, ListScreen]),
        ("While finding", [FilterBar, FilterField]),
        ("Vault", [AccountScreen]),
        (EVERYWHERE, [CodesScreen, WatchwordApp]),
    ]


def bindings_of(owner: type[DOMNode]) -> list[Binding]:
    """The keys that a class itself declares."""
    return [one for one in owner.__dict__.get("BINDINGS", ()) if isinstance(one, Binding)]


class HelpScreen(Dialog[None]):
    """The keys, and where the settings are."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,f1,enter", "close", "Close", key_display="Esc"),
    ]
    DEFAULT_CSS = """
    HelpScreen {
        #help { width: 78; }
        #columns { height: auto; }
        #columns Static { width: 1fr; }
        #settings { margin-top: 1; color: $foreground 65%; }
    }
    """

    def __init__(self, settings: Settings) -> None:
        """Show the keys as `settings` change them, and where the settings are."""
        super().__init__()
        self._settings = settings

    def compose(self) -> ComposeResult:
        """Lay out the table of keys."""
        columns = self._columns()
        with VerticalScroll(classes="dialog", id="help") as dialog:
            dialog.border_title = "Help"
            dialog.border_subtitle = "Esc closes"
            with Horizontal(id="columns"):
                for column in columns:
                    yield Static(column)
            path = self._settings.path or "none: this is a demo"
            yield Static(f"Settings  {path}", id="settings", markup=False)

    def _columns(self) -> list[Content]:
        listed: set[str] = set()
        blocks = [self._section(title, owners, listed) for title, owners in sections()]
        parts = [blocks[:_LEFT_SECTIONS], blocks[_LEFT_SECTIONS:]]
        return [Content("\n").join(part) for part in parts]

    def _section(self, title: str, owners: Sequence[type[DOMNode]], listed: set[str]) -> Content:
        """A heading and its keys, but for what is `listed` already: some keys have two places."""
        rows: dict[str, list[str]] = {}
        for owner in owners:
            for binding in bindings_of(owner):
                if self._settings.show_only and binding.action.partition("(")[0] in LEFT_OUT:
                    continue
                rows.setdefault(binding.description, []).append(self._keys(binding))
        if title == EVERYWHERE:
            rows["All commands, themes"] = [
                self.app.get_key_display(Binding(self.app.COMMAND_PALETTE_BINDING, ""))
            ]
        if not rows:
            return Content("")
        parts: list[str | tuple[str, str]] = [(f"{title}\n", "bold $accent")]
        for meaning, keys in rows.items():
            if meaning not in listed:
                parts += [(f" {' '.join(keys):<{_KEYS_WIDTH}}", "bold"), f"{meaning}\n"]
        listed.update(rows)
        return Content.assemble(*parts)

    def _keys(self, binding: Binding) -> str:
        """A binding's keys as they are printed on a keyboard, with the person's own in their place."""
        own = dict(self._settings.keys).get(binding.id or "", "")
        keys = [key.strip() for key in (own or binding.key).split(",")]
        return " ".join(
            self.app.get_key_display(replace(binding, key=key, key_display=None)) for key in keys
        )

    def action_close(self) -> None:
        """Go back."""
        self.dismiss()
