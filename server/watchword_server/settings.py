"""The server's settings: flags over the environment over a TOML file over the defaults."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import msgspec
import platformdirs
from msgspec import Meta

from watchword_otp import clean_label
from watchword_server.datadir import SEALING_KEYS_NAME
from watchword_server.errors import UserError, why
from watchword_server.origins import is_network, is_origin
from watchword_server.store.postgres_address import parse_address
from watchword_server.verifier import MAX_WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from watchword_server.store.postgres_address import Address

DEFAULT_PORT = 6238
"""The number of the RFC that makes the codes."""

ENVIRONMENT_PREFIX = "WATCHWORD_SERVER_"
CONFIG_VARIABLE = f"{ENVIRONMENT_PREFIX}CONFIG"
CONFIG_NAME = "server.toml"

_MAX_PORT = 65_535
_MAX_CONNECTIONS = 100_000
_MAX_WORKERS = 64
_MAX_REFUSALS = 100_000
_MAX_DAYS = 36_500
_FILE = Meta(description="a file")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What can be set. Each description completes "must be"."""

    host: Annotated[str, Meta(min_length=1, description="an address or a host's name")] = "127.0.0.1"
    port: Annotated[
        int, Meta(ge=0, le=_MAX_PORT, description=f"a whole number from 0 to {_MAX_PORT}")
    ] = DEFAULT_PORT
    data_dir: Annotated[str, Meta(min_length=1, description="a folder")] = msgspec.field(
        default_factory=lambda: str(platformdirs.user_state_path("watchword"))
    )
    store: Annotated[str | None, Meta(description="a URI such as postgresql://user@host/database")] = (
        None
    )
    window: Annotated[
        int, Meta(ge=0, le=MAX_WINDOW, description=f"a whole number of steps from 0 to {MAX_WINDOW}")
    ] = 1
    issuer: Annotated[
        str, Meta(min_length=1, max_length=100, description="a name of 1 to 100 printable characters")
    ] = "Watchword"
    access_log: Annotated[bool, Meta(description="true or false")] = False
    log_format: Annotated[Literal["text", "json"], Meta(description="text or json")] = "text"
    tls_cert: Annotated[str | None, _FILE] = None
    tls_key: Annotated[str | None, _FILE] = None
    tls_client_ca: Annotated[str | None, _FILE] = None
    insecure_http: Annotated[bool, Meta(description="true or false")] = False
    unix_socket: Annotated[str | None, Meta(description="a path of 1 to 100 bytes")] = None
    max_connections: Annotated[
        int, Meta(ge=1, le=_MAX_CONNECTIONS, description=f"a whole number from 1 to {_MAX_CONNECTIONS}")
    ] = 1024
    workers: Annotated[
        int, Meta(ge=1, le=_MAX_WORKERS, description=f"a whole number from 1 to {_MAX_WORKERS}")
    ] = 1
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(
            description="addresses or networks such as 10.0.0.0/8, or unix for the Unix socket's peers"
        ),
    ] = ()
    cors_origins: Annotated[
        tuple[str, ...], Meta(description="origins such as https://app.example.net, without a path")
    ] = ()
    refusals_per_minute: Annotated[
        int,
        Meta(
            ge=0,
            le=_MAX_REFUSALS,
            description=f"a whole number from 0, for no limit, to {_MAX_REFUSALS}",
        ),
    ] = 120
    public_url: Annotated[
        str | None, Meta(description="an address such as https://codes.example.net, without a path")
    ] = None
    sealing_keys: Annotated[str | None, _FILE] = None
    audit_retention_days: Annotated[
        int, Meta(ge=0, le=_MAX_DAYS, description=f"a whole number from 0, for ever, to {_MAX_DAYS}")
    ] = 0

    @property
    def data_path(self) -> Path:
        """The data folder, with `~` for the home folder."""
        return Path(self.data_dir).expanduser()

    @property
    def address(self) -> Address | None:
        """Where PostgreSQL is; None for SQLite in the data folder.

        Raises:
            UserError: It is no address.
        """
        return None if self.store is None else parse_address(self.store)

    @property
    def sealing_keys_path(self) -> Path:
        """The file of the sealing keys: the one named, or the usual one in the data folder."""
        if self.sealing_keys is None:
            return self.data_path / SEALING_KEYS_NAME
        return Path(self.sealing_keys).expanduser()


NAMES = Settings.__struct_fields__
"""Every setting, as a TOML file names it."""

_LISTS = {"trusted_proxies", "cors_origins"}

