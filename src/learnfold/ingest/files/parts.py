"""What the texts and rows of a file become: typed events of their topics, to be written by day, and what is invalid."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import duckdb

from learnfold.catalog import reasons
from learnfold.engines.duckdb import footers
from learnfold.engines.duckdb.sql import quoted
from learnfold.errors import DataError
from learnfold.ingest import columns
from learnfold.ingest.files import texts
from learnfold.ingest.files.located import topic_named
from learnfold.ingest.files.parquet_rows import ParquetRows
from learnfold.kafka.messages import message_batches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from learnfold.catalog import Catalog, Topic
    from learnfold.ingest.decoder import DataFile, Decoder
    from learnfold.ingest.files.texts import Piece
    from learnfold.ingest.mapping.model import Mapping

    Parts = Iterator[tuple[Topic | None, list[DataFile]]]
    """Topic by topic (None: there is none) what is to be written; one has to be before the next is asked for."""


class FileDecoder:
    """Reads pieces of files; ``topic`` is that of all events, ``mapping`` what statements become events by."""

    def __init__(self, decoder: Decoder, catalog: Catalog, topic: str | None, mapping: Mapping | None) -> None:
        self.decoder, self.catalog, self.topic, self.mapping = decoder, catalog, topic, mapping

    def of_texts(self, piece: Piece, name: str) -> Parts:
        """Of a piece of a file of that name."""
        if self.mapping is not None:
            yield from self._translated(piece.rows(), self.mapping)
            return
        topic = self.topic or topic_named(name, self.catalog)
        found = self.decoder.receive(piece.batches(), self.catalog, topic, forced=self.topic is not None)
        for each in found:
            if each:
                yield self.catalog.topic(each), self.decoder.take_received(self.catalog.topic(each))
            else:
                yield None, self.decoder.take_unroutable("received WHERE topic = ''", "value", "place")

    def of_parquet(self, path: Path, name: str) -> Iterator[Parts]:
        """Of a Parquet file, some rows at a time; raises DataError where it can't be read."""
        found = self.decoder.shape(str(path))
        if found is None:
            raise DataError(f"{name} can't be read as Parquet; mend it and ingest it again")
        rows = ParquetRows(str(path), found[0], name, self.catalog)
        topic = self.topic or topic_named(name, self.catalog)
        told = quoted(self.topic) if self.topic else columns.topic_of(self.catalog, rows.shape, topic)
        step = texts.PART_ROWS if rows.numbered else max(1, found[1])
        for first in range(0, found[1], step):
            source = rows.select(first, first + step - 1, f"coalesce({told}, '')")
            if self.mapping is not None:
                yield self._of_documents(rows, source, name, self.mapping)
            else:
                yield self._of_rows(rows, source, name)

    def _of_rows(self, rows: ParquetRows, source: str, file: str) -> Parts:
        try:
            yield from self._of_topics(rows, source)
        except duckdb.Error as error:
            raise _unreadable(file, error) from error

    def _of_documents(self, rows: ParquetRows, source: str, file: str, mapping: Mapping) -> Parts:
        """The rows as JSON objects, or the values of an envelope, which are the mapping's documents."""
        wanted = f"SELECT coalesce({rows.place}, 0), {columns.whole(rows.shape)} FROM {source} ORDER BY {rows.place}"
        try:
            found = self.decoder.connection.execute(wanted).fetchall()
        except duckdb.Error as error:
            raise _unreadable(file, error) from error
        yield from self._translated([(place, text) for place, text in found if text is not None], mapping)

    def _of_topics(self, rows: ParquetRows, source: str) -> Parts:
        for name in self.decoder.topics_in(f"(SELECT {rows.topic} AS _topic FROM {source})"):
            some = f"(SELECT * FROM {source} WHERE {rows.topic} = {quoted(name)})"
            if name:
                topic = self.catalog.topic(name)
                yield topic, self.decoder.take_from(topic, rows.shape, some, row=rows.place)
            else:
                yield None, self.decoder.take_unroutable(some, columns.whole(rows.shape), rows.place)

    def _translated(self, rows: Iterable[tuple[int, bytes]], mapping: Mapping) -> Parts:
        """What the statements become by the mapping, and those that become nothing."""
        from learnfold.ingest.mapping.translate import Translated, parsed, translate

        events: dict[str, list[tuple[int, bytes]]] = {}
        unmapped: list[tuple[bytes, str, int]] = []
        for row, text in rows:
            try:
                document = parsed(text, mapping)
            except (ValueError, RecursionError):
                unmapped.append((text, reasons.NOT_JSON, row))
                continue
            for result in translate(document, mapping):
                if isinstance(result, Translated):
                    events.setdefault(result.topic, []).append((row, json.dumps(result.event).encode()))
                else:
                    unmapped.append((json.dumps(result.original).encode(), result.reason, row))
        for name, events_of in sorted(events.items()):
            topic = self.catalog.topic(name)
            self.decoder.receive(message_batches(events_of), self.catalog, name, forced=True)
            yield topic, self.decoder.take_received(topic)
        if unmapped:
            yield None, self.decoder.take_unmapped(*map(list, zip(*unmapped, strict=True)))


def _unreadable(file: str, error: duckdb.Error) -> DataError:
    return DataError(
        f"{file} can't be read as Parquet ({footers.brief(error)}); nothing of it is taken. Mend it and ingest it again"
    )
