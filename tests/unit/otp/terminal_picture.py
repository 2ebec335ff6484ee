"""What a camera sees of a QR code drawn in a terminal."""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"\x1b\[([0-9;]*)m")
_COLOURS = {"16": True, "231": False}
"""Black and white of the colour cube; true for dark."""

Modules = list[list[bool]]


def half_block_modules(drawing: str) -> Modules:
    """Read modules off a drawing of spaces and lower half blocks; two rows of modules a line.

    Raises:
        ValueError: A cell is drawn without its own colours or by another character.
    """
    rows: Modules = []
    for line in drawing.splitlines():
        upper_row, lower_row = [], []
        for character, foreground, background in _cells(line):
            if character not in {" ", "▄"}:
                raise ValueError(f"a cell holds {character!r}")
            upper_row.append(background)
            lower_row.append(background if character == " " else foreground)
        rows += [upper_row, lower_row]
    return rows


def space_modules(drawing: str) -> Modules:
    """Read modules off a drawing of spaces, two a module.

    Raises:
        ValueError: A cell is drawn without its own colours, or a module's two cells differ.
    """
    rows: Modules = []
    for line in drawing.splitlines():
        cells = list(_cells(line))
        if any(character != " " for character, _, _ in cells):
            raise ValueError("a cell holds more than a space")
        dark = [background for _, _, background in cells]
        if dark[::2] != dark[1::2]:
            raise ValueError("a module is two cells of the same colour")
        rows.append(dark[::2])
    return rows


def ascii_modules(drawing: str, columns: int, *, light_mark: str = "##") -> Modules:
    """Read modules off a drawing of marks, two characters a module, on a screen of `columns`."""
    lines = [line.ljust(columns) for line in drawing.splitlines()]
    return [[line[at : at + 2] != light_mark for at in range(0, columns, 2)] for line in lines]


def on_a_dark_screen(modules: Modules, margin: int = 4) -> Modules:
    """Put black around a drawing, as most terminals do."""
    side = [True] * margin
    edge = [[True] * (len(modules[0]) + 2 * margin)] * margin
    return [*edge, *([*side, *row, *side] for row in modules), *edge]


def _cells(line: str) -> list[tuple[str, bool, bool]]:
    """Characters of a line, each with its foreground and background, true for dark."""
    colours: tuple[bool, bool] | None = None
    cells = []
    at = 0
    while at < len(line):
        if escape := _ESCAPE.match(line, at):
            at = escape.end()
            colours = _colours(escape[1])
            continue
        if colours is None:
            raise ValueError("a cell is drawn without colours of its own")
        cells.append((line[at], *colours))
        at += 1
    if colours is not None:
        raise ValueError("a line leaves its colours to the next")
    return cells


def _colours(parameters: str) -> tuple[bool, bool] | None:
    """Foreground and background that an SGR sequence sets, or None where it resets both."""
    if parameters in {"", "0"}:
        return None
    found = re.fullmatch(r"38;5;(\d+);48;5;(\d+)", parameters)
    if not found:
        raise ValueError(f"SGR {parameters} does not set both colours")
    return _COLOURS[found[1]], _COLOURS[found[2]]
