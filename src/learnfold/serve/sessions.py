"""Sessions of browsers: a random name in a cookie, and who it stands for in this process's memory alone."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from learnfold.serve.callers import Caller

COOKIE = "learnfold_session"
IN_FRAME = "learnfold_in_frame"
"""The cookie of a session that a learning platform began: it works in a frame of that platform's pages."""

COOKIES = (COOKIE, IN_FRAME)
SECONDS = 12 * 3600.0
"""A session ends after so long, whatever is done in it."""

FRAME_SECONDS = 4 * 3600.0
"""One that a platform began; opening it again asks the platform again."""

MOST = 10_000


@dataclass(frozen=True)
class _Session:
    find: Callable[[], Caller | None]  # who it is now: nobody, once what they signed in with was taken back
    ends: float


class Sessions:
    """All that are open; when the server ends, so do they."""

    def __init__(self, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds, self.clock = seconds, clock
        self._mutex = threading.Lock()
        self._open: dict[str, _Session] = {}

    def begin(self, find: Callable[[], Caller | None], seconds: float | None = None) -> str:
        """The name of a new session of whoever ``find`` finds, of so many seconds; where there are too many, the oldest ends."""
        name = secrets.token_urlsafe(32)
        now = self.clock()
        with self._mutex:
            self._open = {digest: one for digest, one in self._open.items() if one.ends > now}
            while len(self._open) >= MOST:
                del self._open[next(iter(self._open))]
            self._open[_digest(name)] = _Session(find, now + (seconds or self.seconds))
        return name

    def caller(self, name: str) -> Caller | None:
        """Who asks in this session; None where there is none of that name any more."""
        with self._mutex:
            session = self._open.get(_digest(name))
        if session is None or session.ends <= self.clock():
            return None
        return session.find()

    def end(self, name: str) -> None:
        """Ends a session."""
        with self._mutex:
            self._open.pop(_digest(name), None)


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()
