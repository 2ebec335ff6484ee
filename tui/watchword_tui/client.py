"""The validator's HTTP client: what it answers as types, what goes wrong as `ServerError`s."""

from __future__ import annotations

import ssl
import time
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from watchword_otp import Key, UriError, clean_label, parse_uri
from watchword_tui.answers import CheckAnswer, Checked, Contact
from watchword_tui.errors import (
    LockedError,
    NotWatchwordError,
    RefusedError,
    SettingsError,
    UnauthorisedError,
    UnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from watchword_tui.settings import ServerProfile

TIMEOUT = 15.0
"""Seconds to wait for the server, for each of connecting, writing and reading."""

MAX_ANSWER_BYTES = 64 * 1024
"""Longest answer read: real ones have under 2 kB."""

_VERSION_HEADER = "Watchword-Version"
_Record = TypeVar("_Record", bound=msgspec.Struct)


class _Problem(msgspec.Struct, frozen=True):
    """An RFC 9457 problem; what else it holds is not ours."""

    type: str = "about:blank"
    title: str = ""
    detail: str = ""
    retry_after: int | None = None


class ValidatorClient:
    """Asks one Watchword server; keeps its connection open between questions.

    Args:
        profile: The server, with its token.
        clock: Gives Unix seconds; compared with the server's clock.
        timer: Gives seconds of a clock that only measures; for the round trip.
    """

    def __init__(
        self,
        profile: ServerProfile,
        *,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.profile = profile
        self._clock = clock
        self._timer = timer
        headers = {"Accept": "application/json", "User-Agent": "watchword"}
        if profile.token:
            headers["Authorization"] = f"Bearer {profile.token}"
        self._http = httpx.AsyncClient(
            base_url=profile.url, headers=headers, timeout=TIMEOUT, verify=_tls(profile)
        )

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
            "POST", f"/v1/keys/{quote(key, safe='')}/check", json={"code": code}
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
        try:
            return parse_uri(body.decode("ascii"))
        except (UriError, UnicodeDecodeError):
            raise self._not_watchword() from None

    async def probe(self) -> Contact:
        """See whether the server is there, how far away, and how its clock stands to ours.

        Raises:
            ServerError: It is not there, or no Watchword server.
        """
        response, body, contact = await self._ask("GET", "/healthz")
        self._require(response, body, "")
        return contact

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        json: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
    ) -> tuple[httpx.Response, bytes, Contact]:
        begun, begun_wall = self._timer(), self._clock()
        try:
            async with self._http.stream(method, path, json=json, params=params) as response:
                body = bytearray()
                async for part in response.aiter_bytes():
                    body += part
                    if len(body) > MAX_ANSWER_BYTES:
                        raise self._not_watchword()
        except httpx.TimeoutException:
            raise UnreachableError(
                f"{self.profile.name} did not answer within {TIMEOUT:.0f} s", "try again"
            ) from None
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None
        round_trip = self._timer() - begun
        offset = _clock_offset(response, begun_wall + round_trip / 2)
        return response, bytes(body), Contact(round_trip, offset)

    def _require(self, response: httpx.Response, body: bytes, key: str) -> None:
        if _VERSION_HEADER not in response.headers:
            raise self._not_watchword()
        status = response.status_code
        if status == HTTPStatus.OK:
            return
        problem = self._decode(body, _Problem)
        name = self.profile.name
        if status == HTTPStatus.UNAUTHORIZED:
            if self.profile.token is None:
                raise UnauthorisedError(
                    f"{name} wants a token", "set token_file in its profile, or WATCHWORD_TOKEN"
                )
            raise UnauthorisedError(
                f"{name} does not know this token", "make one: watchword-server tokens create"
            )
        if status == HTTPStatus.FORBIDDEN:
            raise UnauthorisedError(
                f"the token may not do this on {name}", clean_label(problem.detail, 200)
            )
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            wait = problem.retry_after
            when = f"in {wait} s" if wait is not None else "later"
            raise LockedError(f"too many wrong codes: {key} is locked", f"try again {when}", wait)
        if status == HTTPStatus.LOCKED:
            raise LockedError(
                f"{key} is disabled after too many wrong codes",
                f"its operator can run: watchword-server keys unlock {key}",
                None,
            )
        if status == HTTPStatus.NOT_FOUND:
            raise RefusedError(f"{name} has no key {key!r}", "choose another key")
        words = clean_label(problem.detail or problem.title or f"status {status}", 200)
        raise RefusedError(f"{name} would not judge it: {words}")

    def _decode(self, body: bytes, kind: type[_Record]) -> _Record:
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise self._not_watchword() from None

    def _not_watchword(self) -> NotWatchwordError:
        return NotWatchwordError(
            f"{self.profile.url} is not a Watchword server", "check the URL in the server's profile"
        )

    def _unreachable(self, error: httpx.HTTPError) -> UnreachableError | NotWatchwordError:
        name, url = self.profile.name, self.profile.url
        if _caused_by(error, ssl.SSLCertVerificationError):
            return UnreachableError(
                f"the certificate of {name} is not trusted",
                "name the authority's certificate with --ca-file or ca_file",
            )
        if isinstance(error, httpx.ConnectError):
            return UnreachableError(f"{name} cannot be reached at {url}", "is the server running?")
        if isinstance(error, httpx.RemoteProtocolError | httpx.DecodingError):
            return self._not_watchword()
        return UnreachableError(f"the connection to {name} was lost", "try again")


def _tls(profile: ServerProfile) -> ssl.SSLContext | bool:
    if not profile.url.startswith("https:"):
        return True
    try:
        return ssl.create_default_context(cafile=profile.ca_file)
    except (OSError, ssl.SSLError):
        raise SettingsError(
            f"cannot read certificates from {profile.ca_file}", "ca_file must be a PEM file"
        ) from None


def _caused_by(error: BaseException | None, kind: type[BaseException]) -> bool:
    while error is not None:
        if isinstance(error, kind):
            return True
        error = error.__cause__ or error.__context__
    return False


def _clock_offset(response: httpx.Response, midpoint: float) -> float | None:
    try:
        told = parsedate_to_datetime(response.headers["Date"]).timestamp()
    except (KeyError, ValueError, OverflowError):
        return None
    # The header cuts the fraction off: on average half a second.
    return midpoint - (told + 0.5)
