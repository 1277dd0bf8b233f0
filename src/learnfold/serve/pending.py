"""What was begun in a browser and isn't finished: each is good once, for ten minutes, in that browser alone.

It is kept in this process's memory.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from learnfold.serve.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 600.0
MOST = 10_000

About = TypeVar("About")


@dataclass(frozen=True)
class _Begun(Generic[About]):
    browser: str
    about: About
    ends: float


class Pending(Generic[About]):
    """All that are under way."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._mutex = threading.Lock()
        self._begun: dict[str, _Begun[About]] = {}  # by state

    def begin(self, about: About) -> tuple[str, str]:
        """A new state, and the secret that the browser must bring back with it; where there are too many, the oldest go."""
        state, browser = (secrets.token_urlsafe(32) for _ in range(2))
        now = self.clock()
        with self._mutex:
            self._begun = {name: one for name, one in self._begun.items() if one.ends > now}
            while len(self._begun) >= MOST:
                del self._begun[next(iter(self._begun))]
            self._begun[state] = _Begun(browser, about, now + SECONDS)
        return state, browser

    def finish(self, state: str, browser: str) -> About:
        """What was begun; the state is used up, whatever comes of it. Raises Problem for what wasn't begun in this browser."""
        with self._mutex:
            begun = self._begun.pop(state, None)
        if (
            begun is None
            or begun.ends <= self.clock()
            or not secrets.compare_digest(begun.browser.encode(), browser.encode())
        ):
            raise Problem(
                "unauthenticated", "this sign-in wasn't begun in this browser, or too long ago", "begin again"
            )
        return begun.about
