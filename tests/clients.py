"""The validator's client for tests: made quickly, and held to what its errors may say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from watchword_otp import strip_controls
from watchword_tui.client import ValidatorClient
from watchword_tui.errors import Exit, MalformedCodeError, ServerError
from watchword_tui.settings import ServerProfile

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from loopback import Front
    from servers import RunningServer


def profile_of(server: RunningServer, token: str | None = None) -> ServerProfile:
    """A profile of a running server, with the token that may do all unless another is given."""
    return ServerProfile("dev", server.url, token=server.token if token is None else token)


def asking(there: Front, token: str = "ww_secret", timeout: float = 5) -> ValidatorClient:
    """A client with a token in front of a hand-made server."""
    return ValidatorClient(ServerProfile("dev", there.url, token=token), timeout=timeout)


async def refusal(asked: Awaitable[object], kind: type[ServerError]) -> ServerError:
    """The error that a question ends with: of exactly this kind, one harmless line, no token in it."""
    with pytest.raises(ServerError) as caught:
        await asked
    words = str(caught.value)
    assert type(caught.value) is kind, repr(caught.value)
    typed_wrongly = kind is MalformedCodeError
    assert caught.value.exit_status == (Exit.USAGE if typed_wrongly else Exit.SERVER)
    assert words.isprintable()
    assert strip_controls(words) == words
    assert "ww_" not in words
    return caught.value
