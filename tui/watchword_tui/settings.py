"""Settings of the app and the command line: the settings file, the environment, the prototype's .env.

What is given on the command line wins over the environment, the environment over the file. Tokens
come from files or the environment only: a command line is seen by every user of the machine.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from watchword_otp.value import Value
from watchword_tui.errors import SettingsError
from watchword_tui.private_file import read_private

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword_tui.far_end import FarEnd

DEFAULT_URL = "http://127.0.0.1:6238"
"""Where a server started without settings listens; used when no profile is set."""

LOCAL_PROFILE = "local"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_Record = TypeVar("_Record", bound=msgspec.Struct)


class _ProfileTable(msgspec.Struct, frozen=True):
    """A `[servers.NAME]` table as written."""

    url: str
    token_file: str | None = None
    key: str = "default"
    ca_file: str | None = None
    allow_http: bool = False


class _File(msgspec.Struct, frozen=True):
    """The settings file as written."""

    server: str | None = None
    accounts: tuple[str, ...] = ()
    vault: str | None = None
    passphrase_file: str | None = None
    theme: str | None = None
    lock_after: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 300
    exit_after: Annotated[int, msgspec.Meta(ge=0, le=86_400)] | None = None
    session_limit: Annotated[int, msgspec.Meta(ge=0, le=604_800)] | None = None
    clear_after: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 30
    sort: Literal["file", "issuer", "use"] = "file"
    hide_codes: bool = False
    show_only: bool = False
    keys: dict[str, str] = msgspec.field(default_factory=dict)
    servers: dict[str, dict[str, object]] = msgspec.field(default_factory=dict)


class ServerProfile(Value, frozen=True):
    """A server to ask, by name."""

    HIDDEN = frozenset({"token"})

    name: str
    """How people call it: `dev`, `prod`."""
    url: str
    """Its base URL, http or https, without a trailing slash."""
    key: str = "default"
    """The key that codes are checked against unless another is named."""
    token: str | None = None
    """The bearer token from the environment or the .env; it goes before `token_file`."""
    token_file: Path | None = None
    """A file that holds the bearer token; read when the server is asked, not before."""
    ca_file: Path | None = None
    """A PEM file to verify the server's certificate with, instead of the system's."""
    implied: bool = False
    """Whether nobody named it: it may well not be there."""

    def bearer_token(self) -> str | None:
        """The token to send, or None where none is set.

        Raises:
            SettingsError: The token file cannot be used, or what is set is no token.
        """
        if self.token is not None:
            return _checked_token(self.token, f"the token of {self.name}")
        if self.token_file is not None:
            return _checked_token(
                read_private(self.token_file, "token file"), f"the token file {self.token_file}"
            )
        return None


class Settings(Value, frozen=True):
    """Everything settled before a command runs."""

    HIDDEN = frozenset({"dotenv_secret"})

    profiles: tuple[ServerProfile, ...]
    """The servers, in the file's order; never empty."""
    server: str
    """Name of the profile in use."""
    account_files: tuple[Path, ...] = ()
    """Files of otpauth:// lines, shown beside the vault's accounts and never written."""
    vault: Path | None = None
    """The vault's file, there or not; None where only account files are wanted."""
    passphrase_file: Path | None = None
    """A file with the vault's passphrase, for machines where nobody types it."""
    lock_after: int = 300
    """Seconds without a key press after which the screen locks; 0 is never."""
    exit_after: int | None = None
    """Seconds without a key press after which the app leaves; 0 is never, None is not said."""
    session_limit: int | None = None
    """Seconds after which the app leaves whatever is pressed; 0 is never, None is not said."""
    clear_after: int = 30
    """Seconds after which a copied code is taken back from the clipboard; 0 is never."""
    sort: str = "file"
    """The order at the start: "file", "issuer" or "use"."""
    hide_codes: bool = False
    """Whether codes are dots until asked for."""
    show_only: bool = False
    """Whether codes are only shown, copied and validated: no key is seen, changed or taken out."""
    keys: tuple[tuple[str, str], ...] = ()
    """Other keys for the app's bindings, by the bindings' ids."""
    dotenv_secret: str | None = None
    """The prototype's `TOTP_BASE32_SECRET`."""
    theme: str | None = None
    """Name of the theme to start with."""
    path: Path | None = None
    """The settings file, there or not; for messages."""
    far: FarEnd | None = None
    """What differs at somebody else's terminal; None at one's own."""

    @property
    def profile(self) -> ServerProfile:
        """The profile in use."""
        return next(profile for profile in self.profiles if profile.name == self.server)


class Overrides(Value, frozen=True):
    """What the command line says; each wins over the environment and the file."""

    config: Path | None = None
    server: str | None = None
    """A profile's name, or a URL."""
    account_files: tuple[Path, ...] = ()
    vault: Path | None = None
    passphrase_file: Path | None = None
    ca_file: Path | None = None


def default_path() -> Path:
    """Where the settings file is looked for."""
    from platformdirs import user_config_path  # noqa: PLC0415 - needless when a file is named

    return user_config_path("watchword") / "config.toml"


def default_vault() -> Path:
    """Where the vault is kept unless the settings name another place."""
    from platformdirs import user_data_path  # noqa: PLC0415 - needless when a file is named

    return user_data_path("watchword") / "vault.json"


def state_path() -> Path:
    """The folder of what the app notes for itself: counts of use, reports of its own errors."""
    from platformdirs import user_state_path  # noqa: PLC0415 - as above

    return user_state_path("watchword")


def usage_path() -> Path:
    """Where the counts of use are kept."""
    return state_path() / "usage.json"


