"""A short menu: one of a few things, by its letter, the arrows or the mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from watchword_otp.value import Value
from watchword_tui.screens.page import Dialog
from watchword_tui.widgets.cells import fit
from watchword_tui.widgets.line_list import LineList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.app import ComposeResult


class Offer(Value, frozen=True):
    """One line of a menu."""

    id: str
    """What the screen closes with."""
    key: str
    """The letter that chooses it at once; none of j, k, g, which move."""
    title: str
    hint: str = ""
    """What it does, in a few words."""


class OfferList(LineList):
    """The lines of a menu."""

    DEFAULT_CSS = """
    OfferList { height: auto; max-height: 16; }
    """

    def __init__(self, offers: Sequence[Offer]) -> None:
        super().__init__()
        self.offers = tuple(offers)
        self._title_width = max(len(offer.title) for offer in self.offers) + 3

    @property
    def count(self) -> int:
        """How many offers there are."""
        return len(self.offers)

    def spans(self, index: int, width: int) -> list[tuple[str, str]]:
        """The letter, the title, the hint."""
        offer = self.offers[index]
        return [
            (f"{offer.key}  ", "accent"),
            (fit(offer.title, self._title_width), "strong"),
            (fit(offer.hint, width - self._title_width - 3), "quiet"),
        ]


class ChooseScreen(Dialog[str | None]):
    """Closes with the id of the offer that was chosen, or with None."""

    DEFAULT_CSS = """
    ChooseScreen #choose-text { height: auto; margin-bottom: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Back", key_display="Esc")]

    def __init__(self, title: str, offers: Sequence[Offer], text: str = "") -> None:
        """Offer several things under `title`; `text` says first why."""
        super().__init__()
        self._title = title
        self._text = text
        self._offers = offers

    def compose(self) -> ComposeResult:
        """Lay out the text over the offers."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(self._title)
            dialog.border_subtitle = "Esc goes back"
            if self._text:
                yield Static(self._text, id="choose-text", markup=False)
            yield OfferList(self._offers)

    def on_key(self, event: events.Key) -> None:
        """Choose by the letter."""
        for offer in self._offers:
            if event.character == offer.key:
                event.stop()
                self.dismiss(offer.id)
                return

    def on_line_list_chosen(self) -> None:
        """Choose what is highlighted."""
        self.dismiss(self._offers[self.query_one(OfferList).cursor].id)

    def on_click(self, event: events.Click) -> None:
        """Choose with a single click, as people expect of a menu."""
        if isinstance(event.widget, OfferList) and event.chain == 1:
            self.on_line_list_chosen()

    def action_close(self) -> None:
        """Choose nothing."""
        self.dismiss(None)
