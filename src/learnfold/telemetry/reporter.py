"""How a command tells people what it does: progress while it works, a line for each finished unit of work, and problems.

Progress is one changing line on a terminal, and nothing elsewhere. Lines and problems go to stderr, so that stdout is data alone.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLAIN = re.compile(r"[\w./:+@%-]+")


class Reporter:
    """Shows nothing, and keeps how long the phases take: for libraries and tests. ``TerminalReporter`` shows everything."""

    def __init__(self) -> None:
        self.phases: dict[tuple[str, str], float] = {}  # seconds, by job (empty: of all) and phase
        self._mutex = threading.Lock()

    @contextmanager
    def phase(self, name: str, job: str = "") -> Iterator[None]:
        """Measures a phase of a run; what is measured twice is added up."""
        began = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - began
            with self._mutex:
                self.phases[job, name] = self.phases.get((job, name), 0.0) + seconds

    def step(self, what: str, detail: str = "") -> None:
        """Shows what is being done now."""

    def log(self, event: str, **fields: object) -> None:
        """Writes a line about a finished unit of work: its name, and its numbers in the order given; None is left out."""

    def log_rarely(self, event: str, seconds: float = 30.0, **fields: object) -> None:
        """Writes the same line at most once in ``seconds``."""

    def problem(self, message: str) -> None:
        """Tells the user of something that went wrong and that the work goes on without."""

    def done(self) -> None:
        """Ends the progress: nothing is being done any more."""


class TerminalReporter(Reporter):
    """Writes to a stream (stderr, unless another is given); ``lines``: whether finished units of work get a line."""

    def __init__(self, stream: TextIO | None = None, *, lines: bool = False) -> None:
        super().__init__()
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._lines = lines
        self._written_at: dict[str, float] = {}

    def step(self, what: str, detail: str = "") -> None:
        """Replaces the progress; only on a terminal."""
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r\x1b[K{f'{what} {detail}'[:width]}")
            self._stream.flush()

    def log(self, event: str, **fields: object) -> None:
        """Writes ``time=… event=… name=value …``, where lines are wanted."""
        if self._lines:
            at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            shown = (f"{name}={_shown(value)}" for name, value in fields.items() if value is not None)
            self._print(f"time={at} event={event}", *shown)

    def log_rarely(self, event: str, seconds: float = 30.0, **fields: object) -> None:
        """Writes the same line at most once in ``seconds``."""
        key, now = f"{event} {sorted(fields.items())}", time.monotonic()
        if now - self._written_at.get(key, -seconds) >= seconds:
            self._written_at[key] = now
            self.log(event, **fields)

    def problem(self, message: str) -> None:
        """Writes the message on a line of its own."""
        self._print(message)

    def done(self) -> None:
        """Clears the progress."""
        if self._live:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _print(self, *words: str) -> None:
        self.done()
        print(*words, file=self._stream, flush=True)


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
