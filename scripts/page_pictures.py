"""Renew the pictures of the enrolment page in docs/pictures: a real server, a real browser.

Key, clock and recovery codes are fixed, so the pictures change only when the page does, or the fonts of
the machine. Needs Chromium, and the tests' helpers: PYTHONPATH=tests python scripts/page_pictures.py
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from chromium import DESKTOP, PHONE, picture, running_chromium, stop_clock, visiting
from page_states import done, first, scene_of
from servers import running_server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from playwright.async_api import Browser

    from page_states import Scene

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # noqa: S105 - RFC 6238's, which everybody knows


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture."""

    reach: Callable[[Scene], Awaitable[None]]
    """Brings the page to the state to be shown."""
    options: dict[str, Any]
    """Playwright's, for the window."""


SHOTS = {
    "page-phone.png": Shot(first, PHONE),
    "page-desktop.png": Shot(first, DESKTOP),
    "page-dark.png": Shot(first, {**PHONE, "color_scheme": "dark"}),
    "page-codes.png": Shot(done, PHONE),
}
"""Picture to what it shows."""


async def take(browser: Browser, shot: Shot) -> bytes:
    """Draw one picture, PNG, on a server of its own."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            running_server(Path(folder)) as server,
            visiting(browser, **shot.options) as visit,
            scene_of(server, visit.page, secret=SECRET) as scene,
        ):
            await stop_clock(visit.page)
            # Nobody was ever given these recovery codes, and they have to be the same every time.
            dice = random.Random(6238)  # noqa: S311
            with patch("watchword_server.recovery.secrets.token_bytes", dice.randbytes):
                await shot.reach(scene)
            return await picture(visit.page)


async def take_all(folder: Path) -> None:
    """Write every picture into `folder`."""
    async with running_chromium() as browser:
        for name, shot in SHOTS.items():
            png = await take(browser, shot)
            await asyncio.to_thread((folder / name).write_bytes, png)
            print(folder / name)


if __name__ == "__main__":
    asyncio.run(take_all(Path(sys.argv[1]) if sys.argv[1:] else PICTURES))
