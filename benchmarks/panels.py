"""What the chart compares with what."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.server_wrk import RATE


@dataclass(frozen=True)
class Bar:
    """One series of the report, drawn by its median."""

    label: str
    """At most 44 characters, for the figure to stand beside it."""
    measure: str
    subject: str
    quantity: str
    """Where the series is found."""
    ours: bool = False


@dataclass(frozen=True)
class Panel:
    """Bars on one scale."""

    title: str
    note: str
    """What is counted, and which way is better."""
    bars: tuple[Bar, ...]
    logarithmic: bool = False


def _checks(connections: int) -> Panel:
    where = f"{connections} connections, uvloop"
    return Panel(
        title=f"Checks a second, {connections} connections",
        note="Longer is better. Watchword has each decision on disk before it answers;"
        " the others store nothing.",
        bars=(
            Bar(
                "Watchword: good, wrong and used codes",
                *("server-checks", f"watchword-server, mixed checks, {where}", RATE),
                ours=True,
            ),
            Bar(
                "aiohttp alone, to the same requests",
                *("server-checks", f"bare aiohttp, the same requests, {where}", RATE),
            ),
            Bar(
                "Watchword: one code again and again",
                *("server-prototype", f"watchword-server, GET /check/CODE, {where}", RATE),
                ours=True,
            ),
            Bar(
                "Flask and pyotp, 2 processes: the same",
                *("server-prototype", f"prototype, GET /check/CODE, in turns with {where}", RATE),
            ),
        ),
    )


PANELS = (
    _checks(64),
    _checks(256),
    Panel(
        title="From the start to the first frame",
        note="Shorter is better. Logarithmic: each mark is ten times the one before.",
        bars=(
            Bar("Watchword, one account", "app-screen", "watchword", "first frame", ours=True),
            Bar("Watchword, 1,000 accounts", "app-accounts", "watchword", "first frame", ours=True),
            Bar("A Textual app of one line", "app-accounts", "a one-line Textual app", "first frame"),
            Bar("textual-totp, 1,000 accounts", "app-accounts", "textual-totp", "first frame"),
        ),
        logarithmic=True,
    ),
    Panel(
        title="One code on the command line",
        note="Shorter is better. Logarithmic: each mark is ten times the one before.",
        bars=(
            Bar(
                "Watchword, a file",
                *("command-line", "watchword code, a file", "time"),
                ours=True,
            ),
            Bar(
                "Watchword, a vault that a keyring opens",
                *("command-line", "watchword code, a keyring's vault", "time"),
                ours=True,
            ),
            Bar(
                "Watchword, a vault and its passphrase",
                *("command-line", "watchword code, a vault and its passphrase", "time"),
                ours=True,
            ),
            Bar(
                "otpclient-cli, its file and passphrase",
                *("command-line", "otpclient-cli, its file and passphrase", "time"),
            ),
            Bar("oathtool, a file", "command-line", "oathtool, a file", "time"),
            Bar("Python, doing nothing", "command-line", "python -c pass", "time"),
        ),
        logarithmic=True,
    ),
)
