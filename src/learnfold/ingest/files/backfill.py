"""Files into the master dataset: for backfills, and for those without Kafka.

What a file gives is named after its content, and its receipt says what that was. So the same file again changes nothing, one that
was cut short is taken up, of one that grew only the rest is new, and one that is read another way (another topic, a better mapping)
replaces what it gave before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from learnfold.catalog import digest
from learnfold.errors import DataError
from learnfold.ingest.decoder import Decoder
from learnfold.ingest.files import formats, texts
from learnfold.ingest.files.beginnings import beginnings, note, note_all
from learnfold.ingest.files.csv_records import Columns, CsvRecords, columns_of
from learnfold.ingest.files.json_values import JsonValues
from learnfold.ingest.files.lines import Lines
from learnfold.ingest.files.parts import FileDecoder
from learnfold.ingest.files.receipt import FileReceipt, delete_receipt, digest_of, read_receipt
from learnfold.ingest.files.stream import opened
from learnfold.master.committed_offsets import now
from learnfold.master.erased import any_erased
from learnfold.master.file_names import QUARANTINE, UNMAPPED
from learnfold.storage.concurrency import map_concurrently

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from learnfold.catalog import Catalog, Topic
    from learnfold.ingest.decoder import DataFile
    from learnfold.ingest.files.located import InputFile
    from learnfold.ingest.files.stream import TextStream
    from learnfold.ingest.mapping.model import Mapping
    from learnfold.ingest.statements import Parts
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
    retracted: dict[str, int] = field(default_factory=dict)  # by topic, how many statements take events of it back
    files: int = 0
    known: bool = False  # it was ingested before, and nothing changed
    grown: bool = False  # its beginning was ingested before, and this is what the rest gave


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
        self.master, self.mapping = master, mapping
        self._decoder = Decoder(settings)
        forced = None if topic is None else catalog.topic(topic).name
        self._files = FileDecoder(self._decoder, catalog, forced, mapping)
        self._columns = columns_of(catalog) if mapping is None else Columns()
        read = [each.fingerprint for each in catalog.topics.values()]
        how = [_READING, topic, None if mapping is None else repr(mapping), read, settings.platform_zone]
        roster = [] if mapping is None or mapping.roster is None else [mapping.roster.digest]
        self._how = digest([*how, *roster])

    def take(self, source: InputFile) -> FileReport:
        """Takes a file in; raises DataError where it is broken or cut before its first event, and then it isn't said to be in."""
        with source.storage.local([source.path]) as (file,):
            return self._take(Path(file), source.name)

    def close(self) -> None:
        """Gives back what it holds."""
        self._decoder.close()

    def _take(self, path: Path, name: str) -> FileReport:
        content = digest_of(path)
        before = read_receipt(self.master, content)
        if before is not None and (before.replaced_by or (before.done and before.how == self._how)):
            _refuse_nothing_but_a_beginning(name, before)
            return FileReport(
                name, before.events, before.quarantined, before.retracted, len(before.outputs), known=True
            )
        with opened(path) as stream:
            lines = self.mapping is not None and self.mapping.line is not None
            kind = formats.kind_of(name, stream.peek(), lines=lines)
            receipt = FileReceipt(content, name, path.stat().st_size, self._how)
            taking = _Taking(self.master, receipt, before)
            if kind != formats.PARQUET:
                taking.follow(path, plain=stream.plain)
            taking.check()
            try:
                if kind == formats.PARQUET:
                    self._take_all(taking, ((parts, False) for parts in self._files.of_parquet(path, name)))
                else:
                    self._take_texts(taking, stream, kind)
            except DataError:
                taking.undo()
                raise
            finally:
                self._decoder.drop()
            taking.finish(path, broken=stream.problem is not None)
            if stream.problem:
                raise DataError(
                    f"{name} can't be read to its end: {stream.problem}; "
                    f"{sum(receipt.events.values()):,} events from before that are in. Mend it and ingest it again"
                )
        _refuse_nothing_but_a_beginning(name, receipt)
        written, grown = len(taking.written), taking.base is not None
        return FileReport(name, receipt.events, receipt.quarantined, receipt.retracted, written, grown=grown)

    def _take_texts(self, taking: _Taking, stream: TextStream, kind: str) -> None:
        receipt, base = taking.receipt, taking.base
        start, inside, first = (base.end, base.inside, base.rows) if base else (0, 0, 0)
        reader: JsonValues | CsvRecords | Lines
        if kind == formats.CSV:
            reader = CsvRecords(stream, receipt.name, self._columns, start)
        elif kind == formats.LINES:
            stream.skip(start)
            reader = Lines(stream, start)
        else:
            stream.skip(start)
            member = None if self.mapping is None else _MEMBERS.get(self.mapping.reads)
            reader = JsonValues(stream, member, start=start, inside=inside)
        receipt.rows = first

        def pieces() -> Iterator[tuple[Parts, bool]]:
            for piece in texts.pieces(reader, first):
                yield self._files.of_texts(piece, receipt.name), piece.cut
                receipt.rows = piece.first + (0 if piece.cut else len(piece.texts))

        self._take_all(taking, pieces())
        receipt.end, receipt.inside = reader.taken, reader.inside

    def _take_all(self, taking: _Taking, pieces: Iterable[tuple[Parts, bool]]) -> None:
        for number, (parts, cut) in enumerate(pieces):
            for topic, files in parts:
                names = {_path(topic, file, taking.receipt.digest, number): file for file in files}
                taking.will_write(names, cut=cut)
                self._write(topic, names, taking.receipt.name)
                self._count(taking.receipt, topic, files)

    def _write(self, topic: Topic | None, names: dict[str, DataFile], source: str) -> None:
        def write(item: tuple[str, DataFile]) -> None:
            with self.master.new(item[0]) as file:
                self._decoder.write(topic, item[1], file, source)

        map_concurrently(write, names.items(), max(4, self.master.max_concurrency))

    def _count(self, receipt: FileReceipt, topic: Topic | None, files: Iterable[DataFile]) -> None:
        name = topic.name if topic else UNMAPPED
        valid = sum(file.rows for file in files if file.day)
        if valid:
            receipt.events[name] = receipt.events.get(name, 0) + valid
        if retracted := sum(file.rows for file in files if file.retracts):
            receipt.retracted[name] = receipt.retracted.get(name, 0) + retracted
        for reason, count in self._decoder.reasons().items():
            known = receipt.quarantined.setdefault(name, {})
            known[reason] = known.get(reason, 0) + count


