"""The command line of the server."""

from __future__ import annotations

import asyncio
import getpass
import os
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from watchword_server.audit import Event
from watchword_server.datadir import DATABASE_NAME, prepare_data_dir
from watchword_server.errors import UserError
from watchword_server.ledger import Act, Ledger
from watchword_server.names import is_canonical
from watchword_server.seal import Keyring
from watchword_server.settings import DEFAULT_PORT, Settings, load_settings
from watchword_server.store.protocol import TokenNameTakenError
from watchword_server.store.records import AddToken, Advance, Changes, PutToken, Wanted
from watchword_server.store.sqlite import SqliteStore
from watchword_server.tokens import Scope, Token, digest_of, new_token
from watchword_server.verifier import unlocked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from watchword_server.greeting import Greeting
    from watchword_server.store.records import Snapshot, StoredKey

PROGRAM = "watchword-server"

_T = TypeVar("_T")


def _where(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say where the database is."""
    for option in (
        click.option("--config", type=click.Path(path_type=Path), help="The settings file, TOML."),
        click.option("--data-dir", metavar="DIR", help="Where the database is."),
    ):
        command = option(command)
    return command


def _examples(*lines: str) -> str:
    # \b keeps click from joining the lines.
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_examples(
        f"{PROGRAM} serve",
        f"{PROGRAM} serve --port 8080 --data-dir /srv/watchword",
        f"{PROGRAM} tokens create door --scope check",
        f"{PROGRAM} keys unlock default",
    ),
)
@click.version_option(package_name="watchword", prog_name=PROGRAM, message="%(prog)s %(version)s")
def cli() -> None:
    """Check two-factor codes over HTTP, each accepted exactly once.

    Exit codes: 0 done, 2 wrong usage or settings.
    """


@cli.command(
    epilog=_examples(
        f"{PROGRAM} serve",
        f"{PROGRAM} serve --window 0 --access-log",
        f"WATCHWORD_SERVER_PORT=8080 {PROGRAM} serve",
    )
)
@click.option("--host", help="Address to listen on. [default: 127.0.0.1]")
@click.option("--port", help=f"Port to listen on; 0 takes a free one. [default: {DEFAULT_PORT}]")
@click.option("--unix-socket", metavar="PATH", help="Listen on a Unix socket instead, mode 0660.")
@click.option("--tls-cert", metavar="FILE", help="The certificate chain, PEM; with it HTTPS is spoken.")
@click.option("--tls-key", metavar="FILE", help="The certificate's private key, PEM.")
@click.option(
    "--tls-client-ca", metavar="FILE", help="Require client certificates of these authorities."
)
@click.option(
    "--insecure-http/--no-insecure-http",
    default=None,
    help="Let other machines in without TLS, as behind a TLS proxy.",
)
@click.option(
    "--public-url", metavar="URL", help="How people reach the server; enrolment links begin with it."
)
@click.option(
    "--trusted-proxies", metavar="NET", multiple=True, help="Whose X-Forwarded-For counts; repeatable."
)
@click.option("--cors-origins", metavar="URL", multiple=True, help="Whose pages may call; repeatable.")
@click.option("--max-connections", metavar="N", help="Connections open at once. [default: 1024]")
@click.option(
    "--refusals-per-minute",
    metavar="N",
    help="Refused requests a minute and sender, then 429; 0: no limit. [default: 120]",
)
@click.option("--window", metavar="N", help="Steps accepted either side of now, 0 to 10. [default: 1]")
@click.option("--issuer", help="What authenticators show beside the key. [default: Watchword]")
@click.option(
    "--sealing-keys", metavar="FILE", help="What secrets are sealed by. [default: sealing.keys in DIR]"
)
@click.option(
    "--audit-retention-days", metavar="N", help="Days to keep audit rows; 0: for ever. [default: 0]"
)
@click.option("--access-log/--no-access-log", default=None, help="Log a line for each request.")
@click.option("--log-format", metavar="FORM", help="How to log: text or json. [default: text]")
@click.option(
    "--env-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="TOTP_BASE32_SECRET and BEARER. [default: .env here, if there is one]",
)
@click.option("--json", "as_json", is_flag=True, help="Say where it listens in one line of JSON.")
@click.option("--stop-on-eof", is_flag=True, help="Stop when standard input ends.")
@_where
def serve(
    *,
    as_json: bool,
    stop_on_eof: bool,
    env_file: Path | None,
    config: Path | None,
    **flags: str | bool | tuple[str, ...] | None,
) -> None:
    """Listen for codes and check them.

    The first run needs no settings: it makes a key and a token, shows the token once, and says what to
    type next. Flags win over variables (WATCHWORD_SERVER_PORT, ...), variables over server.toml.
    """
    # Here, so that the other commands and --help need not wait for aiohttp.
    from watchword_server import serve as server  # noqa: PLC0415
    from watchword_server.dotenv import read_configured  # noqa: PLC0415
    from watchword_server.logs import log_to_stderr  # noqa: PLC0415

    # A flag that may be repeated and is not there comes as an empty tuple.
    settings = load_settings(
        {name: None if value == () else value for name, value in flags.items()}, os.environ, config
    )
    configured = read_configured(os.environ, env_file)
    log_to_stderr(access_log=settings.access_log, log_format=settings.log_format)
    for note in configured.notes:
        click.echo(note, err=True)

    options = _options(flags, config)

    def announce(greeting: Greeting) -> None:
        click.echo(greeting.as_json() if as_json else greeting.as_text(options))

    server.serve(settings, configured, clock=time.time, announce=announce, stop_on_eof=stop_on_eof)


@cli.command()
def openapi() -> None:
    """Print the description of the HTTP interface, as the server gives it at /openapi.json."""
    # Here, so that the other commands and --help need not wait for aiohttp.
    from watchword_server.routes import openapi_json  # noqa: PLC0415

    click.echo(openapi_json())


@cli.group()
def tokens() -> None:
    """Make, list and revoke tokens; a running server knows within a second."""


@tokens.command(
    "create",
    epilog=_examples(
        f"{PROGRAM} tokens create laptop --scope check --scope check:detail --scope qr",
    ),
)
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What the token may do; give it once for each.",
)
@_where
def create_token(
    *, name: str, scopes: Sequence[str], config: Path | None, **flags: str | bool | None
) -> None:
    """Make a token called NAME and show it, this once, on standard output."""
    if not is_canonical(name):
        message = f"{name!r} is no name for a token; use up to 64 of a-z, 0-9, '.', '_' and '-'"
        raise UserError(message)
    text = new_token()

    def decide(_: Snapshot, now: float) -> tuple[Act, None]:
        token = Token(
            name=name, digest=digest_of(text), scopes=frozenset(map(Scope, scopes)), created_at=now
        )
        event = Event(at=now, event="token.create", actor=_actor(), detail=name)
        return Act(Changes(others=[AddToken(token)]), [event]), None

    try:
        _with_ledger(flags, config, lambda ledger: ledger.transact(Wanted(), decide))
    except TokenNameTakenError:
        message = f"there is a token {name} already; choose another name, or revoke it first"
        raise UserError(message) from None
    click.echo(text)
    click.echo("Shown this once: keep it where only you can read it.", err=True)


@tokens.command("list")
@_where
def list_tokens(*, config: Path | None, **flags: str | bool | None) -> None:
    """List all tokens there ever were; the tokens themselves are not stored."""
    for token in _with_ledger(flags, config, lambda ledger: ledger.store.tokens()):
        state = "" if token.revoked_at is None else f"  revoked {_date(token.revoked_at)}"
        click.echo(
            f"{token.name}  {' '.join(sorted(token.scopes))}  made {_date(token.created_at)}{state}"
        )


@tokens.command("revoke")
@click.argument("name")
@_where
def revoke_token(*, name: str, config: Path | None, **flags: str | bool | None) -> None:
    """Make the token called NAME count no more."""

    def decide(snapshot: Snapshot, now: float) -> tuple[Act, bool]:
        found = [token for token in snapshot.tokens if token.name == name and token.counts(now)]
        puts = [PutToken(replace(token, revoked_at=now)) for token in found]
        event = Event(at=now, event="token.revoke", actor=_actor(), detail=name)
        return Act(Changes(others=puts), [event] if found else []), bool(found)

    if not _with_ledger(flags, config, lambda ledger: ledger.transact(Wanted(tokens=True), decide)):
        message = f"there is no active token {name}; see {PROGRAM} tokens list"
        raise UserError(message)
    click.echo(f"{name} is revoked.")


@cli.group()
def keys() -> None:
    """Look after keys."""


@keys.command("unlock")
@click.argument("name")
@_where
def unlock_key(*, name: str, config: Path | None, **flags: str | bool | None) -> None:
    """Forget the failures of the key called NAME, which may be locked or disabled.

    Codes that were used stay used.
    """

    def decide(snapshot: Snapshot, now: float) -> tuple[Act, StoredKey | None]:
        stored = snapshot.find(name)
        if stored is None:
            return Act(Changes()), None
        advance = Advance(stored.id, stored.state, unlocked(stored.state))
        event = Event(at=now, event="lock.reset", actor=_actor(), key=name, key_id=stored.id)
        return Act(Changes(advances=[advance]), [event]), stored

    found = _with_ledger(flags, config, lambda ledger: ledger.transact(Wanted(names=[name]), decide))
    if found is None:
        message = f"there is no active key {name}; keys have names such as default"
        raise UserError(message)
    failures = found.state.failures
    click.echo(f"{name}: {failures} failures forgotten." if failures else f"{name} had no failures.")


def _actor() -> str:
    return f"cli:{getpass.getuser()}"


def _with_ledger(
    flags: Mapping[str, object], config: Path | None, work: Callable[[Ledger], Awaitable[_T]]
) -> _T:
    settings: Settings = load_settings(flags, os.environ, config)
    if not (settings.data_path / DATABASE_NAME).exists():
        # Not made here: a folder misspelt would get a token that no server knows.
        message = (
            f"there is no database in {settings.data_path};"
            f" name the server's folder with --data-dir, or start it first: {PROGRAM} serve"
        )
        raise UserError(message)
    database = prepare_data_dir(settings.data_path)

    async def run() -> _T:
        store = await SqliteStore.open(database)
        try:
            keyring = Keyring(settings.sealing_keys_path, os.environ)
            return await work(Ledger(store, keyring, clock=time.time))
        finally:
            await store.close()

    return asyncio.run(run())


def _options(flags: Mapping[str, object], config: Path | None) -> list[str]:
    found = []
    if config is not None:
        found += ["--config", str(config)]
    if flags["data_dir"] is not None:
        found += ["--data-dir", str(flags["data_dir"])]
    return found


def _date(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d %H:%M UTC")
