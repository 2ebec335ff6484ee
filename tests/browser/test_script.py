"""What the page's script adds: copying, counting, printing."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

import pytest
import zxingcpp
from PIL import Image

from chromium import DESKTOP, PHONE, picture, stop_clock
from page_states import STATES

if TYPE_CHECKING:
    from chromium import Visit
    from page_states import Enter, Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")

MAY_COPY = {**PHONE, "permissions": ["clipboard-read", "clipboard-write"]}
OLD_BROWSER = "Object.defineProperty(navigator, 'clipboard', { value: undefined })"
"""Or any, over HTTP without TLS."""


class TestCopying:
    @pytest.mark.parametrize("browser_is_old", [False, True])
    async def test_the_key(self, enter: Enter, browser_is_old: bool) -> None:  # noqa: FBT001 - pytest's
        async with enter(MAY_COPY) as (scene, visit):
            if browser_is_old:
                await visit.page.add_init_script(OLD_BROWSER)
            await stop_clock(visit.page)
            await scene.open()
            await visit.page.get_by_role("button", name="Copy key").click()
            await visit.page.wait_for_function(
                "document.querySelector('#said').textContent === 'Copied'"
            )
            assert await visit.page.locator("#said").get_attribute("role") == "status"
            assert await visit.page.locator("#copy").inner_text() == "Copied"
            await visit.page.clock.run_for(4000)
            assert await visit.page.locator("#copy").inner_text() == "Copy key"
            assert await _clipboard(scene, visit) == scene.made.key.secret.base32()

    async def test_all_recovery_codes(self, enter: Enter) -> None:
        async with enter(MAY_COPY) as (scene, visit):
            await stop_clock(visit.page)
            await STATES["done"][0](scene)
            codes = (await visit.page.inner_text("ol")).split()
            await visit.page.get_by_role("button", name="Copy all").click()
            await visit.page.wait_for_function(
                "document.querySelector('#said').textContent === 'Copied'"
            )
            assert (await _clipboard(scene, visit)).split("\n") == codes
            assert len(codes) == 10

    @pytest.mark.parametrize("state", ["first", "done"])
    async def test_without_scripts_there_is_no_button_that_does_nothing(
        self, enter: Enter, state: str
    ) -> None:
        async with enter({**PHONE, "java_script_enabled": False}) as (scene, visit):
            await STATES[state][0](scene)
            buttons = await visit.page.get_by_role("button").all_inner_texts()
            assert buttons == (["Confirm"] if state == "first" else [])


class TestCountingDown:
    async def test_the_time_left_is_the_servers_whatever_the_device_thinks(self, enter: Enter) -> None:
        async with enter(PHONE) as (scene, visit):
            assert abs(time.time() - scene.server.clock()) > 600, "the test server's clock is its own"
            await stop_clock(visit.page)
            scene.server.clock.advance(18.5)
            await scene.open()
            assert await visit.page.inner_text("#left") == " · 9:41 left"
            await visit.page.clock.set_system_time(7_200_000)
            await visit.page.clock.run_for(61_000)
            assert await visit.page.inner_text("#left") == " · 8:40 left"
            assert "until 08:10 UTC" in await visit.page.inner_text("#until")

    async def test_it_speaks_only_when_it_begins_to_matter(self, enter: Enter) -> None:
        async with enter(PHONE) as (scene, visit):
            await stop_clock(visit.page)
            await scene.open()
            heard: list[str] = []
            await visit.page.expose_function("hear", lambda text: heard.append(text))  # noqa: PLW0108 - Playwright marks it
            await visit.page.evaluate(
                "new MutationObserver(() => hear(document.querySelector('#said').textContent))"
                ".observe(document.querySelector('#said'), { childList: true })"
            )
            await visit.page.clock.run_for(599_000)
            assert heard == ["5 minutes left to open this link.", "1 minute left to open this link."]
            assert await visit.page.locator("#left").get_attribute("role") == "timer"

    @pytest.mark.parametrize("is_typing", [True, False])
    async def test_at_zero_it_says_so_and_takes_the_secret_away(
        self,
        enter: Enter,
        is_typing: bool,  # noqa: FBT001 - pytest's
    ) -> None:
        async with enter(PHONE) as (scene, visit):
            page = visit.page
            await stop_clock(page)
            await scene.open()
            if is_typing:
                await page.get_by_role("textbox").press_sequentially("12")
            await page.clock.run_for(599_000)
            assert await page.get_by_role("alert").count() == 0
            assert await page.get_by_role("button", name="Confirm").is_enabled()
            await page.clock.run_for(1_000)
            assert "it opens no more" in await page.get_by_role("alert").inner_text()
            assert await page.locator("form, .qr, #key, a").count() == 0
            assert scene.made.key.secret.base32()[:4] + " " not in await page.inner_text("body")
            assert await page.evaluate("document.activeElement.id") == ("over" if is_typing else "")

    @pytest.mark.parametrize("state", ["locking", "locked"])
    async def test_a_lock_ends_without_the_page_being_opened_again(
        self, enter: Enter, state: str
    ) -> None:
        async with enter(DESKTOP) as (scene, visit):
            page = visit.page
            await stop_clock(page)
            await STATES[state][0](scene)
            assert "Wait 0:30, then try again." in await page.inner_text("#setback")
            before = len(visit.requested)
            await page.get_by_role("textbox").fill("123456")
            await page.keyboard.press("Enter")
            assert await page.locator("#said").text_content() == "Wait 0:30, then try again."
            await page.clock.run_for(12_000)
            assert "Wait 0:18, then try again." in await page.inner_text("#setback")
            assert len(visit.requested) == before, "nothing is sent that nobody would look at"
            await page.clock.run_for(18_000)
            assert "Now you can try again." in await page.inner_text("#setback")
            assert await page.locator("#said").text_content() == "Now you can try again."
            scene.server.clock.advance(30)
            await scene.send(scene.code())
            await page.wait_for_selector("ol")


class TestPrinting:
    @pytest.mark.parametrize("state", ["first", "wrong"])
    async def test_an_enrolment_prints_a_sentence_instead_of_its_secret(
        self, enter: Enter, state: str
    ) -> None:
        async with enter(DESKTOP) as (scene, visit):
            await STATES[state][0](scene)
            await visit.page.emulate_media(media="print")
            text = await visit.page.inner_text("body")
            assert "so it is not printed" in text
            assert scene.made.key.secret.base32()[:4] not in text
            assert zxingcpp.read_barcodes(Image.open(io.BytesIO(await picture(visit.page)))) == []
            for hidden in (".qr", "#key", "#code", "button", "a"):
                assert not await visit.page.locator(hidden).first.is_visible(), hidden

    async def test_recovery_codes_print_with_whose_they_are_and_nothing_to_press(
        self, enter: Enter
    ) -> None:
        async with enter({**DESKTOP, "color_scheme": "dark"}) as (scene, visit):
            await STATES["done"][0](scene)
            await visit.page.emulate_media(media="print")
            text = await visit.page.inner_text("body")
            for each in ("alice@example.com", "Example", "15 January 2027", "Keep this paper"):
                assert each in text
            assert "only now" not in text
            assert len(await visit.page.locator("ol code:visible").all()) == 10
            assert await visit.page.locator("a:visible, button:visible").count() == 0
            grey = Image.open(io.BytesIO(await picture(visit.page))).convert("L")
            assert grey.getpixel((5, 5)) == 255, "a dark page would cost a cartridge"

    async def test_the_button_prints(self, enter: Enter) -> None:
        async with enter(DESKTOP) as (scene, visit):
            await visit.page.add_init_script("window.print = () => { window.wasPrinted = true; }")
            await STATES["done"][0](scene)
            await visit.page.get_by_role("button", name="Print").click()
            assert await visit.page.evaluate("window.wasPrinted") is True


async def _clipboard(scene: Scene, visit: Visit) -> str:
    """What is in the clipboard, read by another page: the policy of ours lets nobody read it there."""
    other = await visit.context.new_page()
    await other.goto(f"{scene.server.url}/healthz")
    await other.bring_to_front()
    text = await other.evaluate("navigator.clipboard.readText()")
    await other.close()
    return str(text)
