"""The price of opening a file, looked at before it is paid: its parameters are the sender's choice."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from watchword_tui.errors import CancelledError, ForeignFileError
from watchword_tui.exchange.model import Cost

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Ask

FREE_MEMORY = 256 * 2**20
"""Bytes that nobody is asked about: twice what the apps' own defaults take, but for Ente's."""

FREE_SECONDS = 3.0
"""Seconds that nobody is asked about."""

MAX_MEMORY = 4 * 2**30
"""Bytes beyond which no real export goes."""

MAX_SECONDS = 600.0
"""Seconds beyond which no real export goes."""

_ITERATIONS_A_SECOND = {"SHA1": 2_500_000, "SHA256": 4_000_000, "SHA512": 1_500_000}
"""PBKDF2 in OpenSSL on a slower machine than most, for a key of 32 bytes."""


def require(ask: Ask, cost: Cost) -> None:
    """Go on only if the work is cheap, or the person wants to pay for it and the machine can.

    Raises:
        ForeignFileError: Nobody could pay it.
        CancelledError: The person does not want to.
    """
    if cost.memory > MAX_MEMORY or cost.seconds > MAX_SECONDS:
        raise ForeignFileError(
            f"opening this file would take {words(cost)}: no app writes such files",
            "it is damaged, or made to stop whoever opens it",
        )
    if (free := _free_memory()) is not None and cost.memory > free:
        raise ForeignFileError(
            f"opening this file takes {size_words(cost.memory)} of memory; {size_words(free)} are free",
            "free some memory, or import it on a larger machine",
        )
    if (cost.memory > FREE_MEMORY or cost.seconds > FREE_SECONDS) and not ask.allow(cost):
        raise CancelledError("not opened")


def argon2_cost(passes: int, memory: int, lanes: int) -> Cost:
    """What Argon2 takes (RFC 9106): `passes` over `memory` bytes, in `lanes`."""
    return Cost(
        f"Argon2, {passes} passes over {size_words(memory)} in {lanes} lanes",
        memory,
        (passes + 1) * memory / 2**30,  # a pass over a GiB takes 0.7 s, and to get hold of it as long
    )


def pbkdf2_cost(iterations: int, algorithm: str = "SHA256") -> Cost:
    """What PBKDF2 (RFC 8018 section 5.2) takes for a key of 32 bytes.

    Args:
        iterations: From the file.
        algorithm: SHA1, SHA256 or SHA512.
    """
    return Cost(f"PBKDF2, {iterations:,} iterations", 0, iterations / _ITERATIONS_A_SECOND[algorithm])


def scrypt_cost(n: int, r: int, p: int) -> Cost:
    """What scrypt takes (RFC 7914 section 2)."""
    return Cost(f"scrypt, N {n:,}, r {r}, p {p}", 128 * n * r, n * r * p / 2_000_000)


def words(cost: Cost) -> str:
    """A cost for people: "about 7 s and 1.0 GiB of memory"."""
    memory = f" and {size_words(cost.memory)} of memory" if cost.memory else ""
    return f"about {max(1, round(cost.seconds)):,} s{memory}"


def size_words(size: int) -> str:
    """A number of bytes for people."""
    if size >= 2**30:
        return f"{size / 2**30:.1f} GiB"
    return f"{max(1, round(size / 2**20))} MiB"


def _free_memory() -> int | None:
    """Bytes a program could take now, or None where the system does not tell."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:  # noqa: PTH123 - a path of the system's
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None
