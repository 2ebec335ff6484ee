"""Every screen as it looks, at the smallest comfortable size and at a roomy one.

`make snapshots` takes new pictures after a change that is meant; look at them before you commit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from apps import GITHUB, make_app, press, settled
from servers import NOON, Clock
from watchword_otp import Key, Kind, Secret
from watchword_tui.answers import CheckAnswer, Reason
from watchword_tui.errors import LockedError, ServerError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.pilot import Pilot


KEYS = [
    GITHUB,
    Key(secret=Secret(b"abcdefghijklmnopqrst"), issuer="AWS", name="root@prod"),
    Key(secret=Secret(b"abcdefghijklmnopqrsv"), kind=Kind.STEAM, digits=5, issuer="Steam", name="alice"),
    Key(secret=Secret.from_base32("JBSWY3DPEHPK3PXP"), issuer="Bank", name="80-bit key"),
    Key(secret=Secret(b"abcdefghijklmnopqrsw"), issuer="Slow", name="minute", period=60),
    Key(
        secret=Secret(b"abcdefghijklmnopqrsx"),
        issuer="橡皮鸭",
        name="一个很长的账户名字在这里显示出来吧",
    ),
]
SIZES = [(80, 24), (120, 40)]


ACCEPTED = CheckAnswer(valid=True, reason=Reason.ACCEPTED, offset=0)
REPLAYED = CheckAnswer(valid=False, reason=Reason.REPLAYED, offset=0, used_ago=8.0)
WRONG = CheckAnswer(valid=False, reason=Reason.WRONG, attempts_left=3)
LOCKED = LockedError("too many wrong codes: default is locked", "try again in 30 s", 30)
UNREACHABLE = UnreachableError(
    "dev cannot be reached at http://127.0.0.1:6238", "is the server running?"
)


pytestmark = pytest.mark.usefixtures("utc")


@pytest.fixture
def picture(snap_compare: Any, recorded: Any) -> Callable[..., None]:
    """Compare the app after some keys with the picture on file."""

    def compare(
        keys: str,
        size: tuple[int, int],
        *,
        answers: tuple[CheckAnswer | ServerError, ...] = (),
        accounts: list[Key] = KEYS,
        theme: str | None = None,
        now: float = NOON + 12.0,
    ) -> None:
        recorded(answers)

        async def act(pilot: Pilot[None]) -> None:
            await settled(pilot)
            await press(pilot, *keys.split())

        app = make_app(accounts, clock=Clock(now), theme=theme)
        assert snap_compare(app, terminal_size=size, run_before=act)

    return compare


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
class TestPictures:
    def test_codes(self, picture: Any, size: tuple[int, int]) -> None:
        picture("", size)

    def test_codes_about_to_change(self, picture: Any, size: tuple[int, int]) -> None:
        picture("down", size, now=NOON + 27.0)

    def test_light(self, picture: Any, size: tuple[int, int]) -> None:
        picture("v enter", size, answers=(ACCEPTED,), theme="watchword-light")

    def test_accepted(self, picture: Any, size: tuple[int, int]) -> None:
        picture("v enter", size, answers=(ACCEPTED,))

    def test_replayed(self, picture: Any, size: tuple[int, int]) -> None:
        picture("v enter enter", size, answers=(ACCEPTED, REPLAYED))

    def test_wrong_then_locked(self, picture: Any, size: tuple[int, int]) -> None:
        picture("v enter enter", size, answers=(WRONG, LOCKED))

    def test_unreachable(self, picture: Any, size: tuple[int, int]) -> None:
        picture("v enter", size, answers=(UNREACHABLE,))

    def test_no_accounts(self, picture: Any, size: tuple[int, int]) -> None:
        picture("", size, accounts=[])

    def test_question_before_a_secret(self, picture: Any, size: tuple[int, int]) -> None:
        picture("q", size)

    def test_help(self, picture: Any, size: tuple[int, int]) -> None:
        picture("f1", size)

    def test_palette(self, picture: Any, size: tuple[int, int]) -> None:
        picture("ctrl+p", size)


def test_too_small(picture: Any) -> None:
    picture("", (50, 12))
