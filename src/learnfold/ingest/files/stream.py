"""The text of a file as UTF-8, whatever it is packed with and encoded in, block by block.

A file that can't be read to its end gives what can be read, and then says why it ended.
"""

from __future__ import annotations

import codecs
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from learnfold.ingest.files.packed import BreakError, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Longer ones first, since UTF-32's begins with that of UTF-16."""

_HEAD_BYTES = 1 << 16

_NOT_UTF8 = "learnfold.not_utf8"
codecs.register_error(_NOT_UTF8, lambda error: ("\udcff", getattr(error, "end", 0)))


@contextmanager
def opened(path: Path) -> Iterator[TextStream]:
    """The file's text; raises ModuleNotFoundError for zstd without the package that reads it."""
    with path.open("rb") as file:
        yield TextStream(file)


class TextStream:
    """UTF-8, with a mark at its start if it has one; what is no text in its encoding is passed on as what is no UTF-8.

    ``problem`` says why it ended before the file did, once it has.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.problem: str | None = None
        self.cut_bytes = 0  # at the end, of a character that is cut
        self._file = file
        magic = file.read(4)
        file.seek(0)
        self._blocks = unpacked(file, magic)
        self._decoder: codecs.IncrementalDecoder | None = None
        self._held = b""
        self._held = self.read(_HEAD_BYTES) + self._held
        if encoding := _encoding(self._held[:4]):
            self._decoder = codecs.getincrementaldecoder(encoding)(_NOT_UTF8)
            self._held = self._decoded(self._held)

    @property
    def plain(self) -> bool:
        """Whether the file is neither packed nor in another encoding."""
        return self._blocks is None and self._decoder is None

    def peek(self) -> bytes:
        """The first bytes, where nothing was read yet."""
        return self._held[:_HEAD_BYTES]

    def read(self, size: int) -> bytes:
        """So many bytes; fewer only at the end."""
        blocks, have = [self._held], len(self._held)
        while have < size:
            block = self._block(size - have)
            blocks.append(self._decoded(block))
            have += len(blocks[-1])
            if not block:
                break
        whole = b"".join(blocks)
        self._held = whole[size:]
        return whole[:size] if self._held else whole

    def skip(self, size: int) -> None:
        """Passes over so many bytes."""
        while size > 0 and (block := self.read(min(size, 1 << 20))):
            size -= len(block)

    def _block(self, size: int) -> bytes:
        """Some bytes as they are encoded; of a file that isn't packed, so many. None at the end."""
        if self._blocks is None:
            return self._file.read(size)
        try:
            return next(self._blocks, b"")
        except BreakError as error:
            self.problem = str(error)
            return b""

    def _decoded(self, block: bytes) -> bytes:
        decoder = self._decoder
        if decoder is None:
            return block
        text = decoder.decode(block).encode("utf-8", "surrogatepass")
        if block:
            return text
        rest = decoder.getstate()[0]  # of a character that is cut
        decoder.reset()
        self.cut_bytes += len(rest)
        return text + rest


def _encoding(head: bytes) -> str | None:
    """The encoding that a text begins in, told by its mark, else by the zeros beside its first sign; None: UTF-8."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    return _ZEROS.get("".join("0" if byte == 0 else "x" for byte in head))


_ZEROS = {"x0x0": "utf-16-le", "0x0x": "utf-16-be", "x000": "utf-32-le", "000x": "utf-32-be"}
