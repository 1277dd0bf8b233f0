"""Files of events, read as JSON texts in order: JSON lines, JSON documents and CSV, plain or packed with gzip or zstd.

What a line can't be is not decided here: every text goes on as it is, and what is no event ends in the quarantine.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from typing import IO, TYPE_CHECKING, Any

from learnfold.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK_BYTES = 4 << 20
_PEEK_BYTES = 1 << 20
_MAGIC = {b"PAR1": "parquet", b"\x1f\x8b": "gz", b"\x28\xb5\x2f\xfd": "zst"}
_KINDS = {
    ".jsonl": "lines",
    ".ndjson": "lines",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".parq": "parquet",
}
_PACKED = (".gz", ".zst", ".zstd")
_DELIMITERS = ",;\t|"

SUFFIXES = tuple(_KINDS)


def kind_of(name: str, head: bytes) -> str:
    """``parquet``, ``csv``, ``json`` or ``lines``, by a file's name, else by how it begins; raises UsageError for neither."""
    lowered = name.lower()
    for packed in _PACKED:
        lowered = lowered.removesuffix(packed)
    for suffix, kind in _KINDS.items():
        if lowered.endswith(suffix):
            return kind
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["}:
        return "lines"
    raise UsageError(
        f"{name} is of no known kind; files of events end in {', '.join(SUFFIXES)}, perhaps packed (.gz or .zst)"
    )


def is_known(name: str) -> bool:
    """Whether a file's name ends like one of events."""
    lowered = name.lower()
    for packed in _PACKED:
        lowered = lowered.removesuffix(packed)
    return lowered.endswith(SUFFIXES)


def opened(path: Path) -> IO[bytes]:
    """The file's bytes, unpacked; raises ModuleNotFoundError for zstd without the package that reads it."""
    with path.open("rb") as file:
        magic = file.read(4)
    if magic.startswith(b"\x1f\x8b"):
        return gzip.open(path, "rb")  # type: ignore[return-value]
    if magic == b"\x28\xb5\x2f\xfd":
        import zstandard

        return zstandard.open(path, "rb", dctx=zstandard.ZstdDecompressor(max_window_size=1 << 31))  # type: ignore[no-any-return]
    return path.open("rb")


def texts(path: Path, name: str) -> Iterator[tuple[int, bytes]]:
    """The JSON text of each event and its row (line, element or record, from 0); raises DataError where the file is broken."""
    try:
        with opened(path) as file:
            head = file.read(_PEEK_BYTES)
            stream = _Rejoined(head, file)
            kind = kind_of(name, head)
            if kind == "csv":
                yield from _records(stream, head)
            elif kind == "json" and not _is_lines(head):
                yield from _elements(stream.read_all())
            else:
                yield from _lines(stream)
    except (OSError, EOFError, csv.Error) as error:
        raise DataError(f"{name} can't be read to its end: {error}; mend it and ingest it again") from error
    except Exception as error:
        if type(error).__module__.startswith("zstandard"):
            raise DataError(f"{name} can't be read to its end: {error}; mend it and ingest it again") from error
        raise


class _Rejoined(io.RawIOBase):
    """A stream whose beginning was read already."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._head[: len(buffer)] or self._rest.read(len(buffer))
        self._head = self._head[len(data) :] if self._head else b""
        buffer[: len(data)] = data
        return len(data)

    def read_all(self) -> bytes:
        """All of it."""
        return self._head + self._rest.read()


def _is_lines(head: bytes) -> bool:
    """Whether the first line is a JSON object by itself."""
    first = head.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0]
    try:
        return isinstance(json.loads(first), dict) and b"\n" in head.strip()
    except (ValueError, RecursionError):
        return False


def _lines(stream: _Rejoined) -> Iterator[tuple[int, bytes]]:
    """Lines that aren't blank."""
    row, rest, first = 0, b"", True
    reader = io.BufferedReader(stream, _BLOCK_BYTES)
    while block := reader.read(_BLOCK_BYTES):
        if first:
            block, first = block.removeprefix(b"\xef\xbb\xbf"), False
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        for line in lines:
            if line and not line.isspace():
                yield row, line
            row += 1
    if rest and not rest.isspace():
        yield row, rest


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The elements of an array, or the document, each as it is written; what can't be parsed as one last text."""
    text = data.decode("utf-8-sig", "surrogateescape").strip()
    decoder = json.JSONDecoder()
    if not text.startswith("["):
        yield 0, _bytes(text)
        return
    row, at = 0, _next(text, 1)
    while at < len(text) and text[at] != "]":
        try:
            _, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            yield row, _bytes(text[at:])
            return
        yield row, _bytes(text[at:end])
        row, at = row + 1, _next(text, end)


def _next(text: str, at: int) -> int:
    while at < len(text) and text[at] in ", \t\r\n":
        at += 1
    return at


def _records(stream: _Rejoined, head: bytes) -> Iterator[tuple[int, bytes]]:
    """The records under a header, each as a JSON object of its cells that aren't empty."""
    csv.field_size_limit(sys.maxsize)
    text = io.TextIOWrapper(io.BufferedReader(stream, _BLOCK_BYTES), "utf-8-sig", "surrogateescape", newline="")
    header = head.split(b"\n", 1)[0].decode("utf-8", "replace")
    records = csv.reader(text, delimiter=max(_DELIMITERS, key=header.count))
    names = _unique([cell.strip() for cell in next(records, [])])
    for row, record in enumerate(records):
        if record:
            while len(record) > len(names):
                names.append(f"column_{len(names) + 1}")
            cells = {name: cell for name, cell in zip(names, record, strict=False) if cell != ""}
            yield row, _bytes(json.dumps(cells, ensure_ascii=False))


def _unique(names: list[str]) -> list[str]:
    """The names, later ones of the same name with a number."""
    seen: dict[str, int] = {}
    unique = []
    for number, name in enumerate(names, 1):
        name = name or f"column_{number}"  # noqa: PLW2901 - a column without a name gets one
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return unique


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
