"""Enrolling a phone: whose key it scans, and what becomes of the first code; knows no screens."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from watchword_otp.value import Value
from watchword_tui.accounts import Account
from watchword_tui.answers import Reason
from watchword_tui.errors import (
    ChangedKeyError,
    NameTakenError,
    NoSuchKeyError,
    NotPendingError,
    UnauthorisedError,
    UnreachableError,
    WatchwordError,
    WrongFirstCodeError,
)
from watchword_tui.second_phone import judge_same_key
from watchword_tui.sentences import sentence, sentences
from watchword_tui.wording import Tone, Verdict, verdict_of, verdict_of_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword_otp import Key
    from watchword_tui.answers import Created
    from watchword_tui.client import ValidatorClient
    from watchword_tui.settings import ServerProfile


class Next(Enum):
    """What comes after a code."""

    AGAIN = auto()
    """Another code can be typed."""
    DONE = auto()
    """The phone is enrolled."""
    OVER = auto()
    """This key will not be confirmed any more."""


class Offer(Value, frozen=True):
    """A key to be scanned."""

    account: Account
    expires_at: float | None = None
    """When it ceases to wait for its first code, Unix seconds by our own clock; None: it does not."""
    words: str = ""
    """What should be known about it, one sentence, or ""."""


class Outcome(Value, frozen=True):
    """What became of a code."""

    HIDDEN = frozenset({"recovery_codes"})

    verdict: Verdict
    next: Next
    recovery_codes: tuple[str, ...] = ()
    """Shown this once."""
    codes_lost: bool = False
    """Whether there were recovery codes that nobody saw: new ones can be made."""


class Enrolment(Protocol):
    """One way to bring a key onto a phone."""

    title: str
    """What is done, for the top of the screen."""
    asking: str
    """What is waited for until the key is there."""
    instruction: str
    """What to do with the QR code."""
    can_keep: bool
    """Whether it makes sense to take the key into the list here as well."""
    question: str
    """What giving up would do, as a question; "" if it does nothing."""

    async def offer(self) -> Offer:
        """Give the key to be scanned.

        Raises:
            WatchwordError: There is none; the message says why.
        """

    async def confirm(self, code: str) -> Outcome:
        """Judge a code that the phone shows; what goes wrong is an outcome too."""

    async def give_up(self) -> Verdict:
        """Undo what `offer` did; say what became of it."""

    async def new_recovery_codes(self) -> tuple[str, ...]:
        """Make recovery codes in the place of those that were lost.

        Raises:
            WatchwordError: They are not made.
        """


_IN_USE = "active"
_MORE_SCOPES = (
    "it takes one with more scopes: watchword-server tokens create enrol"
    " --scope keys:write --scope keys:read --scope qr --scope check"
)
_SCAN = "Scan this with your authenticator app."
_NOTHING = Verdict(Tone.GOOD, "Nothing changed", "")


class SecondPhone:
    """An account of the list, for another phone: whether it shows the same codes is seen here."""

    asking = ""
    instruction = "Scan this with another phone: it will show the same codes."
    can_keep = False
    question = ""

    def __init__(self, account: Account, clock: Callable[[], float]) -> None:
        """Show `account`; `clock` gives Unix seconds."""
        self.title = "To another phone"
        self._account = account
        self._clock = clock

    async def offer(self) -> Offer:
        """Give the account."""
        return Offer(self._account)

    async def confirm(self, code: str) -> Outcome:
        """Compare with the codes that are shown here; nothing is consumed."""
        verdict = judge_same_key(self._account.key, code, self._clock())
        return Outcome(verdict, Next.DONE if verdict.tone is Tone.GOOD else Next.AGAIN)

    async def give_up(self) -> Verdict:
        """Do nothing."""
        return _NOTHING

    async def new_recovery_codes(self) -> tuple[str, ...]:
        """There are none for accounts of the list."""
        return ()


class DefaultKey:
    """The server's default key, which is in use already: its code is checked like any other."""

    instruction = _SCAN
    can_keep = True
    question = ""

    def __init__(self, profile: ServerProfile, client: Callable[[], ValidatorClient]) -> None:
        """Ask the server of `profile` by what `client` gives."""
        self.title = f"Enrol: {profile.name}'s default key"
        self.asking = f"Asking {profile.name} for its default key …"
        self._profile = profile
        self._client = client

    async def offer(self) -> Offer:
        """Fetch the key."""
        key = await self._client().enrolment_key()
        return Offer(Account(key, self._profile.name, key.warnings()))

    async def confirm(self, code: str) -> Outcome:
        """Have the server check the code, which consumes it; a used one is the phone's as well."""
        try:
            checked = await self._client().check("default", code)
        except WatchwordError as error:
            return Outcome(_unjudged(error), Next.AGAIN)
        good = checked.answer.valid or checked.answer.reason is Reason.REPLAYED
        return Outcome(verdict_of(checked), Next.DONE if good else Next.AGAIN)

    async def give_up(self) -> Verdict:
        """Do nothing: the key is in use."""
        return _NOTHING

    async def new_recovery_codes(self) -> tuple[str, ...]:
        """It waits for no confirmation, so none were lost."""
        return ()


class NewKey(Value, frozen=True):
    """What a new key is to be called."""

    name: str
    """On the server."""
    issuer: str = ""
    """As the phone shows it; "" for the server's own."""
    account: str = ""
    """As the phone shows it; "" for the name."""


