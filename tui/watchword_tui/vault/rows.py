"""One account as the vault's file has it: read into an `Account`, or quarantined with the reason.

A row's JSON is kept byte for byte until the person changes the account, and then only the fields that
changed are written: icons and whatever else other apps keep there survives.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from watchword_otp import Algorithm, InvalidKeyError, Key, Kind, Secret, clean_label
from watchword_otp.key import STEAM_DIGITS
from watchword_tui.accounts import Account, clean_note

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIELDS = ("type", "uuid", "name", "issuer", "note", "icon")
"""In the order of Aegis' own files."""

SOURCE = "vault"
"""What an account of the vault gives as its source."""

_FOREIGN = {"motp": "mOTP", "yandex": "Yandex"}


class _Info(msgspec.Struct, frozen=True):
    secret: str
    algo: str = "SHA1"
    digits: int = 6
    period: int = 30
    counter: int = 0


class _Entry(msgspec.Struct, frozen=True):
    type: str
    info: _Info
    uuid: str = ""
    name: str | None = ""
    issuer: str | None = ""
    note: str | None = ""
    favorite: bool | None = False
    group: str | None = None
    groups: tuple[str, ...] | None = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of the vault's file."""

    id: str
    """Its UUID; made from its content where the file has none."""
    raw: bytes = field(repr=False)
    """Its JSON, as the file has it."""
    account: Account | None
    """None for a row that is quarantined."""
    reason: str = ""
    """Why it is quarantined, one sentence without a full stop."""
    group_ids: tuple[str, ...] = ()
    """UUIDs of its groups."""

    @property
    def fields(self) -> dict[str, Any]:
        """What the row says, whatever it is; empty if it is no object."""
        found = msgspec.json.decode(self.raw)
        return found if isinstance(found, dict) else {}

    @property
    def title(self) -> str:
        """What to call it in a list, also when it is quarantined; never a secret."""
        if self.account is not None:
            return self.account.key.title
        labels = (self.fields.get(name) for name in ("issuer", "name"))
        words = [clean for label in labels if isinstance(label, str) and (clean := clean_label(label))]
        return " ".join(words) or "an account without a name"


def read_row(raw: bytes, index: int, groups: Mapping[str, str]) -> Row:
    """Read an entry; `groups` has the names of groups by their UUID. Never raises.

    `index` is the entry's place in the file: two entries without a UUID stay two.
    """
    try:
        entry = msgspec.json.decode(raw, type=_Entry)
    except (msgspec.ValidationError, UnicodeDecodeError) as error:
        return Row(_made_id(raw, index), raw, None, _plain(str(error)))
    identity = entry.uuid or _made_id(raw, index)
    group_ids = tuple(one for one in entry.groups or () if one in groups)
    if entry.group:
        group_ids = (*group_ids, group_id(entry.group))
    try:
        key = _key(entry)
    except InvalidKeyError as error:
        return Row(identity, raw, None, str(error), group_ids)
    account = Account(
        key,
        SOURCE,
        key.warnings(),
        id=identity,
        note=clean_note(entry.note or ""),
        favourite=bool(entry.favorite),
        groups=tuple(dict.fromkeys(groups[one] for one in group_ids)),
    )
    return Row(identity, raw, account, "", group_ids)


def write_row(account: Account, groups: Mapping[str, str], before: Row | None = None) -> Row:
    """Make the row of an account; `groups` has the UUIDs of groups by their name.

    Fields of `before` that did not change, and those nobody here knows, stay as they were.
    """
    key = account.key
    old = before.account if before is not None else None
    fields: dict[str, Any] = dict.fromkeys(_FIELDS)
    if before is not None:
        fields = _parts(before.raw)
    info = _parts(bytes(fields.get("info") or b"{}"))
    fields["type"] = str(key.kind)
    fields["uuid"] = account.id
    if old is None or old.key.name != key.name:
        fields["name"] = key.name
    if old is None or old.key.issuer != key.issuer:
        fields["issuer"] = key.issuer
    if old is None or old.note != account.note:
        fields["note"] = account.note
    fields["favorite"] = account.favourite
    fields.pop("group", None)
    group_ids = tuple(groups[name] for name in account.groups)
    fields["groups"] = group_ids
    if old is None or old.key.secret != key.secret:
        info["secret"] = key.secret.base32()
    info["algo"] = str(key.algorithm)
    info["digits"] = key.digits
    if key.kind is Kind.HOTP:
        info.pop("period", None)
        info["counter"] = key.counter
    else:
        info.pop("counter", None)
        info["period"] = key.period
    fields["info"] = info
    return Row(account.id, msgspec.json.encode(fields), account, "", group_ids)


def foreign_row(identity: str, kind: str, labels: tuple[str, str, str], info: dict[str, Any]) -> Row:
    """Make the row of a key whose codes are not made here; `labels` are issuer, name, note.

    Such a row is quarantined, and there for the apps that make its codes.
    """
    issuer, name, note = labels
    fields: dict[str, Any] = {
        "type": kind,
        "uuid": identity,
        "name": name,
        "issuer": issuer,
        "note": note,
        "icon": None,
        "favorite": False,
        "groups": [],
        "info": info,
    }
    return read_row(msgspec.json.encode(fields), 0, {})


def new_id() -> str:
    """A fresh UUID."""
    return str(uuid.uuid4())


def group_id(name: str) -> str:
    """The UUID of a group that the file knows by its name only: the same on each reading."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"watchword:group:{name}"))


def _made_id(raw: bytes, index: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"watchword:row:{index}:{raw.hex()}"))


def _key(entry: _Entry) -> Key:
    if entry.type in _FOREIGN:
        raise InvalidKeyError(
            f"{_FOREIGN[entry.type]} codes are not made here; the key is kept for apps that do"
        )
    try:
        kind = Kind(entry.type)
        algorithm = Algorithm(entry.info.algo.upper())
    except ValueError:
        raise InvalidKeyError("its type or algorithm is not known") from None
    steam = kind is Kind.STEAM
    return Key(
        secret=Secret.from_base32(entry.info.secret),
        kind=kind,
        algorithm=Algorithm.SHA1 if steam else algorithm,
        digits=STEAM_DIGITS if steam else entry.info.digits,
        period=30 if kind is Kind.HOTP else entry.info.period,
        counter=entry.info.counter if kind is Kind.HOTP else 0,
        issuer=clean_label(entry.issuer or ""),
        name=clean_label(entry.name or ""),
    )


def _parts(raw: bytes) -> dict[str, Any]:
    try:
        return dict(msgspec.json.decode(raw, type=dict[str, msgspec.Raw]))
    except (msgspec.ValidationError, UnicodeDecodeError):
        return {}


def _plain(message: str) -> str:
    """What the decoder says, for people: "Expected `int`, got `str` - at `$.info.digits`"."""
    what, _, path = message.partition(" - at ")
    place = path.strip("`").removeprefix("$").lstrip(".")
    words = what.replace("`", "").replace("Object missing required field", "there is no field")
    return f"{words} in {place}" if place else words
