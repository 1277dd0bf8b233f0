"""How far ingestion has come: for each Kafka partition the offset before which every message is in files.

``MASTER/_progress/topic=T/partition=N.json`` is written after the files it speaks of, by compare-and-set, by the one process that
claimed the partition. So it never speaks of what isn't there, never goes back, and a process that lost its partition can't move it.

What lies beyond it is in the making: files of a write under way, or of one that a kill cut short and that is written again. Every
message before it is in a file that ends before it, since files are written whole before it moves past their end. So a reader that
first reads the progress, then lists, and leaves out all files that end at or behind it, holds exactly what is before it.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from learnfold.errors import ConflictError, DataError
from learnfold.master.file_names import kafka_range
from learnfold.storage.concurrency import map_concurrently
from learnfold.storage.stored_types import UNREADABLE, check

if TYPE_CHECKING:
    from learnfold.storage import Storage

PROGRESS = "_progress"

BY_FILES = -1
"""Stands for the partition, where positions are told, of a topic that comes by files: the position is how many of them are in."""

_PATH = re.compile(rf"{PROGRESS}/topic=[^/]+/partition=\d+\.json")


@dataclass(frozen=True)
class PartitionProgress:
    """One partition's progress, as its file holds it; times are UTC in ISO 8601."""

    topic: str
    partition: int
    offset: int  # every message before it is in files, or was gone from Kafka
    generation: int = 0  # how often the topic was made again
    topic_id: str = ""  # Kafka's; empty where the broker gives none
    clean: bool = False  # whether the owner left, and nothing lies beyond the offset
    complete_until: str | None = None  # all that was in Kafka at that time is in files; None: not known
    gaps: list[dict[str, Any]] = field(
        default_factory=list
    )  # offsets that were gone when they were to be read, accepted
    owner: dict[str, Any] = field(default_factory=dict)
    writes: int = 0  # of this file, so that no two contents are the same

    @property
    def path(self) -> str:
        """Where it lies below MASTER."""
        return progress_path(self.topic, self.partition)

    def to_json(self) -> bytes:
        """The file's content."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1).encode()


def progress_path(topic: str, partition: int) -> str:
    """Where a partition's progress lies below MASTER."""
    return f"{PROGRESS}/topic={topic}/partition={partition}.json"


def read_partition(master: Storage, topic: str, number: int) -> tuple[PartitionProgress, str] | None:
    """A partition's progress and the tag to write it by; None where the partition was never ingested."""
    found = master.read_tagged(progress_path(topic, number))
    return None if found is None else (_parsed(found[0], f"{master.url}/{progress_path(topic, number)}"), found[1])


def write_partition(master: Storage, new: PartitionProgress, tag: str | None) -> tuple[PartitionProgress, str]:
    """What was written, and its tag; raises ConflictError where the file isn't what ``tag`` stands for any more."""
    written = replace(new, writes=new.writes + 1)
    return written, master.swap(written.path, written.to_json(), tag)


class CommittedOffsets:
    """All partitions' progress at one moment."""

    def __init__(self, partitions: list[PartitionProgress]) -> None:
        self.partitions = {(one.topic, one.partition): one for one in partitions}

    @classmethod
    def read(cls, master: Storage) -> CommittedOffsets:
        """The progress now. Read it before listing files: what it speaks of is then on the list."""
        paths = [entry.path for entry in master.list(PROGRESS) if _PATH.fullmatch(entry.path)]
        read = map_concurrently(partial(_read, master), paths, master.max_concurrency)
        return cls([one for one in read if one is not None])

    def offsets(self) -> dict[str, dict[int, int]]:
        """By topic and partition, the offset before which every message is in files."""
        found: dict[str, dict[int, int]] = {}
        for (topic, number), one in sorted(self.partitions.items()):
            found.setdefault(topic, {})[number] = one.offset
        return found

    def generations(self) -> dict[str, dict[int, int]]:
        """By topic and partition, the generation of the topic that these offsets count in."""
        found: dict[str, dict[int, int]] = {}
        for (topic, number), one in sorted(self.partitions.items()):
            found.setdefault(topic, {})[number] = one.generation
        return found

    def beyond(self, path: str) -> bool:
        """Whether a file is to be left out: it holds messages beyond the progress, and none that other files don't hold.

        Files that aren't named by offsets, or of partitions without progress (of another master dataset, copied without), stay.
        """
        held = kafka_range(path)
        if held is None:
            return False
        one = self.partitions.get((held.topic, held.partition))
        return one is not None and (held.generation, held.last) >= (one.generation, one.offset)


def read_committed_offsets(master: Storage) -> dict[str, dict[int, int]]:
    """By topic and partition, the offset before which every message is in files; see ``CommittedOffsets.read``."""
    return CommittedOffsets.read(master).offsets()


def now() -> str:
    """This moment, UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read(master: Storage, path: str) -> PartitionProgress | None:
    data = master.read(path)
    return None if data is None else _parsed(data, f"{master.url}/{path}")


def _parsed(data: bytes, where: str) -> PartitionProgress:
    try:
        found = PartitionProgress(**json.loads(data))
        check(found)
    except UNREADABLE as error:
        raise DataError(
            f"{where} can't be read as the progress of ingestion ({error!r}); put the file back from a backup, "
            "or delete it and ingest the partition from its beginning again: duplicates count once"
        ) from error
    return found


__all__ = ["CommittedOffsets", "ConflictError", "PartitionProgress", "read_committed_offsets"]
