"""Reads the records of a CSV file, each as a JSON object of its cells."""

from __future__ import annotations

import csv
import io
import json
import sys
from typing import TYPE_CHECKING, Any

from learnfold.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnfold.ingest.files.stream import TextStream

_BLOCK_BYTES = 4 << 20
_BATCH_ROWS = 10_000
_DELIMITERS = ",;\t|"


class CsvRecords:
    """The records under a header, in batches; each a JSON object of its cells that aren't empty."""

    def __init__(self, stream: TextStream, name: str) -> None:
        self._stream, self._name = stream, name
        self.cut: bytes | None = None

    def __iter__(self) -> Iterator[list[bytes]]:
        """The records in their order; raises DataError where they can't be told apart."""
        csv.field_size_limit(sys.maxsize)
        header = self._stream.peek().split(b"\n", 1)[0].decode("utf-8", "replace")
        raw = io.BufferedReader(_Raw(self._stream), _BLOCK_BYTES)
        text = io.TextIOWrapper(raw, "utf-8-sig", "surrogateescape", newline="")
        records = csv.reader(text, delimiter=max(_DELIMITERS, key=header.count))
        try:
            names = _unique([cell.strip() for cell in next(records, [])])
            batch: list[bytes] = []
            for record in records:
                if record:
                    batch.append(_object(names, record))
                if len(batch) == _BATCH_ROWS:
                    yield batch
                    batch = []
            yield batch
        except csv.Error as error:
            raise DataError(
                f"{self._name} can't be read to its end: line {records.line_num}: {error}; mend it and ingest it again"
            ) from error


class _Raw(io.RawIOBase):
    def __init__(self, stream: TextStream) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _object(names: list[str], record: list[str]) -> bytes:
    while len(record) > len(names):
        names.append(f"column_{len(names) + 1}")
    cells = {name: cell for name, cell in zip(names, record, strict=False) if cell != ""}
    return json.dumps(cells, ensure_ascii=False).encode("utf-8", "surrogateescape")


def _unique(names: list[str]) -> list[str]:
    """The names, later ones of the same name with a number."""
    seen: dict[str, int] = {}
    unique = []
    for number, name in enumerate(names, 1):
        name = name or f"column_{number}"  # noqa: PLW2901 - a column without a name gets one
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return unique
