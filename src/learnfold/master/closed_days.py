"""Marks of closed days: ``MASTER/topic=T/year=…/month=…/day=…/_SUCCESS``, as Oozie's coordinator waits for them.

A mark says that the day is over and what came by then is in files. Days without events get theirs too, or a coordinator would
wait for them for ever. What comes later still lies in its day's folder, and the next batch folds that day again.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from learnfold.master.file_names import day_folder

if TYPE_CHECKING:
    from learnfold.storage import Storage

DONE = "_SUCCESS"

_FURTHEST_DAYS = 400
"""Days without events are marked so far back: an event with a wrong clock doesn't make marks of decades."""

_DAY = re.compile(r"(?:^|/)year=(\d{4})/month=(\d{1,2})/day=(\d{1,2})/")


def close_days(master: Storage, topic: str, last: date) -> list[str]:
    """Marks a topic's days as closed, from its first one up to ``last``; returns the folders that weren't yet.

    A topic without any event so far has no first day: its days begin with ``last``.
    """
    days: set[date] = set()
    marked: set[date] = set()
    for entry in master.list(f"topic={topic}"):
        day = day_of(entry.path)
        if day is not None:
            days.add(day)
            if entry.path.endswith(f"/{DONE}"):
                marked.add(day)
    first = min((day for day in days if day <= last), default=last)
    begin = max(first, last - timedelta(days=_FURTHEST_DAYS))
    wanted = {begin + timedelta(days=number) for number in range((last - begin).days + 1)}
    closed = []
    for day in sorted((wanted | days) - marked):
        if day <= last:
            folder = day_folder(topic, day)
            master.write(f"{folder}/{DONE}", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n".encode())
            closed.append(folder)
    return closed


def day_of(path: str) -> date | None:
    """The day that a file's folders say."""
    match = _DAY.search(path)
    try:
        return date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None
