"""Hands many messages to DuckDB at once as an Arrow stream: their bytes are joined once and then only pointed to.

Bound as parameters they would cost five times as much, most of what one core has for an event.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import nanoarrow as na
from nanoarrow.c_array_stream import CArrayStream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_COLUMNS = {"value": na.large_binary(), "partition": na.int32(), "offset": na.int64(), "timestamp": na.int64()}
_SCHEMA = na.c_schema(na.struct(_COLUMNS))

NONE = -1
"""A partition, offset or time that isn't known."""

_BATCH_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class MessageBatch:
    """Some messages of one partition as columns, as long as each other; times are milliseconds since 1970."""

    values: bytes  # one behind the other
    ends: array[int]  # where each ends, and before them a 0
    present: bytes | None  # a bit a message, 0 where it has no value at all; None: all have one
    partition: int
    offsets: array[int]
    timestamps: array[int]

    @classmethod
    def of(
        cls, values: Sequence[bytes | None], partition: int, offsets: Sequence[int], timestamps: Sequence[int]
    ) -> MessageBatch:
        """The messages with these values, in a partition, at these offsets (in a file: rows)."""
        present, filled = None, values
        if None in values:
            present = _bits([value is not None for value in values])
            filled = [value or b"" for value in values]
        joined: Sequence[bytes] = filled  # type: ignore[assignment]
        ends = array("q", list(accumulate(map(len, joined), initial=0)))
        return cls(b"".join(joined), ends, present, partition, array("q", offsets), array("q", timestamps))

    def __len__(self) -> int:
        return len(self.offsets)

    def rows(self) -> Iterator[tuple[int, bytes | None]]:
        """Each message's offset and value."""
        for place, offset in enumerate(self.offsets):
            there = self.present is None or self.present[place // 8] >> place % 8 & 1
            yield offset, self.values[self.ends[place] : self.ends[place + 1]] if there else None

    def arrow(self) -> object:
        """Itself as Arrow's columns, nothing copied."""
        rows = len(self)
        partitions = array("i", [self.partition]) * rows
        nulls = 0 if self.present is None else -1
        columns = [
            na.c_array_from_buffers(_COLUMNS["value"], rows, [self.present, self.ends, self.values], null_count=nulls),
            na.c_array_from_buffers(_COLUMNS["partition"], rows, [None, partitions], null_count=0),
            na.c_array_from_buffers(_COLUMNS["offset"], rows, [None, self.offsets], null_count=0),
            na.c_array_from_buffers(_COLUMNS["timestamp"], rows, [None, self.timestamps], null_count=0),
        ]
        return na.c_array_from_buffers(_SCHEMA, rows, [None], null_count=0, children=columns)


class MessageBatches:
    """A table of ``value``, ``partition``, ``offset`` and ``timestamp`` that DuckDB can register, and read more than once."""

    def __init__(self, batches: Sequence[MessageBatch]) -> None:
        self._arrays = [batch.arrow() for batch in batches if len(batch)]

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The table as Arrow's protocol asks for it."""
        stream = CArrayStream.from_c_arrays(self._arrays, _SCHEMA, move=False)
        return stream.__arrow_c_stream__(requested_schema)


def message_batches(rows: Sequence[tuple[int, bytes]]) -> list[MessageBatch]:
    """The texts of a file's rows, each with its place."""
    batches = []
    for start in range(0, len(rows), _BATCH_ROWS):
        places, texts = zip(*rows[start : start + _BATCH_ROWS], strict=True)
        batches.append(MessageBatch.of(texts, NONE, places, [NONE] * len(places)))
    return batches


def _bits(flags: Sequence[bool]) -> bytes:
    bits = bytearray((len(flags) + 7) // 8)
    for place, flag in enumerate(flags):
        bits[place // 8] |= flag << place % 8
    return bytes(bits)
