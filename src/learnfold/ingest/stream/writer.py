"""One flush: what some partitions hold goes into files, then their progress moves, and not before."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from learnfold.storage.concurrency import map_concurrently

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from learnfold.ingest.decoder import DataFile, Decoder
    from learnfold.ingest.stream.partition import Partition
    from learnfold.storage import Storage


_FILES_AT_ONCE = 4
"""Files written side by side also into a folder, where each waits for the disk."""


@dataclass
class Flushed:
    """What a flush, or several, did."""

    events: dict[str, int] = field(default_factory=dict)  # valid ones, by topic
    bytes: dict[str, int] = field(default_factory=dict)  # of messages, by topic
    quarantined: dict[str, dict[str, int]] = field(default_factory=dict)  # by topic and reason
    files: int = 0

    def add(self, other: Flushed) -> None:
        """Counts another one too."""
        for mine, theirs in ((self.events, other.events), (self.bytes, other.bytes)):
            for topic, number in theirs.items():
                mine[topic] = mine.get(topic, 0) + number
        for topic, reasons in other.quarantined.items():
            known = self.quarantined.setdefault(topic, {})
            for reason, number in reasons.items():
                known[reason] = known.get(reason, 0) + number
        self.files += other.files

    @property
    def invalid(self) -> int:
        """Messages that went to the quarantine."""
        return sum(sum(reasons.values()) for reasons in self.quarantined.values())


def flush(
    master: Storage, decoder: Decoder, partitions: Iterable[Partition], complete: dict[tuple[str, int], tuple[int, str]]
) -> Flushed:
    """Writes all that the partitions hold, topic by topic; a topic that fails leaves the ones before it done.

    ``complete``: by partition, an offset that was its end at a time; where that is reached, the progress says so.
    Raises StorageError, and then what isn't written is still held; FencedError for a partition that isn't ours any more.
    """
    done = Flushed()
    by_topic: dict[str, list[Partition]] = {}
    for partition in partitions:
        by_topic.setdefault(partition.topic.name, []).append(partition)
    for some in by_topic.values():
        done.add(_flush_topic(master, decoder, some))
        for partition in some:
            end, at = complete.get(partition.key, (-1, ""))
            news = at if 0 <= end <= partition.next and at > (partition.progress.complete_until or "") else None
            if partition.ahead or news:
                partition.advance(news)
    return done


def _flush_topic(master: Storage, decoder: Decoder, partitions: Sequence[Partition]) -> Flushed:
    """Writes the files of one topic."""
    done, topic = Flushed(), partitions[0].topic
    batches = [batch for partition in partitions for batch in partition.batches()]
    if not batches:
        return done
    ranges = {partition.progress.partition: partition.range for partition in partitions if partition.rows}
    try:
        parts = decoder.take(topic, batches)

        def write(part: DataFile) -> None:
            with master.new(f"{part.folder(topic.name)}/{ranges[part.partition or 0].name}") as file:
                decoder.write(topic, part, file)

        map_concurrently(write, parts, max(_FILES_AT_ONCE, master.max_concurrency))
        done.events[topic.name] = sum(part.rows for part in parts if part.day)
        done.bytes[topic.name] = sum(partition.size for partition in partitions)
        done.quarantined = {topic.name: reasons} if (reasons := decoder.reasons()) else {}
        done.files = len(parts)
    finally:
        decoder.drop()
    return done
