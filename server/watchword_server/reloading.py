"""SIGHUP: the TLS files are read again."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import TYPE_CHECKING

from watchword_server.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from watchword_server.systemd import Notifier
    from watchword_server.tls import Tls

_logger = logging.getLogger(__name__)


def read_again(tls: Tls | None) -> bool:
    """Read the TLS files again; what was read before stays in use if they cannot be used.

    Returns:
        Whether they are in use now.
    """
    if tls is None:
        _logger.info("nothing to reload: TLS is off")
        return False
    try:
        tls.reload()
    except UserError as error:
        _logger.error("TLS stays as it was: %s", error)  # noqa: TRY400 - a line says it all
        return False
    _logger.info("TLS files were read again")
    return True


def reload_on_hangup(
    tls: Tls | None,
    notifier: Notifier,
    pass_on: Callable[[], Coroutine[None, None, None]] | None = None,
) -> None:
    """Read the TLS files again at SIGHUP.

    Args:
        tls: The files; None if TLS is off.
        notifier: Is told when it begins and when it is done.
        pass_on: Has others read them, too, if they can be used.
    """
    passing: set[asyncio.Task[None]] = set()

    def done(task: asyncio.Task[None]) -> None:
        passing.discard(task)
        notifier.ready()

    def reload() -> None:
        notifier.reloading()
        if read_again(tls) and pass_on is not None:
            task = asyncio.create_task(pass_on(), name="reload")
            passing.add(task)
            task.add_done_callback(done)
        else:
            notifier.ready()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)
