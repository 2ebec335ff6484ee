"""google-authenticator's PAM file: a secret, options that begin with a quotation mark, scratch codes."""

from __future__ import annotations

import re

from watchword_otp import InvalidKeyError, Key, Kind, Secret
from watchword_server.imports import BadLine, Entry, LineError, Parsed
from watchword_server.keypolicy import require_strong
from watchword_server.verifier import MAX_WINDOW, NEVER

_OPTION = re.compile(r'" ([A-Z0-9_]{1,40})(?: +(.*))?')
_SCRATCH = re.compile(r"[0-9]{8}")
_NUMBER = re.compile(r"-?[0-9]{1,18}")
_TOTP_WINDOW = 3
_MAX_DRIFT = 1_000_000


def parse_pam(text: str, name: str) -> Parsed:
    """Read the one key of a file such as `~/.google_authenticator`.

    `WINDOW_SIZE` counts all codes that are accepted; here a window counts those either side of now,
    or those ahead. Codes that were used stay used. Scratch codes are not taken: with 8 digits they
    are too short for this server, which has recovery codes of its own.

    Args:
        text: The file.
        name: What the key will be called, for the file does not tell; canonical.
    """
    lines = text.removeprefix("\ufeff").split("\n")
    number = next((count for count, line in enumerate(lines, start=1) if line.strip()), 1)
    options: dict[str, tuple[int, str]] = {}
    scratch = 0
    for count, line in enumerate(lines[number:], start=number + 1):
        content = line.strip()
        option = _OPTION.fullmatch(content)
        if option is not None:
            options.setdefault(option[1], (count, (option[2] or "").strip()))
        elif _SCRATCH.fullmatch(content):
            scratch += 1
        elif content:
            return Parsed(bad=[BadLine(count, "it is neither an option nor a scratch code; mend it")])
    try:
        return Parsed([_entry(number, lines[number - 1], name, options, scratch)])
    except LineError as error:
        return Parsed(bad=[BadLine(number, str(error))])


def _entry(
    line: int, secret: str, name: str, options: dict[str, tuple[int, str]], scratch: int
) -> Entry:
    def value(option: str, default: int, least: int, most: int) -> int:
        if option not in options:
            return default
        text = options[option][1]
        if not _NUMBER.fullmatch(text) or not least <= int(text) <= most:
            message = f"its {option} is no number from {least} to {most}"
            raise LineError(message)
        return int(text)

    is_hotp = "HOTP_COUNTER" in options and "TOTP_AUTH" not in options
    try:
        key = Key(
            secret=Secret.from_base32(secret),
            kind=Kind.HOTP if is_hotp else Kind.TOTP,
            period=30 if is_hotp else value("STEP_SIZE", 30, 1, 86_400),
            counter=value("HOTP_COUNTER", 0, 0, 2**62) if is_hotp else 0,
        )
        require_strong(key)
    except InvalidKeyError as error:
        raise LineError(str(error)) from None
    size = value("WINDOW_SIZE", _TOTP_WINDOW, 1, 100)
    window = min(MAX_WINDOW, size - 1 if is_hotp else (size - 1) // 2)
    notices = []
    if scratch:
        notices.append(
            f"{scratch} scratch codes are not taken over, they are too short; make new recovery codes"
            f" with watchword-server keys recovery-codes {name}"
        )
    if "RATE_LIMIT" in options:
        notices.append("its RATE_LIMIT is not taken over: the server limits attempts by itself")
    return Entry(
        line=line,
        name=name,
        key=key,
        window=window if "WINDOW_SIZE" in options else None,
        last_step=NEVER if is_hotp else _last_used(options),
        tells_use=is_hotp or "DISALLOW_REUSE" in options,
        drift=0 if is_hotp else value("TIME_SKEW", 0, -_MAX_DRIFT, _MAX_DRIFT),
        notices=notices,
    )


def _last_used(options: dict[str, tuple[int, str]]) -> int:
    _, text = options.get("DISALLOW_REUSE", (0, ""))
    used = text.split()
    if not all(re.fullmatch(r"[0-9]{1,18}", each) for each in used):
        message = "its DISALLOW_REUSE holds something else than steps"
        raise LineError(message)
    return max(map(int, used), default=NEVER)
