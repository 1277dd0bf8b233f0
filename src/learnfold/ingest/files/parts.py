"""What the texts and rows of a file become: typed events of their topics, to be written by day, and what is invalid."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import duckdb

from learnfold.engines.duckdb import footers
from learnfold.engines.duckdb.sql import quoted
from learnfold.errors import DataError
from learnfold.ingest import columns
from learnfold.ingest.files import texts
from learnfold.ingest.files.located import topic_named
from learnfold.ingest.files.parquet_rows import ParquetRows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from learnfold.catalog import Catalog
    from learnfold.engines.duckdb.footers import FileSchema
    from learnfold.ingest.decoder import Decoder
    from learnfold.ingest.files.texts import Piece
    from learnfold.ingest.mapping.model import Mapping
    from learnfold.ingest.statements import Parts
    from learnfold.storage.scratch import Scratch


class FileDecoder:
    """Reads pieces of files; ``topic`` is that of all events, ``mapping`` what statements become events by."""

    def __init__(self, decoder: Decoder, catalog: Catalog, topic: str | None, mapping: Mapping | None) -> None:
        self.decoder, self.catalog, self.topic, self.mapping = decoder, catalog, topic, mapping

    def of_texts(self, piece: Piece, name: str) -> Parts:
        """Of a piece of a file of that name."""
        if self.mapping is not None:
            yield from self.translated(piece.rows(), self.mapping)
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
        with contextlib.closing(_Parquet(self, path, found[0], name)) as file:
            step = texts.PART_ROWS if file.rows.numbered else max(1, found[1])
            for first in range(0, found[1], step):
                yield file.parts(first, first + step - 1)

    def translated(self, rows: Iterable[tuple[int, bytes]], mapping: Mapping) -> Parts:
        """What the statements become by the mapping, and those that become nothing."""
        from learnfold.ingest.statements import translated

        return translated(self.decoder, self.catalog, rows, mapping)


class _Parquet:
    """A Parquet file while it is read; ``close`` removes the copy that is read where DuckDB can't read some value of it."""

    def __init__(self, files: FileDecoder, path: Path, shape: FileSchema, name: str) -> None:
        self._files, self._path, self._shape, self._name = files, path, shape, name
        self._scratch: Scratch | None = None
        self._open(str(path), shape)

    def close(self) -> None:
        """Removes the copy."""
        if self._scratch is not None:
            self._scratch.cleanup()

    def parts(self, first: int, last: int) -> Parts:
        """Of the rows from ``first`` to ``last``, topic by topic; raises DataError where they can't be read."""
        done: set[str] = set()
        while True:
            source, mapping = self.rows.select(first, last, self._topic), self._files.mapping
            try:
                if mapping is None:
                    yield from self._of_topics(source, done)
                    return
                documents = self._documents(source)
            except duckdb.Error as error:
                if not self._mended():
                    raise DataError(
                        f"{self._name} can't be read as Parquet ({footers.brief(error)}); nothing of it is taken. Mend it and ingest it again"
                    ) from error
            else:
                yield from self._files.translated(documents, mapping)
                return

    def _documents(self, source: str) -> list[tuple[int, bytes]]:
        """The rows, with their places, as JSON objects, or the values of an envelope: a mapping's documents."""
        rows = self.rows
        wanted = f"SELECT coalesce({rows.place}, 0), {columns.whole(rows.shape)} FROM {source} ORDER BY {rows.place}"
        found = self._files.decoder.connection.execute(wanted).fetchall()
        return [(place, text) for place, text in found if text is not None]

    def _open(self, path: str, shape: FileSchema) -> None:
        files = self._files
        self.rows = ParquetRows(path, shape, self._name, files.catalog)
        topic = files.topic or topic_named(self._name, files.catalog)
        told = quoted(files.topic) if files.topic else columns.topic_of(files.catalog, self.rows.shape, topic)
        self._topic = f"coalesce({told}, '')"

    def _mended(self) -> bool:
        """Whether there is a copy to go on with, in which a bad value costs its row alone."""
        if self._scratch is not None:
            return False
        self._scratch = self._files.decoder.scratch()
        copy = self._files.decoder.mended(str(self._path), self._shape, self._scratch.path)
        if copy is not None:
            self._open(*copy)
        return copy is not None

    def _of_topics(self, source: str, done: set[str]) -> Parts:
        """What is to be written of each topic but those ``done``, which it adds to."""
        decoder, rows = self._files.decoder, self.rows
        for name in decoder.topics_in(f"(SELECT {rows.topic} AS _topic FROM {source})"):
            if name in done:
                continue
            some = f"(SELECT * FROM {source} WHERE {rows.topic} = {quoted(name)})"
            topic = self._files.catalog.topic(name) if name else None
            if topic:
                parts = decoder.take_from(topic, rows.shape, some, row=rows.place)
            else:
                parts = decoder.take_unroutable(some, columns.whole(rows.shape), rows.place)
            done.add(name)
            yield topic, parts
