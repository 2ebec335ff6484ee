"""Renew docs/pictures from the screens the tests hold: what a reader sees is what the tests saw.

The tests' pictures come from the real app. Here they only lose the reference to a web font, so that
showing them asks nobody for anything.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SNAPSHOTS = ROOT / "tests" / "tui" / "__snapshots__"
PICTURES = ROOT / "docs" / "pictures"

CHOSEN = {
    "codes.svg": "test_snapshots/TestPictures.test_accepted[80x24].svg",
    "codes-wide.svg": "test_snapshots/TestPictures.test_replayed[120x40].svg",
    "codes-light.svg": "test_snapshots/TestPictures.test_light[120x40].svg",
    "list.svg": "test_vault_snapshots/TestPictures.test_list[80x24].svg",
    "list-wide.svg": "test_vault_snapshots/TestPictures.test_list[120x40].svg",
    "find.svg": "test_vault_snapshots/TestPictures.test_found[80x24].svg",
    "form.svg": "test_dialog_snapshots/TestPictures.test_form_with_more[80x24].svg",
    "import.svg": "test_dialog_snapshots/TestPictures.test_import[80x24].svg",
    "enrol.svg": "test_snapshots/TestPictures.test_enrol[80x24].svg",
    "help.svg": "test_snapshots/TestPictures.test_help[80x24].svg",
}
"""Picture to snapshot."""

_WEB_FONT = re.compile(r"\s*@font-face\s*\{[^}]*\}")


def picture_of(snapshot: str) -> str:
    """The snapshot without its web fonts; a reader's own monospace font is used."""
    return _WEB_FONT.sub("", snapshot)


def main() -> None:
    """Write every chosen picture."""
    PICTURES.mkdir(exist_ok=True)
    for name, snapshot in CHOSEN.items():
        text = (SNAPSHOTS / snapshot).read_text("utf-8")
        (PICTURES / name).write_text(picture_of(text), "utf-8")
        print(f"docs/pictures/{name}")


if __name__ == "__main__":
    main()
