"""The lines of a log, each a text, whatever a logger wrote before the event in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnfold.ingest.files.stream import TextStream

_BLOCK_BYTES = 4 << 20


class Lines:
    """Lines that aren't blank, many at a time, from the byte ``start`` of the file on.

    When they are all read, ``cut`` is a last line that has no end, since more of it may be to come, and ``taken`` says how many
    bytes of the file are in the others.
    """

    inside = 0  # never within an array

    def __init__(self, stream: TextStream, start: int = 0) -> None:
        self.cut: bytes | None = None
        self.taken = start
        self._stream = stream

    def __iter__(self) -> Iterator[list[bytes]]:
        rest = b""
        while block := self._stream.read(_BLOCK_BYTES):
            *lines, rest = (rest + block).split(b"\n")
            self.taken += sum(map(len, lines)) + len(lines)
            yield [line for line in lines if line and not line.isspace()]
        if rest and not rest.isspace():
            self.cut = rest
