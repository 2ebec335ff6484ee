"""A file from any app to entries: what it is, is told by its content and never by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_otp import clean_label
from watchword_otp.value import Value
from watchword_tui.errors import ForeignFileError, WrongPassphraseError
from watchword_tui.exchange.other_kinds import other_kind
from watchword_tui.exchange.registry import FORMATS
from watchword_tui.exchange.source import MAX_FILE_BYTES, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from watchword_tui.exchange.model import Ask, Batch, Entry, Format, Reading


class Recognised(Value, frozen=True):
    """What a file turned out to be, and what it gave."""

    format: Format
    reading: Reading


def read_source(path: Path) -> Source:
    """The content of a file, or of a pipe.

    Raises:
        ForeignFileError: It cannot be read, or has more than `MAX_FILE_BYTES`.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)  # not by its size: a pipe has none
    except OSError as error:
        raise ForeignFileError(f"cannot read {path}: {error.strerror}") from None
    return source_of(path.name, data)


def source_of(name: str, data: bytes) -> Source:
    """A source of content that was read elsewhere, such as from standard input.

    Args:
        name: What to call it in messages.
        data: The content, read up to `MAX_FILE_BYTES + 1` bytes.

    Raises:
        ForeignFileError: It has more than `MAX_FILE_BYTES`.
    """
    if len(data) > MAX_FILE_BYTES:
        raise ForeignFileError(
            f"{clean_label(name)} is larger than {MAX_FILE_BYTES // 2**20} MiB: no export is",
            "name the file that the app exported",
        )
    return Source(clean_label(name), data)


def read_entries(source: Source, ask: Ask, format_name: str = "") -> Recognised:
    """Read a file of any known format.

    It may take minutes and wait for answers: run it in a thread where a screen must stay live.

    Args:
        source: The file.
        ask: Whom to ask for a passphrase, and whether costly work is wanted.
        format_name: The format's name, to go by that and not by the content.

    Raises:
        ForeignFileError: It cannot be read; the message says why and the remedy what to do.
        WrongPassphraseError: The passphrase is wrong; the same call may be made again.
        CancelledError: The person does not want to go on.
    """
    if not source.data.strip():
        raise ForeignFileError(f"{source.name} is empty", "export it again from the app")
    try:
        return _read_as(format_name, source, ask) if format_name else _read_guessing(source, ask)
    except MemoryError:
        raise ForeignFileError(
            f"there is not enough memory to read {source.name}",
            "free some, or import it on a larger machine",
        ) from None


def gather(readings: Iterable[Reading]) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    """Put together what several files gave: entries, and problems, one sentence each.

    An entry that an earlier file gave already, such as from a QR code scanned twice, is left out.
    Parts that an export over several QR codes lacks are named among the problems.
    """
    entries: list[Entry] = []
    problems: list[str] = []
    batches: list[Batch] = []
    seen: set[object] = set()
    for reading in readings:
        entries += [entry for entry in reading.entries if _content(entry) not in seen]
        seen |= {_content(entry) for entry in reading.entries if entry.key or entry.foreign}
        problems += reading.problems
        batches += reading.batches
    return tuple(entries), (*problems, *_missing_parts(batches))


def _content(entry: Entry) -> object:
    return (entry.key, entry.foreign, entry.issuer, entry.name, entry.note, entry.groups)


def _missing_parts(batches: Sequence[Batch]) -> list[str]:
    exports: dict[tuple[int, int], set[int]] = {}
    for batch in batches:
        exports.setdefault((batch.id, batch.size), set()).add(batch.index)
    problems = []
    for (_, size), there in exports.items():
        missing = [str(index + 1) for index in range(size) if index not in there]
        if len(missing) == 1:
            problems.append(f"part {missing[0]} of {size} is missing: scan it too")
        elif missing:
            several = f"{', '.join(missing[:-1])} and {missing[-1]}"
            problems.append(f"parts {several} of {size} are missing: scan them too")
    return problems


def _read_as(name: str, source: Source, ask: Ask) -> Recognised:
    """Read a file as the format that the person named; it may lack what that is told by."""
    format_ = _named(name, source)
    try:
        reading = format_.read(source, ask)
    except ForeignFileError:
        _require_no_other(format_, source)
        raise
    if not reading.entries:
        _require_no_other(format_, source)
    return Recognised(format_, reading)


def _require_no_other(named: Format, source: Source) -> None:
    """Raise an error that says what the file is instead, if that is plain to see."""
    likely = next((one for one in FORMATS if one.recognise(source)), named)
    if likely.name != named.name and not likely.guessed and not named.recognise(source):
        raise ForeignFileError(
            f"{source.name} is not {named.title}: it looks like {likely.title}",
            f"import it as {likely.name}, or without naming a format",
        ) from None


def _read_guessing(source: Source, ask: Ask) -> Recognised:
    format_ = _recognised(source)
    try:
        return Recognised(format_, format_.read(source, ask))
    except WrongPassphraseError as error:
        if not format_.guessed:
            raise
        doubt = f"{format_.title}'s, or no export at all: nothing in the file tells"
        raise WrongPassphraseError(error.message, f"it may be {doubt}") from None


def _named(name: str, source: Source) -> Format:
    # An app may have several kinds of files under one name.
    named = [one for one in FORMATS if one.name == name]
    if not named:
        known = dict.fromkeys(one.name for one in FORMATS)
        raise ForeignFileError(
            f"there is no format {clean_label(name)!r}", f"known are: {', '.join(known)}"
        )
    return next((one for one in named if one.recognise(source)), named[0])


def _recognised(source: Source) -> Format:
    for format_ in FORMATS:
        if format_.recognise(source):
            return format_
    if (kind := other_kind(source)) is not None:
        raise ForeignFileError(f"{source.name} is {kind.what}", kind.remedy)
    titles = ", ".join(dict.fromkeys(one.title for one in FORMATS))
    raise ForeignFileError(
        f"{source.name} is no export that is known here",
        f"known are: {titles}; if it is one of these, name the format",
    )
