"""One Chromium for the session, and for each test its own server and its own window.

All of it lives in the session's event loop, in which the tests run too.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from chromium import running_chromium, visiting
from page_states import scene_of
from servers import RunningServer, running_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser

    from chromium import Visit
    from page_states import Enter, Scene


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with running_chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def server(tmp_path: Path) -> AsyncIterator[RunningServer]:
    async with running_server(tmp_path) as running:
        yield running


@pytest.fixture
def enter(browser: Browser, server: RunningServer) -> Enter:
    """Opens a window with Playwright's `options` for a pending key with these `members`.

    What it showed must have asked nobody but the server, and broken no policy.
    """

    @contextlib.asynccontextmanager
    async def entered(options: dict[str, Any], **members: Any) -> AsyncIterator[tuple[Scene, Visit]]:
        async with (
            visiting(browser, **options) as visit,
            scene_of(server, visit.page, **members) as scene,
        ):
            yield scene, visit
            assert visit.complaints == []
            assert visit.origins() <= {server.url}

    return entered
