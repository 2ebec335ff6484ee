"""One batch of checks being judged: pure, in order, each decision seeing those before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from watchword_otp import Codes, Key, Secret
from watchword_server.audit import Caller, Event, key_event
from watchword_server.ledger import Act
from watchword_server.resync import Diagnosis, diagnose
from watchword_server.store.protocol import StoreError
from watchword_server.store.records import Answer, Changes, moved
from watchword_server.verifier import Decision, KeyState, Verdict, decide, window_of

if TYPE_CHECKING:
    from watchword_server.seal import Keyring
    from watchword_server.store.records import Snapshot, StoredKey

ANSWER_SECONDS = 86_400
"""How long the answer to a request with an Idempotency-Key is kept."""


class Retry(msgspec.Struct, frozen=True):
    """What tells a repeated request from another one."""

    digest: bytes
    """Hash of who asks and of the Idempotency-Key."""
    fingerprint: bytes
    """Keyed hash of what is asked."""


class Question(msgspec.Struct, frozen=True):
    """A code to be judged, and for whom."""

    name: str
    """The key's name."""
    code: str
    """Exactly as it was sent."""
    caller: Caller
    """Who asks."""
    retry: Retry | None = None
    """If the request may be repeated."""
    wants_diagnosis: bool = False
    """Whether to say what is wrong with a wrong code."""

    def __repr__(self) -> str:
        return f"<Question {self.name}>"


class Outcome(msgspec.Struct, frozen=True):
    """What became of a question."""

    decision: Decision | None
    """None: there is no active key of this name."""
    diagnosis: Diagnosis | None = None
    """What is wrong with a wrong code, if that was asked."""
    is_other_request: bool = False
    """Whether the Idempotency-Key was used for another request, so that nothing was judged."""


_encode = msgspec.json.Encoder().encode
_decode_outcome = msgspec.json.Decoder(Outcome).decode

_NOBODY = Outcome(None)


class Sitting:
    """One batch, at one moment."""

    def __init__(self, keyring: Keyring, snapshot: Snapshot, now: float, window: int) -> None:
        """Judge against `snapshot` at `now`, Unix seconds; `window` is for keys that have none."""
        self._keyring = keyring
        self._now = now
        self._window = window
        self._stored = {stored.name: stored for stored in snapshot.keys}
        self._states: dict[str, KeyState] = {}
        self._keys: dict[str, Key] = {}
        self._codes: dict[str, Codes] = {}
        self._answers = snapshot.answers
        self._new_answers: dict[bytes, Answer] = {}
        self._events: list[Event] = []

    def judge(self, question: Question) -> Outcome | StoreError:
        """Judge one question; an error if just this key cannot be opened."""
        retry = question.retry
        # Whatever was answered of a key that is gone now: it is gone.
        if retry is None or question.name not in self._stored:
            return self._decide(question)
        before = self._new_answers.get(retry.digest) or self._answers.get(retry.digest)
        if before is not None and self._now < before.expires_at:
            if before.fingerprint == retry.fingerprint:
                return _decode_outcome(before.answer)
            return Outcome(None, is_other_request=True)
        outcome = self._decide(question)
        if isinstance(outcome, Outcome):
            self._new_answers[retry.digest] = Answer(
                retry.digest, retry.fingerprint, _encode(outcome), self._now + ANSWER_SECONDS
            )
        return outcome

    def act(self) -> Act:
        """What all of it changes, and its events."""
        advances = [
            advance
            for name, state in self._states.items()
            for advance in moved(self._stored[name], state)
        ]
        answers = list(self._new_answers.values())
        return Act(Changes(advances=advances, answers=answers), self._events)

    def _decide(self, question: Question) -> Outcome | StoreError:
        name = question.name
        stored = self._stored.get(name)
        if stored is None:
            # As much work as for a key that is there, so that the time taken does not tell.
            nobody = _nobody()
            codes = self._codes_of(name, nobody)
            decide(nobody, KeyState(), question.code, self._now, self._window, codes=codes)
            return _NOBODY
        try:
            key = self._open(stored)
        except StoreError as error:
            return error
        state = self._states.get(name, stored.state)
        window = window_of(key, stored.window, self._window)
        codes = self._codes_of(name, key)
        decision = decide(key, state, question.code, self._now, window, codes=codes)
        self._states[name] = decision.state
        self._events.append(key_event("check", stored, question.caller, self._now, decision=decision))
        if question.wants_diagnosis and decision.verdict is Verdict.WRONG:
            return Outcome(decision, diagnose(key, state, question.code, self._now, window))
        return Outcome(decision)

    def _codes_of(self, name: str, key: Key) -> Codes:
        codes = self._codes.get(name)
        if codes is None:
            codes = self._codes[name] = Codes(key)
        return codes

    def _open(self, stored: StoredKey) -> Key:
        key = self._keys.get(stored.name)
        if key is None:
            key = self._keys[stored.name] = self._keyring.open_key(stored)
        return key


def _nobody() -> Key:
    return Key(secret=Secret(bytes(20)))
