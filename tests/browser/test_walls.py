"""What the page's policy keeps out, were something of a label ever taken for markup.

Each attack is first seen to succeed in a browser that passes over the policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chromium import DESKTOP, visiting
from page_states import scene_of

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

    from servers import RunningServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCRIPTS = {
    "markup": """document.body.innerHTML = '<img src="data:," onerror="window.ran = true">';""",
    "script": """const made = document.createElement("script");
        made.textContent = "window.ran = true";
        document.body.append(made);""",
    "handler": """const title = document.querySelector("h1");
        title.setAttribute("onclick", "window.ran = true");
        title.click();""",
    "eval": """(0, eval)("window.ran = true");""",
    "base": """const base = document.createElement("base");
        base.href = "/elsewhere/";
        document.head.append(base);
        if (document.baseURI.includes("elsewhere")) window.ran = true;""",
    "style": """const style = document.createElement("style");
        style.textContent = "h1 { visibility: hidden }";
        document.head.append(style);
        const seen = getComputedStyle(document.querySelector("h1")).visibility;
        if (seen === "hidden") window.ran = true;""",
}
CARRIERS = {
    "fetch": """fetch("/healthz?away").catch(() => 0);""",
    "image": """new Image().src = "/healthz?away";""",
    "beacon": """navigator.sendBeacon("/healthz?away", "x");""",
    "frame": """const frame = document.createElement("iframe");
        frame.src = "/healthz?away";
        document.body.append(frame);""",
}


@pytest.mark.parametrize("attack", SCRIPTS)
async def test_no_other_script_or_style_counts(
    browser: Browser, server: RunningServer, attack: str
) -> None:
    async with (
        visiting(browser, **DESKTOP, bypass_csp=True) as visit,
        scene_of(server, visit.page) as scene,
    ):
        await scene.open()
        await _run(visit.page, SCRIPTS[attack])
        await visit.page.wait_for_function("window.ran")
    async with visiting(browser, **DESKTOP) as visit:
        await visit.page.goto(scene.url)
        await _run(visit.page, SCRIPTS[attack])
        assert await visit.page.evaluate("window.ran") is None
        assert visit.complaints


@pytest.mark.parametrize("attack", CARRIERS)
async def test_nothing_is_carried_away(browser: Browser, server: RunningServer, attack: str) -> None:
    """Not even to the server itself; what is held to `default-src 'none'` goes nowhere."""
    away = "**/healthz?away"
    async with (
        visiting(browser, **DESKTOP, bypass_csp=True) as visit,
        scene_of(server, visit.page) as scene,
    ):
        await scene.open()
        async with visit.page.expect_request(away):
            await _run(visit.page, CARRIERS[attack])
    async with visiting(browser, **DESKTOP) as visit:
        await visit.page.goto(scene.url)
        async with visit.page.expect_console_message(lambda each: "Security Policy" in each.text):
            await _run(visit.page, CARRIERS[attack])
        assert not [url for url in visit.answered if "away" in url]


async def test_no_other_page_frames_it(browser: Browser, server: RunningServer) -> None:
    async with visiting(browser, **DESKTOP) as visit, scene_of(server, visit.page) as scene:
        await visit.page.route(
            "**/frame",
            lambda route: route.fulfill(
                content_type="text/html", body=f'<iframe src="{scene.path}"></iframe>'
            ),
        )
        async with visit.page.expect_console_message(lambda each: "frame" in each.text):
            await visit.page.goto(f"{server.url}/frame")
        assert "Set up codes" not in await visit.page.frames[-1].inner_text("body")


async def test_whoever_opened_the_window_loses_hold_of_it(
    browser: Browser, server: RunningServer
) -> None:
    async with visiting(browser, **DESKTOP) as visit, scene_of(server, visit.page) as scene:
        await visit.page.goto(f"{server.url}/healthz")
        async with visit.context.expect_page() as opened:
            await visit.page.evaluate("(url) => { window.held = open(url); }", scene.url)
        window = await opened.value
        await window.wait_for_selector("h1")
        assert await window.evaluate("window.opener") is None
        await visit.page.wait_for_function("held.closed")


async def _run(page: Page, script: str) -> None:
    """Run it as the page's own, and whatever it starts right away."""
    await page.evaluate(f"() => {{ setTimeout(() => {{ {script} }}); }}")
    await page.evaluate("new Promise((done) => setTimeout(() => setTimeout(done)))")
