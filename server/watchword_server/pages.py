"""The enrolment page: HTML without scripts or anything from elsewhere, safe against its own data."""

from __future__ import annotations

import base64
import hashlib
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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword_otp import Key

_GROUP = 4


def enrolment_page(
    key: Key, expires_at: float, message: str = "", status: int = HTTPStatus.OK
) -> web.Response:
    """The page that shows a key and asks for its first code.

    Args:
        key: With its labels.
        expires_at: When the link ceases to open, Unix seconds.
        message: What went wrong with the code before.
        status: Of the answer.
    """
    secret = key.secret.base32()
    return _render(
        status,
        title=f"Set up codes for {key.issuer}",
        message=message,
        uri=format_uri(key),
        # Made by us from the URI; nothing in it is anyone's text.
        qr=Markup(make_qr(format_uri(key)).svg()),  # noqa: S704
        account=key.name,
        issuer=key.issuer,
        secret=" ".join(secret[start : start + _GROUP] for start in range(0, len(secret), _GROUP)),
        digits=key.digits,
        inputmode="text" if key.kind is Kind.STEAM else "numeric",
        expires=f"{datetime.fromtimestamp(expires_at, UTC):%H:%M} UTC",
    )


def confirmed_page(recovery_codes: Sequence[str]) -> web.Response:
    """The page that says that it is done, with the recovery codes."""
    return _render(HTTPStatus.OK, title="Done", recovery_codes=recovery_codes)


def message_page(status: int, title: str, message: str) -> web.Response:
    """A page that only says something."""
    return _render(status, title=title, message=message)


def _render(status: int, **values: object) -> web.Response:
    style = _style()
    body = _template().render(style=Markup(style), **values)  # noqa: S704 - our own file
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src 'self' data:; style-src 'sha256-{digest}'; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    )
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}
    return web.Response(status=status, text=body, content_type="text/html", headers=headers)


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_file("enrol.html"))


@cache
def _style() -> str:
    return _file("enrol.css")


def _file(name: str) -> str:
    return (resources.files("watchword_server") / "templates" / name).read_text(encoding="utf-8")
