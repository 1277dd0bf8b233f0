"""What a schedule has done, in a small file in OUT, so that it continues after a crash."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from learnfold.errors import DataError
from learnfold.storage.out_layout import SCHEDULE_JOURNAL

if TYPE_CHECKING:
    from learnfold.storage import Storage


@dataclass(frozen=True)
class Entry:
    """Moments (UTC): the last one that was seen to, and one whose run began and wasn't seen to end."""

    last: datetime
    begun: datetime | None = None


class Journal:
    """Reads and writes it."""

    def __init__(self, out: Storage) -> None:
        self._out = out

    def read(self) -> Entry | None:
        """What stands there; None before the first time. Raises DataError where it can't be read."""
        data = self._out.read(SCHEDULE_JOURNAL)
        if data is None:
            return None
        try:
            found = json.loads(data)
            begun = found.get("begun")
            return Entry(_moment(found["last"]), _moment(begun) if begun else None)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DataError(
                f"{self._out.url}/{SCHEDULE_JOURNAL} can't be read ({error!r}); delete it, and the schedule starts again"
            ) from error

    def write(self, entry: Entry) -> None:
        """Writes it; it appears whole."""
        begun = entry.begun.isoformat() if entry.begun else None
        self._out.write(SCHEDULE_JOURNAL, json.dumps({"last": entry.last.isoformat(), "begun": begun}).encode())


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no zone")
    return moment
