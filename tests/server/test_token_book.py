"""While the store is silent, one request finds out whether it is back, and nobody waits behind it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from servers import Clock
from watchword_server.store.protocol import Cause, StoreError
from watchword_server.tokens import TokenBook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword_server.store.protocol import Store
    from watchword_server.tokens import Token


class Silent:
    """A store that says nothing of its tokens until it is given up, or there again."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer: asyncio.Future[Sequence[Token]] = asyncio.Future()

    async def tokens(self) -> Sequence[Token]:
        self.asked += 1
        return await asyncio.shield(self.answer)

    def give_up(self) -> None:
        answer, self.answer = self.answer, asyncio.Future()
        answer.set_exception(StoreError("silent", Cause.UNREACHABLE))


async def until_asked(store: Silent, times: int) -> None:
    async with asyncio.timeout(5):
        while store.asked < times:  # noqa: ASYNC110 - the event loop is turned
            await asyncio.sleep(0)


@pytest.fixture
async def silent() -> Silent:
    return Silent()


@pytest.fixture
def book(silent: Silent) -> TokenBook:
    store: Store = silent  # type: ignore[assignment]  # it asks for tokens alone
    return TokenBook(store, clock=Clock())


async def test_who_waited_for_a_failure_is_told_of_it_and_does_not_try_again(
    book: TokenBook, silent: Silent
) -> None:
    waiting = [asyncio.create_task(book.find("ww_x")) for _ in range(20)]
    await until_asked(silent, 1)
    silent.give_up()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert {each.cause for each in found if isinstance(each, StoreError)} == {Cause.UNREACHABLE}
    assert (len(found), silent.asked) == (20, 1)


async def test_after_a_failure_nobody_waits_but_the_one_who_tries(
    book: TokenBook, silent: Silent
) -> None:
    first = asyncio.create_task(book.find("ww_x"))
    await until_asked(silent, 1)
    silent.give_up()
    with pytest.raises(StoreError):
        await first
    trying = asyncio.create_task(book.find("ww_x"))
    await until_asked(silent, 2)
    with pytest.raises(StoreError):
        await book.find("ww_x")
    assert (trying.done(), silent.asked) == (False, 2)
    silent.answer.set_result([])
    assert await trying is None
    assert await book.find("ww_x") is None
