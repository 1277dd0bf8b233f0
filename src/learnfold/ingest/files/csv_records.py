"""Reads the records of a CSV file, each as a JSON object of its cells.

A quote that is never closed would take in all records behind it, so it is an error that names its line.
"""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnfold.errors import DataError
from learnfold.ingest.files.json_grammar import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from learnfold.catalog import Catalog
    from learnfold.ingest.files.stream import TextStream

_BLOCK_BYTES = 4 << 20
_BATCH_ROWS = 10_000
_LONGEST_BYTES = 64 << 20  # of a record
_DELIMITERS = ",;\t|"
_SEPARATOR = re.compile(rb"sep=(.)\s*", re.IGNORECASE)  # Excel's own line before the header
_QUOTED = re.compile(r'"[^"]*"')
_DECIMAL_COMMA = re.compile(r"\s*[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+\s*")
_TIME = re.compile(r'\s*"?\d{4}')
_NO_VALUE = "\\N"  # as databases write it


@dataclass(frozen=True)
class Columns:
    """What is known of a header's names; nothing is asked of one where there are no ``required``."""

    required: frozenset[str] = frozenset()  # of these a header has at least one
    fields: frozenset[str] = frozenset()  # these it names once
    numbers: frozenset[str] = frozenset()  # of these a value may have a decimal comma


def columns_of(catalog: Catalog) -> Columns:
    """What the fields of all topics tell of a header."""
    fields = [field for topic in catalog.topics.values() for field in topic.sent]
    return Columns(
        frozenset(field.name for field in fields if field.required),
        frozenset(field.name for field in fields),
        frozenset(field.name for field in fields if field.type in {"INTEGER", "DOUBLE"}),
    )


