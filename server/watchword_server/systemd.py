"""What systemd hands over and wants to hear: sockets (sd_listen_fds) and states (sd_notify)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from typing import TYPE_CHECKING

from watchword_server.errors import UserError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

_FIRST_FD = 3
_FAMILIES = {socket.AF_INET, socket.AF_INET6, socket.AF_UNIX}
_logger = logging.getLogger(__name__)


def inherited_sockets(environment: Mapping[str, str], pid: int | None = None) -> list[socket.socket]:
    """The listening sockets that systemd has passed to this process; none without activation.

    Args:
        environment: Where `LISTEN_PID` and `LISTEN_FDS` are; they count only for the process `pid`.
        pid: The process; None for this one.

    Raises:
        UserError: What was passed is no listening stream socket.
    """
    if environment.get("LISTEN_PID") != str(os.getpid() if pid is None else pid):
        return []
    try:
        count = int(environment["LISTEN_FDS"])
    except (KeyError, ValueError):
        return []
    return [_adopted(number) for number in range(_FIRST_FD, _FIRST_FD + count)]


def _adopted(number: int) -> socket.socket:
    try:
        found = socket.socket(fileno=number)
    except OSError:
        raise _unfit(number) from None
    is_listening = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if not is_listening or found.type != socket.SOCK_STREAM or found.family not in _FAMILIES:
        found.detach()
        raise _unfit(number)
    # Not for children, whatever the parent meant.
    found.set_inheritable(False)
    return found


def _unfit(number: int) -> UserError:
    return UserError(f"descriptor {number} of LISTEN_FDS is no listening socket; check the .socket unit")


class Notifier:
    """Tells systemd how the service is doing; tells nobody where there is no `NOTIFY_SOCKET`."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Take the address and the watchdog's patience from `environment`."""
        address = environment.get("NOTIFY_SOCKET", "")
        # A leading @ stands for an abstract socket's NUL.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._watchdog_seconds = _watchdog_seconds(environment)

    def ready(self) -> None:
        """Say that the service is up, or up again after a reload."""
        self._tell("READY=1")

    def reloading(self) -> None:
        """Say that the service is reading its files again."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """Say that the service is about to end."""
        self._tell("STOPPING=1")

    @contextlib.asynccontextmanager
    async def watchdog(self, is_well: Callable[[], bool] = lambda: True) -> AsyncIterator[None]:
        """Show signs of life while this is open, twice as often as systemd asks for, if it asks.

        Args:
            is_well: Whether to show one now; systemd ends a service that shows none for too long.
        """
        if self._watchdog_seconds is None or not self._address:
            yield
            return
        living = asyncio.create_task(self._live(self._watchdog_seconds / 2, is_well), name="watchdog")
        try:
            yield
        finally:
            living.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await living

    async def _live(self, interval: float, is_well: Callable[[], bool]) -> None:
        while True:
            if is_well():
                self._tell("WATCHDOG=1")
            await asyncio.sleep(interval)

    def _tell(self, state: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.settimeout(0)
                sender.sendto(state.encode(), self._address)
        except OSError as error:
            _logger.warning("cannot tell systemd %s: %s", state.partition("\n")[0], error.strerror)


def _watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    text = environment.get("WATCHDOG_USEC", "")
    return int(text) / 1_000_000 if text.isascii() and text.isdigit() and int(text) else None
