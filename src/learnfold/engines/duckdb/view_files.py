"""The views that a view reads, by their names, from the files that hold them."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from learnfold.engines.duckdb.sql import parquet

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from learnfold.engines import RefreshRequest
    from learnfold.storage.intact import IntactFiles


@contextmanager
def view_files(cursor: duckdb.DuckDBPyConnection, request: RefreshRequest, out: IntactFiles) -> Iterator[None]:
    """Within the block the cursor knows each of ``request.views`` by its name."""
    with ExitStack() as held:
        for name, paths in request.views.items():
            files = held.enter_context(out.local({path: request.digests.get(path, "") for path in paths}))
            cursor.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT * FROM {parquet(files)}")
            held.callback(cursor.execute, f"DROP VIEW {name}")
        yield