def load_settings(overrides: Overrides, environ: Mapping[str, str], directory: Path | None) -> Settings:
    """Settle the settings from flags, environment, file and the .env in `directory`, if one is given.

    Raises:
        SettingsError: A file cannot be read, or a value makes no sense.
    """
    named = overrides.config or _path_or_none(environ.get("WATCHWORD_CONFIG"))
    path = named or default_path()
    file = _read_file(path, required=named is not None)
    dotenv = _read_dotenv(directory / ".env", environ) if directory is not None else {}
    token = environ.get("WATCHWORD_TOKEN") or None
    profiles = [_profile(name, table, path, overrides.ca_file) for name, table in file.servers.items()]
    unnamed = ServerProfile(
        LOCAL_PROFILE, DEFAULT_URL, token=dotenv.get("BEARER"), ca_file=overrides.ca_file
    )
    wanted = overrides.server or environ.get("WATCHWORD_SERVER") or file.server
    if wanted and "://" in wanted:
        url = _checked_url(wanted, "the server's URL", allow_http=False)
        profile = replace(unnamed, name=urlsplit(url).netloc, url=url)
        profiles = [profile, *(other for other in profiles if other.name != profile.name)]
        wanted = profile.name
    elif not profiles:
        profiles = [replace(unnamed, implied=unnamed.token is None and not token)]
    server = wanted or profiles[0].name
    names = [profile.name for profile in profiles]
    if server not in names:
        raise SettingsError(
            f"there is no server profile {server!r}", f"known: {', '.join(names)}; add it to {path}"
        )
    if token:
        profiles = [
            replace(profile, token=token) if profile.name == server else profile for profile in profiles
        ]
    vault = overrides.vault or _path_or_none(environ.get("WATCHWORD_VAULT"))
    if vault is None and not overrides.account_files:
        vault = _expand(file.vault, path) if file.vault else default_vault()
    passphrase_file = overrides.passphrase_file or (
        _expand(file.passphrase_file, path) if file.passphrase_file else None
    )
    return Settings(
        profiles=tuple(profiles),
        server=server,
        account_files=overrides.account_files or tuple(_expand(text, path) for text in file.accounts),
        vault=vault,
        passphrase_file=passphrase_file,
        lock_after=file.lock_after,
        exit_after=file.exit_after,
        session_limit=file.session_limit,
        clear_after=file.clear_after,
        sort=file.sort,
        hide_codes=file.hide_codes,
        show_only=file.show_only,
        keys=tuple(file.keys.items()),
        dotenv_secret=dotenv.get("TOTP_BASE32_SECRET") or None,
        theme=file.theme,
        path=path,
    )


def _read_file(path: Path, *, required: bool) -> _File:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        if required:
            raise SettingsError(f"the settings file {path} is not there") from None
        return _File()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot read the settings file {path}: {_reason(error)}") from None
    import tomllib  # noqa: PLC0415 - many have no settings file, and a start counts milliseconds

    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}") from None
    return _convert(table, _File, str(path))


def _read_dotenv(path: Path, environ: Mapping[str, str]) -> dict[str, str]:
    names = ("TOTP_BASE32_SECRET", "BEARER")
    found = {name: environ[name] for name in names if environ.get(name)}
    try:
        if not path.is_file():
            return found
        from dotenv import dotenv_values  # noqa: PLC0415 - most people have no .env

        values = dotenv_values(path)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot read {path}: {_reason(error)}") from None
    for name in names:
        if value := values.get(name):
            found.setdefault(name, value)
    return found


def _profile(name: str, table: Mapping[str, object], path: Path, ca_file: Path | None) -> ServerProfile:
    where = f"[servers.{name}] in {path}"
    record = _convert(table, _ProfileTable, where)
    return ServerProfile(
        name=name,
        url=_checked_url(record.url, where, allow_http=record.allow_http),
        key=record.key,
        token_file=_expand(record.token_file, path) if record.token_file else None,
        ca_file=ca_file or (_expand(record.ca_file, path) if record.ca_file else None),
    )


def _checked_url(url: str, where: str, *, allow_http: bool) -> str:
    # First, for such a URL is not shown: what stands before the @ may be a password.
    if any(mark in url for mark in "@?#"):
        raise SettingsError(
            f"{where}: the URL holds more than scheme, host, port and path",
            "put the token into a file and name it as token_file",
        )
    no_url = SettingsError(f"{where}: {url!r} is not an http or https URL")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        raise no_url from None
    # urlsplit() takes line breaks out without a word.
    if not usable or not url.isprintable() or " " in url:
        raise no_url
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK and not allow_http:
        raise SettingsError(
            f"{where}: {url} would send the token and codes in the clear",
            "use https, or set allow_http = true in the profile if the network is trusted",
        )
    return parts.geturl().rstrip("/")


def _checked_token(text: str, where: str) -> str:
    token = text.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise SettingsError(f"{where} must be one word of plain letters, digits and signs")
    return token


def _convert(table: Mapping[str, object], kind: type[_Record], where: str) -> _Record:
    known = [one.encode_name for one in msgspec.structs.fields(kind)]
    for name in table:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise SettingsError(
                f"{where}: there is no setting {name!r}",
                f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}",
            )
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        from watchword_tui.setting_words import complaint  # noqa: PLC0415 - for errors only

        raise SettingsError(f"{where}: {complaint(kind, table, error)}") from None


def _expand(text: str, settings_file: Path) -> Path:
    """A path in the settings file: `~` is the home directory, relative means beside the file."""
    try:
        return settings_file.parent / Path(text).expanduser()
    except RuntimeError:
        raise SettingsError(f"{settings_file}: there is no home directory for {text!r}") from None


def _path_or_none(text: str | None) -> Path | None:
    return Path(text) if text else None


def _reason(error: Exception) -> str:
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "not UTF-8 text"
