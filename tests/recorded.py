"""A client that plays back answers: pictures need the same milliseconds, keys and codes every time."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, TypeAlias

from msgspec.structs import replace

from apps import GITHUB
from servers import NOON
from watchword_otp import Key, Secret
from watchword_tui.answers import CheckAnswer, Checked, Contact, Created
from watchword_tui.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Sequence

NEW_KEY = Key(secret=Secret(b"a key just for shots"), issuer="Example", name="alice@example.com")


Answer: TypeAlias = "CheckAnswer | ServerError | tuple[str, ...]"
"""To a check; in the place of either; the recovery codes of a confirmation."""


class Recorded:
    """In the place of a `ValidatorClient`; each answer is given once, in order."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self._answers = list(answers)

    async def probe(self) -> Contact:
        return Contact(0.012, 0.1)

    async def enrolment_key(self) -> Key:
        return GITHUB

    async def create_key(self, name: str, issuer: str, account: str) -> Created:
        key = replace(NEW_KEY, issuer=issuer or "Watchword", name=account or name)
        return Created(key, NOON + 86_400.0, "*")

    async def check(self, _key: str, _code: str) -> Checked:
        answer = self._next()
        assert isinstance(answer, CheckAnswer)
        return Checked(answer, Contact(0.012, 0.1))

    async def key_status(self, _name: str) -> str:
        return "active"

    async def confirm(self, _name: str, _code: str) -> tuple[str, ...]:
        answer = self._next()
        assert isinstance(answer, tuple)
        return answer

    def _next(self) -> CheckAnswer | tuple[str, ...]:
        answer = self._answers.pop(0)
        if isinstance(answer, ServerError):
            raise answer
        return answer

    async def aclose(self) -> None:
        pass


def _recovery_code(number: int) -> str:
    letters = base64.b32encode(hashlib.sha256(b"%d" % number).digest())[:24].decode().lower()
    return "-".join(letters[at : at + 4] for at in range(0, 24, 4))


RECOVERY_CODES = tuple(_recovery_code(number) for number in range(10))
