"""What is done with the codes of the list: shown large, hidden, copied, counted on."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.app import SystemCommand
from textual.binding import Binding, BindingType

from watchword_otp import Kind
from watchword_tui.screens.list_screen import ListScreen
from watchword_tui.widgets.code_list import CodeList

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchword_tui.accounts import Account
    from watchword_tui.app import WatchwordApp
    from watchword_tui.session import Session
    from watchword_tui.widgets.code_card import CodeCard


class CodeScreen(ListScreen):
    """The list, with the highlighted code large and the keys that act on it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "copy", "Copy", id="copy", tooltip="Send the code to your terminal's clipboard"),
        Binding(
            "n",
            "next_code",
            "Next code",
            show=False,
            id="next-code",
            tooltip="HOTP: move the counter on and show its code",
        ),
        Binding(
            "space",
            "reveal",
            "Show the code",
            show=False,
            id="reveal",
            tooltip="Show a hidden code until it ends",
        ),
        Binding(
            "full_stop",
            "toggle_hidden",
            "Hide codes",
            show=False,
            id="hide",
            key_display=".",
            tooltip="Dots for codes, or no more",
        ),
    ]

    def __init__(self, session: Session) -> None:
        """Show the accounts of `session`."""
        super().__init__(session)
        self._card: CodeCard | None = None
        self._counting = False

    @property
    def card(self) -> CodeCard:
        """The highlighted account, large; it comes when the codes are on the screen."""
        assert self._card is not None  # noqa: S101 - there is nobody to press a key before
        return self._card

    def add_card(self) -> CodeCard:
        """Make the card, to be mounted."""
        from watchword_tui.widgets.code_card import CodeCard  # noqa: PLC0415 - not for the first frame

        self._card = CodeCard(self._book)
        self._show_card()
        return self._card

    def tick(self) -> None:
        """Show this second."""
        super().tick()
        if self._card is not None:
            self._card.tick(self._session.clock())

    def highlighted_code(self) -> str:
        """The highlighted account's code, hidden or not; empty where there is none now."""
        line = self.code_list.highlighted
        look = self._book.look(line, self._session.clock()) if line else None
        return look.code if look else ""

    @on(CodeList.Highlighted)
    def _highlighted(self) -> None:
        line = self.code_list.highlighted
        if self._book.moved(line):
            self.code_list.refresh()
        self._show_card()

    def _show_card(self) -> None:
        line = self.code_list.highlighted
        if self._card is not None:
            uses = self._session.usage.use_of(line.identity).count if line else 0
            self._card.show_line(line, self._session.clock(), uses)

    def _codes_changed(self) -> None:
        self.code_list.refresh()
        self._show_card()

    @on(CodeList.Chosen)
    def _chosen(self) -> None:
        """Copy; what cannot be copied yet is shown first."""
        line = self.code_list.highlighted
        if line is None:
            return
        if line.row is not None:
            self.open_quarantined(line.row)
            return
        look = self._book.look(line, self._session.clock())
        if look is not None and look.hidden:
            self.action_reveal()
        else:
            self.action_copy()

    def action_copy(self) -> None:
        """Send the code to the terminal's clipboard; whether it takes it cannot be known."""
        account = self.highlighted_account()
        if account is None:
            return
        code = self.highlighted_code()
        if not code:
            self.notify("n moves the counter on and shows its code.", title="No code yet", markup=False)
            return
        self._copy(code)
        self._session.usage.note(account.id, self._session.clock())
        self.notify("If nothing arrives, your terminal does not take it.", title="Sent to your terminal")

    def _copy(self, code: str) -> None:
        cast("WatchwordApp", self.app).send_code(code)

    def action_reveal(self) -> None:
        """Show the highlighted code, if it is hidden, until its step ends."""
        line = self.code_list.highlighted
        if line is not None and self._book.hidden:
            self._book.reveal(line, self._session.clock())
            self._codes_changed()

    def action_toggle_hidden(self) -> None:
        """Show dots in the place of codes, or no more."""
        self._book.toggle_hidden()
        self._show_lines(self._identity)

    @work
    async def action_next_code(self) -> None:
        """Move a HOTP account's counter on, save it, and only then show the code."""
        account, line = self.highlighted_account(), self.code_list.highlighted
        if account is None or line is None or self._counting:
            return
        if account.key.kind is not Kind.HOTP:
            self.notify("Its codes change by themselves.", title="No counter", markup=False)
            return
        self._counting = True
        try:
            before = await self._count(account)
        finally:
            self._counting = False
        if before is not None:
            self._book.show_counted(line, before.key, self._session.clock())
            self._codes_changed()

    async def _count(self, account: Account) -> Account | None:
        """Move the counter on for good, if it can be; give the account as it was before."""
        keeper = self._session.keeper
        if keeper is None or not account.id:
            self.notify(
                f"It comes from {account.source}: its counter lives as long as this run. "
                "In the vault (i) it would be kept.",
                title="Counter not saved",
                severity="warning",
                markup=False,
            )
            return self._book.count(account)
        before: list[Account] = []

        async def advance() -> None:
            before.append(await keeper.advance(account.id))

        if not await self._saved(advance()):
            return None
        self.show_accounts()
        if before:
            return before[0]
        # The counter that was saved by merging has not been shown, and is passed over.
        self.notify("Press n once more.", title="Merged", markup=False)
        return None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim what needs an account where there is none."""
        if action in {"copy", "qr"} and not self._session.accounts:
            return None
        return super().check_action(action, parameters)

    def commands(self) -> Iterable[SystemCommand]:
        """What this screen offers in the command palette; no label from outside is in it."""
        yield SystemCommand("Copy", "Send the code to your terminal's clipboard", self.action_copy)
        yield SystemCommand("Next code", "HOTP: count on and show the code", self.action_next_code)
        yield SystemCommand("Hide codes", "Dots for codes, or no more", self.action_toggle_hidden)
        yield SystemCommand("Show the code", "Show a hidden code until it ends", self.action_reveal)
        yield from super().commands()
