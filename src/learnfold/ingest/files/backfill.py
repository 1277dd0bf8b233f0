"""Files into the master dataset: for backfills, and for those without Kafka.

What a file gives is named after its content, and its receipt says what that was. So the same file again changes nothing, one that
was cut short is taken up, and one that is read another way (another topic, a better mapping) replaces what it gave before.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from learnfold.catalog import digest, reasons
from learnfold.engines.duckdb.decode import quoted
from learnfold.errors import DataError, UsageError
from learnfold.ingest import columns
from learnfold.ingest.decoder import Decoder
from learnfold.ingest.files import formats, texts
from learnfold.ingest.files.located import InputFile, topic_named
from learnfold.ingest.files.receipt import FileReceipt, digest_of, read_receipt
from learnfold.ingest.files.stream import opened
from learnfold.kafka.messages import message_batches
from learnfold.master.committed_offsets import now
from learnfold.master.file_names import QUARANTINE, UNMAPPED
from learnfold.storage.concurrency import map_concurrently

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from learnfold.catalog import Catalog, Topic
    from learnfold.engines.duckdb.footers import FileSchema
    from learnfold.ingest.decoder import DataFile
    from learnfold.ingest.files.texts import Piece
    from learnfold.ingest.mapping.model import Mapping
    from learnfold.settings import Settings
    from learnfold.storage import Storage

_READING = 2
"""Raised when the same file, read the same way, gives other events than before."""

_MEMBERS = {"xapi": "statements"}
"""What documents have their statements in, by what a mapping reads, where each is read by itself."""


@dataclass
class FileReport:
    """What one file gave."""

    name: str
    events: dict[str, int] = field(default_factory=dict)  # valid ones by topic
    quarantined: dict[str, dict[str, int]] = field(default_factory=dict)  # by topic and reason
    files: int = 0
    known: bool = False  # it was ingested before, and nothing changed


class Backfill:
    """Takes files in, one after the other."""

    def __init__(
        self,
        master: Storage,
        catalog: Catalog,
        settings: Settings,
        topic: str | None = None,
        mapping: Mapping | None = None,
    ) -> None:
        self.master, self.catalog, self.settings, self.mapping = master, catalog, settings, mapping
        self.topic = None if topic is None else catalog.topic(topic).name
        self._intake = Decoder(settings)
        read = [each.fingerprint for each in catalog.topics.values()]
        self._how = digest([_READING, topic, None if mapping is None else repr(mapping), read, settings.platform_zone])

    def take(self, source: InputFile) -> FileReport:
        """Takes a file in; raises DataError where it is broken, and then it isn't said to be in."""
        with source.storage.local([source.path]) as (file,):
            return self._take(Path(file), source.name)

    def _take(self, path: Path, name: str) -> FileReport:
        content = digest_of(path)
        before = read_receipt(self.master, content)
        if before is not None and before.done and before.how == self._how:
            return FileReport(name, before.events, before.quarantined, len(before.outputs), known=True)
        old = set(before.outputs) if before else set()
        if before is not None and before.done:
            self._still_there(name, old)
        receipt = FileReceipt(content, name, path.stat().st_size, self._how, outputs=sorted(old))
        written: set[str] = set()
        for number, pieces in enumerate(self._pieces(path, name)):
            for topic, parts in pieces:
                names = {self._path(topic, part, content, number): part for part in parts}
                written |= names.keys()
                receipt.outputs = sorted(old | written)
                receipt.write(self.master)
                self._write(topic, names, name)
                self._count(receipt, topic, parts)
        self._intake.drop()
        self.master.delete(sorted(old - written))
        receipt.outputs, receipt.done, receipt.at = sorted(written), True, now()
        receipt.write(self.master)
        return FileReport(name, receipt.events, receipt.quarantined, len(written))

    def close(self) -> None:
        """Gives back what it holds."""
        self._intake.close()

    def _pieces(self, path: Path, name: str) -> Iterator[Iterator[tuple[Topic | None, list[DataFile]]]]:
        """Piece by piece of the file, its topics and what to write of each; one has to be written before the next is asked for."""
        with opened(path) as stream:
            kind = formats.kind_of(name, stream.peek())
            if self.mapping is not None and kind != formats.JSON:
                raise UsageError(f"{name} is {kind}; statements of learning platforms are read from JSON")
            if kind == formats.PARQUET:
                yield from self._of_parquet(path, name)
                return
            member = None if self.mapping is None else _MEMBERS.get(self.mapping.reads)
            for piece in texts.pieces(stream, name, kind, member):
                yield self._of_texts(piece, name) if self.mapping is None else self._translated(piece, self.mapping)
            if stream.problem:
                raise DataError(
                    f"{name} can't be read to its end: {stream.problem}; what is before that is in. "
                    "Mend it and ingest it again"
                )

    def _of_texts(self, piece: Piece, name: str) -> Iterator[tuple[Topic | None, list[DataFile]]]:
        topic = self.topic or topic_named(name, self.catalog)
        found = self._intake.receive(piece.batches(), self.catalog, topic, forced=self.topic is not None)
        for each in found:
            if each:
                yield self.catalog.topic(each), self._intake.take_received(self.catalog.topic(each))
            else:
                yield None, self._intake.take_unroutable("received WHERE topic = ''", "value", "place")

    def _of_parquet(self, path: Path, name: str) -> Iterator[Iterator[tuple[Topic | None, list[DataFile]]]]:
        found = self._intake.shape(str(path))
        if found is None:
            raise DataError(f"{name} can't be read as Parquet; mend it and ingest it again")
        shape, rows = found
        topic = self.topic or topic_named(name, self.catalog)
        told = columns.topic_of(self.catalog, shape, topic) if self.topic is None else quoted(self.topic)
        for first in range(0, rows, texts.PART_ROWS):
            source = (
                f"(SELECT *, file_row_number AS _place, coalesce({told}, '') AS _topic "
                f"FROM read_parquet({quoted(str(path))}, hive_partitioning=false) "
                f"WHERE file_row_number BETWEEN {first} AND {first + texts.PART_ROWS - 1})"
            )
            yield self._of_rows(shape, source)

    def _of_rows(self, shape: FileSchema, source: str) -> Iterator[tuple[Topic | None, list[DataFile]]]:
        for name in self._intake.topics_in(source):
            some = f"(SELECT * FROM {source} WHERE _topic = {quoted(name)})"
            if name:
                topic = self.catalog.topic(name)
                yield topic, self._intake.take_from(topic, shape, some, row="_place")
            else:
                yield None, self._intake.take_unroutable(some, columns.whole(shape), "_place")

    def _translated(self, piece: Piece, mapping: Mapping) -> Iterator[tuple[Topic | None, list[DataFile]]]:
        """What the statements become by the mapping, and those that become nothing."""
        from learnfold.ingest.mapping.translate import Translated, translate

        events: dict[str, list[tuple[int, bytes]]] = {}
        unmapped: list[tuple[bytes, str, int]] = []
        for row, text in piece.rows():
            try:
                document = json.loads(text)
            except (ValueError, RecursionError):
                unmapped.append((text, reasons.NOT_JSON, row))
                continue
            for result in translate(document, mapping):
                if isinstance(result, Translated):
                    events.setdefault(result.topic, []).append((row, json.dumps(result.event).encode()))
                else:
                    unmapped.append((json.dumps(result.original).encode(), result.reason, row))
        for name, rows in sorted(events.items()):
            topic = self.catalog.topic(name)
            self._intake.receive(message_batches(rows), self.catalog, name, forced=True)
            yield topic, self._intake.take_received(topic)
        if unmapped:
            yield None, self._intake.take_unmapped(*map(list, zip(*unmapped, strict=True)))

    def _path(self, topic: Topic | None, part: DataFile, content: str, number: int) -> str:
        name = topic.name if topic else UNMAPPED
        folder = part.folder(name) if topic else f"{QUARANTINE}/topic={UNMAPPED}"
        return f"{folder}/{name}-file-{content[:16]}-{number}.parquet"

    def _write(self, topic: Topic | None, names: dict[str, DataFile], source: str) -> None:
        def write(item: tuple[str, DataFile]) -> None:
            with self.master.new(item[0]) as file:
                self._intake.write(topic, item[1], file, source)

        map_concurrently(write, names.items(), max(4, self.master.at_once))

    def _count(self, receipt: FileReceipt, topic: Topic | None, parts: Iterable[DataFile]) -> None:
        name = topic.name if topic else UNMAPPED
        valid = sum(part.rows for part in parts if part.day)
        if valid:
            receipt.events[name] = receipt.events.get(name, 0) + valid
        for reason, count in self._intake.reasons().items():
            known = receipt.quarantined.setdefault(name, {})
            known[reason] = known.get(reason, 0) + count

    def _still_there(self, name: str, outputs: set[str]) -> None:
        """Refuses to replace what compaction put together with other events."""
        folders = {path.rpartition("/")[0] for path in outputs}
        there = {entry.path for folder in folders for entry in self.master.list(folder)}
        if not outputs <= there:
            raise DataError(
                f"{name} was ingested before, read another way, and what it gave was put together with other events since; "
                f"it can't be replaced in {self.master.url}. To have it read anew, build a new master dataset"
            )
