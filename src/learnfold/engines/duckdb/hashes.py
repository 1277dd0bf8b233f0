"""Files of hashes: eight bytes each, least byte first, ascending. They are written, read, and merged with new ones."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from learnfold.catalog.hashes import BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import duckdb

_ROWS = 100_000
"""Hashes that are taken from DuckDB at once."""


def answers(cursor: duckdb.DuckDBPyConnection) -> Iterator[array[int]]:
    """The hashes that the cursor's query gives, some at a time."""
    while rows := cursor.fetchmany(_ROWS):
        yield array("Q", map(itemgetter(0), rows))


def write(some: Iterable[array[int]], file: Path) -> int:
    """How many hashes these are, all of them written one behind the other."""
    count = 0
    with file.open("wb") as target:
        for part in some:
            count += len(part)
            if sys.byteorder == "big":
                part.byteswap()
            part.tofile(target)
    return count


def read(file: str) -> array[int]:
    """The hashes that a file holds."""
    path, held = Path(file), array("Q")
    with path.open("rb") as source:
        held.fromfile(source, path.stat().st_size // BYTES)
    if sys.byteorder == "big":
        held.byteswap()
    return held


def merged(held: array[int], others: Iterable[int]) -> Iterator[array[int]]:
    """Those ``held`` and some ascending others, each once and ascending."""
    done = place = 0
    for one in others:
        place = bisect_left(held, one, place)
        if place == len(held) or held[place] != one:
            yield held[done:place]
            yield array("Q", [one])
            done = place
    yield held[done:]
