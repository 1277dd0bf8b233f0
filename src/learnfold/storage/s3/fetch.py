"""Fetches objects into local files: large ones in parts, all parts of all objects side by side, streamed to disk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError, PreconditionError

from learnfold.errors import StorageError
from learnfold.storage.concurrency import map_concurrently

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from obstore import GetResult, SuffixRange
    from obstore.store import S3Store

PART_BYTES = 16 * 1024 * 1024
"""What one request fetches at most."""

_CHUNK_BYTES = 1024 * 1024
_TAIL_BYTES = 32 * 1024
_FOOTER_END = 8
"""A Parquet file ends with its footer, the footer's length in 4 bytes, and a mark of 4."""
_MARKS = (b"PAR1", b"PARE")


@dataclass(frozen=True)
class _Range:
    path: str
    target: Path
    start: int
    end: int
    tag: str | None


def fetch(store: S3Store, wanted: Mapping[str, Path], max_concurrency: int) -> None:
    """Fills the files ``wanted`` with the objects of these paths.

    Raises FileNotFoundError for an object that isn't there, PreconditionError for one that changed meanwhile, or what else obstore
    raises; OSError where the disk is full.
    """
    rest = map_concurrently(partial(_first, store), wanted.items(), max_concurrency)
    map_concurrently(partial(_range, store), [part for parts in rest for part in parts], max_concurrency)


def fetch_footers(store: S3Store, wanted: Mapping[str, Path], max_concurrency: int) -> None:
    """The same for readers of Parquet footers: files of the right size, with a hole before the footer."""
    map_concurrently(partial(_footer, store), wanted.items(), max_concurrency)


def _first(store: S3Store, item: tuple[str, Path]) -> list[_Range]:
    """Fetches the beginning of an object; the ranges that are left."""
    path, target = item
    got = _get_range(store, path, (0, PART_BYTES))
    if got is None:
        target.touch()
        return []
    size, tag = got.meta["size"], got.meta["e_tag"]
    _stream(got, target, 0, min(size, PART_BYTES))
    return [
        _Range(path, target, start, min(start + PART_BYTES, size), tag) for start in range(PART_BYTES, size, PART_BYTES)
    ]


def _range(store: S3Store, part: _Range) -> None:
    got = obstore.get(store, part.path, options={"range": (part.start, part.end), "if_match": part.tag})
    _stream(got, part.target, part.start, part.end)


def _stream(got: GetResult, target: Path, start: int, end: int) -> None:
    with target.open("r+b" if start else "wb") as file:
        file.seek(start)
        for chunk in got.stream(min_chunk_size=_CHUNK_BYTES):
            file.write(chunk)
        if file.tell() != end:
            raise StorageError(f"{got.meta['path']} ended early: {file.tell()} of {end} bytes came; run again")


def _footer(store: S3Store, item: tuple[str, Path]) -> None:
    path, target = item
    got = _get_range(store, path, {"suffix": _TAIL_BYTES})
    size = got.meta["size"] if got else 0
    tail = bytes(got.bytes()) if got else b""
    with target.open("wb") as file:
        file.truncate(size)
        ending = tail[-_FOOTER_END:]
        if len(ending) == _FOOTER_END and ending.endswith(_MARKS):
            needed = min(size, int.from_bytes(ending[:4], "little") + _FOOTER_END)
            if needed > len(tail):
                tail = bytes(obstore.get_range(store, path, start=size - needed, end=size))
            else:
                tail = tail[len(tail) - needed :]
        file.seek(size - len(tail))
        file.write(tail)


def _get_range(store: S3Store, path: str, part: tuple[int, int] | SuffixRange) -> GetResult | None:
    """Some of an object; None where it is empty, of which servers give no part."""
    try:
        return obstore.get(store, path, options={"range": part})
    except PreconditionError:
        raise
    except BaseError:
        if obstore.head(store, path)["size"] == 0:
            return None
        raise
