"""One Kafka partition while this process has it: the claim on its progress, and the messages that aren't in files yet."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from learnfold.errors import BusyError, ConflictError
from learnfold.kafka.messages import MessageBatch
from learnfold.master.committed_offsets import PartitionProgress, now, read_partition, write_partition
from learnfold.master.file_names import KafkaRange, kafka_range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learnfold.storage import Storage

_BATCH_ROWS = 8_192
"""Messages that are put together to columns at once; till then they are Python objects, five times as large."""

_TRIES = 10


class FencedError(ConflictError):
    """Another process claimed the partition: what is held of it is read again there."""


@dataclass
class Partition:
    """A claimed partition; ``next`` is the offset before which everything is in files or held here."""

    master: Storage
    progress: PartitionProgress
    tag: str
    next: int
    first: int | None = None  # of the held messages
    last: int = -1
    rows: int = 0
    size: int = 0  # bytes of them in memory, about
    since: float | None = None  # when the oldest of what is held came, by the monotonic clock
    _batches: list[MessageBatch] = field(default_factory=list)
    _values: list[bytes | None] = field(default_factory=list)
    _offsets: list[int] = field(default_factory=list)
    _timestamps: list[int] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, int]:
        """Its topic's name and its number."""
        return self.progress.topic, self.progress.partition

    @property
    def ahead(self) -> bool:
        """Whether its progress is behind what was read."""
        return self.next > self.progress.offset

    @property
    def range(self) -> KafkaRange:
        """The offsets of the held messages; only where there are some."""
        return KafkaRange(
            self.progress.topic, self.progress.partition, self.progress.generation, self.first or 0, self.last
        )

    def add(self, values: Sequence[bytes | None], offsets: Sequence[int], timestamps: Sequence[int]) -> None:
        """Holds messages, the next in order; those that are behind already are not held again."""
        if offsets[0] < self.next:
            new = [place for place, offset in enumerate(offsets) if offset >= self.next]
            values, offsets = [values[place] for place in new], [offsets[place] for place in new]
            timestamps = [timestamps[place] for place in new]
            if not new:
                return
        if self.first is None:
            self.first = offsets[0]
        self.since = self.since or time.monotonic()
        self.last, self.next = offsets[-1], offsets[-1] + 1
        self.rows += len(offsets)
        self.size += sum(len(value) for value in values if value is not None) + 32 * len(values)
        self._values += values
        self._offsets += offsets
        self._timestamps += timestamps
        if len(self._values) >= _BATCH_ROWS:
            self._seal()

    def reached(self, offset: int) -> None:
        """Nothing is before ``offset`` that wasn't read: the end, or marks of transactions that are no messages."""
        if offset > self.next:
            self.next = offset
            self.since = self.since or time.monotonic()

    def batches(self) -> list[MessageBatch]:
        """The held messages as columns."""
        if self._values:
            self._seal()
        return self._batches

    def drop(self) -> None:
        """Holds nothing any more."""
        self._batches, self._values, self._offsets, self._timestamps = [], [], [], []
        self.first, self.last, self.rows, self.size, self.since = None, -1, 0, 0, None

    def advance(self, complete_until: str | None = None, *, clean: bool = False) -> None:
        """Says that everything held is in files; raises FencedError where the partition was claimed by another."""
        new = replace(self.progress, offset=self.next, clean=clean)
        if complete_until is not None:
            new = replace(new, complete_until=complete_until)
        try:
            self.progress, self.tag = write_partition(self.master, new, self.tag)
        except ConflictError as error:
            raise _fenced(self.master, self.progress) from error
        self.drop()

    def _seal(self) -> None:
        self._batches.append(MessageBatch.of(self._values, self.progress.partition, self._offsets, self._timestamps))
        self._values, self._offsets, self._timestamps = [], [], []


def claim(master: Storage, folders: Sequence[str], wanted: PartitionProgress, group: str) -> Partition:
    """The partition from ``wanted`` on, kept from all who had it before; what they left in the making, in these folders, is removed."""
    for _ in range(_TRIES):
        found = read_partition(master, wanted.topic, wanted.partition)
        if found is not None and (found[0].generation, found[0].offset) > (wanted.generation, wanted.offset):
            wanted = replace(
                wanted, offset=found[0].offset, generation=found[0].generation
            )  # its last owner wrote more
        new = replace(wanted, owner=_me(group), clean=False, writes=found[0].writes if found else 0)
        try:
            progress, tag = write_partition(master, new, found[1] if found else None)
        except ConflictError:
            continue
        if found is not None and not found[0].clean:
            _remove_unfinished(master, folders, progress)
        return Partition(master, progress, tag, progress.offset)
    raise BusyError(
        f"other processes keep claiming partition {wanted.partition} of {wanted.topic} in {master.url}; "
        "all that ingest into one master dataset have to be of one consumer group"
    )


def _me(group: str) -> dict[str, object]:
    return {"group": group, "host": socket.gethostname(), "pid": os.getpid(), "since": now()}


def _remove_unfinished(master: Storage, folders: Sequence[str], progress: PartitionProgress) -> None:
    """Removes the files of a write that a kill cut short: no reader has them, and what they hold is read again."""
    for folder in folders:
        ranges = ((entry.path, kafka_range(entry.path)) for entry in master.list(folder))
        master.delete(
            [
                path
                for path, held in ranges
                if held is not None
                and (held.topic, held.partition, held.generation)
                == (progress.topic, progress.partition, progress.generation)
                and held.last >= progress.offset
            ]
        )


def _fenced(master: Storage, mine: PartitionProgress) -> FencedError | BusyError:
    found = read_partition(master, mine.topic, mine.partition)
    owner = found[0].owner if found else {}
    where = f"partition {mine.partition} of {mine.topic} in {master.url}"
    if owner.get("group", mine.owner["group"]) != mine.owner["group"]:
        return BusyError(
            f"{where} is ingested by process {owner.get('pid')} on {owner.get('host')} of the consumer group {owner['group']} too; "
            f"this one is of {mine.owner['group']}. Let one group ingest into one master dataset, and stop the other"
        )
    return FencedError(f"{where} was claimed by process {owner.get('pid')} on {owner.get('host')} meanwhile")
