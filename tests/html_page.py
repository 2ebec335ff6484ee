"""A page of HTML as a browser without scripts would see it."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "link", "input", "path", "br"}


class Page(HTMLParser):
    """What a browser without scripts would see of a page."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        assert html.count("<!doctype html>") == 1
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == [], "an element is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and data.strip():
            self.texts.setdefault(self._open[-1], []).append(data.strip())

    def said(self) -> str:
        """What was wrong with the code that was sent."""
        (described,) = [each for _, each in self.elements if each.get("id") == "code"]
        assert described["aria-describedby"] == "setback"
        assert described["aria-invalid"] == "true"
        assert "autofocus" in described
        return " ".join([*self.texts["p"], *self.texts["span"]])

    def one(self, tag: str) -> dict[str, str | None]:
        (found,) = [attributes for each, attributes in self.elements if each == tag]
        return found
