"""What a file is, by its name and by how it begins; and a word for those that can't be read as events."""

from __future__ import annotations

from learnfold.errors import DataError, UsageError
from learnfold.ingest.files.packed import GZIP, ZSTD

PARQUET, CSV, JSON, LINES = "parquet", "csv", "json", "lines"

_KINDS = {
    ".jsonl": JSON,
    ".ndjson": JSON,
    ".json": JSON,
    ".csv": CSV,
    ".tsv": CSV,
    ".parquet": PARQUET,
    ".parq": PARQUET,
}
_PACKED = (".gz", ".zst", ".zstd")

SUFFIXES = tuple(_KINDS)

_UNPACK = "unpack it and ingest what is in it"
_OTHERS = {
    b"\xd0\xcf\x11\xe0": ("an Excel workbook", "save its sheet as CSV"),
    b"BZh": ("packed with bzip2", "pack it with gzip or zstd, or not at all"),
    b"\xfd7zXZ": ("packed with xz", "pack it with gzip or zstd, or not at all"),
    b"\x04\x22\x4d\x18": ("packed with lz4", "pack it with gzip or zstd, or not at all"),
    b"7z\xbc\xaf": ("a 7z archive", _UNPACK),
    b"Rar!": ("a rar archive", _UNPACK),
    b"ORC": ("an ORC file", "write it as Parquet"),
    b"Obj\x01": ("an Avro file", "write it as Parquet or JSON lines"),
    b"ARROW1": ("an Arrow file", "write it as Parquet"),
    b"SQLite format 3": ("an SQLite database", "export its table as CSV or JSON lines"),
    b"%PDF": ("a PDF", "ingest the data that it was made of"),
    b"<!DOCTYPE": ("a web page", "look whether what was to be fetched needs a login"),
    b"<!doctype": ("a web page", "look whether what was to be fetched needs a login"),
    b"<html": ("a web page", "look whether what was to be fetched needs a login"),
    b"<?xml": ("XML", "write it as JSON lines or CSV"),
    GZIP: ("packed twice", "unpack it once"),
    ZSTD: ("packed twice", "unpack it once"),
}
"""How files begin that are something else: what, and what to do."""


def kind_of(name: str, head: bytes, *, lines: bool = False) -> str:
    """``parquet``, ``csv`` or ``json``, by a file's name, else by ``head``, the beginning of what it holds, unpacked.

    With ``lines``, what is no Parquet and no CSV is ``lines``: a log, of whatever name, with something before the JSON of each.
    Raises DataError for what is something else than its name says, UsageError where nothing tells what it is.
    """
    named = next((kind for suffix, kind in _KINDS.items() if _bare(name).endswith(suffix)), None)
    if head.startswith(b"PAR1"):
        if named in {PARQUET, None}:
            return PARQUET
        raise DataError(f"{name} is a Parquet file by another name; let its name end in .parquet")
    if named != PARQUET and (found := _other(head)):
        raise DataError(f"{name} is {found[0]}, not a file of events; {found[1]}")
    if lines and named in {JSON, None}:
        return LINES
    if named:
        return named
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["}:
        return JSON
    raise UsageError(
        f"{name} is of no known kind; files of events end in {', '.join(SUFFIXES)}, perhaps packed (.gz or .zst)"
    )


def is_known(name: str) -> bool:
    """Whether a file's name ends like one of events."""
    return _bare(name).endswith(SUFFIXES)


def _bare(name: str) -> str:
    """The name in lower case without what says that it is packed."""
    lowered = name.lower()
    for packed in _PACKED:
        lowered = lowered.removesuffix(packed)
    return lowered


def _other(head: bytes) -> tuple[str, str] | None:
    """What else it is, and what to do; None where it may be a text."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        if b"[Content_Types].xml" in head or b"xl/" in head:
            return "an Excel workbook", "save its sheet as CSV"
        return "a zip archive", _UNPACK
    if head[257:262] == b"ustar":
        return "a tar archive", _UNPACK
    return next((found for magic, found in _OTHERS.items() if head.startswith(magic)), None)
