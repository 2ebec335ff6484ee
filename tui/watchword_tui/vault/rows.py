"""One account as the vault's file has it: read into an `Account`, or quarantined with the reason.

A row's JSON is kept byte for byte until the person changes the account, and then only the fields that
changed are written: icons and whatever else other apps keep there survives.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec.structs import replace

from watchword_otp import Algorithm, InvalidKeyError, Key, Kind, Secret, clean_label
from watchword_otp.key import STEAM_DIGITS
from watchword_otp.value import Value
from watchword_tui.accounts import Account, clean_note
from watchword_tui.vault.groups import GroupTable

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIELDS = ("type", "uuid", "name", "issuer", "note", "icon")
"""In the order of Aegis' own files."""

SOURCE = "vault"
"""What an account of the vault gives as its source."""

_FOREIGN = {"motp": "mOTP", "yandex": "Yandex"}

_WORDS = {
    "int": "a whole number",
    "float": "a number with a fraction",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "a group of fields",
    "null": "empty",
}
"""What the decoder calls a type, for people."""

_Number = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""Longer ones cannot even be shown."""


class _Info(msgspec.Struct, frozen=True):
    secret: str
    algo: str = "SHA1"
    digits: _Number = 6
    period: _Number = 30
    counter: _Number = 0


class _Entry(msgspec.Struct, frozen=True):
    type: str
    info: _Info
    uuid: str | None = ""
    name: str | None = ""
    issuer: str | None = ""
    note: str | None = ""
    favorite: bool | None = False
    group: str | None = None
    """Versions 1 and 2; where there are `groups`, Aegis does not look at it either."""
    groups: tuple[str, ...] | None = None


# Aegis reads numbers and truth values that are written as text, so we do; its own files have none.
_DECODER = msgspec.json.Decoder(_Entry, strict=False)


class Row(Value, frozen=True, gc=False):
    """One entry of the vault's file."""

    HIDDEN = frozenset({"raw"})

    id: str
    """Its UUID; made from its content where the file has none."""
    raw: bytes
    """Its JSON, as the file has it."""
    account: Account | None
    """None for a row that is quarantined."""
    reason: str = ""
    """Why it is quarantined, one sentence without a full stop."""
    group_ids: tuple[str, ...] = ()
    """UUIDs of its groups."""

    @property
    def fields(self) -> dict[str, Any]:
        """What the row says, as far as it can be read; empty if it is no object."""
        return {
            name: value
            for name, raw in _parts(self.raw).items()
            if (value := _value(raw)) is not _UNREADABLE
        }

    @property
    def title(self) -> str:
        """What to call it in a list, also when it is quarantined; never a secret."""
        if self.account is not None:
            return self.account.key.title
        labels = (self.fields.get(name) for name in ("issuer", "name"))
        words = [clean for label in labels if isinstance(label, str) and (clean := clean_label(label))]
        return " ".join(words) or "an account without a name"


def read_row(raw: bytes, groups: GroupTable, nth: int = 0) -> Row:
    """Read an entry; a group that it alone names is made in `groups`. Never raises.

    `nth` tells rows apart that have the same content and no UUID.
    """
    try:
        entry = _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Row(_own_id(raw) or made_id(raw, nth), raw, None, _plain(error))
    identity = entry.uuid or made_id(raw, nth)
    try:
        key = _key(entry)
    except InvalidKeyError as error:
        return Row(identity, raw, None, str(error), groups.known_ids(entry.groups or ()))
    group_ids: tuple[str, ...] = ()
    if entry.groups:
        group_ids = groups.known_ids(entry.groups)
    elif entry.groups is None and entry.group:
        group_ids = groups.known_ids((groups.id_called(entry.group),))
    account = Account(
        key,
        SOURCE,
        key.warnings(),
        id=identity,
        note=clean_note(entry.note or ""),
        favourite=bool(entry.favorite),
        groups=groups.names_of(group_ids) if group_ids else (),
    )
    return Row(identity, raw, account, "", group_ids)


