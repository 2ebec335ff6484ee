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
    "group.svg": "test_vault_snapshots/TestPictures.test_group[80x24].svg",
    "hidden.svg": "test_vault_snapshots/TestPictures.test_hidden[80x24].svg",
    "empty.svg": "test_snapshots/TestPictures.test_no_accounts[80x24].svg",
    "refused.svg": "test_snapshots/TestPictures.test_wrong_then_locked[80x24].svg",
    "unreachable.svg": "test_snapshots/TestPictures.test_unreachable[80x24].svg",
    "enrol-form.svg": "test_enrol_snapshots/TestPictures.test_form[80x24].svg",
    "enrol.svg": "test_enrol_snapshots/TestPictures.test_scan[80x24].svg",
    "enrol-wide.svg": "test_enrol_snapshots/TestPictures.test_scan[120x40].svg",
    "enrol-cells.svg": "test_enrol_snapshots/TestPictures.test_drawn_with_two_cells[120x40].svg",
    "enrol-wrong.svg": "test_enrol_snapshots/TestPictures.test_wrong[80x24].svg",
    "give-up.svg": "test_enrol_snapshots/TestPictures.test_giving_up[80x24].svg",
    "recovery-codes.svg": "test_enrol_snapshots/TestPictures.test_confirmed[80x24].svg",
    "question.svg": "test_snapshots/TestPictures.test_question_before_a_secret[80x24].svg",
    "second-phone.svg": "test_enrol_snapshots/TestPictures.test_second_phone[80x24].svg",
    "add.svg": "test_dialog_snapshots/TestPictures.test_add[80x24].svg",
    "form.svg": "test_dialog_snapshots/TestPictures.test_form_with_more[80x24].svg",
    "paste.svg": "test_dialog_snapshots/TestPictures.test_paste[80x24].svg",
    "delete.svg": "test_dialog_snapshots/TestPictures.test_delete[80x24].svg",
    "groups.svg": "test_dialog_snapshots/TestPictures.test_groups[80x24].svg",
    "quarantine.svg": "test_dialog_snapshots/TestPictures.test_quarantine[80x24].svg",
    "import.svg": "test_dialog_snapshots/TestPictures.test_import[80x24].svg",
    "file-picker.svg": "test_dialog_snapshots/TestPictures.test_file_picker[80x24].svg",
    "passphrase.svg": "test_dialog_snapshots/TestPictures.test_passphrase[80x24].svg",
    "export.svg": "test_dialog_snapshots/TestPictures.test_export[80x24].svg",
    "qr-pages.svg": "test_dialog_snapshots/TestPictures.test_qr_pages[80x24].svg",
    "both-changed.svg": "test_dialog_snapshots/TestPictures.test_both_changed[80x24].svg",
    "first-vault.svg": "test_vault_snapshots/TestPictures.test_first_vault[80x24].svg",
    "locked.svg": "test_vault_snapshots/TestPictures.test_locked[80x24].svg",
    "help.svg": "test_snapshots/TestPictures.test_help[80x24].svg",
    "palette.svg": "test_snapshots/TestPictures.test_palette[80x24].svg",
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
