"""Which rows of which files are a rollup's, as engines read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.engines import FileRows

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from learnfold.batch.manifest import RollupFile
    from learnfold.engines import RollupRows


def rows_of(files: Iterable[RollupFile], days: set[date] | None = None) -> tuple[RollupRows, ...]:
    """The files as a view reads them: of each the UTC days that it answers for, of ``days`` only (None: all)."""
    found = []
    for file in files:
        answered = set(file.days) if days is None else days.intersection(file.days)
        if answered:
            rows, size = (whole * len(answered) // file.held for whole in (file.rows, file.bytes))
            some = None if len(answered) == file.held else frozenset(answered)
            found.append(FileRows(file.path, some, rows=rows, bytes=size, sha256=file.sha256))
    return tuple(found)
