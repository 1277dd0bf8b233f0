"""Finds which of the files that a query read is broken, where their digests aren't known: an earlier learnfold wrote none."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from learnfold.engines.duckdb.footers import DUCKDB_ERRORS, brief
from learnfold.engines.duckdb.sql import parquet
from learnfold.errors import DamagedError, DataError, StorageError
from learnfold.storage.intact import damaged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from learnfold.storage import Storage


@contextmanager
def broken_files_named(out: Storage, paths: Iterable[str]) -> Iterator[None]:
    """Raises DamagedError in place of an error of the block, where a file of ``paths`` can't be read by itself either.

    What DuckDB raises for a broken file may be anything; so of an error that isn't known, all of ``paths`` are suspected.
    """
    try:
        yield
    except (DamagedError, duckdb.OutOfMemoryException):
        raise
    except (*DUCKDB_ERRORS, DataError, StorageError) as error:
        suspected = sorted(set(paths))
        broken = _broken(out, suspected)
        if not broken and isinstance(error, DUCKDB_ERRORS):
            broken = dict.fromkeys(suspected, f"it can't be worked with ({brief(error)})")
        if not broken:
            raise
        raise damaged(out.url, broken, "'learnfold run --full' makes them again from the events") from error


def _broken(out: Storage, paths: list[str]) -> dict[str, str]:
    """By path, why a file can't be read whole; each by a database of its own, since an error may break that too."""
    broken = {}
    for path in paths:
        with out.local([path]) as files, duckdb.connect() as alone:
            try:
                alone.execute(f"SELECT sum(CAST(hash(rows) AS HUGEINT)) FROM {parquet(files)} AS rows").fetchall()
            except DUCKDB_ERRORS as error:
                broken[path] = f"it can't be read ({brief(error, files[0])})"
    return broken
