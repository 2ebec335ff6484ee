"""The command line of the server."""

from __future__ import annotations

import os
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from watchword_server.commands.common import PROGRAM, where
from watchword_server.settings import DEFAULT_PORT, load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword_server.greeting import Greeting

_ELSEWHERE = {
    "keys": ("keys", "Make keys, show them and look after them."),
    "tokens": ("tokens", "Make, list, rotate and revoke tokens."),
    "audit": ("audit", "Read, verify, export and prune the audit log."),
    "seal": ("seal", "Change and check the keys that secrets are sealed by."),
    "store": ("store", "Check the database, back it up, restore it, move it."),
    "import": ("exchange", "Take keys over from elsewhere."),
    "export": ("exchange", "Write all keys to a file, sealed by a passphrase."),
    "doctor": ("doctor", "Look for everything that could go wrong, and say what to do."),
}
"""Commands, the module in `commands` that has each, and what `--help` says of it."""


class _Commands(click.Group):
    """Loads a command's module when it is used, so that the others and --help need not wait for it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *_ELSEWHERE]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        module = import_module(f"watchword_server.commands.{_ELSEWHERE[cmd_name][0]}")
        found: click.Command = module.COMMANDS[cmd_name]
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        texts = {name: text for name, (_, text) in _ELSEWHERE.items()}
        texts |= {name: command.get_short_help_str(100) for name, command in self.commands.items()}
        with formatter.section("Commands"):
            formatter.write_dl([(name, texts[name]) for name in self.list_commands(ctx)])


def _examples(*lines: str) -> str:
    # \b keeps click from joining the lines.
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


@click.group(
    cls=_Commands,
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

    Exit codes: 0 done, 1 a check found something wrong, or workers that do not stay up, 2 wrong usage or
    settings.
    """


@cli.command(
    epilog=_examples(
        f"{PROGRAM} serve",
        f"{PROGRAM} serve --window 0 --access-log",
        f"{PROGRAM} serve --store postgresql:///watchword --workers 4",
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
    "--workers", metavar="N", help="Processes that serve, with --store postgresql://... [default: 1]"
)
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
@where
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

    if settings.workers > 1:
        from watchword_server.workers.serving import serve_with_workers  # noqa: PLC0415 - as above

        serve_with_workers(settings, configured, announce=announce, stop_on_eof=stop_on_eof)
    else:
        server.serve(settings, configured, clock=time.time, announce=announce, stop_on_eof=stop_on_eof)


@cli.command()
def openapi() -> None:
    """Print the description of the HTTP interface, as the server gives it at /openapi.json."""
    # Here, so that the other commands and --help need not wait for aiohttp.
    from watchword_server.routes import openapi_json  # noqa: PLC0415

    click.echo(openapi_json())


def _options(flags: Mapping[str, object], config: Path | None) -> list[str]:
    found = []
    if config is not None:
        found += ["--config", str(config)]
    for name in ("data_dir", "store"):
        if flags[name] is not None:
            found += [f"--{name.replace('_', '-')}", str(flags[name])]
    return found
