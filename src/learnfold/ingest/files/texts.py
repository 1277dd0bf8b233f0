"""The texts of a file of events, each the JSON of one, in pieces that are taken at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnfold.kafka.messages import NONE, MessageBatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnfold.ingest.files.csv_records import CsvRecords
    from learnfold.ingest.files.json_values import JsonValues
    from learnfold.ingest.files.lines import Lines

PART_ROWS = 500_000
"""Rows of a file that are taken at once; never a setting, since the names of what a file gives depend on it."""

_PART_BYTES = 128_000_000
_BATCH_ROWS = 10_000


@dataclass(frozen=True)
class Piece:
    """Some texts of a file, one behind the other; ``first`` is the place of the first of them in the file, from 0."""

    first: int
    texts: list[bytes]
    cut: bool = False  # there may be more of it to come

    def rows(self) -> Iterator[tuple[int, bytes]]:
        """Each text and its place."""
        return enumerate(self.texts, self.first)

    def batches(self) -> list[MessageBatch]:
        """The texts as messages whose offsets are their places."""
        batches = []
        for start in range(0, len(self.texts), _BATCH_ROWS):
            texts = self.texts[start : start + _BATCH_ROWS]
            places = range(self.first + start, self.first + start + len(texts))
            batches.append(MessageBatch.of(texts, NONE, places, [NONE] * len(texts)))
        return batches


def pieces(reader: JsonValues | CsvRecords | Lines, first: int) -> Iterator[Piece]:
    """The texts of a file, some at a time; ``first`` is the place of the first.

    The last one has a piece of its own where there may be more of it to come.
    """
    texts, size = list[bytes](), 0
    for batch in reader:
        texts += batch
        size += sum(map(len, batch))
        while len(texts) >= PART_ROWS or size >= _PART_BYTES:
            piece, texts = texts[:PART_ROWS], texts[PART_ROWS:]
            size = sum(map(len, texts)) if texts else 0
            yield Piece(first, piece)
            first += len(piece)
    if texts:
        yield Piece(first, texts)
    if reader.cut is not None:
        yield Piece(first + len(texts), [reader.cut], cut=True)
