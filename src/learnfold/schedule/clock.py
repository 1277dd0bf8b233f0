"""The time, and waiting for it; tests use another clock."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Protocol

POLL_SECONDS = 20.0
"""How often a waiting schedule reads the clock, which may have been set or have slept."""


class Clock(Protocol):
    """Tells the time."""

    @property
    def stopped(self) -> bool:
        """Whether it is to end."""
        ...

    def now(self) -> datetime:
        """The moment, UTC."""
        ...

    def wait_until(self, moment: datetime) -> None:
        """Returns at ``moment``, or earlier; also when it is to end."""
        ...


class SystemClock:
    """This machine's clock."""

    def __init__(self) -> None:
        self._stop = threading.Event()

    @property
    def stopped(self) -> bool:
        """See Clock."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Makes it end; may be called by a signal handler."""
        self._stop.set()

    def now(self) -> datetime:
        """See Clock."""
        return datetime.now(UTC)

    def wait_until(self, moment: datetime) -> None:
        """See Clock."""
        seconds = (moment - self.now()).total_seconds()
        if seconds > 0:
            self._stop.wait(min(seconds, POLL_SECONDS))
