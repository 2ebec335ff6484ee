"""Every state of the page, on a phone and on a desktop: whole at any width, in both schemes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Literal

import pytest
import zxingcpp
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]  # no stubs
from PIL import Image

from chromium import DESKTOP, PHONE, picture, stop_clock
from page_states import STATES
from watchword_otp import format_uri
from watchword_otp.qr import make_qr

if TYPE_CHECKING:
    from playwright.async_api import Page

    from page_states import Enter, Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEVICES = {"phone": PHONE, "desktop": DESKTOP}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTHS = (320, 390, 768, 896, 1280)
HAS_QR = {"first", "wrong", "clock-off", "malformed", "locking", "locked", "disabled"}
LONG = {
    "hebrew": "\u05d0\u05d1\u05d2 \u05d3\u05d4\u05d5 (\u05d1\u05e2\u05f4\u05de) 24",
    "a word": "x" * 100,
    "wide": "\u6f22" * 100,
    "words": "Bücher & Söhne " * 6 + "GmbH",
}
"""Labels that layouts break at."""

BEYOND = """() => [...document.querySelectorAll("main *")]
    .filter((each) => !each.closest(".heard-only") && !each.closest("svg"))
    .filter((each) => each.getBoundingClientRect().right > innerWidth
        || (each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).display !== "inline"))
    .map((each) => each.outerHTML.slice(0, 80))"""
"""What sticks out of the window, or of what it is in."""

SIDES = """(selector) => {
    const { left, top, right, bottom } = document.querySelector(selector).getBoundingClientRect();
    return [left + scrollX, top + scrollY, right + scrollX, bottom + scrollY];
}"""


async def over(scene: Scene) -> None:
    """Left open until the link's time was over; only a script can say so."""
    await stop_clock(scene.page)
    await scene.open()
    await scene.page.clock.run_for(600_000)
    await scene.page.clock.resume()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("state", [*STATES, "over"])
async def test_a_state_is_whole(enter: Enter, state: str, device: str) -> None:
    async with enter(DEVICES[device]) as (scene, visit):
        reach, words = STATES.get(state, (over, "opens no"))
        await reach(scene)
        assert words in await visit.page.inner_text("main")
        await _fits(visit.page)
        for scheme in SCHEMES:
            await visit.page.emulate_media(color_scheme=scheme)
            found = await Axe().run(visit.page)
            assert found.violations_count == 0, found.generate_report()
            if state in HAS_QR:
                assert _scan(await picture(visit.page)) == [format_uri(scene.made.key)]


@pytest.mark.parametrize("label", LONG)
async def test_labels_break_no_layout(enter: Enter, label: str) -> None:
    async with enter(PHONE, issuer=LONG[label], account=LONG[label]) as (scene, visit):
        await scene.open()
        await _fits(visit.page)
        await scene.send(scene.code())
        assert LONG[label] in await visit.page.inner_text("dl")
        await _fits(visit.page)


@pytest.mark.parametrize(
    "members",
    [
        {"kind": "steam"},
        {"kind": "hotp"},
        {"algorithm": "SHA512", "digits": 8, "secret": "GEZDGNBVGY3TQOJQ" * 7},
    ],
    ids=lambda members: next(iter(members.values())),
)
async def test_unusual_keys_break_no_layout(enter: Enter, members: dict[str, Any]) -> None:
    async with enter(PHONE, **members) as (scene, visit):
        await scene.open()
        await _fits(visit.page)
        assert _scan(await picture(visit.page)) == [format_uri(scene.made.key)]
        await scene.send(scene.code())
        assert "Codes are on" in await visit.page.inner_text("h1")


async def test_without_scripts_it_fits_too(enter: Enter) -> None:
    async with enter({**PHONE, "java_script_enabled": False}) as (scene, visit):
        for state in ("first", "wrong", "done"):
            await STATES[state][0](scene)
            await visit.page.set_viewport_size({"width": 320, "height": 568})
            box = await visit.page.locator("main").bounding_box()
            assert box is not None
            assert box["width"] <= 320


@pytest.mark.parametrize("forced", ["light", "dark"])
async def test_with_forced_colours_the_qr_code_stays_black_on_white(enter: Enter, forced: str) -> None:
    options = {**DESKTOP, "forced_colors": "active", "color_scheme": forced}
    async with enter(options) as (scene, visit):
        await scene.open()
        png = await visit.page.locator(".qr").screenshot()
        image = Image.open(io.BytesIO(png)).convert("L")
        colours = image.getcolors(256) or []
        assert {grey for _, grey in sorted(colours, reverse=True)[:2]} == {0, 255}
        assert image.getpixel((image.width // 2, 3)) == 255, "the card is what it lies on"
        assert _scan(png) == [format_uri(scene.made.key)]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("scheme", SCHEMES)
async def test_the_qr_code_has_its_quiet_zone(enter: Enter, device: str, scheme: str) -> None:
    async with enter({**DEVICES[device], "color_scheme": scheme}) as (scene, visit):
        await scene.open()
        image = Image.open(io.BytesIO(await picture(visit.page))).convert("L")
        scale = image.width / await visit.page.evaluate("innerWidth")
        left, top, right, bottom = [
            round(side * scale) for side in await visit.page.evaluate(SIDES, ".qr svg")
        ]
        drawn = image.crop((left, top, right, bottom))
        zone = 4 * drawn.width / (make_qr(format_uri(scene.made.key)).size + 2 * 4)
        dark = drawn.point(lambda grey: 255 if grey < 128 else 0).getbbox()
        assert dark is not None
        around = (dark[0], dark[1], drawn.width - dark[2], drawn.height - dark[3])
        assert around == pytest.approx((zone,) * 4, abs=2)
        # What is around it belongs to the card, and is as white.
        assert image.getpixel((left - 2, top + 20)) == image.getpixel((left + 20, bottom + 1)) == 255


async def _fits(page: Page) -> None:
    """Nothing scrolls sideways, however narrow or wide the window."""
    size = page.viewport_size
    assert size is not None
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 568})
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert await page.evaluate(BEYOND) == [], f"at {width} pixels"
    await page.set_viewport_size(size)


def _scan(png: bytes) -> list[str]:
    return [each.text for each in zxingcpp.read_barcodes(Image.open(io.BytesIO(png)))]