def write_row(account: Account, groups: Mapping[str, str], before: Row | None = None) -> Row:
    """Make the row of an account; `groups` has the UUIDs of groups by their name.

    Fields of `before` that did not change, and those nobody here knows, stay as they were. The row's
    account is what reading the row gives: of the vault, with its key's own notices.
    """
    key = account.key
    names = tuple(dict.fromkeys(clean for name in account.groups if (clean := clean_label(name))))
    account = replace(
        account, source=SOURCE, notices=key.warnings(), note=clean_note(account.note), groups=names
    )
    old = before.account if before is not None else None
    if before is not None and old == account:
        return before
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
    group_ids = tuple(groups[name] for name in names)
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


def with_id(row: Row, identity: str) -> Row:
    """The same row under another UUID, all else as it was; what is no object has none to change."""
    fields: dict[str, Any] = _parts(row.raw)
    raw = msgspec.json.encode(fields | {"uuid": identity}) if fields else row.raw
    account = None if row.account is None else replace(row.account, id=identity)
    return replace(row, id=identity, raw=raw, account=account)


def regrouped_row(row: Row, account: Account, group_ids: tuple[str, ...]) -> Row:
    """The row with its account in other groups; written anew only if it does not say so already."""
    fields: dict[str, Any] = _parts(row.raw)
    raw = row.raw
    if group_ids != row.group_ids or "groups" not in fields:
        fields.pop("group", None)
        raw = msgspec.json.encode(fields | {"groups": group_ids})
    return replace(row, raw=raw, account=account, group_ids=group_ids)


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
    return read_row(msgspec.json.encode(fields), GroupTable())


def new_id() -> str:
    """A fresh UUID."""
    return str(uuid.uuid4())


def made_id(raw: bytes, nth: int) -> str:
    """A UUID for the `nth` row with this content: the same on each reading."""
    found = hashlib.sha256(b"watchword row %d " % nth + raw).digest()
    return str(uuid.UUID(bytes=found[:16], version=5))


def _own_id(raw: bytes) -> str:
    """The UUID in a row that is not understood, or ""."""
    own = _value(_parts(raw).get("uuid", msgspec.Raw(b'""')))
    return own if isinstance(own, str) else ""


def _key(entry: _Entry) -> Key:
    if entry.type in _FOREIGN:
        raise InvalidKeyError(
            f"{_FOREIGN[entry.type]} codes are not made here; the key is kept for apps that do"
        )
    kind = _KINDS.get(entry.type)
    if kind is None:
        raise InvalidKeyError("the type must be totp, hotp or steam")
    steam = kind is Kind.STEAM
    algorithm = (
        Algorithm.SHA1 if steam else _ALGORITHMS.get(entry.info.algo.upper().removeprefix("HMAC"))
    )
    if algorithm is None:
        raise InvalidKeyError("the algorithm must be SHA1, SHA256 or SHA512")
    return Key(
        secret=Secret.from_base32(entry.info.secret),
        kind=kind,
        algorithm=algorithm,
        digits=STEAM_DIGITS if steam else entry.info.digits,
        period=30 if kind is Kind.HOTP else entry.info.period,
        counter=entry.info.counter if kind is Kind.HOTP else 0,
        issuer=clean_label(entry.issuer or ""),
        name=clean_label(entry.name or ""),
    )


_KINDS = {str(kind): kind for kind in Kind}
_ALGORITHMS = {str(algorithm): algorithm for algorithm in Algorithm}
_UNREADABLE = object()


def _parts(raw: bytes) -> dict[str, Any]:
    try:
        return dict(msgspec.json.decode(raw, type=dict[str, msgspec.Raw]))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _value(raw: msgspec.Raw) -> object:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _UNREADABLE


def _plain(error: Exception) -> str:
    """What the decoder says, for people: "Expected `int`, got `str` - at `$.info.digits`"."""
    what, _, path = str(error).partition(" - at ")
    name = path.strip("`").rpartition(".")[2].partition("[")[0].removeprefix("$")
    place = f'the field "{name}"' if name else "the entry"
    quoted = what.split("`")[1::2]
    if what.startswith("Object missing") and quoted:
        return f'the field "{quoted[0]}" is missing'
    if what.startswith("Expected") and len(quoted) > 1:
        wanted, got = (_WORDS.get(one.partition(" |")[0], "something else") for one in quoted[:2])
        return f"{place} should be {wanted}, not {got}"
    return f"{place} is not a value that can be read"
