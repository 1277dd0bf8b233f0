"""How a run says what it is doing: one line on a terminal, nothing elsewhere; a line for what people should know."""

from __future__ import annotations

import shutil
import sys
from typing import TextIO


class Reporter:
    """Says nothing: what tests and libraries use."""

    def step(self, what: str, detail: str = "") -> None:
        """The work goes on with ``what``."""

    def say(self, message: str) -> None:
        """Something that the user should know."""

    def done(self) -> None:
        """The work is over."""


class TerminalReporter(Reporter):
    """One changing line on a terminal; messages on lines of their own, also where there is no terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()

    def step(self, what: str, detail: str = "") -> None:
        """Replaces the line."""
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r\x1b[K{f'{what} {detail}'[:width]}")
            self._stream.flush()

    def say(self, message: str) -> None:
        """Prints a line of its own."""
        self.done()
        print(message, file=self._stream)

    def done(self) -> None:
        """Clears the line."""
        if self._live:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
