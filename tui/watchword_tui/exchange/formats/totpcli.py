"""The Go program totp-cli: its credentials, an age file around JSON, and its dump as JSON or YAML.

Both hold namespaces, each with `name` and `accounts` of `name`, `token` (base32), `algorithm`,
`length`, `timePeriod` and a `prefix` that the program sets in front of codes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from watchword_tui.errors import ForeignFileError
from watchword_tui.exchange.build import About, Names, entry_of_row
from watchword_tui.exchange.ciphers import damaged
from watchword_tui.exchange.fields import objects, text
from watchword_tui.exchange.formats.age import looks_like_age, open_age
from watchword_tui.exchange.formats.plain_yaml import read_yaml
from watchword_tui.exchange.model import Format, Reading
from watchword_tui.exchange.source import Source

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Ask, Entry

_NAMES = Names("token", digits="length", period="timeperiod")
_NOTHING = (None, "", 0, "0")
"""What the program keeps where it means its default."""

_YAML = re.compile(r"(?:#[^\n]*\n|---\s|\s)*- +(?:name|accounts) *:")
_TOKEN = re.compile(r"^[ -]*token *:", re.MULTILINE)


def recognise_plain(source: Source) -> bool:
    """Whether the file is the dump, in JSON or in YAML."""
    if isinstance(source.json, list):
        rows = list(objects(source.json))
        return bool(rows) and isinstance(_lowered(rows[0]).get("accounts"), list)
    content = source.text or ""
    return _YAML.match(content[:4096]) is not None and _TOKEN.search(content) is not None


def read_plain(source: Source, _ask: Ask) -> Reading:
    """Read the dump."""
    namespaces = source.json if isinstance(source.json, list) else read_yaml(source.text or "")
    return _read_namespaces(namespaces)


def recognise_encrypted(source: Source) -> bool:
    """Whether the file is one of age's, which the program's credentials are."""
    return looks_like_age(source.data)


def read_encrypted(source: Source, ask: Ask) -> Reading:
    """Open the credentials and read them."""
    inner = Source(source.name, open_age(source.data, ask))
    if not isinstance(inner.json, list):
        raise ForeignFileError(
            "the file is encrypted with age, but holds no accounts of totp-cli",
            "decrypt it with age and import what comes out",
        )
    return _read_namespaces(inner.json)


def _read_namespaces(namespaces: object) -> Reading:
    if not isinstance(namespaces, list):
        raise damaged()
    entries: list[Entry] = []
    for namespace in map(_lowered, objects(namespaces)):
        group = text(namespace, "name")
        for row in map(_lowered, objects(namespace.get("accounts"))):
            about = About(
                where=f"account {len(entries) + 1}",
                issuer=group,
                name=text(row, "name"),
                groups=(group,),
                note=f"prefix of the code: {text(row, 'prefix')}" if text(row, "prefix") else "",
            )
            kept = {name: value for name, value in row.items() if value not in _NOTHING}
            entries.append(entry_of_row(about, kept, _NAMES))
    return Reading(entries=tuple(entries))


def _lowered(table: dict[str, object]) -> dict[str, object]:
    """The table with its names in lower case: the program's versions spell them differently."""
    return {name.lower().replace("_", ""): value for name, value in table.items()}


PLAIN = Format(name="totp-cli", title="totp-cli", recognise=recognise_plain, read=read_plain)
ENCRYPTED = Format(
    name="totp-cli",
    title="totp-cli",
    recognise=recognise_encrypted,
    read=read_encrypted,
)