_SOUND: dict[str, Callable[[Any], bool]] = {
    "issuer": lambda text: clean_label(text) == text,
    "trusted_proxies": lambda networks: all(map(is_network, networks)),
    "cors_origins": lambda origins: all(map(is_origin, origins)),
    "tls_cert": lambda path: path != "",
    "tls_key": lambda path: path != "",
    "tls_client_ca": lambda path: path != "",
    "sealing_keys": lambda path: path != "",
    # Unix's sockaddr_un has room for 107 bytes, macOS's for 103.
    "unix_socket": lambda path: path is None or 0 < len(path.encode()) <= 100,  # noqa: PLR2004 - see above
    "public_url": lambda url: url is None or is_origin(url),
}
"""What the types alone cannot tell."""


def load_settings(
    flags: Mapping[str, object], environment: Mapping[str, str], config: Path | None = None
) -> Settings:
    """Put the settings together.

    Args:
        flags: What stands on the command line, by the setting's name; None for what does not.
        environment: The process's environment.
        config: The file named by `--config`.

    Raises:
        UserError: A setting is unknown or wrong; the message names it and where it came from.
    """
    chosen: dict[str, object] = {}
    chosen |= _from_file(_config_file(config, environment))
    chosen |= _from_environment(environment)
    for name, value in flags.items():
        if value is not None:
            chosen[name] = _checked(name, value, f"--{name.replace('_', '-')}", strict=False)
    settings = msgspec.convert(chosen, Settings)
    _require_pairs(settings)
    return settings


def _config_file(named: Path | None, environment: Mapping[str, str]) -> Path | None:
    if named is None and CONFIG_VARIABLE in environment:
        named = Path(environment[CONFIG_VARIABLE])
    if named is not None:
        return named.expanduser()
    usual = platformdirs.user_config_path("watchword") / CONFIG_NAME
    return usual if usual.exists() else None


def _from_file(path: Path | None) -> dict[str, object]:
    if path is None:
        return {}
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"cannot read {path}: {why(error)}; check --config"
        raise UserError(message) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{path} is not TOML: {error}; mend that line"
        raise UserError(message) from None
    for name in found:
        if name not in NAMES:
            raise _unknown(name, NAMES, str(path))
    return {
        name: _checked(name, value, f"{name} in {path}", strict=True) for name, value in found.items()
    }


def _from_environment(environment: Mapping[str, str]) -> dict[str, object]:
    known = {f"{ENVIRONMENT_PREFIX}{name.upper()}": name for name in NAMES}
    chosen = {}
    for variable, text in environment.items():
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable == CONFIG_VARIABLE:
            continue
        if variable not in known:
            raise _unknown(variable, [*known, CONFIG_VARIABLE], "the environment")
        name = known[variable]
        chosen[name] = _checked(name, text, f"the variable {variable}", strict=False)
    return chosen


def _checked(name: str, value: object, source: str, *, strict: bool) -> object:
    """Convert one value to its setting's type; text from outside TOML may stand for a number."""
    kind: Any = get_type_hints(Settings, include_extras=True)[name]
    if name in _LISTS and not strict:
        value = _split(value)
    try:
        converted = msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError:
        raise _wrong(kind, value, source) from None
    is_sound = _SOUND.get(name)
    if is_sound is not None and not is_sound(converted):
        raise _wrong(kind, value, source)
    return converted


def _split(value: object) -> object:
    """The members of a list that came as text: parted by commas, the flag perhaps given often."""
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list | tuple):
        return value
    return tuple(part.strip() for text in given for part in str(text).split(",") if part.strip())


def _require_pairs(settings: Settings) -> None:
    if (settings.tls_cert is None) != (settings.tls_key is None):
        there, missing = ("cert", "key") if settings.tls_key is None else ("key", "cert")
        message = f"tls_{there} is set without tls_{missing}; TLS needs both: set --tls-{missing} too"
        raise UserError(message)
    if settings.tls_client_ca is not None and settings.tls_cert is None:
        message = "tls_client_ca is set without TLS; set --tls-cert and --tls-key too"
        raise UserError(message)


def _wrong(kind: Any, value: object, source: str) -> UserError:  # noqa: ANN401 - an Annotated type
    (meta,) = kind.__metadata__
    shown = repr(", ".join(map(str, value)) if isinstance(value, tuple) else value)
    return UserError(f"{source} must be {meta.description}, not {shown:.60}")


def _unknown(name: str, known: Iterable[str], source: str) -> UserError:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return UserError(f"{source} has an unknown setting {name}; {hint}")
