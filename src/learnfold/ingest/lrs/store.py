"""A learning record store over HTTP: its statements page by page, as xAPI's ``GET statements`` gives them.

What fails on the way (no connection, half an answer, 429, 5xx) is asked again for a while; what the store refuses is said at once.
Redirects aren't followed, and a page lies where the store does: so the credentials go nowhere else.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode, urljoin, urlsplit

from learnfold.addresses import without_secrets
from learnfold.errors import DataError, StorageError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from learnfold.settings import Settings

PAGE_STATEMENTS = 500
"""How many statements a page is asked for; a store may give fewer."""

_TIMEOUT_SECONDS = 60.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 10.0
_TRIES_OF_A_LINK = 3
_OK, _TOO_MANY, _SERVER = 200, 429, 500
_REDIRECTS, _REFUSALS, _LOST = {301, 302, 303, 307, 308}, {401, 403}, {400, 404, 410}


class LinkLostError(StorageError):
    """A link to a further page isn't known to the store any more: begin again where the walk began."""


class _BrokenError(Exception):
    """Something that may be better the next time."""


class Page(NamedTuple):
    """One answer."""

    statements: list[dict[str, Any]]
    more: str  # where the next page is; empty: this is the last
    through: str | None  # up to when, by the store's clock, nothing will be added any more; None: not said


@dataclass(frozen=True)
class StoreRequest:
    """Which store, and how it is asked."""

    url: str  # of its xAPI, such as https://lrs.example.org/xAPI; or of its statements
    authorization: str = ""  # the header's value; empty: none
    give_up_seconds: float = 60.0  # how long a page is asked for again


class Store:
    """The store; ``waiting`` is told why a page is asked for again. Not for several threads."""

    def __init__(self, request: StoreRequest, waiting: Callable[[str], None] = lambda _: None) -> None:
        """Raises UsageError for an address that is none, or that holds a password."""
        parts = urlsplit(request.url)
        try:
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if parts.scheme not in {"http", "https"} or not host or not request.url.isascii() or " " in request.url:
            raise UsageError(f"{request.url} is no address of an LRS; one is https://lrs.example.org/xAPI")
        if "@" in parts.netloc or without_secrets(request.url) != request.url:
            raise UsageError(
                f"{request.url} holds keys; leave them out, and set LEARNFOLD_LRS_CREDENTIALS or LEARNFOLD_LRS_CREDENTIALS_FILE"
            )
        path = parts.path.rstrip("/")
        self.url = f"{parts.scheme}://{parts.netloc}{path if path.endswith('/statements') else f'{path}/statements'}"
        self._address, self._tls = (host, port), parts.scheme == "https"
        self._authorization, self._give_up, self._waiting = request.authorization, request.give_up_seconds, waiting
        self._connection: http.client.HTTPConnection | None = None

    def first(self, since: str | None) -> str:
        """Where the first page is of what was stored after ``since``, the earliest first; None: of all."""
        asked = {"ascending": "true", "limit": str(PAGE_STATEMENTS)} | ({"since": since} if since else {})
        return f"{self.url}?{urlencode(asked)}"

    def page(self, link: str, *, further: bool) -> Page:
        """The page at a link; ``further``: the store gave the link itself, and may have forgotten it.

        Raises LinkLostError for such a one; StorageError where the store can't be reached in time or refuses; DataError for what answers
        something else than statements.
        """
        began, pause, tries = time.monotonic(), _FIRST_PAUSE_SECONDS, 0
        while True:
            try:
                return self._page(link, further=further)
            except _BrokenError as error:
                self.close()
                tries += 1
                if further and tries >= _TRIES_OF_A_LINK and error.args[0].startswith("5"):
                    raise LinkLostError(f"{self.url} doesn't give a further page: {error}") from error
                if time.monotonic() - began + pause > self._give_up:
                    raise StorageError(f"{self.url} can't be read: {error}; what came before is kept") from error
                self._waiting(f"{self.url}: {error}")
                time.sleep(pause)
                pause = min(_LONGEST_PAUSE_SECONDS, pause * 2)

    def close(self) -> None:
        """Ends the connection; it is made again when it is needed."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _page(self, link: str, *, further: bool) -> Page:
        answer, body = self._asked(link)
        status, kind = answer.status, (answer.getheader("Content-Type") or "").lower()
        shown = " ".join(body[:200].decode("utf-8", "replace").split())
        if status == _TOO_MANY or status >= _SERVER:
            raise _BrokenError(f"{status} {answer.reason}")
        if status in _REFUSALS:
            raise StorageError(
                f"{self.url} refuses us ({status}); set LEARNFOLD_LRS_CREDENTIALS to KEY:SECRET, or to a token"
            )
        if status in _REDIRECTS:
            raise StorageError(
                f"{self.url} is elsewhere: it sends to {answer.getheader('Location')}; give that address"
            )
        if "html" in kind or body.lstrip()[:1] == b"<":
            raise DataError(
                f"{self.url} answers with a web page ({status}), not with statements; give the address of the store's xAPI"
            )
        if further and status in _LOST:
            raise LinkLostError(f"{self.url} doesn't know a further page any more ({status})")
        if status != _OK:
            raise StorageError(f"{self.url} answers {status}: {shown}")
        return self._read(body, answer.getheader("X-Experience-API-Consistent-Through"), shown)

    def _asked(self, link: str) -> tuple[http.client.HTTPResponse, bytes]:
        if self._connection is None:
            host, port = self._address
            self._connection = (
                http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_SECONDS, context=ssl.create_default_context())
                if self._tls
                else http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)
            )
        parts = urlsplit(link)
        headers = {"X-Experience-API-Version": "1.0.3", "Accept": "application/json"}
        if self._authorization:
            headers["Authorization"] = self._authorization
        try:
            self._connection.request("GET", f"{parts.path}?{parts.query}", headers=headers)
            answer = self._connection.getresponse()
            return answer, answer.read()
        except ssl.SSLCertVerificationError as error:
            raise StorageError(f"{self.url} can't be trusted: {error.verify_message}") from error
        except (OSError, http.client.HTTPException) as error:
            raise _BrokenError(str(error) or type(error).__name__) from error

    def _read(self, body: bytes, through: str | None, shown: str) -> Page:
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            raise DataError(f"{self.url} answers with what isn't JSON: {shown}") from None
        statements = document.get("statements") if isinstance(document, dict) else None
        if not isinstance(statements, list) or not all(isinstance(one, dict) for one in statements):
            raise DataError(f"{self.url} answers with JSON that holds no statements: {shown}")
        more = document.get("more") or ""
        link = urljoin(self.url, more) if isinstance(more, str) and more else ""
        if link and urlsplit(link)[:2] != urlsplit(self.url)[:2]:
            raise DataError(f"{self.url} says that its next page is at another place, {link}; nothing is asked there")
        return Page(statements, link, through)


def authorization(settings: Settings) -> str:
    """The header's value: basic for KEY:SECRET, a bearer token else; empty without either. Raises UsageError for a file that can't be read."""
    text = settings.lrs_credentials
    if settings.lrs_credentials_file:
        try:
            text = Path(settings.lrs_credentials_file).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"LEARNFOLD_LRS_CREDENTIALS_FILE can't be read: {error}") from error
    text = text.strip()
    if not text:
        return ""
    if ":" in text:
        return f"Basic {base64.b64encode(text.encode()).decode()}"
    if not text.isascii() or not text.isprintable():
        raise UsageError("LEARNFOLD_LRS_CREDENTIALS is neither KEY:SECRET nor a token")
    return f"Bearer {text}"
