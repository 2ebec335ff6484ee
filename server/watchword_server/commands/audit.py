"""`watchword-server audit`: read, verify, export and prune the audit log."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

import click

from watchword_otp import strip_controls
from watchword_server.audit_check import of_chain, verify_audit
from watchword_server.audit_reading import (
    all_rows,
    as_csv,
    as_line,
    csv_header,
    event_of,
    is_wanted,
    last_rows,
    new_rows,
)
from watchword_server.checkpoints import checkpoints_of, read_checkpoints
from watchword_server.commands.common import as_json, confirm, examples, found_wrong, placed, with_yes
from watchword_server.commands.opened import actor, read_ledger, refuse_own_files, with_ledger
from watchword_server.commands.shown import count, moment, show_json
from watchword_server.commands.spans import MOMENT, SPAN
from watchword_server.errors import UserError
from watchword_server.privatefile import private_stream
from watchword_server.retention import prune_audit
from watchword_server.verifier import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from watchword_server.audit import Event
    from watchword_server.audit_check import AuditReport
    from watchword_server.ledger import Ledger
    from watchword_server.settings import Settings
    from watchword_server.store.records import AuditRow

_FOLLOW_SECONDS = 0.5


@click.group()
def audit() -> None:
    """Read, verify, export and prune the audit log: each decision and each change, chained."""


@audit.command(
    epilog=examples("audit tail", "audit tail -n 50 --key alice", "audit tail --follow --verdict wrong")
)
@click.option("-n", "number", type=click.IntRange(0, 1_000_000), default=20, help="Rows. [default: 20]")
@click.option("--follow", is_flag=True, help="Go on with rows as they are written.")
@click.option("--key", metavar="NAME", help="Only rows of this key.")
@click.option("--actor", "who", metavar="WHO", help="Only rows of this one, as in token:door.")
@click.option("--event", metavar="EVENT", help="Only rows of this event, as in check.")
@click.option(
    "--verdict",
    type=click.Choice([each.value for each in Verdict]),
    metavar="VERDICT",
    help="Only rows with this verdict, as in wrong.",
)
@as_json
@placed
def tail(  # noqa: PLR0913 - options
    *,
    settings: Settings,
    number: int,
    follow: bool,
    key: str | None,
    who: str | None,
    event: str | None,
    verdict: str | None,
    as_json: bool,
) -> None:
    """Show the last rows; with --json one object a line.

    Where several servers write one database, each writes a chain of rows of its own. They are shown
    together in order of time, and the number of a row comes after that of its chain: 3.42.
    """
    asked = {"key": key, "actor": who, "event": event, "verdict": verdict}
    wanted = {name: value for name, value in asked.items() if value is not None}

    def show(rows: Iterable[AuditRow], chains: int) -> None:
        for row in rows:
            if as_json:
                click.echo(as_line(row), nl=False)
            else:
                click.echo(_as_text(row, event_of(row), chains))

    async def run(ledger: Ledger) -> None:
        rows, seen = await last_rows(ledger.store, number, wanted)
        show(rows, len(seen))
        if number and not rows and not follow:
            click.echo("No row is like that." if wanted else "The audit log is empty.", err=True)
        while follow:
            rows, seen = await new_rows(ledger.store, seen)
            show((row for row in rows if is_wanted(event_of(row), wanted)), len(seen))
            sys.stdout.flush()
            await asyncio.sleep(_FOLLOW_SECONDS)

    read_ledger(settings, run)


@audit.command(epilog=examples("audit export > audit.jsonl", "audit export --format csv -o audit.csv"))
@click.option("--chain", type=click.IntRange(0), metavar="N", help="Only rows of this chain.")
@click.option(
    "--after",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Only rows after number N; of several chains, name one with --chain.",
)
@click.option(
    "--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", help="[default: jsonl]"
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    help="A new file, mode 0600; - is standard output.",
)
@click.option("--force", is_flag=True, help="Replace the file.")
@placed
def export(  # noqa: PLR0913 - options
    *,
    settings: Settings,
    chain: int | None,
    after: int,
    form: str,
    output: Path | None,
    force: bool,
) -> None:
    """Write all rows, oldest first, to standard output or a file.

    Rows of several chains come in order of time, each with its chain's number; those of one chain stay
    in their own order, so that it can be verified from what was written.
    """
    if str(output) == "-":
        output = None
    if output is not None:
        refuse_own_files(settings, output)
    one: Callable[[AuditRow], str] = as_line if form == "jsonl" else as_csv
    with _output(output, force=force) as stream:

        async def run(ledger: Ledger) -> int:
            written = 0
            async for page in all_rows(ledger.store, chain=chain, after=after):
                await asyncio.to_thread(stream.write, "".join(map(one, page)).encode("utf-8", "replace"))
                written += len(page)
            return written

        if form == "csv":
            stream.write(csv_header().encode())
        written = read_ledger(settings, run)
        stream.flush()
    if output is not None:
        click.echo(f"{count(written, 'row')} written to {output}.", err=True)


@audit.command(
    epilog=examples(
        "audit verify",
        "audit verify --checkpoint 42:0f3a... --checkpoint 3.17:8c51...",
        "audit verify --checkpoints server.log",
    )
)
@click.option("--checkpoint", "words", multiple=True, metavar="WORD", help="A checkpoint noted earlier.")
@click.option(
    "--checkpoints",
    "file",
    type=click.File(errors="replace"),
    metavar="FILE",
    help="Text that holds checkpoints, such as the server's log.",
)
@as_json
@placed
def verify(
    *,
    settings: Settings,
    words: tuple[str, ...],
    file: IO[str] | None,
    as_json: bool,
) -> None:
    """Follow each chain from its first row to its last. Exit status 1: a row is wrong, and which.

    Exit status 1 also says that checkpoints were given, and none could be compared.

    Rows that were changed, removed or put elsewhere are found, and so is a chain that was removed from
    among others; a cut end, or a last chain that is gone, is found by a checkpoint that was noted where
    whoever writes the database cannot change it.
    """
    lines = [*words, *([] if file is None else file)]
    checkpoints = read_checkpoints(lines) if words or file is not None else None
    progress = _show_progress if sys.stderr.isatty() else None
    report = read_ledger(
        settings, lambda ledger: verify_audit(ledger, progress, checkpoints=checkpoints)
    )
    if as_json:
        show_json(
            {
                "rows": report.rows,
                "heads": [
                    {"chain": head.chain, "seq": head.seq, "mac": head.mac} for head in report.heads
                ],
                "checkpoints": None if checkpoints is None else len(checkpoints),
                "compared": None if checkpoints is None else report.compared,
                "fault": report.fault,
            }
        )
    elif report.fault is None:
        _show_ends(report)
        if checkpoints is not None:
            of = count(len(checkpoints), "checkpoint")
            pruned = len(checkpoints) - report.compared
            rest = f"; the rows of {pruned:,} were pruned" if pruned else ""
            click.echo(f"{report.compared:,} of {of} compared{rest}.")
    for fault in () if as_json else report.faults:
        click.echo(f"The audit log does not verify: {fault}.")
    # Checkpoints of which none says anything are no proof that nothing was cut.
    if report.fault is not None or (checkpoints is not None and not report.compared):
        found_wrong()


@audit.command(epilog=examples("audit checkpoint >> /mnt/elsewhere/checkpoints.txt"))
@placed
def checkpoint(*, settings: Settings) -> None:
    """Print the end of the log as one word: noted elsewhere, it proves later that nothing was cut.

    Where the log has several chains, it is a line with one word for each.
    """
    for word in read_ledger(settings, checkpoints_of):
        click.echo(word)


@audit.command(epilog=examples("audit prune --keep 90d", "audit prune --before 2026-01-01 --yes"))
@click.option("--before", type=MOMENT, help="Forget rows from before this date, UTC.")
@click.option("--keep", type=SPAN, help="Forget rows older than this, as in 90d.")
@with_yes
@as_json
@placed
def prune(
    *,
    settings: Settings,
    before: float | None,
    keep: float | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Forget the oldest rows for good; the rest still verifies, and the pruning is a row itself."""
    moments = [*([] if before is None else [before]), *([] if keep is None else [time.time() - keep])]
    if len(moments) != 1:
        message = "say either --before DATE or --keep SPAN, as in --keep 90d"
        raise UserError(message)
    (end,) = moments
    confirm(f"Forget all audit rows from before {moment(end)} for good?", yes=yes)
    pruned = with_ledger(settings, lambda ledger: prune_audit(ledger, end, actor=actor()))
    if as_json:
        show_json({"pruned": pruned})
    else:
        click.echo(f"{count(pruned, 'row')} forgotten.")


