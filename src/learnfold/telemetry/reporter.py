"""How a command reports what it does: progress while it works, a line for each finished unit of work, and problems.

Progress is one changing line on a terminal, and nothing elsewhere. Lines and problems go to stderr, so that stdout is data alone.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import threading
import time
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

from learnfold.addresses import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLAIN = re.compile(r"[\w./:+@%-]+")


class Reporter:
    """Shows nothing, and keeps how long the phases take: for libraries and tests. ``TerminalReporter`` shows everything."""

    def __init__(self) -> None:
        self.run_id: str | None = None  # of the work under way; in every line
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
        """Reports something that went wrong and that the work goes on without."""

    def done(self) -> None:
        """Ends the progress: nothing is being done any more."""


class TerminalReporter(Reporter):
    """Writes to a stream (stderr, unless another is given).

    ``log_format`` is the form of lines about finished work, ``text`` or ``json``; empty: as text if ``lines``, else not at all. With
    ``json``, problems are lines of JSON too and there is no progress, so that every line can be read by a machine.
    """

    def __init__(self, stream: TextIO | None = None, *, lines: bool = False, log_format: str = "") -> None:
        super().__init__()
        self._stream = stream or sys.stderr
        self._json = log_format == "json"
        self.run_id = str(uuid.uuid4()) if self._json else None  # of the command, until a run has an id of its own
        self._live = self._stream.isatty() and not self._json
        self._lines = lines or bool(log_format)
        self._written_at: dict[str, float] = {}

    def step(self, what: str, detail: str = "") -> None:
        """Replaces the progress; only on a terminal."""
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r\x1b[K{without_secrets(f'{what} {detail}')[:width]}")
            self._stream.flush()

    def log(self, event: str, **fields: object) -> None:
        """Writes ``time=… event=… run=… name=value …``, or the same as JSON, where lines are wanted."""
        if self._lines:
            self._line({"event": event, "run": self.run_id, **fields})

    def log_rarely(self, event: str, seconds: float = 30.0, **fields: object) -> None:
        """Writes the same line at most once in ``seconds``."""
        key, now = f"{event} {sorted(fields.items())}", time.monotonic()
        if now - self._written_at.get(key, -seconds) >= seconds:
            self._written_at[key] = now
            self.log(event, **fields)

    def problem(self, message: str) -> None:
        """Writes the message on a line of its own."""
        if self._json:
            self._line({"event": "problem", "run": self.run_id, "message": message})
        else:
            self._print(message)

    def done(self) -> None:
        """Clears the progress."""
        if self._live:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _line(self, fields: dict[str, object]) -> None:
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        line = {"time": at, **{name: value for name, value in fields.items() if value is not None}}
        if self._json:
            self._print(json.dumps(line, ensure_ascii=False, default=str))
        else:
            self._print(*(f"{name}={_shown(value)}" for name, value in line.items()))

    def _print(self, *words: str) -> None:
        self.done()
        print(*map(without_secrets, words), file=self._stream, flush=True)


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
