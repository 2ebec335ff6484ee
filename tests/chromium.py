"""A real browser for tests: Chromium as the system has it, driven by Playwright, one page at a time.

A `Visit` keeps watch: of every page it shows, nothing may ask another host for anything, and nothing
may be refused by the page's own policy.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from playwright.async_api import async_playwright

from programs import cannot_run, require_program

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser, BrowserContext, Page

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}
SMALL: dict[str, Any] = {**PHONE, "viewport": {"width": 320, "height": 568}}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
ZOOMED: dict[str, Any] = {"viewport": {"width": 320, "height": 256}}
"""A desktop at 400 % (WCAG 2.2, 1.4.10)."""

_STATUS = re.compile(r"Failed to load resource: the server responded with a status of [45]\d\d ")
"""How the console notes that a page came with an error status, as ours do."""


@dataclass(slots=True)
class Visit:
    """A window of its own, without cookies or anything else from before."""

    context: BrowserContext
    page: Page
    requested: list[str] = field(default_factory=list)
    """Every URL that was asked for."""
    answered: list[str] = field(default_factory=list)
    """Every URL that was answered: what the policy refuses is asked for but never sent."""
    complaints: list[str] = field(default_factory=list)
    """What the console took for an error or a warning: violations of the policy above all."""

    def watch(self, page: Page) -> None:
        """Note what `page` asks for and complains about."""
        page.on("request", lambda request: self.requested.append(request.url))
        page.on("response", lambda response: self.answered.append(response.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self._hear(message.type, message.text))

    def _hear(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and not _STATUS.match(text):
            self.complaints.append(text)

    def origins(self) -> set[str]:
        """Scheme, host and port of all that was asked for over the network."""
        return {"/".join(url.split("/")[:3]) for url in self.requested if not url.startswith("data:")}


@contextlib.asynccontextmanager
async def running_chromium() -> AsyncIterator[Browser]:
    """Run the system's Chromium; skips, or fails in CI, where there is none."""
    program = require_program("chromium")
    # Its sandbox refuses to run as root, as containers do; it sees nothing here but our own pages.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with contextlib.AsyncExitStack() as stack:
        try:
            playwright = await stack.enter_async_context(async_playwright())
        except Exception as error:  # noqa: BLE001 - Playwright raises it bare
            cannot_run(f"Playwright's driver does not start, on Debian it needs libatomic1: {error}")
        browser = await playwright.chromium.launch(executable_path=program, args=arguments)
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def visiting(browser: Browser, **options: Any) -> AsyncIterator[Visit]:
    """Open a window; options are Playwright's for a context, as `PHONE`."""
    context = await browser.new_context(**options)
    try:
        page = await context.new_page()
        visit = Visit(context, page)
        visit.watch(page)
        yield visit
    finally:
        await context.close()


async def stop_clock(page: Page) -> None:
    """Let clocks and timers move only by `page.clock.run_for`; to be called before the page opens."""
    await page.clock.install(time=0)
    await page.clock.pause_at(1000)


async def picture(page: Page, path: Path | None = None) -> bytes:
    """Draw the whole page as PNG, also into a file.

    Not by Playwright's `full_page`, under which the page sees a mouse where there was a finger.
    """
    size = page.viewport_size
    assert size is not None
    height = await page.evaluate("Math.ceil(document.documentElement.getBoundingClientRect().height)")
    await page.set_viewport_size({"width": size["width"], "height": max(height, size["height"])})
    try:
        return await page.screenshot(path=path, animations="disabled", caret="hide")
    finally:
        await page.set_viewport_size(size)