@contextlib.contextmanager
def _output(path: Path | None, *, force: bool) -> Iterator[BinaryIO]:
    if path is None:
        yield sys.stdout.buffer
    else:
        with private_stream(path, force=force) as stream:
            yield stream


def _show_progress(chain: str, done: int, total: int) -> None:
    click.echo(f"\r{of_chain(chain, f'{done:,} of {total:,} rows')}", err=True, nl=done >= total)


def _show_ends(report: AuditReport) -> None:
    rows, ends = count(report.rows, "row"), report.ends
    if len(ends) == 1:
        click.echo(f"{rows} verified, up to {ends[0]}")
        return
    click.echo(f"{rows} of {len(ends):,} chains verified, up to")
    for end in ends:
        click.echo(f"  {end}")


def _as_text(row: AuditRow, event: Event, chains: int) -> str:
    number = f"{row.seq:>8}" if chains == 1 else f"{row.chain}.{row.seq}".rjust(12)
    parts: Mapping[str, str] = {
        "key": event.key,
        "verdict": event.verdict,
        "offset": "" if event.offset is None else f"{event.offset:+d}",
        "actor": event.actor,
        "address": event.address,
        "request": event.request_id,
        "detail": event.detail,
    }
    told = "  ".join(f"{name}={value}" for name, value in parts.items() if value)
    return strip_controls(f"{number}  {moment(event.at)}  {event.event:<14}  {told}")


COMMANDS = {"audit": audit}
