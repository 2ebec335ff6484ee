"""What a supervisor and its workers tell each other, and how it travels.

Over a socket pair: nobody else hears it, and either side sees at once when the other has ended, however
that ended.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

import msgspec

from watchword_otp import Key, Secret
from watchword_server.bootstrap import Bootstrapped
from watchword_server.dotenv import Configured
from watchword_server.exposition import Family
from watchword_server.settings import Settings
from watchword_server.store.protocol import Cause, StoreError
from watchword_server.tokens import Token

if TYPE_CHECKING:
    import socket

BEAT_SECONDS = 1.0
"""How often a worker says that it lives."""

FIRST = 1
"""The number of the worker that starts alone, and does what one of them has to do for all."""

_LENGTH_BYTES = 4


class Address(msgspec.Struct, frozen=True):
    """An address to listen on beside others who do."""

    family: int
    """AF_INET or AF_INET6."""
    name: tuple[str | int, ...]
    """As `socket.getsockname` gives it."""


class Start(msgspec.Struct, frozen=True, tag=True):
    """The first message: all that a worker is to know, as it was when the supervisor started.

    So a worker that is started again later is like the others, whatever has become of the files.
    """

    number: int
    """Which worker, from 1."""
    settings: Settings
    addresses: list[Address]
    """What to listen on beside the others."""
    descriptors: list[int]
    """What the worker has inherited, to listen on together with the others."""
    secret: str | None
    """The configured secret of the default key, base32."""
    token: Token | None
    """The configured token."""

    def __repr__(self) -> str:
        return f"<Start {self.number}>"

    @property
    def configured(self) -> Configured:
        """The prototype's settings."""
        key = None if self.secret is None else Key(secret=Secret.from_base32(self.secret))
        return Configured(key, self.token)


class Count(msgspec.Struct, frozen=True, tag=True):
    """Tell what you have counted."""


class Total(msgspec.Struct, frozen=True, tag=True):
    """What all have counted: the answer to `Asking`."""

    question: int
    families: list[Family]


class Reload(msgspec.Struct, frozen=True, tag=True):
    """Read the TLS files again, and say so."""


class NotReady(msgspec.Struct, frozen=True, tag=True):
    """Why the database cannot be used; a `StoreError` on its way."""

    message: str
    cause: Cause

    @classmethod
    def of(cls, error: StoreError) -> NotReady:
        """Pack an error."""
        return cls(str(error), error.cause)

    def error(self) -> StoreError:
        """Unpack it."""
        return StoreError(self.message, self.cause)


class Made(msgspec.Struct, frozen=True, tag=True):
    """What was found or made in the database."""

    done: Bootstrapped

    def __repr__(self) -> str:
        return "<Made>"


class Beat(msgspec.Struct, frozen=True, tag=True):
    """I live."""


class Listening(msgspec.Struct, frozen=True, tag=True):
    """I answer requests from now on."""

    database: str
    found: Made | NotReady


class Opened(msgspec.Struct, frozen=True, tag=True):
    """What was in the way of the database is not any more."""

    found: Made


class Failed(msgspec.Struct, frozen=True, tag=True):
    """I end, for this cannot work; the cause is that of a `StoreError`, None for a `UserError`."""

    message: str
    cause: Cause | None


class Counted(msgspec.Struct, frozen=True, tag=True):
    """What I have counted until now."""

    families: list[Family]


class Asking(msgspec.Struct, frozen=True, tag=True):
    """What have all of us counted? I: this."""

    question: int
    families: list[Family]


class Reloaded(msgspec.Struct, frozen=True, tag=True):
    """The TLS files were read again, or why they were not is in the log."""


FromSupervisor: TypeAlias = Start | Count | Total | Reload
FromWorker: TypeAlias = Beat | Listening | Opened | Failed | Counted | Asking | Reloaded

to_worker: msgspec.json.Decoder[FromSupervisor] = msgspec.json.Decoder(FromSupervisor)
to_supervisor: msgspec.json.Decoder[FromWorker] = msgspec.json.Decoder(FromWorker)

_T = TypeVar("_T")
_encode = msgspec.json.Encoder().encode


class Channel(Generic[_T]):
    """One side's end: sends any message, receives those of the other side."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        decoder: msgspec.json.Decoder[_T],
    ) -> None:
        """Use streams that are open; `open` makes them."""
        self._reader = reader
        self._writer = writer
        self._decoder = decoder

    @classmethod
    async def open(cls, end: socket.socket, decoder: msgspec.json.Decoder[_T]) -> Channel[_T]:
        """Talk over one end of a socket pair."""
        reader, writer = await asyncio.open_unix_connection(sock=end)
        return cls(reader, writer, decoder)

    def send(self, message: FromSupervisor | FromWorker) -> None:
        """Send a message, or nothing if the other side is gone, which `receive` tells."""
        if self._writer.is_closing():
            return
        body = _encode(message)
        self._writer.write(len(body).to_bytes(_LENGTH_BYTES) + body)

    async def receive(self) -> _T | None:
        """The next message; None when the other side is gone."""
        try:
            length = int.from_bytes(await self._reader.readexactly(_LENGTH_BYTES))
            return self._decoder.decode(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def close(self) -> None:
        """Send what is left, and hang up."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except ConnectionError:
            return
