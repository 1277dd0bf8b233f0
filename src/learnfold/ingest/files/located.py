"""Which files a user means, and what their names say of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from learnfold.errors import UsageError
from learnfold.ingest.files import formats
from learnfold.master.tables import refuse_table, table_roots
from learnfold.storage import open_storage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learnfold.catalog import Catalog
    from learnfold.settings import Settings
    from learnfold.storage import Storage


@dataclass(frozen=True)
class InputFile:
    """A file to be taken in: where it lies, and what the user calls it."""

    storage: Storage
    path: str
    name: str


def located(names: Sequence[str], settings: Settings) -> list[InputFile]:
    """The files that a user names, in order; of folders those that end like files of events.

    Raises UsageError for what isn't there, DataError for a table of Delta, Iceberg or Hudi.
    """
    return [source for name in names for source in _of(name, settings)]


def _of(name: str, settings: Settings) -> list[InputFile]:
    folder = name.rstrip("/")
    if "://" not in name and not Path(name).is_dir():
        if not Path(name).is_file():
            raise UsageError(f"there is no file {name}")
        return [InputFile(open_storage(str(Path(name).parent), settings), Path(name).name, name)]
    storage = open_storage(folder or "/", settings)
    inside = [entry.path for entry in storage.list()]
    if "://" in name and not inside:
        above, _, last = folder.rpartition("/")
        return [InputFile(open_storage(above, settings), last, name)]
    wanted = [
        path for path in inside if formats.is_known(path) and not any(part[0] in "._" for part in path.split("/"))
    ]
    if not wanted:
        raise UsageError(f"there are no files of events in {name}; they end in {', '.join(formats.SUFFIXES)}")
    tables = table_roots(inside)
    for path in wanted:
        refuse_table(path, tables, folder)
    return [InputFile(storage, path, f"{folder}/{path}") for path in wanted]


def topic_named(name: str, catalog: Catalog) -> str | None:
    """The topic that a file's name or folder speaks of: ``topic=auth_topic/…``, ``auth_topic-2025.jsonl``, ``auth.csv``."""
    folders, _, last = name.rpartition("/")
    for topic in catalog.topics:
        if f"topic={topic}" in folders.split("/") or topic in last:
            return topic
    words = re.split(r"[^a-z]+", last.lower())
    found = {topic for topic in catalog.topics if topic.removesuffix("_topic") in words}
    return found.pop() if len(found) == 1 else None
