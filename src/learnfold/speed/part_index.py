"""Which part holds an offset, of a topic's parts; they may overlap."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from learnfold.speed.parts import Part


class PartIndex:
    """The parts of one topic that are known."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.parts: dict[str, Part] = {}  # by the record's path
        self.listed = 0.0  # when all of them were looked for last
        self._partitions: dict[int, _Held] = {}

    @property
    def partitions(self) -> list[int]:
        """Those of which parts hold something."""
        return list(self._partitions)

    def add(self, part: Part) -> None:
        """From now on it is known."""
        self.parts[part.path] = part
        for partition, (first, end) in part.ranges.items():
            if end > first:
                self._partitions.setdefault(partition, _Held()).add(first, end, part.path)

    def forget(self, part: Part) -> None:
        """From now on it isn't known."""
        del self.parts[part.path]
        self._partitions.clear()
        for other in self.parts.values():
            self.add(other)

    def holding(self, partition: int, offset: int) -> Part | None:
        """The part with an offset; of several that which goes farthest."""
        held = self._partitions.get(partition)
        path = held.holding(offset) if held else None
        return None if path is None else self.parts[path]

    def beyond(self, partition: int, offset: int) -> int | None:
        """The first offset behind this one that a part begins with."""
        held = self._partitions.get(partition)
        return held.beyond(offset) if held else None


class _Held:
    """Ranges of one partition, by where they begin."""

    def __init__(self) -> None:
        self._ranges: list[tuple[int, int, str]] = []
        self._firsts: list[int] = []
        self._reach: list[int] = []  # how far the ranges up to each go at most

    def add(self, first: int, end: int, path: str) -> None:
        place = bisect_right(self._firsts, first)
        self._ranges.insert(place, (first, end, path))
        self._firsts.insert(place, first)
        before = self._reach[place - 1] if place else 0
        self._reach[place:] = accumulate((one[1] for one in self._ranges[place:]), max, initial=before)
        del self._reach[place]  # the initial one

    def holding(self, offset: int) -> str | None:
        found: tuple[int, str] | None = None
        place = bisect_right(self._firsts, offset) - 1
        while place >= 0 and self._reach[place] > (found[0] if found else offset):
            _, end, path = self._ranges[place]
            if end > (found[0] if found else offset):
                found = end, path
            place -= 1
        return found[1] if found else None

    def beyond(self, offset: int) -> int | None:
        place = bisect_right(self._firsts, offset)
        return self._firsts[place] if place < len(self._firsts) else None
