"""What a long-running ingestion says: one key=value line per finished unit of work, and alarms."""

from __future__ import annotations

import json
import re
import sys
import time
from datetime import UTC, datetime
from typing import TextIO

_PLAIN = re.compile(r"[\w./:+@%-]+")


class Log:
    """Lines to a stream (stderr, unless another is given)."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._said: dict[str, float] = {}

    def line(self, event: str, **fields: object) -> None:
        """One line: when, what, and its numbers in the order given; None is left out."""
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        shown = (f"{name}={_shown(value)}" for name, value in fields.items() if value is not None)
        print(f"time={at} event={event}", *shown, file=self._stream, flush=True)

    def seldom(self, event: str, seconds: float = 30.0, **fields: object) -> None:
        """The same line at most once in so many seconds."""
        key, now = f"{event} {sorted(fields.items())}", time.monotonic()
        if now - self._said.get(key, -seconds) >= seconds:
            self._said[key] = now
            self.line(event, **fields)


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
