"""`watchword-server doctor`: look for everything that could go wrong, and say what to do."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from watchword_server.commands.common import as_json, examples, placed
from watchword_server.commands.found import show_findings
from watchword_server.commands.opened import can_be_read, check_itself, keyring_of, with_ledger
from watchword_server.datadir import DATABASE_NAME
from watchword_server.doctor import (
    look_at_clock,
    look_at_env_file,
    look_at_folder,
    look_at_machine,
    look_at_sealing_keys,
    look_at_tokens,
)
from watchword_server.doctor_network import look_at_certificate, look_at_server
from watchword_server.errors import UserError
from watchword_server.findings import Finding, State, wrong
from watchword_server.store.protocol import StoreError
from watchword_server.storecheck import check_content

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watchword_server.ledger import Ledger
    from watchword_server.settings import Settings


@click.command(epilog=examples("doctor", "doctor --json", "doctor --data-dir /srv/watchword"))
@as_json
@placed
def doctor(*, settings: Settings, as_json: bool) -> None:
    """Look for everything that could go wrong, and say what to do about it.

    Run it as the server's user, in its working directory. Exit status 1: something is wrong.
    """
    show_findings(list(_findings(settings)), as_json=as_json)


def _findings(settings: Settings) -> Iterator[Finding]:
    now = time.time()
    yield from look_at_machine(os.environ)
    yield from look_at_env_file(os.environ, Path())
    yield from look_at_certificate(settings, now)
    folder = list(look_at_folder(settings))
    yield from folder
    database = settings.data_path / DATABASE_NAME
    if settings.address is None and not database.exists():
        return
    yield from look_at_sealing_keys(settings, keyring_of(settings))
    yield from look_at_server(settings.data_path)
    if any(finding.state is State.WRONG for finding in folder):
        return
    try:
        found = check_itself(settings, database)
        yield from found
        if can_be_read(found):
            yield from with_ledger(settings, lambda ledger: _content(ledger, now))
    except (StoreError, UserError) as error:
        yield wrong("database", str(error), "see there")


async def _content(ledger: Ledger, now: float) -> Sequence[Finding]:
    return [
        *look_at_clock(await ledger.store.audit_heads(), now),
        *look_at_tokens(await ledger.store.tokens(), now),
        *await check_content(ledger, full=False),
    ]


COMMANDS = {"doctor": doctor}
