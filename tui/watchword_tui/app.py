"""The app: its look, its life, its lock, and what the command palette offers."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import astuple
from textual import events
from textual.app import SystemCommand
from textual.binding import Binding, BindingType

from watchword_tui import themes
from watchword_tui.clipboard import clear_sequence, copy_sequence
from watchword_tui.endings import Due, Ending, duration_words, limits_of
from watchword_tui.keeper import VaultState
from watchword_tui.screens.codes import CodesScreen
from watchword_tui.terminal import TerminalApp, run_on_terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from textual._path import CSSPathType
    from textual.command import CommandListItem
    from textual.screen import Screen
    from textual.timer import Timer
    from textual.widget import AwaitMount, Widget

    from watchword_tui.endings import Limits
    from watchword_tui.screens.unlock import UnlockScreen
    from watchword_tui.session import Session

_IDLE_LOOK = 5.0
"""Most seconds between looks at how long nobody typed: a machine that slept wakes up locked."""

_GARBAGE = 10_000
"""Objects more than before at which garbage is looked for: drawing the screen once makes some thousands,
nearly all of which are gone before the next key."""

_INPUTS = (events.Key, events.Paste, events.MouseDown, events.MouseScrollUp, events.MouseScrollDown)


class WatchwordApp(TerminalApp):
    """Live codes and their validation in one terminal."""

    TITLE = "Watchword"
    DEFAULT_MODE: ClassVar[str] = "shown-0"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", key_display="^q", priority=True, id="quit"),
        Binding("l", "lock", "Lock", show=False, id="lock", tooltip="Remove the codes from the screen"),
        # Also while a dialog or a field has the keys.
        Binding("ctrl+l", "lock", "Lock", show=False, priority=True, id="lock-anywhere"),
    ]
    CSS_PATH: ClassVar[CSSPathType | None] = Path(__file__).with_name("watchword.tcss")

    def __init__(self, session: Session, environ: Mapping[str, str] = os.environ) -> None:
        """Make the app for `session`, which it closes when it ends."""
        super().__init__()
        self._session = session
        self._environ = environ
        self._problems: list[str] = []
        self._last_input = session.clock()
        self._ending = Ending(self._limits, self._last_input)
        self._sent = ""
        self._take_back: Timer | None = None
        self._modes_shown = 0
        self.add_mode(self.DEFAULT_MODE, self._first_screen)
        self._is_ready = False
        # Before the first frame: a later change would have every rule of CSS parsed again.
        self.register_theme(themes.DARK)
        self.register_theme(themes.LIGHT)
        self._register_user_themes()
        wanted = session.settings.theme
        self.theme = wanted if wanted in self.available_themes else themes.DEFAULT
        self.stylesheet.set_variables(self.get_css_variables())
        if session.settings.keys:
            self.set_keymap(dict(session.settings.keys))

    def _register_user_themes(self) -> None:
        path = self._session.settings.path
        if path is None or not (folder := path.parent / "themes").is_dir():
            return
        from watchword_tui.user_themes import load_user_themes  # noqa: PLC0415 - few have any

        found = load_user_themes(folder)
        for theme in found.themes:
            self.register_theme(theme)
        self._problems += found.problems

    def _first_screen(self) -> Screen[None]:
        """Begin with the codes, or with the lock screen where a passphrase is needed."""
        keeper = self._session.keeper
        if keeper is not None and keeper.state is VaultState.LOCKED:
            return self._unlock_screen("")
        return CodesScreen(self._session)

    def _show(self, make_screen: Callable[[], Screen[None]]) -> None:
        """Put a screen in the place of everything: all screens of the mode before are removed."""
        before = self.current_mode
        # What they are about to show has no place any more.
        for screen in self.screen_stack:
            self.workers.cancel_node(screen)
        self._modes_shown += 1
        mode = f"shown-{self._modes_shown}"
        self.add_mode(mode, make_screen)
        self.switch_mode(mode)
        self.remove_mode(before)

    def _unlock_screen(self, why: str) -> UnlockScreen:
        from watchword_tui.screens.unlock import UnlockScreen  # noqa: PLC0415 - when it is wanted

        return UnlockScreen(self._session, why=why)

    def on_ready(self) -> None:
        """Collect garbage from here on: the command line left it off for a quicker start."""
        self._is_ready = True
        # What was made so far stays: to look through it again would hold up a key for 50 ms.
        gc.freeze()
        gc.set_threshold(_GARBAGE)
        gc.enable()

    def keep_screens(self) -> None:
        """Look for garbage among the screens no more: all is on them, and they stay until they lock."""
        # First what is left of the lock screen, or it would stay too.
        gc.collect()
        gc.freeze()

    def refresh_css(self, animate: bool = True) -> None:  # noqa: FBT001, FBT002 - Textual's signature
        """Parse the rules again, after a change of theme.

        Textual does so twice before the first frame too, for the theme that they were parsed with.
        """
        if self._is_ready:
            super().refresh_css(animate)

    def on_mount(self) -> None:
        """Say what of the settings could not be used, and begin to look for idleness."""
        wanted = self._session.settings.theme
        if wanted not in {None, self.theme}:
            known = ", ".join(sorted(self.available_themes))
            self._problems.append(f"No theme {wanted}. Known: {known}")
        known_ids = {binding.id for binding in _bindings_with_ids()}
        for name, _ in self._session.settings.keys:
            if name not in known_ids:
                known = ", ".join(sorted(one for one in known_ids if one))
                self._problems.append(f"No binding {name} to give a key to. Known: {known}")
        for problem in self._problems:
            self.notify(problem, title="Settings", severity="warning", markup=False, timeout=15)
        limits = [limit for limit in astuple(self._limits) if limit]
        if limits:
            self.set_interval(min(_IDLE_LOOK, min(limits) / 10), self.look_at_clock)

    async def on_unmount(self) -> None:
        """Close the connections, and let go of the vault."""
        self._session.lock()
        await self._session.aclose()

    async def on_event(self, event: events.Event) -> None:
        """Note that somebody is there."""
        if isinstance(event, _INPUTS):
            self._last_input = self._session.clock()
        await super().on_event(event)

    @property
    def _limits(self) -> Limits:
        return limits_of(self._session.settings, typed=self._session.is_typed_open)

    def look_at_clock(self) -> None:
        """Lock, warn or leave, if it is time to."""
        self.lock_if_idle()
        now = self._session.clock()
        # As below: counted anew from here.
        self._last_input = min(self._last_input, now)
        due = self._ending.due(now, self._last_input)
        if due is Due.LEAVE:
            self.farewell = self._ending.why
            self.exit()
        elif due is Due.WARN:
            words = "Connect again to go on then."
            self.notify(words, title=self._ending.why, severity="warning", markup=False, timeout=30)

    def lock_if_idle(self) -> None:
        """Lock if nobody has typed for as long as the settings say."""
        idle = self._session.clock() - self._last_input
        limit = self._limits.lock_after
        # A clock that was set back says nothing about how long it was.
        if limit and not 0 <= idle < limit and self._session.can_lock and not self.is_locked:
            losses = filter(None, (getattr(one, "loss", "") for one in self.screen_stack))
            self.lock(" ".join([f"Nobody typed for {duration_words(limit)}.", *losses]))

    @property
    def is_locked(self) -> bool:
        """Whether the lock screen is shown."""
        return not isinstance(self.screen_stack[0], CodesScreen)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Lock only where there is something to lock."""
        if action == "lock":
            return self._session.can_lock and not self.is_locked
        return super().check_action(action, parameters)

    def action_lock(self) -> None:
        """Remove the codes from the screen and the secrets from memory."""
        self._unless_lost("Lock", lambda: self.lock(""))

    async def action_quit(self) -> None:
        """Leave; ask first where something would be lost."""
        self._unless_lost("Leave", self.exit)

    def _unless_lost(self, what: str, go: Callable[[], None]) -> None:
        """Go on, after a question if a screen would take something with it that is not shown again."""
        from watchword_tui.screens.confirm import ConfirmScreen  # noqa: PLC0415 - when needed

        questions = [getattr(one, "question_before_leaving", "") for one in self.screen_stack]
        question = next(filter(None, questions), "")
        # Asked a second time, it is meant.
        if not question or isinstance(self.screen, ConfirmScreen):
            go()
            return

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - Textual gives it
            if yes:
                go()

        self.push_screen(ConfirmScreen(question, what), answered)

    def lock(self, why: str) -> None:
        """Lock: put the lock screen in the place of everything; `why` is shown on it."""
        # The screens and accounts that were there at the start are to go now.
        gc.unfreeze()
        self._session.lock()
        self.clear_notifications()
        self._show(lambda: self._unlock_screen(why))

    def on_unlock_screen_unlocked(self) -> None:
        """Show the codes again."""
        self._last_input = self._session.clock()
        self._show(lambda: CodesScreen(self._session))

    def send_code(self, code: str) -> None:
        """Send a code to the terminal's clipboard, and take it back after a while."""
        self._write_terminal(copy_sequence(code, self._environ))
        self._sent = code
        after = self._session.settings.clear_after
        self._stop_taking_back()
        if after:
            self._take_back = self.set_timer(after, self.take_code_back)

    def take_code_back(self) -> None:
        """Clear the clipboard, if a code is the last that was put there from here."""
        self._stop_taking_back()
        if self._sent:
            self._sent = ""
            self._write_terminal(clear_sequence(self._environ))

    def copy_to_clipboard(self, text: str) -> None:
        """Copy what is marked on the screen or in a field, but never a secret."""
        if _holds_a_secret(self.focused):
            self.notify("Secrets are not copied.", severity="warning", markup=False)
            return
        self._stop_taking_back()
        self._sent = text
        self._write_terminal(copy_sequence(text, self._environ))

    @property
    def clipboard(self) -> str:
        """What was copied last, for pasting within the app."""
        return self._sent

    def _stop_taking_back(self) -> None:
        if self._take_back is not None:
            self._take_back.stop()
            self._take_back = None

    def _write_terminal(self, sequence: str) -> None:
        if self._driver is not None:
            self._driver.write(sequence)

    def action_command_palette(self) -> None:
        """Offer all commands, in a palette that closes once."""
        from watchword_tui.screens.page import Palette  # noqa: PLC0415 - when asked for

        if not self.screen.has_class("--textual-command-palette"):
            self.push_screen(Palette(id="--command-palette"))

    def search_commands(
        self, commands: Sequence[CommandListItem], placeholder: str = "Find …"
    ) -> AwaitMount:
        """Offer some commands, such as the themes, in a palette that closes once."""
        from textual.command import SimpleProvider  # noqa: PLC0415 - when asked for

        from watchword_tui.screens.page import Palette  # noqa: PLC0415 - as above

        # Textual calls the provider to get a provider, and gives itself.
        provider = SimpleProvider(self.screen, list(commands))
        return self.push_screen(Palette([provider], placeholder=placeholder))  # type: ignore[list-item]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer what the screen's keys do in the command palette too."""
        yield from super().get_system_commands(screen)
        if isinstance(screen, CodesScreen):
            yield from screen.commands()
        if self.check_action("lock", ()):
            yield SystemCommand("Lock", "Remove the codes from the screen", self.action_lock)


def _holds_a_secret(widget: Widget | None) -> bool:
    return widget is not None and (widget.has_class("secret") or getattr(widget, "password", False))


def _bindings_with_ids() -> list[Binding]:
    """The bindings that a keymap can change."""
    from watchword_tui.screens.account_screen import AccountScreen  # noqa: PLC0415 - at hand by now
    from watchword_tui.screens.code_screen import CodeScreen  # noqa: PLC0415 - as above
    from watchword_tui.screens.list_screen import ListScreen  # noqa: PLC0415 - as above
    from watchword_tui.widgets.code_list import CodeList  # noqa: PLC0415 - as above

    owners = (WatchwordApp, CodesScreen, CodeScreen, ListScreen, AccountScreen, CodeList)
    bindings = [binding for owner in owners for binding in owner.__dict__.get("BINDINGS", ())]
    return [binding for binding in bindings if isinstance(binding, Binding) and binding.id]


def run_app(session: Session) -> int:
    """Run the app on this terminal until the person leaves; give the exit status."""
    return run_on_terminal(WatchwordApp(session))
