"""What a batch has seen already: sorted 64-bit hashes in files that are mapped, not read."""

from __future__ import annotations

import mmap
import secrets
from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

WORD = 8


class Tuples:
    """The hashes of a set's tuples; a look-up takes about a microsecond."""

    def __init__(self, file: Path) -> None:
        self._hashes = _mapped(file).cast("Q")

    def __contains__(self, value: int) -> bool:
        place = bisect_left(self._hashes, value)
        return place < len(self._hashes) and self._hashes[place] == value

    def __len__(self) -> int:
        return len(self._hashes)


class Identities:
    """The events with an id of one topic and UTC day, and of each its time (microseconds since 1970) and a hash of its fields."""

    def __init__(self, file: Path) -> None:
        whole = _mapped(file)
        third = len(whole) // 3
        self._hashes = whole[:third].cast("Q")
        self._times = whole[third : 2 * third].cast("q")
        self._contents = whole[2 * third :].cast("Q")

    def get(self, identity: int) -> tuple[int, int] | None:
        """The time and content of the event that was kept; None where there is none of this identity."""
        place = bisect_left(self._hashes, identity)
        if place == len(self._hashes) or self._hashes[place] != identity:
            return None
        return self._times[place], self._contents[place]


def write_whole(file: Path, columns: Iterable[Iterable[bytes | memoryview]]) -> None:
    """Writes columns, of 64-bit words for instance, one behind the other; the file appears whole, whoever else writes it just now."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{secrets.token_hex(4)}.part")
    with part.open("wb") as target:
        for column in columns:
            for some in column:
                target.write(some)
    part.replace(file)


def _mapped(file: Path) -> memoryview:
    with file.open("rb") as opened:
        if file.stat().st_size == 0:
            return memoryview(b"")
        return memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))
