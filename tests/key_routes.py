"""Keys over HTTP as people use them: made, confirmed and checked by the codes of their own secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from watchword_otp import Key, Kind, code_at, parse_uri, step_at

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

PROBLEM = "urn:watchword:problem:"


def slug(answer: httpx.Response) -> str:
    """Which problem an answer is."""
    problem = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["status"] == answer.status_code
    assert problem["detail"]
    return str(problem["type"]).removeprefix(PROBLEM)


def refused(answer: httpx.Response) -> tuple[int, str]:
    """Status and problem."""
    return answer.status_code, slug(answer)


@dataclass(frozen=True, slots=True)
class Made:
    """A key that was just made, with the secret of its answer."""

    name: str
    key: Key
    answer: httpx.Response

    def code(self, clock: Callable[[], float], offset: int = 0) -> str:
        """The code `offset` steps from now, or of the counter `offset` after the first."""
        if self.key.kind is Kind.HOTP:
            return code_at(self.key, self.key.counter + offset)
        return code_at(self.key, step_at(self.key, clock()) + offset)

    def wrong(self, clock: Callable[[], float]) -> str:
        """A code of the right form, of no step anywhere near."""
        around = range(130) if self.key.kind is Kind.HOTP else range(-130, 130)
        near = {self.code(clock, offset) for offset in around}
        # Letters of both alphabets.
        endings = (f"{one}{two}" for one in "23456789" for two in "23456789")
        texts = ("2" * (self.key.digits - 2) + ending for ending in endings)
        return next(text for text in texts if text not in near)


async def make(client: httpx.AsyncClient, name: str = "alice", **members: Any) -> Made:
    """A pending key."""
    return _made(name, await client.post("/v1/keys", json={"name": name, **members}))


async def rotate(client: httpx.AsyncClient, name: str = "alice") -> Made:
    """A key's pending successor."""
    return _made(name, await client.post(f"/v1/keys/{name}/rotate"))


async def make_active(
    client: httpx.AsyncClient, clock: Callable[[], float], name: str = "alice", **members: Any
) -> Made:
    """A key that was confirmed by the code of the step before, so that this step's is unused."""
    made = await make(client, name, **members)
    first = made.code(clock, 0 if made.key.kind is Kind.HOTP else -1)
    answer = await confirm(client, first, name)
    assert answer.status_code == 200, answer.json()
    return made


async def confirm(client: httpx.AsyncClient, code: str, name: str = "alice") -> httpx.Response:
    return await client.post(f"/v1/keys/{name}/confirm", json={"code": code})


async def check(client: httpx.AsyncClient, code: str, name: str = "alice") -> httpx.Response:
    return await client.post(f"/v1/keys/{name}/check", json={"code": code})


async def redeem(client: httpx.AsyncClient, code: str, name: str = "alice") -> httpx.Response:
    return await client.post(f"/v1/keys/{name}/recovery-codes/redeem", json={"code": code})


async def resync(
    client: httpx.AsyncClient, first: str, second: str, name: str = "alice"
) -> httpx.Response:
    return await client.post(f"/v1/keys/{name}/resync", json={"first": first, "second": second})


async def recovery_codes(client: httpx.AsyncClient, name: str = "alice") -> list[str]:
    answer = await client.post(f"/v1/keys/{name}/recovery-codes")
    assert answer.status_code == 201
    codes = answer.json()["recovery_codes"]
    assert isinstance(codes, list)
    return codes


async def invite(client: httpx.AsyncClient, name: str = "alice") -> str:
    """The path of a link to the enrolment page."""
    answer = await client.post(f"/v1/keys/{name}/enrolment-links")
    assert answer.status_code == 201, answer.json()
    return "/enrol/" + str(answer.json()["url"]).rpartition("/enrol/")[2]


async def send(client: httpx.AsyncClient, page: str, code: str) -> httpx.Response:
    """What the form of the page at this path sends."""
    return await client.post(page, data={"code": code})


async def make_token(
    client: httpx.AsyncClient, *scopes: str, name: str = "other", **members: Any
) -> str:
    """The text of a new token."""
    sent = {"name": name, "scopes": scopes, **members}
    answer = await client.post("/v1/tokens", json=sent)
    assert answer.status_code == 201, answer.json()
    return str(answer.json()["token"])


def _made(name: str, answer: httpx.Response) -> Made:
    assert answer.status_code == 201, answer.json()
    return Made(name, parse_uri(answer.json()["uri"]), answer)
