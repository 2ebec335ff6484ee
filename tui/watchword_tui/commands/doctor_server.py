"""What `watchword doctor` sees of the clock and the server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from watchword_tui.commands.findings import ok, warning, wrong
from watchword_tui.errors import MalformedCodeError, ServerError, SettingsError
from watchword_tui.wording import clock_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchword_tui.commands.findings import Finding
    from watchword_tui.settings import ServerProfile, Settings

_EARLIEST = 1_750_000_000
_LATEST = 2**32
"""Unix seconds: before this program was written, and a date that only a wrong clock shows for now."""

_NO_CODE = "-"
"""What no server takes for a code: it says who may ask, and nothing is counted or used up."""


def look_at_clock(now: float) -> Iterator[Finding]:
    """Whether the clock can be right at all."""
    if _EARLIEST < now < _LATEST:
        yield ok("clock", "set; a server would tell to the second")
    else:
        yield wrong(
            "clock",
            "it shows a date that cannot be: all codes are wrong",
            "set it, or let the network: timedatectl set-ntp true",
        )


def look_at_server(settings: Settings) -> Iterator[Finding]:
    """Whether the server answers, its clock and ours agree, and it takes the token."""
    profile = settings.profile
    if profile.implied:
        yield ok("server", "none is set")
        return
    yield from asyncio.run(_ask(profile))


async def _ask(profile: ServerProfile) -> list[Finding]:
    from watchword_tui.client import ValidatorClient  # noqa: PLC0415 - slow to load

    found: list[Finding] = []
    try:
        async with ValidatorClient(profile) as client:
            contact = await client.probe()
            found.append(ok("server", f"{profile.name} answers in {contact.round_trip * 1000:.0f} ms"))
            if contact.clock_is_off:
                found.append(
                    warning("clock", f"{clock_words(contact)} by {profile.name}'s", "set it right")
                )
            await client.check(profile.key, _NO_CODE)
    except MalformedCodeError:
        found.append(ok("token", f"{profile.name} takes it for the key {profile.key!r}"))
    except SettingsError as error:
        found.append(wrong("server", error.message, error.remedy or "correct its profile"))
    except ServerError as error:
        subject = "token" if found else "server"
        found.append(wrong(subject, error.message, error.remedy or "see its operator"))
    return found
