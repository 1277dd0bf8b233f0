"""Who may see which values, in a file."""

from __future__ import annotations

import csv
import threading
from typing import TYPE_CHECKING

from learnfold.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

ROSTER = ("sub", "value")
"""The columns of a roster: who, and a value that they may see, a line each."""


class Roster:
    """A CSV file of who may see which values, read again when it changes."""

    def __init__(self, path: Path) -> None:
        """Raises UsageError where there is no such file, or it has other columns."""
        self.path = path
        self._mutex = threading.Lock()
        self._stamp = (0, 0)
        self._values: dict[str, tuple[str, ...]] = {}
        self._read()

    def of(self, subject: str) -> tuple[str, ...]:
        """The values that it names for someone."""
        with self._mutex:
            self._read()
            return self._values.get(subject, ())

    def _read(self) -> None:
        try:
            about = self.path.stat()
            stamp = (about.st_mtime_ns, about.st_size)
            if stamp == self._stamp:
                return
            with self.path.open(encoding="utf-8", newline="") as file:
                lines = list(csv.DictReader(file, strict=True))
            values: dict[str, tuple[str, ...]] = {}
            for line in lines:
                who, value = (line[name] for name in ROSTER)
                values[who] = (*values.get(who, ()), value)
            self._values, self._stamp = values, stamp
        except (OSError, KeyError, ValueError, csv.Error) as error:
            raise UsageError(f"{self.path} is no roster: a CSV file with the columns {', '.join(ROSTER)}") from error
