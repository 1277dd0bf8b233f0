"""The log of compactions: how one file replaces several at once, though files appear and go one by one.

A record names the new file and the old ones. It is written before the new file, and means nothing until that is there: so the
moment at which the new file appears is the moment at which the old ones don't count any more. They stay as long as a reader may
still hold them, and the record as long as a reader may have listed them.

A reader lists files first, and asks for what is superseded after: then it never sees a new file whose record it doesn't know.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from learnfold.errors import DataError
from learnfold.storage.concurrency import map_concurrently
from learnfold.storage.stored_types import UNREADABLE, check

if TYPE_CHECKING:
    from collections.abc import Collection

    from learnfold.storage import Storage

COMPACTED = "_compacted"


@dataclass
class Compaction:
    """One record; paths are below MASTER."""

    new: str
    old: list[str] = field(default_factory=list)
    removed_at: str | None = None  # when the old files were removed, UTC; None: they are there

    @property
    def path(self) -> str:
        """Where it lies."""
        return f"{COMPACTED}/{self.new.rpartition('/')[2].removesuffix('.parquet')}.json"

    def write(self, master: Storage) -> None:
        """Puts it in place."""
        master.write(self.path, json.dumps(asdict(self), ensure_ascii=False).encode())


def read_compactions(master: Storage) -> list[Compaction]:
    """The records there are, by path."""
    paths = [entry.path for entry in master.list(COMPACTED) if entry.path.endswith(".json")]
    return [one for one in map_concurrently(partial(_read, master), paths, master.max_concurrency) if one is not None]


def superseded(master: Storage, listed: Collection[str]) -> set[str]:
    """Of the files that were listed before, those in whose place another one of them is."""
    there = set(listed)
    return {
        old
        for compaction in read_compactions(master)
        if compaction.new in there
        for old in compaction.old
        if old in there
    }


def _read(master: Storage, path: str) -> Compaction | None:
    data = master.read(path)
    if data is None:
        return None
    try:
        found = Compaction(**json.loads(data))
        check(found)
        if found.removed_at is not None and datetime.fromisoformat(found.removed_at).tzinfo is None:
            raise ValueError(f"{found.removed_at} has no zone")
    except UNREADABLE as error:
        raise DataError(
            f"{master.url}/{path} can't be read ({error!r}). It says which files a compaction put together; without it events may "
            "count twice: put it back from a backup, or remove the old files that its compacted file holds, then delete it"
        ) from error
    return found