def _refuse_nothing_but_a_beginning(name: str, receipt: FileReceipt) -> None:
    """Raises DataError where an array begins and the file ends: it was cut, and has nothing that the quarantine could hold."""
    if receipt.inside and not receipt.rows and not receipt.tail and not receipt.replaced_by:
        raise DataError(
            f"{name} ends where its array begins, so it was cut before its first event; nothing of it is in. "
            "Ingest it again when it is whole"
        )


def _path(topic: Topic | None, file: DataFile, content: str, number: int) -> str:
    name = topic.name if topic else UNMAPPED
    folder = file.folder(name) if topic else f"{QUARANTINE}/topic={UNMAPPED}"
    return f"{folder}/{name}-file-{content[:16]}-{number}.parquet"


class _Taking:
    """One file's being taken in: what it wrote, and what of earlier attempts and of its beginning stays."""

    def __init__(self, master: Storage, receipt: FileReceipt, before: FileReceipt | None) -> None:
        self.master, self.receipt, self.before = master, receipt, before
        self.base: FileReceipt | None = None  # of the file that it was before it grew
        self.written: set[str] = set()
        self._kept: set[str] = set()  # what the beginning gave
        self._old = set(before.outputs) if before else set()  # what goes, unless it is written again
        self._replaced: list[FileReceipt] = []
        self._packed = False

    def follow(self, path: Path, *, plain: bool) -> None:
        """Finds what the file was before it grew."""
        for one in beginnings(self.master, path, self.receipt.digest):
            found = one.receipt
            self._replaced.append(found)
            if found.end == one.length and found.how == self.receipt.how and self.base is None:
                self.base = found
                self._kept = set(found.outputs) - set(found.tail)
            self._old |= set(found.outputs)
        self._old -= self._kept
        self._packed = not plain
        if plain:
            note(self.master, path, self.receipt.size, self.receipt.digest)

    def check(self) -> None:
        """Refuses to replace what compaction put together with other events, and what a person was erased from."""
        whole = [one for one in (self.before, *self._replaced) if one is not None and one.done]
        if any_erased(self.master, {path for one in whole for path in one.outputs if path in self._old}):
            raise DataError(
                f"{self.receipt.name} was ingested before, read another way, and a person was erased from what it gave since; "
                "taken in anew it would bring them back. Take their events out of the file first: then it is another file"
            )
        going = {path for one in whole for path in one.outputs if path in self._old and not path.startswith(QUARANTINE)}
        folders = {path.rpartition("/")[0] for path in going}
        there = {entry.path for folder in folders for entry in self.master.list(folder)}
        if not going <= there:
            raise DataError(
                f"{self.receipt.name} was ingested before, read another way, and what it gave was put together with other events "
                f"since; it can't be replaced in {self.master.url}. To have it read anew, build a new master dataset"
            )

    def will_write(self, names: Iterable[str], *, cut: bool) -> None:
        """Says in the receipt what is about to be written; ``cut``: of a text that there may be more of."""
        self.written |= set(names)
        self.receipt.tail += names if cut else ()
        self.receipt.outputs = sorted(self._old | self._kept | self.written)
        self.receipt.write(self.master)

    def undo(self) -> None:
        """Takes back what was written, where the file can't be taken."""
        self.master.delete(sorted(self.written - self._old))
        if self.before is None:
            delete_receipt(self.master, self.receipt.digest)
        else:
            self.before.write(self.master)

    def finish(self, path: Path, *, broken: bool) -> None:
        """Removes what is of earlier attempts, and says that the file is in; ``broken``: as far as it can be read."""
        receipt = self.receipt
        self.master.delete(sorted(self._old - self.written))
        receipt.outputs, receipt.done, receipt.at = sorted(self.written | self._kept), not broken, now()
        if receipt.end:
            note(self.master, path, receipt.end, receipt.digest)
        elif self._packed:
            note_all(self.master, path, receipt.digest)
        receipt.write(self.master)
        for one in self._replaced:
            one.replaced_by = receipt.digest
            one.write(self.master)