class NewServerKey:
    """A new key of a server, in use from its first code on."""

    instruction = _SCAN
    can_keep = True

    def __init__(
        self,
        new: NewKey,
        profile: ServerProfile,
        client: Callable[[], ValidatorClient],
        clock: Callable[[], float],
    ) -> None:
        """Make `new` on the server of `profile`, asked by what `client` gives; `clock`: Unix seconds."""
        self.title = f"Enrol {new.name} on {profile.name}"
        self.asking = f"Making the key {new.name} on {profile.name} …"
        self.question = (
            f"Give up enrolling {new.name}?\n\n"
            "Its key is deleted: what was scanned shows codes that count nowhere."
        )
        self._new = new
        self._profile = profile
        self._client = client
        self._clock = clock
        self._made: Created | None = None
        self._answer_was_lost = False

    async def offer(self) -> Offer:
        """Make the key, or take up one of the name that nobody confirmed."""
        new = self._new
        words = ""
        try:
            made = await self._client().create_key(new.name, new.issuer, new.account)
        except NameTakenError:
            made = await self._take_up()
            words = f"{new.name} was made before and waits still. It keeps its labels."
        except UnauthorisedError as error:
            raise UnauthorisedError(error.message, _MORE_SCOPES) from None
        self._made = made
        account = Account(made.key, self._profile.name, made.key.warnings())
        return Offer(account, made.expires_at, words)

    async def _take_up(self) -> Created:
        name = self._new.name
        try:
            return await self._client().pending_key(name)
        except NotPendingError:
            raise NameTakenError(
                f"the key {name} is in use on {self._profile.name}; choose another name",
                "for new recovery codes, or a new phone, its operator can run:"
                f" watchword-server keys recovery-codes {name}, or keys rotate {name}",
            ) from None
        except UnauthorisedError:
            raise NameTakenError(
                f"there is a key {name} on {self._profile.name} already",
                "choose another name; to take it up the token needs the scopes qr and keys:read",
            ) from None

    async def confirm(self, code: str) -> Outcome:
        """Confirm the key by its first code."""
        name = self._new.name
        try:
            codes = await self._client().confirm(name, code)
        except WrongFirstCodeError as error:
            return Outcome(Verdict(Tone.BAD, "Not valid", sentence(error.message)), Next.AGAIN)
        except NotPendingError:
            return await self._waits_no_more()
        except NoSuchKeyError:
            words = f"Somebody deleted {name} on {self._profile.name}. Enrol it again."
            return Outcome(Verdict(Tone.UNCERTAIN, "Deleted", words), Next.OVER)
        except UnreachableError as error:
            # From here on "confirmed" may mean by us, with recovery codes that nobody saw.
            self._answer_was_lost = self._answer_was_lost or error.may_have_arrived
            return Outcome(_unjudged(error), Next.AGAIN)
        except WatchwordError as error:
            return Outcome(_unjudged(error), Next.AGAIN)
        words = f"From now on the codes of {name} count."
        return Outcome(Verdict(Tone.GOOD, "Confirmed", words), Next.DONE, codes)

    async def _waits_no_more(self) -> Outcome:
        name = self._new.name
        if await self._is_too_late():
            words = f"{name} was not confirmed in time. Enrol it again."
            return Outcome(Verdict(Tone.UNCERTAIN, "Too late", words), Next.OVER)
        if self._answer_was_lost:
            words = "It was confirmed before; the answer with its recovery codes was lost."
            return Outcome(Verdict(Tone.GOOD, "Confirmed", words), Next.DONE, codes_lost=True)
        words = f"{name} is in use: its first code was typed elsewhere, where its recovery codes are."
        return Outcome(Verdict(Tone.UNCERTAIN, "Confirmed already", words), Next.OVER)

    async def _is_too_late(self) -> bool:
        """Whether the key waited in vain; by the server's word, or by the clock if it gives none."""
        try:
            return await self._client().key_status(self._new.name) != _IN_USE
        except NoSuchKeyError:
            return True
        except WatchwordError:
            ends = self._made.expires_at if self._made else None
            return ends is not None and self._clock() >= ends

    async def new_recovery_codes(self) -> tuple[str, ...]:
        """Make others; those that were lost count no more."""
        return await self._client().new_recovery_codes(self._new.name)

    async def give_up(self) -> Verdict:
        """Delete the pending key, if it still waits."""
        name, profile = self._new.name, self._profile.name
        if self._made is None:
            return _NOTHING
        try:
            await self._client().delete_key(name, self._made.etag)
        except NoSuchKeyError:
            return Verdict(Tone.GOOD, "Given up", f"{name} is not on {profile} any more.")
        except ChangedKeyError:
            words = f"{name} was confirmed meanwhile and is in use. It was not deleted."
            if self._answer_was_lost:
                words += f" For recovery codes: watchword-server keys recovery-codes {name}"
            return Verdict(Tone.UNCERTAIN, "In use", words)
        except WatchwordError as error:
            words = f"{sentences(error)} Unconfirmed, it ends by itself within a day."
            return Verdict(Tone.UNCERTAIN, f"{name} is still on {profile}", words)
        return Verdict(Tone.GOOD, "Given up", f"{name} is deleted on {profile}.")


def _unjudged(error: WatchwordError) -> Verdict:
    return replace(verdict_of_error(error), detail=sentences(error))


def key_words(key: Key) -> str:
    """A key's parameters, for who types it by hand."""
    return f"{key.kind.upper()}, {key.algorithm}, {key.digits} digits, {key.period} s"


def left_words(seconds: float) -> str:
    """How long a key still waits for its first code; `seconds` is over 0."""
    whole = int(seconds)
    if whole >= 3600:  # noqa: PLR2004 - an hour
        return f"{whole // 3600} h {whole % 3600 // 60} min left"
    if whole >= 120:  # noqa: PLR2004 - below two minutes seconds count
        return f"{whole // 60} min left"
    return f"{whole} s left"
