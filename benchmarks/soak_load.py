"""Clients of a server that dies: they check, repeat, guess and administer, and note every answer."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.history import Asked, Said
from benchmarks.server_keys import key_of, name_of

from watchword_otp import Key, Secret, code_at, step_at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from benchmarks.history import History
    from benchmarks.soak_server import Mortal

KEYS = 3000
PERIOD = 2
"""Seconds: with so many keys, a third of the codes at full load is good."""
_NEAR = 3
"""Steps either side of now whose codes must differ, or one might be taken for the other."""
_REPEATED, _WRONG = 0.04, 0.33
_ADMIN_PAUSE = 0.3
_PATIENCE = 0.1
"""Seconds that a client waits after it was told that nothing can be decided now."""
_OK, _LOCKED, _UNAVAILABLE = 200, 429, 503


class LostError(Exception):
    """No answer came."""


@dataclass(frozen=True)
class Answer:
    """An answer that came."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever was sent
        """The body."""
        return json.loads(self.body)


class Client:
    """One connection, made again when it breaks."""

    def __init__(self, server: Mortal, token: str, history: History) -> None:
        """Talk to `server` with `token`."""
        self.server = server
        self._token = token
        self._history = history
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Send a request and wait for its answer.

        Raises:
            LostError: The connection broke; a fault is noted unless the server was killed.
        """
        await self.server.up.wait()
        try:
            async with asyncio.timeout(30):
                return await self._ask(method, path, body, headers)
        except (OSError, EOFError, TimeoutError) as error:
            self.close()
            self._history.answers["no answer, around a kill"] += 1
            if not self.server.excuses:
                # The one who kills and the one who notices race; look again in a moment.
                await asyncio.sleep(0.2)
                if not self.server.excuses:
                    self._history.fault(f"{method} {path}: {type(error).__name__} on a live server")
            raise LostError from None

    def close(self) -> None:
        """Let go of the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _ask(self, method: str, path: str, body: object, headers: dict[str, str]) -> Answer:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self.server.host, self.server.port)
        reader, writer = self._streams
        content = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self._token}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        if content:
            lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
        writer.write("\r\n".join([*lines, "", ""]).encode() + content)
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        answer = Answer(int(head[9:12]), await reader.readexactly(int(length or 0)))
        if b"connection: close" in head.lower():
            self.close()
        return answer


@dataclass(frozen=True)
class _Try:
    """A code to be sent."""

    name: str
    code: str
    step: int
    """The one whose code it is."""
    is_wrong: bool
    retry: str | None
    """The Idempotency-Key, if it is to be sent again."""


async def check_for_ever(client: Client, history: History, seed: int) -> None:
    """Send good, used and wrong codes of random keys, and some twice with an Idempotency-Key."""
    chance = random.Random(seed)
    for count in itertools.count():
        tried = _choose(chance)
        if tried is not None:
            await _try(client, history, tried, f"s{seed}-{count}")


async def volley_for_ever(clients: Sequence[Client], history: History, seed: int) -> None:
    """Send one code to several servers at the same moment, again and again."""
    chance = random.Random(seed)
    for count in itertools.count():
        tried = _choose(chance, wrong=0, repeated=0)
        if tried is not None:
            await asyncio.gather(
                *(
                    _try(client, history, tried, f"v{seed}-{count}-{client.server.name}")
                    for client in clients
                )
            )


def _choose(chance: random.Random, *, wrong: float = _WRONG, repeated: float = _REPEATED) -> _Try | None:
    number = chance.randrange(KEYS)
    key = key_of(number, PERIOD)
    step = step_at(key, time.time())
    near = [code_at(key, step + offset) for offset in range(-_NEAR, _NEAR + 1)]
    is_wrong = chance.random() < wrong
    code = f"{chance.randrange(10**6):06}" if is_wrong else near[_NEAR]
    if len(set(near)) < len(near) or (is_wrong and code in near):
        return None
    retry = str(uuid.UUID(int=chance.getrandbits(128))) if chance.random() < repeated else None
    return _Try(name_of(number), code, step, is_wrong, retry)


async def _try(client: Client, history: History, tried: _Try, prefix: str) -> None:
    """Send it, twice if it is to be sent again, and note what came of it."""
    await client.server.up.wait()
    sent: list[str] = []
    answers: list[Answer] = []
    sent_at = time.monotonic()
    answered_at = None
    try:
        async for answer in _answers(client, history, tried, prefix, sent):
            answers.append(answer)
            answered_at = answered_at or time.monotonic()
    finally:
        # Also of what was under way when all ended.
        said = _said(history, answers)
        step = None if tried.is_wrong else tried.step
        node = client.server.name
        history.note(Asked(tuple(sent), tried.name, step, node, sent_at, answered_at, said))
    if tried.retry is not None:
        history.answers["check: repeated"] += 1
        if answers[0] != answers[1] and said in {Said.TRUE, Said.FALSE}:
            history.fault(f"a repeated request got {answers[1].status} after {said}")
    if said is Said.UNAVAILABLE:
        await asyncio.sleep(_PATIENCE)


