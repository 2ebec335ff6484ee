"""The file of Google's PAM module, `~/.google_authenticator`: one key, options, scratch codes.

The first line is the secret in base32; lines that begin with `" ` are options, the rest are one-use
codes of eight digits.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from watchword_tui.exchange.build import About, entry_of
from watchword_tui.exchange.ciphers import damaged
from watchword_tui.exchange.model import Format, Reading

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Ask
    from watchword_tui.exchange.source import Source

_LARGEST = 64 * 1024
"""The module itself reads no larger file, in bytes."""

_START = re.compile(r'[A-Za-z2-7]{8,}=*[ \t]*\r?\n(?:[^\r\n]*\r?\n)*?" [A-Z]')
_OPTION = re.compile(r'^" ([A-Z_0-9]+)(?: +([0-9]{1,19})\b)?', re.MULTILINE)
_SCRATCH = re.compile(r"^[0-9]{8}\s*$", re.MULTILINE)


def recognise(source: Source) -> bool:
    """Whether the file begins with a secret and has an option as the module writes them."""
    if len(source.data) > _LARGEST or source.text is None:
        return False
    return _START.match(source.text) is not None


def read(source: Source, _ask: Ask) -> Reading:
    """Read the key; whose it is only the file's name can tell."""
    content = source.text
    if content is None:
        raise damaged()
    options: dict[str, str] = {}
    for name, value in _OPTION.findall(content):
        # The module looks for the first one.
        options.setdefault(name, value)
    counter = options.get("HOTP_COUNTER")
    entry = entry_of(
        About(where="line 1", name=source.name.lstrip(".")),
        content.split("\n", 1)[0],
        kind="totp" if counter is None else "hotp",
        period=int(options.get("STEP_SIZE") or 30),
        # The module keeps the counter of the next code that it expects.
        counter=int(counter or 0),
    )
    scratch = len(_SCRATCH.findall(content))
    problems = (f"{scratch} scratch codes not taken: keep the file for them",) if scratch else ()
    return Reading(entries=(entry,), problems=problems)


FORMAT = Format(name="google-pam", title="Google Authenticator PAM file", recognise=recognise, read=read)
