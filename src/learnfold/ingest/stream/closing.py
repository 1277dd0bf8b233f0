"""Says that a day is over: all that Kafka had of it, some hours after its end, is in files."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException

from learnfold.errors import StorageError
from learnfold.master.closed_days import close_days
from learnfold.master.committed_offsets import CommittedOffsets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from learnfold.ingest.stream.context import StreamContext
    from learnfold.ingest.stream.ends import Ends
    from learnfold.ingest.stream.partition import Partition

_POLL_SECONDS = 5.0


class Closing:
    """Asks now and then whether a day can be closed; every process may, and does it for all topics whose partitions are complete."""

    def __init__(self, context: StreamContext, ends: Ends, after_hours: float | None) -> None:
        self._master, self._catalog, self._ends = context.master, context.catalog, ends
        self._after = None if after_hours is None else timedelta(hours=after_hours)
        self._closed: dict[str, date] = {}  # by topic, the last day
        self._polled_at = -_POLL_SECONDS

    def poll(self, mine: Mapping[tuple[str, int], Partition], *, now: bool = False) -> list[str]:
        """The folders of the days that are closed now, mostly none; it asks every few seconds, unless ``now``."""
        if self._after is None or (not now and time.monotonic() - self._polled_at < _POLL_SECONDS):
            return []
        self._polled_at = time.monotonic()
        last = (datetime.now(UTC) - self._after).date() - timedelta(days=1)
        topics = [topic for topic in self._catalog.topics if self._closed.get(topic, date.min) < last]
        if not topics:
            return []
        due = _written(datetime.combine(last + timedelta(days=1), datetime.min.time(), UTC) + self._after)
        try:
            self._complete(mine, due)
            return self._close(topics, last, due)
        except (StorageError, KafkaException):
            return []  # the next poll tries again

    def _complete(self, mine: Mapping[tuple[str, int], Partition], due: str) -> None:
        """Finds out which of our partitions are complete up to that time, also those that nothing comes to."""
        waiting = [key for key, one in mine.items() if (one.progress.complete_until or "") < due]
        self._ends.sample(key for key in waiting if self._ends.known.get(key, (0, ""))[1] < due)
        for key in waiting:  # where nothing is held, nothing else would say so
            end, at = self._ends.known.get(key, (-1, ""))
            if not mine[key].rows and at >= due and mine[key].progress.offset >= end >= 0:
                mine[key].advance(at)

    def _close(self, topics: list[str], last: date, due: str) -> list[str]:
        progress = CommittedOffsets.read(self._master).partitions
        closed: list[str] = []
        for topic in topics:
            keys = self._ends.all_partitions(topic)
            if keys and all(key in progress and (progress[key].complete_until or "") >= due for key in keys):
                closed += close_days(self._master, topic, last)
                self._closed[topic] = last
        return closed


def _written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