class CsvRecords:
    """The records under a header, in batches, each a JSON object of the cells that have a value.

    When they are all read, ``cut`` is the last record, where no line's end says that it is all of it, and ``taken`` says how many
    bytes of the stream were before it.
    """

    def __init__(self, stream: TextStream, name: str, columns: Columns, start: int = 0) -> None:
        """``start``: the bytes of records that aren't wanted, from the beginning of the stream; raises DataError for a header that is none."""
        self.cut: bytes | None = None
        self.inside = 0
        self._stream, self._name, self._columns = stream, name, columns
        self._delimiter, self._header, self.taken = self._head(stream.peek())
        self._line = stream.peek()[: self.taken].count(b"\n")
        self.taken = max(self.taken, start)
        stream.skip(self.taken)
        self._at, self._ended = (
            self.taken,
            True,
        )  # bytes of the lines that were given, and whether the last one had an end
        self._record: list[str] = []  # the lines of the record that is read

    def __iter__(self) -> Iterator[list[bytes]]:
        """The records in their order; raises DataError where they can't be told apart."""
        if not self._header:
            return
        lines = self._lines()
        records = csv.reader(lines, delimiter=self._delimiter, strict=True)
        batch: list[bytes] = []
        while (record := self._next(records)) is not None:
            if any(record) and not self._ended:
                self.cut = self._object(record)
                break
            self.taken = self._at
            if any(record):
                batch.append(self._object(record))
            if len(batch) == _BATCH_ROWS:
                yield batch
                batch = []
        if batch:
            yield batch

    def _lines(self) -> Iterator[str]:
        """The lines, with their ends; the bytes of those that were asked for are counted."""
        rest = b""
        while block := self._stream.read(_BLOCK_BYTES):
            lines = (rest + block).splitlines(keepends=True)
            rest = lines.pop()  # which may go on
            for line in lines:
                yield self._given(line)
        if rest:
            self._ended = rest.endswith((b"\n", b"\r"))
            yield self._given(rest)

    def _given(self, line: bytes) -> str:
        self._line += 1
        self._at += len(line)
        self._record.append(line.decode("utf-8", "surrogateescape"))
        if self._at - self.taken > _LONGEST_BYTES:
            raise self._unclosed(f"within {_LONGEST_BYTES >> 20} MB")
        return self._record[-1]

    def _next(self, records: Iterator[list[str]]) -> list[str] | None:
        """The next record; None behind the last."""
        self._record.clear()
        try:
            record = next(records, None)
        except csv.Error as error:
            if self._stream.problem or (len(self._record) == 1 and not self._ended):
                self.cut = "".join(self._record).encode("utf-8", "surrogateescape")
                return None
            if len(self._record) > 1 or ("end of data" in str(error) and self._ended):
                raise self._unclosed() from error
            return next(csv.reader(self._record, delimiter=self._delimiter), [])  # a quote too many in its line alone
        if any(self._is_record(line) for line in self._record[1:-1]):
            raise self._unclosed("before the next records")
        return record

    def _is_record(self, line: str) -> bool:
        """Whether a line within a quoted cell looks like a record, so that the quote is one that should have been closed."""
        cells = line.split(self._delimiter)
        at = self._header.index("timestamp") if "timestamp" in self._header else None
        return at is not None and len(cells) == len(self._header) > 2 and _TIME.match(cells[at]) is not None  # noqa: PLR2004 - a text of two cells is soon found

    def _unclosed(self, more: str = "") -> DataError:
        line = self._line - len(self._record) + 1
        return DataError(
            f"{self._name}, line {line}: a quote is opened and not closed{' ' if more else ''}{more}; "
            "nothing of the file is taken. Mend it and ingest it again"
        )

    def _object(self, record: Sequence[str]) -> bytes:
        names = self._header
        while len(record) > len(names):
            names.append(_free(f"column_{len(names) + 1}", names))
        cells = {name: cell for name, cell in zip(names, record, strict=False) if cell not in {"", _NO_VALUE}}
        if self._delimiter != ",":
            for name in self._columns.numbers & cells.keys():
                if _DECIMAL_COMMA.fullmatch(cells[name]):
                    cells[name] = cells[name].replace(".", "").replace(",", ".")
        return json.dumps(cells, ensure_ascii=False).encode("utf-8", "surrogateescape")

    def _head(self, head: bytes) -> tuple[str, list[str], int]:
        """The delimiter, the names of the header, and the bytes up to its end."""
        delimiter, at, lines = "", 0, head.splitlines(keepends=True)
        for number, line in enumerate(lines):
            text = line.removeprefix(MARK)
            separator = _SEPARATOR.fullmatch(text)
            if separator:
                delimiter = separator[1].decode("latin-1")
            elif text.strip() and not self._is_comment(text):
                shown = [one.decode("utf-8", "surrogateescape") for one in (text.lstrip(b"#"), *lines[number + 1 :])]
                bare = _QUOTED.sub("", shown[0])
                delimiter = delimiter or max(_DELIMITERS, key=bare.count)
                records = csv.reader(shown, delimiter=delimiter)
                names = self._named([cell.strip() for cell in next(records)])
                return delimiter, names, at + sum(map(len, lines[number : number + records.line_num]))
            at += len(line)
        return ",", [], len(head)

    def _is_comment(self, line: bytes) -> bool:
        """Whether a line before the header is a comment, and not the header behind a sign."""
        names = re.split(r"[,;\t|\"\s]+", line.lstrip(b"# ").decode("utf-8", "replace"))
        return line.startswith(b"#") and not self._columns.required.intersection(names)

    def _named(self, names: list[str]) -> list[str]:
        """The names, those without one and those of no field that are given again with a number."""
        required = self._columns.required
        if required and not required.intersection(names):
            hint = (
                "names are written in lower case" if required & {name.lower() for name in names} else "put one above it"
            )
            raise DataError(
                f"{self._name} has no header: its first line names none of {', '.join(sorted(required))}; {hint}"
            )
        unique: list[str] = []
        for number, name in enumerate(names, 1):
            if name in unique and name in self._columns.fields:
                raise DataError(f"the header of {self._name} names {name} twice; which of them it is can't be told")
            unique.append(_free(name or f"column_{number}", unique))
        return unique


def _free(name: str, names: Sequence[str]) -> str:
    """The name, with a number where it is taken."""
    found, number = name, 1
    while found in names:
        number += 1
        found = f"{name}_{number}"
    return found
