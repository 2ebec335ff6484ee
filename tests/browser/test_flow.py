"""From the link to the recovery codes, as people go: by finger, mouse or keyboard, scripts or none."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chromium import DESKTOP, PHONE
from key_routes import redeem
from page_states import STATES, database_gone
from watchword_otp import parse_uri

if TYPE_CHECKING:
    from playwright.async_api import Page, Route

    from page_states import Enter

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEVICES = {"phone": PHONE, "desktop": DESKTOP}
CODE = re.compile(r"\b(?:[a-z2-7]{4}-){5}[a-z2-7]{4}\b")
FOCUS = """() => {
    const at = document.activeElement, style = getComputedStyle(at);
    const isVisible = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    return [at.id || at.textContent.trim(), isVisible];
}"""
"""What has the focus, and whether one sees it."""

GROUND = "(selector) => getComputedStyle(document.querySelector(selector)).backgroundColor"
"""What marks the one button that leads on."""


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("has_scripts", [True, False], ids=["scripts", "no scripts"])
async def test_the_whole_way(enter: Enter, device: str, has_scripts: bool) -> None:  # noqa: FBT001 - pytest's
    options = {**DEVICES[device], "java_script_enabled": has_scripts}
    async with enter(options) as (scene, visit):
        page = visit.page
        await scene.open()
        link = page.get_by_role("link", name="Open in your authenticator app")
        assert parse_uri(str(await link.get_attribute("href"))) == scene.made.key
        assert "Opens until 08:10 UTC" in await page.inner_text("header")
        await scene.send(scene.wrong())
        assert "This code is not right" in await page.inner_text("main")
        async with page.expect_request(lambda request: request.method == "POST") as sent:
            await scene.send(scene.code())
        # The path is the ticket.
        assert "referer" not in await (await sent.value).all_headers()
        assert await page.inner_text("h1") == "Codes are on for Example"
        codes = CODE.findall(await page.inner_text("ol"))
        assert len(set(codes)) == 10

        async with page.expect_download() as started:
            await page.get_by_role("link", name="Save as a file").click()
        download = await started.value
        assert download.suggested_filename == "recovery-codes-example.txt"
        saved = await asyncio.to_thread(Path(await download.path()).read_text, "utf-8")
        assert CODE.findall(saved) == codes
        assert "Account: alice@example.com" in saved
        assert (await redeem(scene.operator, codes[9])).json()["valid"] is True

        await scene.open()
        assert await page.inner_text("h1") == "This link opens no more"


@pytest.mark.parametrize("has_scripts", [True, False], ids=["scripts", "no scripts"])
async def test_a_wrong_code_is_said_where_it_is_mended(enter: Enter, has_scripts: bool) -> None:  # noqa: FBT001
    async with enter({**PHONE, "java_script_enabled": has_scripts}) as (scene, visit):
        await STATES["wrong"][0](scene)
        field = visit.page.get_by_role("textbox", name="6-digit code")
        assert await field.get_attribute("aria-invalid") == "true"
        described = await field.get_attribute("aria-describedby")
        assert "This code is not right" in await visit.page.inner_text(f"#{described}")
        assert await field.input_value() == ""
        assert await visit.page.locator("input:focus").count() == 1
        assert (await visit.page.title()).startswith("Not taken")


async def test_by_keyboard_alone(enter: Enter) -> None:
    async with enter(DESKTOP) as (scene, visit):
        page = visit.page
        await scene.open()
        assert await _tab(page, 4) == [
            "Open in your authenticator app", "copy", "code", "Confirm"
        ]  # fmt: skip
        await page.keyboard.press("Shift+Tab")
        await page.keyboard.type(scene.wrong())
        await page.keyboard.press("Enter")
        await page.wait_for_selector("[aria-invalid]")
        # The field has the focus already.
        await page.keyboard.type(scene.code())
        await page.keyboard.press("Tab")
        await page.keyboard.press("Space")
        await page.wait_for_selector("ol")
        assert await _tab(page, 3) == ["Save as a file", "print", "copy"]


async def test_on_a_phone_the_app_comes_first_and_on_a_desktop_the_qr_code(enter: Enter) -> None:
    async with enter(PHONE) as (scene, visit):
        await scene.open()
        link, code, qr = await _tops(visit.page)
        assert link < code < qr
        assert await visit.page.evaluate(GROUND, ".add .button") == await visit.page.evaluate(
            GROUND, ".main"
        )
        assert "computer" not in await visit.page.inner_text("main")
        box = await visit.page.get_by_role("button", name="Confirm").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 844, "both steps are on the first screen"
    async with enter(DESKTOP, name="bob") as (scene, visit):
        await scene.open()
        assert await visit.page.evaluate(GROUND, ".add .button") != await visit.page.evaluate(
            GROUND, ".main"
        )
        left = await visit.page.locator(".qr").bounding_box()
        right = await visit.page.locator(".add").bounding_box()
        assert left is not None
        assert right is not None
        assert left["x"] + left["width"] < right["x"]
        assert left["y"] == pytest.approx(right["y"], abs=2)
        await visit.page.set_viewport_size({"width": 390, "height": 844})
        link, code, qr = await _tops(visit.page)
        assert qr < link < code


@pytest.mark.parametrize("state", ["first", "unavailable", "done"])
async def test_what_is_pressed_is_large_enough_for_a_finger(enter: Enter, state: str) -> None:
    async with enter(PHONE) as (scene, visit):
        await STATES[state][0](scene)
        for each in await visit.page.locator("a, button, input").all():
            box = await each.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 44


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("123 456", "123456"),
        ("12a4-5", "1245"),
        ("1234567", "123456"),
        ("\u0661\u0662\u0663\u0664\u0665\u0666", "123456"),
        ("\u06f7\u06f8\u06f9", "789"),
        ("\uff11\uff12\uff13", "123"),
    ],
)
async def test_the_field_keeps_what_a_code_can_hold(enter: Enter, typed: str, kept: str) -> None:
    async with enter(PHONE) as (scene, visit):
        await scene.open()
        field = visit.page.get_by_role("textbox")
        await field.focus()
        await visit.page.keyboard.insert_text(typed)
        assert await field.input_value() == kept


async def test_a_correction_in_the_middle_of_the_field_stays_there(enter: Enter) -> None:
    async with enter(DESKTOP) as (scene, visit):
        await scene.open()
        await visit.page.get_by_role("textbox").focus()
        await visit.page.keyboard.type("12 56")
        for key in ("ArrowLeft", "ArrowLeft", "x", "3", "4"):
            await visit.page.keyboard.press(key)
        assert await visit.page.get_by_role("textbox").input_value() == "123456"


async def test_a_steam_code_is_typed_in_small_letters(enter: Enter) -> None:
    async with enter(PHONE, kind="steam") as (scene, visit):
        await scene.open()
        await visit.page.get_by_role("textbox").focus()
        await visit.page.keyboard.type(scene.code().lower())
        await visit.page.keyboard.press("Enter")
        await visit.page.wait_for_selector("ol")


async def test_a_double_click_does_not_cost_the_recovery_codes(enter: Enter) -> None:
    async with enter(DESKTOP) as (scene, visit):
        page = visit.page
        await scene.open()
        await page.get_by_role("textbox").fill(scene.code())
        box = await page.get_by_role("button", name="Confirm").bounding_box()
        assert box is not None
        place = (box["x"] + 20, box["y"] + 20)
        held: list[Route] = []
        await page.route("**/enrol/*", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks it
        async with page.expect_request("**/enrol/*"):
            await page.mouse.click(*place)
        await page.mouse.click(*place)
        # A second request would have ended the first, and would be held for good.
        await held[0].continue_()
        await page.wait_for_selector("ol", timeout=10_000)
        assert len(held) == 1


async def test_when_the_server_cannot_decide_the_page_opens_again(enter: Enter) -> None:
    async with enter(PHONE) as (scene, visit):
        await scene.open()
        with database_gone(scene.server):
            await scene.send(scene.code())
            assert "Nothing was used up" in await visit.page.inner_text("main")
        await visit.page.get_by_role("link", name="Open the page again").click()
        await scene.send(scene.code())
        await visit.page.wait_for_selector("ol")


async def _tab(page: Page, times: int) -> list[str]:
    """Go on by Tab; give what had the focus, which could be seen each time."""
    found = []
    for _ in range(times):
        await page.keyboard.press("Tab")
        name, is_visible = await page.evaluate(FOCUS)
        assert is_visible, name
        found.append(name)
    return found


async def _tops(page: Page) -> list[float]:
    """How far down the link into the app, the field and the QR code begin."""
    tops = []
    for selector in (".add .button", "#code", ".qr"):
        box = await page.locator(selector).bounding_box()
        assert box is not None
        tops.append(box["y"])
    return tops
