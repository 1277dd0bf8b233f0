"""Which UTC days are closed: no more events of them are expected, so a schedule need not wait any longer.

``MASTER/_closed/2025-12-10/_SUCCESS`` says so for all topics together, also for those that had no event that day. It promises
nothing to a run, which folds late events whenever they come; it only tells a coordinator that a day is worth a run.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from learnfold.storage import Storage

CLOSED = "_closed"
DONE_FLAG = "_SUCCESS"

_FLAG = re.compile(rf"{CLOSED}/(\d{{4}}-\d\d-\d\d)/{DONE_FLAG}")


def closed_path(day: date) -> str:
    """Where the flag of ``day`` lies below MASTER."""
    return f"{CLOSED}/{day.isoformat()}/{DONE_FLAG}"


def close_day(master: Storage, day: date) -> bool:
    """Says that ``day`` is closed; whether that was news."""
    if is_closed(master, day):
        return False
    closed_at = datetime.now(UTC).isoformat(timespec="seconds")
    master.write(closed_path(day), json.dumps({"day": day.isoformat(), "closed_at": closed_at}).encode())
    return True


def is_closed(master: Storage, day: date) -> bool:
    """Whether it was said."""
    return any(entry.path == closed_path(day) for entry in master.list(f"{CLOSED}/{day.isoformat()}"))


def closed_days(master: Storage) -> list[date]:
    """The days that were closed, in order."""
    found = (_FLAG.fullmatch(entry.path) for entry in master.list(CLOSED))
    return sorted(date.fromisoformat(match[1]) for match in found if match)
