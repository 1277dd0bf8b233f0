"""Finds the file that another one was before it grew: the one whose text is its beginning, whatever it was called or packed with.

``MASTER/_files/beginnings/<digest of the first bytes>/<length>-<digest of so many bytes>-<digest of the file>`` is noted for every file
that was ingested, so that a few listings tell which ones may be the beginning of another.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnfold.ingest.files.receipt import FileReceipt, read_receipt
from learnfold.ingest.files.stream import opened
from learnfold.master.file_names import FILES

if TYPE_CHECKING:
    from pathlib import Path

    from learnfold.storage import Storage

_FOLDER = f"{FILES}/beginnings"
_HEADS = (0, 64, 1024, 16384)  # bytes by which a text is looked up, as many as it has
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Beginning:
    """A file whose text, up to where it is certain, is the beginning of another one's."""

    length: int
    receipt: FileReceipt


def note(master: Storage, path: Path, length: int, file: str) -> None:
    """Notes that so many bytes of a file's text are ingested; ``file`` is its digest."""
    with opened(path) as stream:
        head = stream.peek()
    found = digests(path, [length])[length]
    level = max(size for size in _HEADS if size <= length)
    master.write(f"{_FOLDER}/{_short(head[:level])}/{length}-{found}-{file}", file.encode())


def note_all(master: Storage, path: Path, file: str) -> None:
    """Notes all whole characters of a file's text, of which nothing is certain yet."""
    length = 0
    with opened(path) as stream:
        while block := stream.read(_BLOCK_BYTES):
            length += len(block)
        length -= stream.cut_bytes
    if length:
        note(master, path, length, file)


def beginnings(master: Storage, path: Path, file: str) -> list[Beginning]:
    """The ingested files that are the beginning of this one, the longest first; of those that a longer one took over, none."""
    with opened(path) as stream:
        head = stream.peek()
    noted: dict[int, list[tuple[str, str]]] = {}
    for size in _HEADS:
        if size <= len(head):
            for entry in master.list(f"{_FOLDER}/{_short(head[:size])}"):
                length, _, rest = entry.path.rsplit("/", 1)[-1].partition("-")
                noted.setdefault(int(length), []).append(tuple(rest.split("-")))  # type: ignore[arg-type]
    found = digests(path, sorted(noted)) if noted else {}
    matching = [
        Beginning(length, receipt)
        for length in sorted(noted, reverse=True)
        for digest, name in noted[length]
        if digest == found.get(length) and name != file and (receipt := read_receipt(master, name)) is not None
    ]
    return [one for one in matching if not one.receipt.replaced_by]


def digests(path: Path, lengths: list[int]) -> dict[int, str]:
    """A digest of the beginning of a file's text for each length, in order; none for those that it hasn't."""
    found, state, at = {}, hashlib.sha256(), 0
    with opened(path) as stream:
        for length in lengths:
            while at < length and (block := stream.read(min(_BLOCK_BYTES, length - at))):
                state.update(block)
                at += len(block)
            if at == length:
                found[length] = state.hexdigest()[:32]
    return found


def _short(head: bytes) -> str:
    return hashlib.sha256(head).hexdigest()[:16]
