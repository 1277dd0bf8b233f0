"""How ingestion names the files of the master dataset, so that a name tells what the file holds.

Of Kafka: ``<topic>-<partition>-<first offset>-<last offset>.parquet``, the offsets being those of all that was written at once.
Where events were made of a platform's statements, those have a Kafka topic of their own: ``<topic>-from-<Kafka topic>-<partition>-…``.
A topic that was deleted and made again counts its offsets from 0 again; the names of its files then hold the generation behind the partition: ``3.g1``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

_KAFKA = re.compile(
    r"(?:from-(?P<source>.+)-)?(?P<partition>\d+)(?:\.g(?P<generation>\d+))?-(?P<first>\d+)-(?P<last>\d+)\.parquet"
)

OWN = re.compile(r"(?:file|replayed|compact)-[0-9a-f]{16}(?:-\d+)?\.parquet")
"""What follows the topic in the names of files that ingestion wrote of something else than Kafka."""

QUARANTINE = "_quarantine"

FILES = "_files"
"""The receipts of files that were ingested."""

RETRACTIONS = "_retractions"
"""The folder below MASTER of words that take events back: ``topic=<topic>/*.parquet`` in it, never changed like the events."""

REWRITE_LEASE = "master"
"""The lease below MASTER of whoever writes files of it again: a compaction, a replay, an erasure."""

UNMAPPED = "unmapped"
"""Stands for the topic where it isn't known."""


@dataclass(frozen=True)
class KafkaRange:
    """Offsets of one partition, both ends among them."""

    topic: str  # Kafka's
    partition: int
    generation: int
    first: int
    last: int

    def name(self, topic: str) -> str:
        """The name of a file of them in that topic's folder."""
        source = topic if topic == self.topic else f"{topic}-from-{self.topic}"
        generation = f".g{self.generation}" if self.generation else ""
        return f"{source}-{self.partition}{generation}-{self.first}-{self.last}.parquet"

    def overlaps(self, other: KafkaRange) -> bool:
        """Whether both can hold the same message."""
        same = (self.topic, self.partition, self.generation) == (other.topic, other.partition, other.generation)
        return same and self.first <= other.last and other.first <= self.last


def kafka_range(path: str) -> KafkaRange | None:
    """The offsets that a file's name tells of; None for any other file."""
    folders, _, name = path.rpartition("/")
    topic = topic_of(folders)
    if topic is None or not name.startswith(f"{topic}-"):
        return None
    match = _KAFKA.fullmatch(name, len(topic) + 1)
    if match is None:
        return None
    return KafkaRange(
        match["source"] or topic,
        int(match["partition"]),
        int(match["generation"] or 0),
        int(match["first"]),
        int(match["last"]),
    )


def is_own(path: str) -> bool:
    """Whether ingestion or compaction wrote the file, by its name."""
    folders, _, name = path.rpartition("/")
    topic = topic_of(folders)
    if topic is None or not name.startswith(f"{topic}-"):
        return False
    return kafka_range(path) is not None or OWN.fullmatch(name, len(topic) + 1) is not None


def day_folder(topic: str, day: date) -> str:
    """Where a topic's events of a UTC day lie below MASTER."""
    return f"topic={topic}/year={day.year:04}/month={day.month:02}/day={day.day:02}"


def retraction_folder(topic: str) -> str:
    """Where the words lie below MASTER that take a topic's events back."""
    return f"{RETRACTIONS}/topic={topic}"


def topic_of(path: str) -> str | None:
    """The topic whose folder ``path`` lies in or is."""
    found = [part.removeprefix("topic=") for part in path.split("/") if part.startswith("topic=")]
    return found[-1] if found else None
