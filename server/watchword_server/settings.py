"""The server's settings: flags over the environment over a TOML file over the defaults."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import msgspec
import platformdirs
from msgspec import Meta

from watchword_otp import clean_label
from watchword_server.errors import UserError
from watchword_server.verifier import MAX_WINDOW

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DEFAULT_PORT = 6238
"""The number of the RFC that makes the codes."""

ENVIRONMENT_PREFIX = "WATCHWORD_SERVER_"
CONFIG_VARIABLE = f"{ENVIRONMENT_PREFIX}CONFIG"
CONFIG_NAME = "server.toml"

_MAX_PORT = 65_535


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What can be set. Each description completes "must be"."""

    host: Annotated[str, Meta(min_length=1, description="an address or a host's name")] = "127.0.0.1"
    port: Annotated[
        int, Meta(ge=0, le=_MAX_PORT, description=f"a whole number from 0 to {_MAX_PORT}")
    ] = DEFAULT_PORT
    data_dir: Annotated[str, Meta(min_length=1, description="a folder")] = msgspec.field(
        default_factory=lambda: str(platformdirs.user_state_path("watchword"))
    )
    window: Annotated[
        int, Meta(ge=0, le=MAX_WINDOW, description=f"a whole number of steps from 0 to {MAX_WINDOW}")
    ] = 1
    issuer: Annotated[
        str, Meta(min_length=1, max_length=100, description="a name of 1 to 100 printable characters")
    ] = "Watchword"
    access_log: Annotated[bool, Meta(description="true or false")] = False

    @property
    def data_path(self) -> Path:
        """The data folder, with `~` for the home folder."""
        return Path(self.data_dir).expanduser()


NAMES = Settings.__struct_fields__
"""Every setting, as a TOML file names it."""


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
    return msgspec.convert(chosen, Settings)


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
        message = f"cannot read {path}: {(error.strerror or 'no access').lower()}; check --config"
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
    try:
        converted = msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError:
        raise _wrong(kind, value, source) from None
    if name == "issuer" and clean_label(converted) != converted:
        raise _wrong(kind, value, source)
    return converted


def _wrong(kind: Any, value: object, source: str) -> UserError:  # noqa: ANN401 - an Annotated type
    (meta,) = kind.__metadata__
    shown = repr(value)
    return UserError(f"{source} must be {meta.description}, not {shown:.60}")


def _unknown(name: str, known: Iterable[str], source: str) -> UserError:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return UserError(f"{source} has an unknown setting {name}; {hint}")
