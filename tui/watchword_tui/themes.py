"""Watchword's own themes: three colours carry meaning (accent, good, bad), everything else is quiet.

Chosen to keep their contrast when a terminal has 256 colours only, as most have over SSH.
"""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="watchword-dark",
    dark=True,
    primary="#5fafff",
    secondary="#87afd7",
    accent="#5fafff",
    foreground="#d0d0d0",
    background="#121212",
    surface="#1c1c1c",
    panel="#262626",
    success="#5fd787",
    warning="#ffd75f",
    error="#ff8787",
)

LIGHT = Theme(
    name="watchword-light",
    dark=False,
    primary="#005faf",
    secondary="#5f5f87",
    accent="#005faf",
    foreground="#262626",
    background="#ffffff",
    surface="#f4f4f4",
    panel="#e4e4e4",
    success="#00701f",
    warning="#875f00",
    error="#af0000",
)

DEFAULT = DARK.name
