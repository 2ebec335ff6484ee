"""The validator's HTTP client: what it answers as types, what goes wrong as `ServerError`s."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from watchword_otp import Key, UriError, clean_label, parse_uri
from watchword_tui.answers import (
    CheckAnswer,
    Checked,
    Contact,
    Created,
    CreatedAnswer,
    KeyInfo,
    RecoveryAnswer,
)
from watchword_tui.errors import SettingsError, UnreachableError
from watchword_tui.refusals import Problem, no_answer, not_watchword, refusal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from watchword_tui.settings import ServerProfile

TIMEOUT = 15.0
"""Seconds from a question to the end of its answer."""

MAX_ANSWER_BYTES = 64 * 1024
"""Longest answer read: real ones have under 2 kB."""

_VERSION_HEADER = "Watchword-Version"
_MAX_RECOVERY_CODES = 20
_MAX_RECOVERY_CODE = 40
"""More, and longer ones, are no server's of ours; they would not fit the screen."""
_Record = TypeVar("_Record", bound=msgspec.Struct)


class ValidatorClient:
    """Asks one Watchword server; keeps its connection open between questions.

    Args:
        profile: The server, with its token.
        clock: Gives Unix seconds; compared with the server's clock.
        timer: Gives seconds of a clock that only measures; for the round trip.
        timeout: Seconds from a question to the end of its answer.

    Raises:
        SettingsError: The profile's token, certificates or URL, or the proxy that the environment
            names, cannot be used.
    """

    def __init__(
        self,
        profile: ServerProfile,
        *,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.perf_counter,
        timeout: float = TIMEOUT,
    ) -> None:
        self.profile = profile
        self._clock = clock
        self._timer = timer
        self._timeout = timeout
        # Answers are short; to inflate a hostile one could take any amount of memory.
        headers = {"Accept-Encoding": "identity", "User-Agent": "watchword"}
        token = profile.bearer_token()
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        is_tls = profile.url.startswith("https:")
        if profile.ca_file is not None and not is_tls:
            raise SettingsError(
                f"{profile.url} uses no TLS, so {profile.ca_file} has no use",
                "use https, or leave --ca-file and ca_file out",
            )
        try:
            self._http = httpx.AsyncClient(
                base_url=profile.url,
                headers=headers,
                # One limit for the whole, set in `_ask`: a drip of bytes cannot stretch it.
                timeout=None,  # noqa: S113 - as above
                verify=_tls(profile.ca_file) if is_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
                # A proxy of the environment may carry TLS, but no token in the clear.
                trust_env=is_tls,
            )
        except httpx.InvalidURL as error:
            raise SettingsError(f"{profile.url!r} cannot be asked: {error}") from None
        except (ImportError, ValueError):
            raise SettingsError(
                "the proxy that the environment names cannot be used", "see HTTPS_PROXY and ALL_PROXY"
            ) from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection."""
        await self._http.aclose()

    async def check(self, key: str, code: str) -> Checked:
        """Have the server judge `code`; an accepted code is consumed.

        Raises:
            ServerError: There is no verdict; its kind and message say why.
        """
        response, body, contact = await self._ask(
            "POST",
            f"{_path(key)}/check",
            content={"code": code},
            remedy="the code may be used up: try the next one",
        )
        self._require(response, body, key)
        return Checked(self._decode(body, CheckAnswer), contact)

    async def enrolment_key(self) -> Key:
        """Fetch the default key, secret and all, to enrol it here or on a phone.

        Raises:
            ServerError: The server does not give it; its kind and message say why.
        """
        response, body, _ = await self._ask("GET", "/qr", params={"format": "uri"})
        self._require(response, body, "default")
        return self._parse(body)

    async def create_key(self, name: str, issuer: str, account: str) -> Created:
        """Make a pending key; without an issuer or account the server's own words are its labels.

        Raises:
            NameTakenError: There is a key of this name.
            ServerError: The server does not make it, or did not say so.
        """
        response, body, contact = await self._ask(
            "POST",
            "/v1/keys",
            content={"name": name, "issuer": issuer, "account": account},
            remedy=f"try again: if {name} was made, it is shown then",
        )
        self._require(response, body, name, HTTPStatus.CREATED)
        answer = self._decode(body, CreatedAnswer)
        ends = _by_our_clock(answer.key, contact)
        return Created(self._parse(answer.uri.encode()), ends, response.headers.get("ETag", "*"))

    async def pending_key(self, name: str) -> Created:
        """Fetch a key that was made before and waits for its first code still.

        Raises:
            NotPendingError: It is in use, or its time is over.
            ServerError: The server does not give it.
        """
        response, body, _ = await self._ask("GET", f"{_path(name)}/qr", params={"format": "uri"})
        self._require(response, body, name)
        key = self._parse(body)
        told, response, contact = await self._key_info(name)
        return Created(key, _by_our_clock(told, contact), response.headers.get("ETag", "*"))

    async def key_status(self, name: str) -> str:
        """What the server calls the state of a key: `pending` or `active`.

        Raises:
            NoSuchKeyError: There is none.
            ServerError: The server does not tell.
        """
        told, _, _ = await self._key_info(name)
        return told.status

    async def _key_info(self, name: str) -> tuple[KeyInfo, httpx.Response, Contact]:
        response, body, contact = await self._ask("GET", _path(name))
        self._require(response, body, name)
        return self._decode(body, KeyInfo), response, contact

    async def confirm(self, name: str, code: str) -> tuple[str, ...]:
        """Confirm a pending key by its first code, which is consumed; give its recovery codes.

        Raises:
            WrongFirstCodeError: The code is not the key's.
            NotPendingError: The key waits for no code any more.
            ServerError: It could not be judged, or the answer was lost.
        """
        response, body, _ = await self._ask("POST", f"{_path(name)}/confirm", content={"code": code})
        self._require(response, body, name)
        return self._recovery_codes(body)

    async def new_recovery_codes(self, name: str) -> tuple[str, ...]:
        """Make new recovery codes for a key; earlier ones count no more.

        Raises:
            ServerError: The server does not make them, or the answer was lost.
        """
        response, body, _ = await self._ask("POST", f"{_path(name)}/recovery-codes")
        self._require(response, body, name, HTTPStatus.CREATED)
        return self._recovery_codes(body)

    async def delete_key(self, name: str, etag: str) -> None:
        """Delete a key if it is still as `etag` says.

        Raises:
            ChangedKeyError: It is not.
            ServerError: The server does not delete it, or did not say so.
        """
        response, body, _ = await self._ask("DELETE", _path(name), headers={"If-Match": etag})
        self._require(response, body, name, HTTPStatus.NO_CONTENT)

    async def probe(self) -> Contact:
        """See whether the server is there, how far away, and how its clock stands to ours.

        Raises:
            ServerError: It is not there, or no Watchword server.
        """
        response, body, contact = await self._ask("GET", "/healthz")
        self._require(response, body, "")
        return contact

    async def _ask(  # noqa: PLR0913 - what makes up a request
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        content: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        remedy: str = "try again",
    ) -> tuple[httpx.Response, bytes, Contact]:
        """Ask, with `content` as JSON; `remedy` is for an answer that was lost."""
        sent = None if content is None else json.dumps(content).encode("ascii")
        kind = {} if content is None else {"Content-Type": "application/json"}
        exchange = self._http.stream(
            method, path, params=params, content=sent, headers={**kind, **(headers or {})}
        )
        answering = False
        body = bytearray()
        begun, begun_wall = self._timer(), self._clock()
        try:
            async with asyncio.timeout(self._timeout), exchange as response:
                answering = _VERSION_HEADER in response.headers
                async for part in response.aiter_raw():
                    body += part
                    if len(body) > MAX_ANSWER_BYTES:
                        raise not_watchword(self.profile)
        except TimeoutError:
            raise UnreachableError(
                f"{self.profile.name} did not answer within {self._timeout:g} s",
                remedy,
                may_have_arrived=True,
            ) from None
        except httpx.HTTPError as error:
            raise no_answer(self.profile, error, answering=answering, remedy=remedy) from None
        round_trip = self._timer() - begun
        offset = _clock_offset(response, begun_wall + round_trip / 2)
        return response, bytes(body), Contact(round_trip, offset)

    def _require(
        self, response: httpx.Response, body: bytes, key: str, wanted: HTTPStatus = HTTPStatus.OK
    ) -> None:
        status = response.status_code
        if _VERSION_HEADER not in response.headers:
            raise not_watchword(self.profile, status)
        if status != wanted:
            raise refusal(self.profile, status, self._decode(body, Problem), key)

    def _parse(self, uri: bytes) -> Key:
        try:
            return parse_uri(uri.decode("ascii"))
        except (UriError, UnicodeDecodeError):
            raise not_watchword(self.profile) from None

    def _recovery_codes(self, body: bytes) -> tuple[str, ...]:
        codes = self._decode(body, RecoveryAnswer).recovery_codes
        return tuple(clean_label(code, _MAX_RECOVERY_CODE) for code in codes[:_MAX_RECOVERY_CODES])

    def _decode(self, body: bytes, kind: type[_Record]) -> _Record:
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise not_watchword(self.profile) from None


def _path(key: str) -> str:
    return f"/v1/keys/{quote(key, safe='', errors='replace')}"


def _by_our_clock(told: KeyInfo, contact: Contact) -> float | None:
    """When a pending key's time ends: the server told it by its own clock."""
    return None if told.expires_at is None else told.expires_at.timestamp() + (contact.clock_offset or 0)


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError):
        raise SettingsError(
            f"cannot read certificates from {ca_file}", "ca_file must be a PEM file"
        ) from None


def _clock_offset(response: httpx.Response, midpoint: float) -> float | None:
    try:
        told = parsedate_to_datetime(response.headers["Date"]).timestamp()
    except (KeyError, ValueError, OverflowError):
        return None
    # The header cuts the fraction off: on average half a second.
    return midpoint - (told + 0.5)
