"""The pages that people see: HTML that works as it is, loads nothing, and is safe against its own data.

A page brings its style, its icon and its one script along. Its policy names the first and the last by
their hash, so nothing else is obeyed, whatever a label holds.
"""

from __future__ import annotations

import base64
import hashlib
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from importlib import resources
from typing import TYPE_CHECKING

import jinja2
from aiohttp import web
from markupsafe import Markup

from watchword_otp import Kind, format_uri
from watchword_otp.qr import make_qr
from watchword_server import problems
from watchword_server.setbacks import in_words
from watchword_server.sheet import sheet_link, sheet_name, sheet_text
from watchword_server.store.protocol import Cause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword_otp import Key
    from watchword_server.labels import Labels
    from watchword_server.problems import ProblemError
    from watchword_server.setbacks import Setback

_GROUP = 4

_HEADERS = {
    # The path is the ticket: no address that is followed from here may learn it.
    "Referrer-Policy": "no-referrer",
    # Whoever opened the page, as a mail program in the browser, keeps no hold of its window.
    "Cross-Origin-Opener-Policy": "same-origin",
    # The script writes to the clipboard and asks for nothing else; reading it could bring up anything.
    "Permissions-Policy": (
        "camera=(), clipboard-read=(), display-capture=(), geolocation=(), microphone=()"
    ),
}


@dataclass(frozen=True, slots=True)
class Opening:
    """How long a link opens."""

    until: float
    """Unix seconds."""
    now: float
    """Unix seconds."""

    @property
    def seconds_left(self) -> int:
        """Whole seconds, rounded down: better closed a moment early on the screen than late."""
        return max(0, math.floor(self.until - self.now))


def enrolment_page(key: Key, opening: Opening, setback: Setback | None = None) -> web.Response:
    """The page that shows a key and asks for its first code.

    Args:
        key: With its labels.
        opening: Of its link.
        setback: Why the code before was not taken.
    """
    uri = format_uri(key)
    until = datetime.fromtimestamp(opening.until, UTC)
    return _render(
        "enrol.html",
        HTTPStatus.OK if setback is None else setback.status,
        key=key,
        is_steam=key.kind is Kind.STEAM,
        uri=uri,
        # Made by us from the URI; nothing in it is anyone's text.
        qr=Markup(make_qr(uri).svg()),  # noqa: S704
        secret=_grouped(key.secret.base32()),
        settings=_settings(key),
        until=f"{until:%H:%M} UTC",
        until_exactly=f"{until:%Y-%m-%dT%H:%M:%SZ}",
        seconds_left=opening.seconds_left,
        setback=setback,
        wait=in_words(setback.wait) if setback is not None and setback.wait else "",
    )


def confirmed_page(labels: Labels, recovery_codes: Sequence[str], now: float) -> web.Response:
    """The page that says that it is done, with the recovery codes, made at `now`, Unix seconds."""
    made_at = datetime.fromtimestamp(now, UTC)
    return _render(
        "codes.html",
        HTTPStatus.OK,
        labels=labels,
        recovery_codes=recovery_codes,
        made_at=f"{made_at.day} {made_at:%B %Y}",
        sheet_name=sheet_name(labels),
        sheet=sheet_link(sheet_text(labels, recovery_codes, made_at)),
    )


def closed_page() -> web.Response:
    """The page of a link that was used, is too old, or never was one."""
    return _render("closed.html", HTTPStatus.GONE)


def problem_page(problem: ProblemError) -> web.Response:
    """A problem, for a person with a browser; its status and its headers are the same."""
    detail = f"{problem.detail[0].upper()}{problem.detail[1:]}."
    title, text, report = "That did not work", detail, ""
    match problem.kind:
        case problems.STORE_UNAVAILABLE:
            title = "Codes cannot be checked just now"
            text = "Nothing was used up or counted. Open the page again in a few minutes."
            report = Cause(str(problem.extensions["cause"])).words
        case problems.INTERNAL_ERROR:
            text = "Something went wrong on the server. Open the page again."
            report = f"it is number {problem.extensions['request_id']} in the server's log"
        case problems.TOO_MANY_REQUESTS:
            title = "Too many attempts"
        case problems.BODY_TIMEOUT:
            title = "The code did not arrive"
            text = (
                "The connection was too slow. Open the page again, and type the code that the app shows."
            )
        case _:
            pass
    page = _render("problem.html", problem.kind.status, title=title, text=text, report=report)
    page.headers.update(problem.headers or {})
    return page


def _grouped(secret: str) -> str:
    return " ".join(secret[start : start + _GROUP] for start in range(0, len(secret), _GROUP))


def _settings(key: Key) -> str:
    """What has to be chosen in an app when the key is typed by hand; empty if it is what all apps do."""
    match key.kind:
        case Kind.STEAM:
            return "Steam Guard"
        case Kind.HOTP:
            return f"counter based, next counter {key.counter}, {key.algorithm}, {key.digits} digits"
        case Kind.TOTP:
            chosen = f"{key.algorithm}, {key.digits} digits, every {key.period} seconds"
            return "" if chosen == "SHA1, 6 digits, every 30 seconds" else f"time based, {chosen}"


def _render(template: str, status: int, **values: object) -> web.Response:
    style, script = _file("page.css"), _file("page.js")
    # Both are files of ours.
    own = {"style": Markup(style), "script": Markup(script)}  # noqa: S704
    body = _environment().get_template(template).render(own | values)
    headers = {"Content-Security-Policy": _policy(style, script), **_HEADERS}
    return web.Response(status=status, text=body, content_type="text/html", headers=headers)


@cache
def _policy(style: str, script: str) -> str:
    """Nothing but these two and the icon; and no text becomes markup, not even by our own script."""
    return (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)};"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none';"
        " require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(_file),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )


@cache
def _file(name: str) -> str:
    return (resources.files("watchword_server") / "templates" / name).read_text(encoding="utf-8")
