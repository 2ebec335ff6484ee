"""The app: its look, its life, and what the command palette offers."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from watchword_tui import themes
from watchword_tui.screens.codes import CodesScreen
from watchword_tui.session import Session
from watchword_tui.terminal import TerminalApp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual._path import CSSPathType
    from textual.app import SystemCommand
    from textual.screen import Screen

    from watchword_tui.accounts import Loaded
    from watchword_tui.settings import Settings


class WatchwordApp(TerminalApp):
    """Live codes and their validation in one terminal."""

    TITLE = "Watchword"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", key_display="^q", priority=True),
    ]
    CSS_PATH: ClassVar[CSSPathType | None] = Path(__file__).with_name("watchword.tcss")

    def __init__(self, session: Session) -> None:
        """Make the app for `session`, which it closes when it ends."""
        super().__init__()
        self._session = session
        # Before the first frame: a later change would have every rule of CSS parsed again.
        self.register_theme(themes.DARK)
        self.register_theme(themes.LIGHT)
        wanted = session.settings.theme
        self.theme = wanted if wanted in self.available_themes else themes.DEFAULT

    def get_default_screen(self) -> Screen[None]:
        """Begin with the codes."""
        return CodesScreen(self._session)

    def on_ready(self) -> None:
        """Collect garbage from here on: the command line left it off for a quicker start."""
        gc.enable()

    def on_mount(self) -> None:
        """Say if the theme wanted is not there."""
        wanted = self._session.settings.theme
        if wanted not in {None, self.theme}:
            known = ", ".join(sorted(self.available_themes))
            self.notify(f"Known: {known}", title=f"No theme {wanted}", severity="warning", markup=False)

    async def on_unmount(self) -> None:
        """Close the connections."""
        await self._session.aclose()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer what the screen's keys do in the command palette too."""
        yield from super().get_system_commands(screen)
        if isinstance(screen, CodesScreen):
            yield from screen.commands()


def run_app(settings: Settings, loaded: Loaded, *, guide: str = "") -> int:
    """Run the app on this terminal until the person leaves; give the exit status."""
    app = WatchwordApp(Session(settings, loaded, guide=guide))
    app.run()
    return app.return_code or 0
