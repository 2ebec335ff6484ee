"""Enrolment as it looks, step by step; `make snapshots` renews the pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from apps import GITHUB, make_app, settled
from dialogs import until
from recorded import RECOVERY_CODES
from servers import NOON, Clock
from watchword_otp import Key, Secret, code_at, step_at
from watchword_tui.errors import LockedError, NotPendingError, WrongFirstCodeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.pilot import Pilot

    from watchword_tui.errors import ServerError

ALICE = "e a l i c e tab E x a m p l e tab a l i c e @ e x a m p l e . c o m enter"
FIRST_CODE = "4 9 2 0 3 9 enter"
WRONG = WrongFirstCodeError(
    "this is not the key's code now: the clock of the app is 4 steps slow (120 s)"
)
LOCKED = LockedError("too many wrong codes: alice is locked", "try again in 30 s", 30)
ELSEWHERE = NotPendingError("alice waits for no first code", "this key is confirmed")
SIZES = [(80, 24), (120, 40)]
LONG = Key(
    secret=Secret(b"abcdefghijklmnopqrst"),
    issuer="Example Bank of Northern Europe",
    name="mary.ann.smith@example.com",
)


pytestmark = pytest.mark.usefixtures("utc")


@pytest.fixture
def picture(snap_compare: Any, recorded: Any) -> Callable[..., None]:
    """Compare the app after some keys with the picture on file."""

    def compare(
        keys: str,
        size: tuple[int, int],
        shown: str,
        *,
        answers: tuple[ServerError | tuple[str, ...], ...] = (),
        accounts: tuple[Key, ...] = (GITHUB,),
        theme: str | None = None,
    ) -> None:
        recorded(answers)

        async def act(pilot: Pilot[None]) -> None:
            await settled(pilot)
            for key in keys.split():
                await pilot.press(key)
                await pilot.pause()
            screen = pilot.app.screen
            await until(pilot, lambda: bool(pilot.app.screen.query(shown)), shown)
            await until(pilot, lambda: pilot.app.screen.query(shown).first().region.area > 0, shown)
            assert pilot.app.screen is screen or not keys
            await pilot.pause()

        app = make_app(accounts, clock=Clock(NOON + 12.0), theme=theme)
        assert snap_compare(app, terminal_size=size, run_before=act)

    return compare


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
class TestPictures:
    def test_form(self, picture: Any, size: tuple[int, int]) -> None:
        picture("e", size, "#enrol-form-words")

    def test_scan(self, picture: Any, size: tuple[int, int]) -> None:
        picture(ALICE, size, "#left")

    def test_light(self, picture: Any, size: tuple[int, int]) -> None:
        picture(ALICE, size, "#left", theme="watchword-light")

    def test_drawn_inverted(self, picture: Any, size: tuple[int, int]) -> None:
        picture(f"{ALICE} r r", size, "#left")

    def test_drawn_with_two_cells(self, picture: Any, size: tuple[int, int]) -> None:
        picture(f"{ALICE} r", size, "#left")

    def test_wrong(self, picture: Any, size: tuple[int, int]) -> None:
        picture(f"{ALICE} {FIRST_CODE}", size, "#outcome.-bad", answers=(WRONG,))

    def test_locked(self, picture: Any, size: tuple[int, int]) -> None:
        picture(f"{ALICE} {FIRST_CODE}", size, "#outcome.-uncertain", answers=(LOCKED,))

    def test_confirmed_elsewhere(self, picture: Any, size: tuple[int, int]) -> None:
        picture(f"{ALICE} {FIRST_CODE}", size, "#outcome.-uncertain", answers=(ELSEWHERE,))

    def test_confirmed(self, picture: Any, size: tuple[int, int]) -> None:
        picture(f"{ALICE} {FIRST_CODE}", size, "#codes", answers=(RECOVERY_CODES,))

    def test_giving_up(self, picture: Any, size: tuple[int, int]) -> None:
        picture(f"{ALICE} escape", size, "#yes")

    def test_default_key(self, picture: Any, size: tuple[int, int]) -> None:
        picture("e enter", size, "#keep")

    def test_second_phone(self, picture: Any, size: tuple[int, int]) -> None:
        code = " ".join(code_at(GITHUB, step_at(GITHUB, NOON)))
        picture(f"q y {code} enter", size, "#outcome.-good")

    def test_another_key(self, picture: Any, size: tuple[int, int]) -> None:
        picture("q y 4 9 2 0 3 9 enter", size, "#outcome.-bad")

    def test_long_labels(self, picture: Any, size: tuple[int, int]) -> None:
        picture("q y", size, "#by-hand", accounts=(LONG,))

    def test_small_window(self, picture: Any, size: tuple[int, int]) -> None:
        picture("q y", (size[0] - 15, size[1] - 6), "#by-hand", accounts=(LONG,))
