"""What packed files hold, block by block; of one that is broken, all that is before the break."""

from __future__ import annotations

import zlib
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
"""What packed files begin with."""

_GZIP_BYTES, _ZSTD_BYTES = 1 << 18, 1 << 13  # that are unpacked at once
_MOST_BYTES = 4 << 20  # that come of them at once


class BreakError(Exception):
    """A packed file can't be unpacked to its end; the message says why."""


def unpacked(file: IO[bytes], magic: bytes) -> Iterator[bytes] | None:
    """The blocks of a packed file, by how it begins; None where it isn't packed.

    Raises BreakError behind the last block that can be had, ModuleNotFoundError for zstd without the package that reads it.
    """
    if magic.startswith(GZIP):
        return _gzip(file)
    if magic.startswith(ZSTD):
        return _zstd(file)
    return None


def _gzip(file: IO[bytes]) -> Iterator[bytes]:
    block = file.read(_GZIP_BYTES)
    while block:
        if not block.startswith(GZIP[:1]):
            raise BreakError(f"{_left(file, block)} behind its packed content aren't gzip")
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            if not block and not (block := file.read(_GZIP_BYTES)):
                raise BreakError("it breaks off")
            before = member.copy()
            try:
                data = member.decompress(block, _MOST_BYTES)
            except zlib.error as error:
                yield from _to_the_break(before, block)
                raise BreakError(f"it is damaged {_left(file, block)} before its end ({error})") from None
            if data:
                yield data
            block = member.unconsumed_tail or member.unused_data
        block = block.lstrip(b"\0") or file.read(_GZIP_BYTES).lstrip(b"\0")  # some writers fill up with zeros


def _to_the_break(member: Any, block: bytes) -> Iterator[bytes]:
    """What can be had of the block that the damage is in."""
    try:
        for at in range(len(block)):
            if data := member.decompress(block[at : at + 1]):
                yield data
    except zlib.error:
        return


def _left(file: IO[bytes], block: bytes) -> str:
    """How many bytes of the file are there yet."""
    here = file.tell()
    return f"{file.seek(0, 2) - here + len(block):,} bytes"


def _zstd(file: IO[bytes]) -> Iterator[bytes]:
    import zstandard

    unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 31)
    block = file.read(_ZSTD_BYTES)
    while block:
        frame = unpacker.decompressobj()
        while not frame.eof:
            if not block and not (block := file.read(_ZSTD_BYTES)):
                raise BreakError("it breaks off")
            try:
                data = frame.decompress(block)
            except zstandard.ZstdError as error:
                raise BreakError(f"it is damaged {_left(file, block)} before its end ({error})") from None
            if data:
                yield data
            block = frame.unused_data if frame.eof else b""
        block = block or file.read(_ZSTD_BYTES)
