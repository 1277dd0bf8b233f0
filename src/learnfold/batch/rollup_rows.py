"""Which rows of which files are a rollup's, as engines read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.batch.manifest import day_of
from learnfold.engines import FileRows

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from learnfold.batch.manifest import RollupFile
    from learnfold.engines import RollupRows


def sources(parts: Iterable[RollupFile], days: set[date] | None = None) -> tuple[RollupRows, ...]:
    """The parts as a view reads them: of each the days that it answers for, of ``days`` only (None: all)."""
    found = []
    for part in parts:
        answered = {day_of(day) for day in part.days}
        if days is not None:
            answered &= days
        if answered:
            rows = part.rows * len(answered) // part.held
            found.append(FileRows(part.path, None if len(answered) == part.held else frozenset(answered), rows=rows))
    return tuple(found)
