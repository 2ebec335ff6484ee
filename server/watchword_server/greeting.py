"""What the server says once it listens."""

from __future__ import annotations

import shlex
from importlib.metadata import version
from typing import TYPE_CHECKING

import msgspec

from watchword_server.bootstrap import Activation, Bootstrapped
from watchword_server.names import DEFAULT_KEY
from watchword_server.sockets import UNIX_URL
from watchword_server.store.protocol import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

_KEY_NEWS = {
    Activation.CREATED: "new",
    Activation.KEPT: "as before",
    Activation.REPLACED: "new; the one before is retired",
    Activation.ROTATED_AWAY: "as rotated; the one that is configured was replaced, take it out",
    Activation.RETURNED: "back again, with what was consumed under it",
}


class Greeting(msgspec.Struct, frozen=True, kw_only=True):
    """Where the server is and what it has."""

    url: str
    database: str
    done: Bootstrapped | StoreError
    """What was found or made in it, or why it is not ready."""

    @property
    def token(self) -> str | None:
        """The first token, if it was made just now."""
        return None if isinstance(self.done, StoreError) else self.done.first_token

    def __repr__(self) -> str:
        return f"<Greeting {self.url}>"

    def as_json(self) -> str:
        """One line for a parent process."""
        members = {"url": self.url, "database": self.database, "key": DEFAULT_KEY}
        if isinstance(self.done, StoreError):
            members["not_ready"] = self.done.cause.value
        if self.token is not None:
            members["token"] = self.token
        return msgspec.json.encode(members).decode()

    def as_text(self, options: Sequence[str]) -> str:
        """Lines for people: where everything is, and what to type next.

        Args:
            options: What other commands need on their line to find the same database.
        """
        return "\n".join([*self._facts(), "", *self._next_steps(options)])

    def _facts(self) -> list[str]:
        facts = [
            f"Watchword server {version('watchword')} on {self.url}",
            f"  data   {self.database}",
        ]
        if isinstance(self.done, StoreError):
            return [*facts, f"  not ready: {self.done}"]
        facts.append(f"  key    {DEFAULT_KEY}: {_KEY_NEWS[self.done.activation]}")
        if self.token is not None:
            facts.append(f"  token  {self.token}")
            facts.append("         shown this once: keep it where only you can read it")
        return facts

    def _next_steps(self, options: Sequence[str]) -> list[str]:
        create = shlex.join(["watchword-server", "tokens", "create", *options])
        another = f"{create} NAME --scope check --scope qr"
        if isinstance(self.done, StoreError):
            return ["Every check is answered 503 until then.", "Ctrl+C stops the server."]
        if self.token is None:
            need = "To make another token" if self.done.has_token else "No token counts. To make one"
            return [f"{need}:", f"  {another}", "Ctrl+C stops the server."]
        # Not on curl's command line, which others on the machine can see.
        header, curl, url = 'echo "Authorization: Bearer $WATCHWORD_TOKEN" |', "curl -sH @-", self.url
        if url.startswith(UNIX_URL):
            path = shlex.quote(url.removeprefix(UNIX_URL))
            curl, url = curl.replace("curl", f"curl --unix-socket {path}", 1), "http://localhost"
        return [
            "Next, in another terminal:",
            f"  export WATCHWORD_TOKEN={self.token}",
            "to enrol an authenticator, scan this:",
            f"  {header} {curl} '{url}/qr?format=text'",
            "to check the code it shows:",
            f"  {header} \\",
            f"    {curl} -H 'Content-Type: application/json' \\",
            f'    -d \'{{"code":"123456"}}\' {url}/v1/keys/{DEFAULT_KEY}/check',
            *self._app_steps(),
            *self._tls_steps(),
            "To make another token:",
            f"  {another}",
            "Ctrl+C stops the server.",
        ]

    def _tls_steps(self) -> list[str]:
        if not self.url.startswith("https:"):
            return []
        return [
            "If this machine does not know the certificate's authority, add its file:",
            "  --cacert FILE to curl, --ca-file FILE to watchword",
        ]

    def _app_steps(self) -> list[str]:
        if self.url.startswith(UNIX_URL):
            # The app speaks only to addresses.
            return []
        return ["or do both in the app:", f"  watchword --server {self.url}"]
