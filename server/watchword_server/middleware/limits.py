"""Whose requests are refused for a while: senders who keep doing it wrong, tokens past their rate."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING

from aiohttp import web

from watchword_server.limits import Buckets, Policy, Standing
from watchword_server.problems import TOO_MANY_REQUESTS, ProblemError

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from watchword_server.tokens import Token

POLICY_HEADER = "RateLimit-Policy"
STANDING_HEADER = "RateLimit"

STANDING: web.RequestKey[Standing] = web.RequestKey("standing", Standing)
"""Where the request leaves its token, if that has a rate limit."""

_HEALTH = {"/healthz", "/readyz"}
_NOT_THEIR_FAULT = {423, 429}
"""A key that is disabled or locked, and limits that were met already."""


class Refusals:
    """Counts refused requests; past the limit even the good ones are refused.

    Those without a good token are counted by the sender's address. Those with one are counted by
    token and key: behind a login page's address are all its people, and one who types nonsense must
    not keep the others out.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        """Allow `per_minute` refusals, half of them at once; `clock` gives seconds."""
        self._policy = Policy("refusals", per_minute)
        self._buckets = Buckets(clock)

    def check(self, client: str, request: web.Request) -> None:
        """Refuse a sender who was refused too often, before anything of the request is looked at.

        Raises:
            ProblemError: 429; wait `Retry-After` seconds.
        """
        # Most senders were never refused.
        if not self._buckets or (sender := sender_of(client)) not in self._buckets:
            return
        if request.path not in _HEALTH:
            self._require_room(sender)

    def check_token(self, token: Token, request: web.Request) -> None:
        """Refuse a token that was refused too often with the same key, before the body is read.

        Raises:
            ProblemError: 429; wait `Retry-After` seconds.
        """
        if self._buckets:
            self._require_room(_user_of(token, request))

    def charge(
        self, client: str, status: int, user: tuple[Token, web.Request] | None = None
    ) -> Standing | None:
        """Count an answer of this status, if it says that the sender did something wrong."""
        if not 400 <= status < 500 or status in _NOT_THEIR_FAULT:  # noqa: PLR2004 - 4xx
            return None
        if user is not None:
            return self._buckets.take(_user_of(*user), self._policy)
        return self._buckets.take(sender_of(client), self._policy) if client else None

    def _require_room(self, sender: str) -> None:
        standing = self._buckets.look(sender, self._policy)
        if not standing.allowed:
            raise _too_many(standing, "too many of your requests were refused")


class TokenLimits:
    """Counts the requests of tokens that have a rate limit."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Count by `clock`, in seconds."""
        self._buckets = Buckets(clock)

    def tell(self, request: web.Request, response: web.StreamResponse) -> None:
        """Say in the answer where the request leaves its token, if that has a rate limit."""
        # To ask a request for what it does not have takes longer than all the rest.
        if self._buckets and STANDING in request:
            tell(response.headers, request[STANDING])

    def spend(self, token: Token, request: web.Request) -> None:
        """Count a request of `token`; the answer will say how many are left.

        Raises:
            ProblemError: 429; wait `Retry-After` seconds.
        """
        if token.rate_limit is None:
            return
        standing = self._buckets.take(token.digest.hex(), Policy("token", token.rate_limit))
        if not standing.allowed:
            raise _too_many(standing, "this token has made too many requests")
        request[STANDING] = standing


def tell(headers: MutableMapping[str, str], standing: Standing) -> None:
    """Say in the answer's headers which policy applied, and where it leaves the sender."""
    headers[POLICY_HEADER] = standing.policy.header
    headers[STANDING_HEADER] = standing.header


def _user_of(token: Token, request: web.Request) -> str:
    return f"{token.digest.hex()} {request.match_info.get('name', '')}"


@lru_cache(maxsize=4096)
def sender_of(client: str) -> str:
    """What counts as one sender: an IPv4 address, or the /64 network that an IPv6 host can roam."""
    if ":" not in client:
        return client
    address = ipaddress.IPv6Address(client.partition("%")[0])
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), 64), strict=False))


def _too_many(standing: Standing, why: str) -> ProblemError:
    headers = {"Retry-After": str(standing.retry_in)}
    tell(headers, standing)
    return ProblemError(
        TOO_MANY_REQUESTS,
        f"{why}; try again in {standing.retry_in} s",
        headers=headers,
        retry_after=standing.retry_in,
    )
