"""One flush: what some partitions hold goes into files, then their progress moves, and not before."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from learnfold.ingest.statements import translated
from learnfold.master.file_names import UNMAPPED
from learnfold.storage.concurrency import map_concurrently

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from learnfold.catalog import Catalog, Topic
    from learnfold.ingest.decoder import DataFile, Decoder
    from learnfold.ingest.mapping.model import Mapping
    from learnfold.ingest.stream.partition import Partition
    from learnfold.master.file_names import KafkaRange
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


@dataclass(frozen=True)
class MessageReader:
    """What messages become: the events that they are, or those that a mapping makes of statements."""

    decoder: Decoder
    catalog: Catalog
    mapping: Mapping | None = None

    def pieces(self, partitions: Sequence[Partition]) -> Iterator[Piece]:
        """What is to be written of partitions of one topic; a piece has to be before the next is asked for."""
        name = partitions[0].key[0]
        if self.mapping is None:
            topic = self.catalog.topic(name)
            ranges = {partition.progress.partition: partition.range for partition in partitions}
            batches = [batch for partition in partitions for batch in partition.batches()]
            parts = self.decoder.take(topic, batches) if batches else []
            yield Piece(topic, None, [(part, ranges[part.partition or 0]) for part in parts])
            return
        for partition in partitions:
            rows = (row for batch in partition.batches() for row in batch.rows())
            for made, parts in translated(self.decoder, self.catalog, rows, self.mapping):
                source = f"{name}/{partition.progress.partition}"
                yield Piece(made, source, [(part, partition.range) for part in parts])


class Piece(NamedTuple):
    """Files of one topic that are to be written, each with the offsets that it is named after."""

    topic: Topic | None  # None: of none
    source: str | None  # where statements came from: a Kafka topic and partition; None: what isn't valid says so itself
    files: list[tuple[DataFile, KafkaRange]]


def flush(
    master: Storage,
    reader: MessageReader,
    partitions: Iterable[Partition],
    complete: dict[tuple[str, int], tuple[int, str]],
) -> Flushed:
    """Writes all that the partitions hold, topic by topic; a topic that fails leaves the ones before it done.

    ``complete``: by partition, an offset that was its end at a time; where that is reached, the progress says so.
    Raises StorageError, and then what isn't written is still held; FencedError for a partition that isn't ours any more.
    """
    done = Flushed()
    by_topic: dict[str, list[Partition]] = {}
    for partition in partitions:
        by_topic.setdefault(partition.key[0], []).append(partition)
    for some in by_topic.values():
        done.add(_flush_topic(master, reader, [partition for partition in some if partition.rows]))
        for partition in some:
            end, at = complete.get(partition.key, (-1, ""))
            news = at if 0 <= end <= partition.next and at > (partition.progress.complete_until or "") else None
            if partition.ahead or news:
                partition.advance(news)
    return done


def _flush_topic(master: Storage, reader: MessageReader, partitions: Sequence[Partition]) -> Flushed:
    """Writes the files of one topic of Kafka's."""
    done = Flushed()
    if not partitions:
        return done
    try:
        for piece in reader.pieces(partitions):
            _write(master, reader.decoder, piece)
            done.add(_counted(piece, reader.decoder.reasons()))
        done.bytes[partitions[0].key[0]] = sum(partition.size for partition in partitions)
    finally:
        reader.decoder.drop()
    return done


def _write(master: Storage, decoder: Decoder, piece: Piece) -> None:
    name = _name(piece)

    def write(one: tuple[DataFile, KafkaRange]) -> None:
        part, held = one
        with master.new(f"{part.folder(name)}/{held.name(name)}") as file:
            decoder.write(piece.topic, part, file, piece.source)

    map_concurrently(write, piece.files, max(_FILES_AT_ONCE, master.max_concurrency))


def _counted(piece: Piece, reasons: dict[str, int]) -> Flushed:
    done, name = Flushed(files=len(piece.files)), _name(piece)
    valid = sum(part.rows for part, _ in piece.files if part.day)
    if piece.topic is not None and (valid or piece.source is None):
        done.events[name] = valid
    done.quarantined = {name: reasons} if reasons else {}
    return done


def _name(piece: Piece) -> str:
    return piece.topic.name if piece.topic else UNMAPPED
