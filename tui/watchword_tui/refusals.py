"""Why there is no verdict: what a server refused, or how it could not be asked, as `ServerError`s."""

from __future__ import annotations

import socket
import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

import httpx
import msgspec

from watchword_otp import clean_label
from watchword_tui.errors import (
    ChangedKeyError,
    LockedError,
    MalformedCodeError,
    NameTakenError,
    NoSuchKeyError,
    NotPendingError,
    NotWatchwordError,
    RefusedError,
    UnauthorisedError,
    UnreachableError,
    WrongFirstCodeError,
)

if TYPE_CHECKING:
    from watchword_tui.errors import ServerError
    from watchword_tui.settings import ServerProfile

_MAX_WORDS = 200
_PROBLEM = "urn:watchword:problem:"
_MALFORMED_CODE = f"{_PROBLEM}malformed-code"
_NO_SUCH_KEY = f"{_PROBLEM}no-such-key"
_GATEWAY_STATUSES = frozenset(
    {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)
_EXPIRED = 10
_OTHER_NAMES = frozenset({62, 64})
"""OpenSSL's results: X509_V_ERR_CERT_HAS_EXPIRED; X509_V_ERR_HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH."""

_Cause = TypeVar("_Cause", bound=BaseException)


class Problem(msgspec.Struct, frozen=True):
    """An RFC 9457 problem; what else it holds is not ours."""

    type: str = "about:blank"
    title: str = ""
    detail: str = ""
    retry_after: int | None = None


def refusal(profile: ServerProfile, status: int, problem: Problem, key: str) -> ServerError:
    """Say what a Watchword server's refusal means for a question about `key`."""
    words = clean_label(problem.detail or problem.title or f"status {status}", _MAX_WORDS)
    match status:
        case HTTPStatus.BAD_REQUEST if problem.type == _MALFORMED_CODE:
            return MalformedCodeError(
                f"this is not a code of {key}", "type all of its digits, and nothing else"
            )
        case HTTPStatus.UNAUTHORIZED:
            return _unauthorised(profile)
        case HTTPStatus.FORBIDDEN:
            return UnauthorisedError(f"the token may not do this on {profile.name}", words)
        case HTTPStatus.NOT_FOUND:
            return _not_found(profile, problem, key)
        case HTTPStatus.LOCKED | HTTPStatus.TOO_MANY_REQUESTS:
            return _locked(status, problem, key)
        case _:
            return _enrolment_refusal(profile, problem, key, words) or RefusedError(
                f"{profile.name} would not do it: {words}"
            )


def _enrolment_refusal(
    profile: ServerProfile, problem: Problem, key: str, words: str
) -> RefusedError | None:
    """What only a key that is being enrolled is refused for; None for anything else."""
    match problem.type.removeprefix(_PROBLEM):
        case "key-exists":
            return NameTakenError(f"{profile.name} has a key {key!r} already", "choose another name")
        case "not-pending":
            return NotPendingError(f"the key {key} waits for no first code", words)
        case "wrong-code":
            return WrongFirstCodeError(words)
        case "precondition-failed":
            return ChangedKeyError(f"the key {key} is not as it was when it was made", words)
        case _:
            return None


def not_watchword(profile: ServerProfile, status: int | None = None) -> ServerError:
    """Say that what answered (with `status`, if it spoke HTTP) is no Watchword server."""
    if status in _GATEWAY_STATUSES:
        return UnreachableError(
            f"what stands before {profile.name} cannot reach it (status {status})",
            "is the server running?",
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return UnreachableError(
            f"what stands before {profile.name} lets nothing through now (status {status})",
            "wait a little, then try again",
        )
    return NotWatchwordError(
        f"{profile.url} is not a Watchword server", "check the URL in the server's profile"
    )


def no_answer(
    profile: ServerProfile, error: httpx.HTTPError, *, answering: bool, remedy: str
) -> ServerError:
    """Say why no whole answer came.

    Args:
        profile: The server.
        error: What httpx raised.
        answering: Whether a Watchword server had begun to answer.
        remedy: What to do after a connection was lost.
    """
    name = profile.name
    if refused := _cause_of(error, ssl.SSLCertVerificationError):
        return _untrusted(name, refused)
    if _cause_of(error, ssl.SSLError):
        return UnreachableError(f"{name} does not speak TLS at {profile.url}", "check the URL")
    if _cause_of(error, socket.gaierror):
        return UnreachableError(
            f"the host of {name} cannot be found", f"check the network, and the URL {profile.url}"
        )
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        return UnreachableError(f"{name} cannot be reached at {profile.url}", "is the server running?")
    if isinstance(error, httpx.RemoteProtocolError) and _is_gibberish(error) and not answering:
        return not_watchword(profile)
    return UnreachableError(f"the connection to {name} was lost", remedy, may_have_arrived=True)


def _unauthorised(profile: ServerProfile) -> UnauthorisedError:
    if profile.token is None and profile.token_file is None:
        return UnauthorisedError(
            f"{profile.name} wants a token", "set token_file in its profile, or WATCHWORD_TOKEN"
        )
    return UnauthorisedError(
        f"{profile.name} does not know this token",
        "make one: watchword-server tokens create NAME --scope check",
    )


def _not_found(profile: ServerProfile, problem: Problem, key: str) -> RefusedError:
    if problem.type == _NO_SUCH_KEY:
        return NoSuchKeyError(f"{profile.name} has no key {key!r}", "choose another key")
    return RefusedError(
        f"the server at {profile.url} has no such path", "check the URL in the server's profile"
    )


def _locked(status: int, problem: Problem, key: str) -> LockedError:
    if status == HTTPStatus.LOCKED:
        return LockedError(
            f"{key} is disabled after too many wrong codes",
            f"its operator can run: watchword-server keys unlock {key}",
            None,
        )
    wait = problem.retry_after
    when = f"in {wait} s" if wait is not None else "later"
    return LockedError(f"too many wrong codes: {key} is locked", f"try again {when}", wait)


def _untrusted(name: str, error: ssl.SSLCertVerificationError) -> UnreachableError:
    if error.verify_code in _OTHER_NAMES:
        return UnreachableError(f"the certificate of {name} is for another host", "check the URL")
    if error.verify_code == _EXPIRED:
        return UnreachableError(f"the certificate of {name} has expired", "its operator must renew it")
    return UnreachableError(
        f"the certificate of {name} is not trusted",
        "name the authority's certificate with --ca-file or ca_file",
    )


def _is_gibberish(error: httpx.RemoteProtocolError) -> bool:
    # Behind httpx's error stands httpcore's; behind that the parser's, if there was something to parse.
    return error.__cause__ is not None and error.__cause__.__context__ is not None


def _cause_of(error: BaseException | None, kind: type[_Cause]) -> _Cause | None:
    while error is not None:
        if isinstance(error, kind):
            return error
        error = error.__cause__ or error.__context__
    return None
