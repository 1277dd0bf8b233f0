"""The views that a view reads, from the files that hold them."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from learnfold.engines.duckdb.sql import parquet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnfold.engines import RefreshRequest
    from learnfold.storage.intact import IntactFiles


@contextmanager
def view_files(request: RefreshRequest, out: IntactFiles) -> Iterator[dict[str, str]]:
    """By name, each of ``request.views`` as a relation in SQL, while the block lasts."""
    with ExitStack() as held:
        views = {}
        for name, paths in request.views.items():
            files = held.enter_context(out.local({path: request.digests.get(path, "") for path in paths}))
            views[name] = parquet(files)
        yield views