async def _answers(
    client: Client, history: History, tried: _Try, prefix: str, sent: list[str]
) -> AsyncIterator[Answer]:
    """Its answers, one, or two if it is to be sent again; `sent` gets the requests' ids, last first."""
    path, body = f"/v1/keys/{tried.name}/check", {"code": tried.code}
    wanted = 1 if tried.retry is None else 2
    while wanted:
        sent.insert(0, f"{prefix}-{len(sent)}")
        headers = {"X_Request_Id": sent[0]}
        if tried.retry is not None:
            headers["Idempotency_Key"] = tried.retry
        try:
            answer = await client.ask("POST", path, body, **headers)
        except LostError:
            # Without an Idempotency-Key nobody may tell what became of it.
            if tried.retry is None:
                return
            continue
        if answer.status == _UNAVAILABLE and tried.retry is not None:
            history.answers["check: unavailable, sent again"] += 1
            await asyncio.sleep(_PATIENCE)
            continue
        wanted -= 1
        yield answer


def _said(history: History, answers: Sequence[Answer]) -> Said:
    if not answers:
        return Said.NOTHING
    status, body = answers[0].status, answers[0].body
    if status == _OK:
        return Said.TRUE if answers[0].json["valid"] else Said.FALSE
    if status not in {_LOCKED, _UNAVAILABLE}:
        history.fault(f"a check was answered with {status} {body[:100]!r}")
    return Said.LOCKED if status == _LOCKED else Said.UNAVAILABLE


async def administer_for_ever(client: Client, history: History) -> None:
    """Make, confirm, use, rotate and delete keys and tokens, one after the other."""
    number = 0
    while True:
        number += 1
        try:
            await _key_life(client, history, f"soak-{number}")
            await _token_life(client, history, f"soak-{number}")
            await _expect(client, history, "list keys", 200, "GET", "/v1/keys?limit=100")
            await _expect(client, history, "read the audit log", 200, "GET", "/v1/audit?limit=100")
        except (LostError, _UnexpectedError):
            # What it left behind stays; the next one has another name.
            continue
        await asyncio.sleep(_ADMIN_PAUSE)


async def verify_audit(client: Client, history: History) -> None:
    """Have the server verify its own log while it is busy."""
    try:
        verdict = await _expect(client, history, "verify the audit log", 200, "GET", "/v1/audit/verify")
    except (LostError, _UnexpectedError):
        return
    if not verdict["intact"]:
        history.fault(f"the server says of its audit log: {verdict['fault']}")


class _UnexpectedError(Exception):
    """An answer of another status; noted as a fault already."""


async def _key_life(client: Client, history: History, name: str) -> None:
    made = await _expect(client, history, "create a key", 201, "POST", "/v1/keys", {"name": name})
    confirmed = await _confirm(client, history, name, made["secret"])
    code = confirmed["recovery_codes"][0]
    path = f"/v1/keys/{name}/recovery-codes/redeem"
    for valid in (True, False):
        found = await _expect(client, history, "redeem", 200, "POST", path, {"code": code})
        if found["valid"] is not valid:
            history.fault(f"a recovery code was {found['valid']}, not {valid}")
    made = await _expect(client, history, "rotate a key", 201, "POST", f"/v1/keys/{name}/rotate")
    await _confirm(client, history, name, made["secret"])
    await _expect(client, history, "delete a key", 204, "DELETE", f"/v1/keys/{name}")


async def _confirm(client: Client, history: History, name: str, secret: str) -> Any:  # noqa: ANN401
    key = Key(secret=Secret.from_base32(secret))
    code = code_at(key, step_at(key, time.time()))
    path = f"/v1/keys/{name}/confirm"
    return await _expect(client, history, "confirm a key", 200, "POST", path, {"code": code})


async def _token_life(client: Client, history: History, name: str) -> None:
    body = {"name": name, "scopes": ["check"]}
    await _expect(client, history, "create a token", 201, "POST", "/v1/tokens", body)
    path = f"/v1/tokens/{name}"
    await _expect(client, history, "rotate a token", 201, "POST", f"{path}/rotate", {"grace": 1})
    await _expect(client, history, "revoke a token", 204, "DELETE", path)


async def _expect(  # noqa: PLR0913, PLR0917 - a request and what is expected of it
    client: Client,
    history: History,
    what: str,
    status: int,
    method: str,
    path: str,
    body: object = None,
) -> Any:  # noqa: ANN401 - the answer's JSON
    answer = await client.ask(method, path, body)
    history.answers[f"admin: {what}"] += 1
    if answer.status != status:
        history.fault(f"{what}: {answer.status} {answer.body[:100]!r}")
        raise _UnexpectedError
    return answer.json if answer.body else None
