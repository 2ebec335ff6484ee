"""Steam's secrets as Steam Desktop Authenticator, steamguard-cli and the phone app keep them: JSON.

The secret is `shared_secret` in base64. The manifest beside encrypted files is recognised, so that
people learn what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_otp import InvalidKeyError
from watchword_tui.errors import ForeignFileError
from watchword_tui.exchange.build import About, entry_of
from watchword_tui.exchange.ciphers import damaged
from watchword_tui.exchange.fields import child, objects, text
from watchword_tui.exchange.formats.encodings import secret_from_base64
from watchword_tui.exchange.model import Format, Reading

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Ask, Entry
    from watchword_tui.exchange.source import Source

_SECRET = "shared_secret"  # noqa: S105 - the name of a field


def recognise(source: Source) -> bool:
    """Whether the file is one account, a list of them, or a manifest."""
    if _is_manifest(source.json_object()):
        return True
    rows = list(_rows(source))
    return bool(rows) and _SECRET in rows[0]


def read(source: Source, _ask: Ask) -> Reading:
    """Read the accounts."""
    if _is_manifest(source.json_object()):
        raise ForeignFileError(
            "this is only the list of the accounts, not their keys",
            "import the .maFile files beside it; if they are encrypted, remove the encryption in the"
            ' program first ("steamguard decrypt", or "Manage Encryption")',
        )
    rows = enumerate(_rows(source), start=1)
    if source.json is None:
        raise damaged()
    return Reading(entries=tuple(_entry(row, f"account {place}") for place, row in rows))


def _rows(source: Source) -> list[dict[str, object]]:
    table = source.json_object()
    if accounts := child(table, "accounts"):
        # The phone's own file, from version 3 of the app on: several accounts by their ids.
        return list(objects(list(accounts.values())))
    return [table] if table else list(objects(source.json))


def _is_manifest(table: dict[str, object]) -> bool:
    return isinstance(table.get("entries"), list) and any(
        "filename" in row and ("steamid" in row or "steam_id" in row)
        for row in objects(table["entries"])
    )


def _entry(row: dict[str, object], where: str) -> Entry:
    about = About(where=where, issuer="Steam", name=text(row, "account_name"))
    try:
        return entry_of(about, secret_from_base64(text(row, _SECRET)), kind="steam")
    except InvalidKeyError as error:
        return about.entry(reason=str(error))


FORMAT = Format(name="steam", title="Steam maFile", recognise=recognise, read=read)
