"""The prototype's settings: a secret and a token in a `.env` file or in the environment."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv import dotenv_values

from watchword_otp import InvalidKeyError, Key, Secret
from watchword_server.errors import UserError, why
from watchword_server.tokens import Scope, Token, digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping

SECRET_NAME = "TOTP_BASE32_SECRET"  # noqa: S105 - a variable's name
BEARER_NAME = "BEARER"
USUAL_FILE = Path(".env")

# RFC 6750 section 2.1, and everything else that arrives unchanged in a header.
_SENDABLE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Configured:
    """What the prototype's settings define, and where it was found."""

    key: Key | None = None
    """The default key."""
    token: Token | None = None
    """A token with the scopes `check` and `qr`; it lives in memory only."""
    token_length: int = 0
    """Characters of the token."""
    notes: tuple[str, ...] = field(default=())
    """What was taken from where, and what is unwise about it: one line each, no secret."""


def read_configured(environment: Mapping[str, str], env_file: Path | None = None) -> Configured:
    """Find the prototype's settings; variables of the environment win over the file.

    Args:
        environment: The process's environment; nothing is added to it.
        env_file: The file named by `--env-file`; without one, `.env` here, if there is one.

    Raises:
        UserError: The file cannot be read, or a value cannot work; the value is not shown.
    """
    path = env_file or USUAL_FILE
    in_file = _read(path) if env_file is not None or path.is_file() else {}
    values, sources = {}, {}
    for name in (SECRET_NAME, BEARER_NAME):
        if name in environment:
            values[name], sources[name] = environment[name], "the environment"
        elif name in in_file:
            values[name], sources[name] = in_file[name] or "", str(path)
    key, token = None, None
    notes = []
    if SECRET_NAME in values:
        key = _key(values[SECRET_NAME], sources[SECRET_NAME])
        notes.append(f"default key from {SECRET_NAME} in {sources[SECRET_NAME]}")
        notes.extend(f"warning: {warning}" for warning in key.warnings())
    if BEARER_NAME in values:
        token = _token(values[BEARER_NAME], sources[BEARER_NAME])
        notes.append(f"token with the scopes check and qr from {BEARER_NAME} in {sources[BEARER_NAME]}")
    return Configured(key, token, len(values.get(BEARER_NAME, "")), tuple(notes))


def _read(path: Path) -> dict[str, str | None]:
    try:
        with path.open(encoding="utf-8-sig") as stream:
            return dotenv_values(stream=stream)
    except OSError as error:
        message = f"cannot read {path}: {why(error)}; check --env-file"
        raise UserError(message) from None
    except UnicodeDecodeError:
        message = f"{path} is not UTF-8 text; save it as such"
        raise UserError(message) from None


def _key(text: str, source: str) -> Key:
    try:
        return Key(secret=Secret.from_base32(text))
    except InvalidKeyError as error:
        message = f"{SECRET_NAME} in {source} cannot be used: {error}; correct it or take it out"
        raise UserError(message) from None


def _token(text: str, source: str) -> Token:
    if not _SENDABLE.fullmatch(text):
        message = (
            f"{BEARER_NAME} in {source} must have only letters, digits and signs, at least one of them,"
            " for nothing else arrives in a header; correct it or take it out"
        )
        raise UserError(message)
    return Token(name=BEARER_NAME, digest=digest_of(text), scopes=frozenset({Scope.CHECK, Scope.QR}))
