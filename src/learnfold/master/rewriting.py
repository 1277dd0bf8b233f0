"""Files of the master dataset that are written again: only what is still as it was read is replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.errors import ConflictError, MissingDataError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from learnfold.storage import Entry, Storage


def entry_of(master: Storage, path: str) -> Entry:
    """The file as it is now; raises MissingDataError where it is gone."""
    found = _listed(master, [path]).get(path)
    if found is None:
        raise MissingDataError(f"{master.url}/{path} is gone")
    return found


def unchanged(master: Storage, read: Iterable[Entry]) -> bool:
    """Whether all files are there as they were read."""
    return _first_changed(master, read) is None


def check_unchanged(master: Storage, read: Iterable[Entry]) -> None:
    """Raises ConflictError where a file was rewritten since it was read, as when a person is erased: nothing is replaced then."""
    changed = _first_changed(master, read)
    if changed is not None:
        raise ConflictError(f"{master.url}/{changed} was changed meanwhile; give the command again")


def _first_changed(master: Storage, read: Iterable[Entry]) -> str | None:
    read = list(read)
    there = _listed(master, [entry.path for entry in read])
    return next((e.path for e in read if e.path not in there or there[e.path].tag != e.tag), None)


def _listed(master: Storage, paths: Iterable[str]) -> dict[str, Entry]:
    folders = {path.rpartition("/")[0] for path in paths}
    return {entry.path: entry for folder in folders for entry in master.list(folder)}
