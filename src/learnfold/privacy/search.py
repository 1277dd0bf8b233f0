"""Searches every file of a place for a person, whatever kind of file it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from learnfold.errors import DataError, MissingDataError
from learnfold.privacy.texts import pieces
from learnfold.storage.folder import TORN
from learnfold.storage.out_layout import holds_hashes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from learnfold.privacy.parquet import PersonQueries, Traces
    from learnfold.storage import Entry, Storage
    from learnfold.telemetry.reporter import Reporter

_PARQUET = (".parquet", ".parq", ".pq")
_FILES, _BYTES = 256, 512_000_000
"""At most so many files and bytes are fetched together."""


@dataclass
class Findings:
    """What the files of one place hold of a person."""

    traces: dict[str, Traces] = field(default_factory=dict)  # by Parquet file that holds something
    texts: list[str] = field(default_factory=list)  # other files whose content names the person
    names: list[str] = field(default_factory=list)  # files whose own path names the person
    closed: dict[str, str] = field(default_factory=dict)  # files that can't be searched, and why
    files: int = 0  # searched
    rows: int = 0  # of the Parquet files among them

    @property
    def holding(self) -> set[str]:
        """The files whose content holds something."""
        return {*self.traces, *self.texts}


def entries_below(storage: Storage, *others: Storage) -> list[Entry]:
    """The files of a place without those of ``others`` that lie within it, and without what is being written."""
    within = tuple(f"{other.url.removeprefix(storage.url).strip('/')}/" for other in others if _within(other, storage))
    return [e for e in storage.list() if not e.path.startswith(within) and not TORN.search(e.path)]


def search(storage: Storage, entries: Iterable[Entry], queries: PersonQueries, reporter: Reporter) -> Findings:
    """What the files hold; those that are gone by now hold nothing."""
    found = Findings()
    entries = list(entries)
    found.names = [entry.path for entry in entries if queries.person.named_in(entry.path)]
    columnar = [entry for entry in entries if _is_columnar(entry) and entry.size]
    for group in _groups(columnar):
        reporter.step(f"searching {storage.url}", group[0].path)
        _search_columns(storage, group, queries, found)
    for entry in entries:
        if entry.size and not _is_columnar(entry) and not holds_hashes(entry.path):
            reporter.step(f"searching {storage.url}", entry.path)
            _search_text(storage, entry, queries, found)
    return found


def _search_columns(storage: Storage, group: Sequence[Entry], queries: PersonQueries, found: Findings) -> None:
    paths = [entry.path for entry in group]
    try:
        with storage.local(paths) as files:
            name = dict(zip(files, paths, strict=True))
            traces, unreadable = queries.find(files)
    except MissingDataError:
        if len(group) == 1:
            return
        for entry in group:
            _search_columns(storage, [entry], queries, found)
        return
    found.files += len(traces)
    found.rows += sum(trace.rows for trace in traces.values())
    found.traces |= {name[file]: trace for file, trace in traces.items() if trace.any}
    found.closed |= {name[file]: why for file, why in unreadable.items()}


def _search_text(storage: Storage, entry: Entry, queries: PersonQueries, found: Findings) -> None:
    try:
        with storage.local([entry.path]) as (file,):
            if any(queries.named_in(text) for text in pieces(Path(file), entry.path)):
                found.texts.append(entry.path)
            found.files += 1
    except MissingDataError:
        return
    except DataError as error:
        found.closed[entry.path] = str(error)


def _is_columnar(entry: Entry) -> bool:
    return entry.path.lower().endswith(_PARQUET)


def _groups(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    group: list[Entry] = []
    for entry in entries:
        if group and (len(group) >= _FILES or sum(held.size for held in group) + entry.size > _BYTES):
            yield group
            group = []
        group.append(entry)
    if group:
        yield group


def _within(inner: Storage, outer: Storage) -> bool:
    return inner.url != outer.url and inner.url.startswith(outer.url.rstrip("/") + "/")
