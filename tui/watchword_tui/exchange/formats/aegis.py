"""Aegis vaults: plain of database version 1 to 3, and encrypted (its docs/vault.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_tui.errors import ForeignFileError, VaultError, WrongPassphraseError
from watchword_tui.exchange.build import About, Names, entry_of_row
from watchword_tui.exchange.ciphers import wrong_passphrase
from watchword_tui.exchange.cost import require, scrypt_cost
from watchword_tui.exchange.fields import child, objects, rows, text, texts
from watchword_tui.exchange.model import Cost, Format, Reading
from watchword_tui.exchange.source import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword_tui.exchange.model import Ask, Entry
    from watchword_tui.vault.envelope import Envelope

_NAMES = Names(algorithm="algo")
_SECONDS_A_SLOT = 0.001
"""What a slot takes besides scrypt: thousands of cheap ones are work, too."""


def recognise(source: Source) -> bool:
    """Whether it is JSON with a header of slots and a database."""
    found = source.json_object()
    return "db" in found and "slots" in child(found, "header")


def read(source: Source, ask: Ask) -> Reading:
    """Read a vault; of several passphrases any one opens it."""
    if source.json is None:
        raise _unreadable("the file is no vault, or is damaged")
    database = _database(source, ask)
    names = {text(group, "uuid"): text(group, "name") for group in objects(database.get("groups"))}
    found = rows(database.get("entries"))
    return Reading(entries=tuple(_entry(row, number, names) for number, row in found))


def _database(source: Source, ask: Ask) -> dict[str, object]:
    from watchword_tui.vault.envelope import read_envelope  # noqa: PLC0415 - only this format has one

    try:
        envelope = read_envelope(source.data)
        master = None
        if envelope.encrypted:
            require(ask, _cost(envelope))
            master, _ = envelope.open_with_passphrase(ask.passphrase())
        content = envelope.open_content(master)
    except VaultError as error:
        raise _unreadable(error.message) from None
    except WrongPassphraseError:
        raise wrong_passphrase() from None  # in the words of files, not of the person's vault
    database = Source(source.name, content)
    if not isinstance(database.json, dict):
        raise _unreadable("the vault's content is damaged, or larger than any vault's")
    return database.json_object()


def _cost(envelope: Envelope) -> Cost:
    """What trying all slots takes: one passphrase after the other, so memory is not added up."""
    from watchword_tui.vault.slots import SlotType  # noqa: PLC0415 - only this format has one

    slots = envelope.slots_of(SlotType.PASSWORD)
    if any(min(slot.n, slot.r, slot.p) < 1 for slot in slots):
        raise _unreadable("a slot of the vault has impossible parameters")
    costs = [scrypt_cost(slot.n, slot.r, slot.p) for slot in slots]
    memory = max((cost.memory for cost in costs), default=0)
    seconds = sum(cost.seconds + _SECONDS_A_SLOT for cost in costs)
    return Cost(f"scrypt for {len(costs)} slots", memory, seconds)


def _entry(row: dict[str, object], number: int, names: Mapping[str, str]) -> Entry:
    # Version 2 has one group by its name, version 3 several by their ids.
    groups = (*(names.get(one, "") for one in texts(row.get("groups"))), text(row, "group"))
    about = About(
        where=f"entry {number}",
        issuer=text(row, "issuer"),
        name=text(row, "name"),
        note=text(row, "note"),
        groups=groups,
        favourite=row.get("favorite") is True,
    )
    info = child(row, "info")
    return entry_of_row(about, info | {"type": row.get("type")}, _NAMES)


def _unreadable(message: str) -> ForeignFileError:
    return ForeignFileError(message, "export it again from Aegis")


FORMAT = Format(name="aegis", title="Aegis", recognise=recognise, read=read)
