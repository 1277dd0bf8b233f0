"""A view from a server, as a Parquet file."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from learnfold.errors import MissingDataError, StorageError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

TIMEOUT_SECONDS = 360.0
"""A server may work on an export for five minutes before its first byte."""

_MISSING = {404, 410}
_SERVERS_FAULT = 500


@dataclass(frozen=True)
class Server:
    """A server's address, and the token to ask it with."""

    url: str
    token: str | None = None

    def fetch(self, view: str, parameters: Iterable[tuple[str, str]], path: Path) -> str:
        """Writes the view's rows to ``path`` as Parquet; returns their batch.

        Raises UsageError for what the server refuses, MissingDataError for what isn't there, StorageError where it can't be reached
        or fails.
        """
        asked = urlencode([*parameters, ("format", "parquet")])
        request = Request(f"{self.url.rstrip('/')}/v1/views/{quote(view, safe='')}/export?{asked}")  # noqa: S310 - the caller saw to it that this is http
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urlopen(request, timeout=TIMEOUT_SECONDS) as answer, path.open("wb") as file:  # noqa: S310
                shutil.copyfileobj(answer, file)
                length, batch = answer.headers.get("Content-Length"), answer.headers.get("Learnfold-Batch", "")
        except HTTPError as error:
            raise _failure(error, self.url) from error
        except (URLError, OSError) as error:
            raise StorageError(f"{self.url} can't be asked: {getattr(error, 'reason', error)}") from error
        if length is not None and int(length) != path.stat().st_size:
            raise StorageError(f"{self.url} broke off in the middle of its answer; ask again")
        return str(batch)


def _failure(error: HTTPError, url: str) -> Exception:
    with error:
        try:
            problem: dict[str, Any] = json.loads(error.read(65_536))
            said = "; ".join(str(problem[name]) for name in ("detail", "hint") if problem.get(name))
        except (ValueError, TypeError, KeyError, OSError):
            said = f"HTTP {error.code}"
    kind = MissingDataError if error.code in _MISSING else StorageError if error.code >= _SERVERS_FAULT else UsageError
    return kind(f"{url}: {said}")
