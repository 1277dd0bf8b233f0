"""Which of the files that learnfold wrote below OUT aren't what they were."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from learnfold.errors import MissingDataError
from learnfold.storage.concurrency import map_concurrently
from learnfold.storage.intact import DIFFERENT, sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from learnfold.batch.manifest import StoredFile
    from learnfold.storage import Storage

GONE = "it is gone"

_MOST_THREADS = 8


def damaged_by_size(files: Iterable[StoredFile], sizes: Mapping[str, int]) -> dict[str, str]:
    """By path, what is wrong with files that are gone or have another size than was written; ``sizes`` are those that are there."""
    wrong = {}
    for file in files:
        size = sizes.get(file.path)
        if size is None:
            wrong[file.path] = GONE
        elif file.bytes is not None and size != file.bytes:
            wrong[file.path] = f"it has {size:,} bytes, and {file.bytes:,} were written"
    return wrong


def damaged_files(out: Storage, files: Iterable[StoredFile], sizes: Mapping[str, int]) -> dict[str, str]:
    """The same, of every file that is there the bytes being read too; by path."""
    stored = {file.path: file for file in files}
    wrong = damaged_by_size(stored.values(), sizes)

    def differs(file: StoredFile) -> str | None:
        try:
            with out.local([file.path]) as (local,):
                return DIFFERENT if sha256_of(local) != file.sha256 else None
        except MissingDataError:
            return GONE

    todo = [file for file in stored.values() if file.sha256 and file.path not in wrong]
    threads = max(out.max_concurrency, min(_MOST_THREADS, os.cpu_count() or 1))
    for file, why in zip(todo, map_concurrently(differs, todo, min(threads, _MOST_THREADS)), strict=True):
        if why is not None:
            wrong[file.path] = why
    return dict(sorted(wrong.items()))
