"""Every state of the enrolment page, each reached in the browser as a person would reach it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from each_store import run_sql
from key_routes import Made, invite, make

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from typing import Any

    import httpx
    from playwright.async_api import Page

    from chromium import Visit
    from servers import RunningServer

    Enter = Callable[..., contextlib.AbstractAsyncContextManager[tuple["Scene", Visit]]]
    """The fixture of tests/browser that opens a window for a key, watched over."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A pending key, a link to its page, and a browser to open it with."""

    server: RunningServer
    operator: httpx.AsyncClient
    page: Page
    made: Made
    path: str

    @property
    def url(self) -> str:
        return f"{self.server.url}{self.path}"

    async def open(self) -> None:
        await self.page.goto(self.url)

    async def send(self, code: str) -> None:
        """Type a code and confirm it."""
        await self.page.get_by_role("textbox").fill(code)
        await self.page.get_by_role("button", name="Confirm").click()

    async def fail(self, times: int) -> None:
        """Send wrong codes from elsewhere."""
        for _ in range(times):
            await self.operator.post(self.path, data={"code": self.wrong()})

    def code(self, offset: int = 0) -> str:
        return self.made.code(self.server.clock, offset)

    def wrong(self) -> str:
        return self.made.wrong(self.server.clock)


@contextlib.asynccontextmanager
async def scene_of(
    server: RunningServer, page: Page, name: str = "alice", **members: Any
) -> AsyncIterator[Scene]:
    """Make a key, with `members` as `POST /v1/keys` takes them, and a link to its page."""
    labels = {"issuer": "Example", "account": "alice@example.com"}
    async with server.client() as operator:
        made = await make(operator, name, **labels | members)
        yield Scene(server, operator, page, made, await invite(operator, name))


@contextlib.contextmanager
def database_gone(server: RunningServer) -> Iterator[None]:
    """The database is moved away, and put back."""
    away = server.database.with_name("away")
    server.database.rename(away)
    yield
    away.rename(server.database)


async def first(scene: Scene) -> None:
    await scene.open()


async def wrong(scene: Scene) -> None:
    await scene.open()
    await scene.send(scene.wrong())


async def clock_off(scene: Scene) -> None:
    await scene.open()
    await scene.send(scene.code(4))


async def malformed(scene: Scene) -> None:
    await scene.open()
    await scene.send(scene.code()[:3])


async def locking(scene: Scene) -> None:
    """The wrong code that starts the lock."""
    await scene.fail(4)
    await wrong(scene)


async def locked(scene: Scene) -> None:
    await scene.fail(5)
    await scene.open()
    await scene.send(scene.code())


async def disabled(scene: Scene) -> None:
    await run_sql(
        scene.server.database, f"UPDATE keys SET failures = 100 WHERE name = '{scene.made.name}'"
    )
    await scene.open()
    await scene.send(scene.code())


async def closed(scene: Scene) -> None:
    scene.server.clock.advance(600)
    await scene.open()


async def unavailable(scene: Scene) -> None:
    await scene.open()
    with database_gone(scene.server):
        await scene.send(scene.code())


async def done(scene: Scene) -> None:
    await scene.open()
    await scene.send(scene.code())


STATES: dict[str, tuple[Callable[[Scene], Awaitable[None]], str]] = {
    "first": (first, "Set up codes for"),
    "wrong": (wrong, "This code is not right"),
    "clock-off": (clock_off, "Set it to automatic time"),
    "malformed": (malformed, "not a whole code"),
    "locking": (locking, "then try again"),
    "locked": (locked, "Too many wrong codes"),
    "disabled": (disabled, "to unlock the key"),
    "closed": (closed, "opens no more"),
    "unavailable": (unavailable, "cannot be checked just now"),
    "done": (done, "Keep these recovery codes"),
}
"""Name to how to get there, and words that say that one is there. All work without scripts."""
