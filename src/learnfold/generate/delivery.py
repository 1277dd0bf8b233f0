"""One topic's events as they reach the master dataset: late, twice, broken, and each with its place in Kafka."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from learnfold.generate.topics import altered, topic_names
from learnfold.generate.university import columns_of, run, set_variables

if TYPE_CHECKING:
    import duckdb

    from learnfold.generate.university import Column, University

PARTITIONS = 3
"""Kafka's partitions of each topic; a user's events are in one."""

_MAY_SAY_MORE = "NOT (planted AND getvariable('awkward'))"
"""Among awkward files is one without a column, where such a copy would say less than the event after all."""


@dataclass
class Tally:
    """What a topic's deliveries came to."""

    events: Counter[str] = field(default_factory=Counter)
    """Valid, distinct events by type."""
    duplicates: int = 0
    late: int = 0
    """Valid, distinct events that lie in the later file of their day."""
    malformed: Counter[str] = field(default_factory=Counter)
    """Rows that are no valid events, by flaw."""
    rows: int = 0
    """All of them."""

    def shown(self) -> dict[str, Any]:
        """The numbers as JSON has them."""
        events, malformed = dict(sorted(self.events.items())), dict(sorted(self.malformed.items()))
        numbers = {"duplicates": self.duplicates, "late": self.late, "rows": self.rows}
        return {"events": events, "malformed": malformed, **numbers}


@dataclass(frozen=True)
class Delivery:
    """The deliveries of a topic on some days: the table ``deliveries`` on this connection."""

    topic: str
    columns: list[Column]
    connection: duckdb.DuckDBPyConnection
    days: range


class Deliveries:
    """Delivers the days of a semester one after the other, topic by topic (each by one thread at a time)."""

    def __init__(self, university: University, *, json: bool) -> None:
        self.university = university
        self.json = json
        self.tallies = {topic: Tally() for topic in topic_names()}
        self._next_offsets = {topic: [0] * PARTITIONS for topic in topic_names()}

    def deliver(self, topic: str, days: range) -> Delivery:
        """The deliveries of ``topic`` on ``days``, the ones last made; close its connection when done."""
        connection = self.university.fork(topic, json=self.json)
        run(connection, "delivery")
        if self.university.semester.duplicates:
            connection.execute(f"UPDATE deliveries SET {altered(topic)} WHERE copy AND how > 0.9 AND {_MAY_SAY_MORE}")
        self._count(topic, connection)
        set_variables(connection, {"offsets": self._offsets(topic, days, connection)})
        return Delivery(topic, columns_of(connection, topic), connection, days)

    def _count(self, topic: str, connection: duckdb.DuckDBPyConnection) -> None:
        tally = self.tallies[topic]
        groups = connection.execute(
            "SELECT event_type, flaw, copy, file, count(*) FROM deliveries GROUP BY ALL",
        ).fetchall()
        for event_type, flaw, copy, file, rows in groups:
            tally.rows += rows
            if flaw is not None:
                tally.malformed[flaw] += rows
            elif copy:
                tally.duplicates += rows
            else:
                tally.events[event_type] += rows
                tally.late += rows if file else 0

    def _offsets(self, topic: str, days: range, connection: duckdb.DuckDBPyConnection) -> list[list[int]]:
        """By day: the Kafka offset at which each partition's messages of the day begin."""
        messages = {
            (day, partition): number
            for day, partition, number in connection.execute(
                "SELECT day, kafka_partition, max(nth) FROM deliveries GROUP BY ALL"
            ).fetchall()
        }
        offsets = []
        for day in days:
            begin = self._next_offsets[topic]
            offsets.append(begin)
            self._next_offsets[topic] = [begin[p] + messages.get((day, p), 0) for p in range(PARTITIONS)]
        return offsets
