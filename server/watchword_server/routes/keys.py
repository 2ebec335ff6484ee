"""Keys: list, make, look at, change, delete."""

from __future__ import annotations

import re
from http import HTTPStatus
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, UnsetType

from watchword_otp import (
    Algorithm,
    InvalidKeyError,
    Key,
    Kind,
    Secret,
    clean_label,
    format_uri,
)
from watchword_otp.key import MAX_DIGITS, MAX_PERIOD, STEAM_DIGITS
from watchword_server.api import KEY_NAME, Answer, Operation, RequestHeader
from watchword_server.appkeys import ISSUER, LEDGER, STORE, TOKEN
from watchword_server.bodies import json_response
from watchword_server.callers import caller_of
from watchword_server.enrolment import MadeKey, create_key, rotate_key
from watchword_server.keyadmin import KeyPatch, delete_key, find_key, patch_key
from watchword_server.keypolicy import MIN_PERIOD, MIN_SECRET_BITS, USUAL_DIGITS
from watchword_server.labels import with_labels
from watchword_server.names import NAME
from watchword_server.newkeys import NewKey
from watchword_server.problems import (
    IMMUTABLE_MEMBER,
    INSUFFICIENT_SCOPE,
    INVALID_KEY,
    KEY_EXISTS,
    NO_SUCH_KEY,
    PRECONDITION_FAILED,
    ProblemError,
)
from watchword_server.routes.views import IF_MATCH, KeyView, etag_of, seen_version, view_of
from watchword_server.store.records import LIVE, Wanted
from watchword_server.tokens import challenge
from watchword_server.verifier import MAX_WINDOW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword_server.store.protocol import Store
    from watchword_server.store.records import StoredKey

_MAX_LABEL = 100
_MAX_COUNTER = 2**53
"""Larger ones are not exact in every JSON reader."""

Label = Annotated[str, Meta(max_length=_MAX_LABEL, description="As authenticator apps show it.")]
Window = Annotated[
    int, Meta(ge=0, le=MAX_WINDOW, description="Steps either side of now; hotp: counters ahead.")
]

_CANNOT_CHANGE = "Cannot be changed: any value is refused with 409."
_Fixed = Annotated[str, Meta(max_length=256, description=_CANNOT_CHANGE)]
_FixedNumber = Annotated[int, Meta(ge=0, le=_MAX_COUNTER, description=_CANNOT_CHANGE)]


class KeysQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which part of the list."""

    after: Annotated[
        str, Meta(max_length=64, description="The last name of the page before: `next`.")
    ] = ""
    limit: Annotated[int, Meta(ge=1, le=100, description="Most keys on a page.")] = 50


class KeysPage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the list, in order of name."""

    keys: list[KeyView]
    next: Annotated[str | None, Meta(description="For `after`, if there may be more.")]


class NewKeyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A key to be made. Without a secret a new one is drawn; the rest fits every authenticator app."""

    name: Annotated[str, NAME, Meta(examples=["alice"])]
    issuer: Label = ""
    account: Label = ""
    kind: Kind = Kind.TOTP
    algorithm: Algorithm = Algorithm.SHA1
    digits: (
        Annotated[
            int,
            Meta(ge=STEAM_DIGITS, le=MAX_DIGITS, description=f"At least {USUAL_DIGITS}, but for steam."),
        ]
        | None
    ) = None
    period: Annotated[int, Meta(ge=MIN_PERIOD, le=MAX_PERIOD, description="Seconds.")] = 30
    counter: Annotated[int, Meta(ge=0, le=_MAX_COUNTER, description="hotp: of the next code.")] = 0
    window: Window | None = None
    secret: (
        Annotated[
            str,
            Meta(
                max_length=256,
                description=f"base32; of a key that exists elsewhere; {MIN_SECRET_BITS} bits or more.",
            ),
        ]
        | None
    ) = None

    def __repr__(self) -> str:
        return f"<NewKeyRequest {self.name}>"


class CreatedKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new key with its secret, which is shown this once."""

    key: KeyView
    secret: Annotated[str, Meta(description="base32")]
    uri: Annotated[str, Meta(description="otpauth://, as authenticator apps take it.")]
    warnings: Annotated[list[str], Meta(description="What is unwise about it, in sentences.")]

    def __repr__(self) -> str:
        return f"<CreatedKey {self.key.name}>"


class KeyPatchRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to change; what is not there stays. A changed secret is another key: rotate it."""

    issuer: Label | UnsetType = UNSET
    account: Label | UnsetType = UNSET
    window: Window | UnsetType | None = UNSET
    name: _Fixed | UnsetType = UNSET
    kind: _Fixed | UnsetType = UNSET
    algorithm: _Fixed | UnsetType = UNSET
    digits: _FixedNumber | UnsetType = UNSET
    period: _FixedNumber | UnsetType = UNSET
    counter: _FixedNumber | UnsetType = UNSET
    secret: _Fixed | UnsetType = UNSET

    def __repr__(self) -> str:
        return "<KeyPatchRequest>"


_IMMUTABLE = ("name", "kind", "algorithm", "digits", "period", "counter", "secret")


async def list_keys(request: web.Request, query: KeysQuery) -> web.Response:
    """`GET /v1/keys`: keys in order of name, a page at a time."""
    stored = await _listed(request.app[STORE], request[TOKEN].keys, query)
    groups = [list(group) for _, group in groupby(stored, key=lambda key: key.name)]
    page = groups[: query.limit]
    after = page[-1][0].name if page and len(groups) >= query.limit else None
    return json_response(msgspec.json.encode(KeysPage(keys=list(map(view_of, page)), next=after)))


async def _listed(
    store: Store, limited_to: frozenset[str] | None, query: KeysQuery
) -> Sequence[StoredKey]:
    """Keys after a name; of a token that is limited to some keys only these, in whatever page."""
    if limited_to is None:
        return await store.list_keys(query.after, query.limit)
    names = [name for name in limited_to if name > query.after]
    found = await store.look(Wanted(names=names, statuses=LIVE))
    return sorted(found.keys, key=lambda key: key.name)


async def make_key(request: web.Request, sent: NewKeyRequest) -> web.Response:
    """`POST /v1/keys`: a new pending key; its secret is shown this once."""
    if not request[TOKEN].may_touch(sent.name):
        detail = f"this token is limited to keys of other names; it cannot make {sent.name}"
        raise ProblemError(INSUFFICIENT_SCOPE, detail, headers=challenge("insufficient_scope"))
    issuer, account = _label(sent.issuer), _label(sent.account)
    try:
        new = NewKey(name=sent.name, key=_key(sent), issuer=issuer, account=account, window=sent.window)
        made = await create_key(request.app[LEDGER], new, caller_of(request))
    except InvalidKeyError as error:
        raise ProblemError(INVALID_KEY, str(error)) from None
    return _created(request, made)


async def rotate(request: web.Request) -> web.Response:
    """`POST /v1/keys/{name}/rotate`: a pending successor; the key works until that is confirmed."""
    name = request.match_info["name"]
    return _created(request, await rotate_key(request.app[LEDGER], name, caller_of(request)))


async def show_key(request: web.Request) -> web.Response:
    """`GET /v1/keys/{name}`: a key without its secret."""
    return _shown(await find_key(request.app[LEDGER], request.match_info["name"]))


async def change_key(request: web.Request, sent: KeyPatchRequest) -> web.Response:
    """`PATCH /v1/keys/{name}`: other labels or another window."""
    for member in _IMMUTABLE:
        if getattr(sent, member) is not UNSET:
            detail = f"{member} cannot be changed; rotate the key, or delete it and make another"
            raise ProblemError(IMMUTABLE_MEMBER, detail, member=member)
    patch = KeyPatch(
        issuer=sent.issuer if sent.issuer is UNSET else _label(sent.issuer),
        account=sent.account if sent.account is UNSET else _label(sent.account),
        window=sent.window,
    )
    ledger, name = request.app[LEDGER], request.match_info["name"]
    await patch_key(ledger, name, patch, caller_of(request), seen=seen_version(request))
    return _shown(await find_key(ledger, name))


async def remove_key(request: web.Request) -> web.Response:
    """`DELETE /v1/keys/{name}`: the key is gone for good."""
    name = request.match_info["name"]
    await delete_key(request.app[LEDGER], name, caller_of(request), seen=seen_version(request))
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _key(sent: NewKeyRequest) -> Key:
    steam = sent.kind is Kind.STEAM
    return Key(
        secret=Secret.generate() if sent.secret is None else Secret.from_base32(sent.secret),
        kind=sent.kind,
        algorithm=sent.algorithm,
        digits=sent.digits or (STEAM_DIGITS if steam else USUAL_DIGITS),
        period=sent.period,
        counter=sent.counter,
    )


def _label(text: str) -> str:
    if text and clean_label(text) != text:
        detail = "a label holds control characters, stray spaces or is too long"
        raise ProblemError(INVALID_KEY, detail)
    return text


def _shown(keys: Sequence[StoredKey]) -> web.Response:
    return json_response(msgspec.json.encode(view_of(keys)), headers={"ETag": etag_of(keys[0])})


def _created(request: web.Request, made: MadeKey) -> web.Response:
    uri = format_uri(with_labels(made.key, made.stored, request.app[ISSUER]))
    created = CreatedKey(
        key=view_of([made.stored]),
        secret=made.key.secret.base32(),
        uri=uri,
        warnings=list(made.key.warnings()),
    )
    headers = {"Location": f"/v1/keys/{made.stored.name}", "ETag": etag_of(made.stored)}
    return json_response(msgspec.json.encode(created), HTTPStatus.CREATED, headers)


_IF_MATCH = RequestHeader(
    name=IF_MATCH,
    description="The ETag of the key as it was seen: if it was changed since, nothing is done.",
    pattern=re.compile(r"[\x20-\x7e]{1,100}"),
    form="1 to 100 printable ASCII characters",
)
_ETAG = {"ETag": "Its version, for `If-Match`."}
_CREATED: dict[int, Answer] = {
    HTTPStatus.CREATED: Answer(
        description="Made. The secret is shown this once.",
        json=(CreatedKey,),
        headers={"Location": "Where the key is.", **_ETAG},
    )
}

LIST_KEYS = Operation(
    id="listKeys",
    handler=list_keys,
    tag="Keys",
    summary="List keys",
    description="In order of name. A token that is limited to some keys sees these.",
    query=KeysQuery,
    answers={HTTPStatus.OK: Answer(description="A page of keys.", json=(KeysPage,))},
)

CREATE_KEY = Operation(
    id="createKey",
    handler=make_key,
    tag="Keys",
    summary="Make a key",
    description="It is pending, and answers true to no check, until its first code confirms it.",
    body=NewKeyRequest,
    answers=_CREATED,
    problems=(KEY_EXISTS, INVALID_KEY),
)

SHOW_KEY = Operation(
    id="showKey",
    handler=show_key,
    tag="Keys",
    summary="Show a key",
    path=(KEY_NAME,),
    answers={HTTPStatus.OK: Answer(description="The key.", json=(KeyView,), headers=_ETAG)},
    problems=(NO_SUCH_KEY,),
)

CHANGE_KEY = Operation(
    id="changeKey",
    handler=change_key,
    tag="Keys",
    summary="Change a key's labels or window",
    path=(KEY_NAME,),
    body=KeyPatchRequest,
    request_headers=(_IF_MATCH,),
    answers={HTTPStatus.OK: Answer(description="The key as it is now.", json=(KeyView,), headers=_ETAG)},
    problems=(NO_SUCH_KEY, IMMUTABLE_MEMBER, PRECONDITION_FAILED, INVALID_KEY),
)

DELETE_KEY = Operation(
    id="deleteKey",
    handler=remove_key,
    tag="Keys",
    summary="Delete a key",
    description="For good, with its recovery codes and links.",
    path=(KEY_NAME,),
    request_headers=(_IF_MATCH,),
    answers={HTTPStatus.NO_CONTENT: Answer(description="It is gone.")},
    problems=(NO_SUCH_KEY, PRECONDITION_FAILED),
)

ROTATE_KEY = Operation(
    id="rotateKey",
    handler=rotate,
    tag="Keys",
    summary="Give a key a new secret",
    description="Makes a pending successor. The key works on until the successor's first code.",
    path=(KEY_NAME,),
    answers=_CREATED,
    problems=(NO_SUCH_KEY,),
)
