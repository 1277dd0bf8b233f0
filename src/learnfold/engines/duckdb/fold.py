"""One fold: events of files of the master dataset, valid and each once, into one new file a rollup."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from learnfold.catalog.reasons import unreadable_files
from learnfold.engines import DayCounts, FileFacts, Folded
from learnfold.engines.duckdb import decode, footers
from learnfold.engines.duckdb.events import (
    create_topic_view,
    drop_duplicates,
    drop_events,
    load_events,
    valid_events,
)
from learnfold.engines.duckdb.keep import write_ids
from learnfold.engines.duckdb.quarantine import write_quarantine
from learnfold.engines.duckdb.rollups import rollup_select, write_parquet
from learnfold.engines.event_source import EventSource, needed_fields
from learnfold.errors import DataError
from learnfold.storage.out_layout import rollup_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learnfold.engines import FoldRequest, OutputFile
    from learnfold.engines.duckdb.footers import Footers
    from learnfold.storage import Storage


def fold(
    cursor: duckdb.DuckDBPyConnection,
    request: FoldRequest,
    local: Sequence[str],
    out: Storage,
    *,
    skip_unreadable: bool,
) -> Folded:
    """What the local files hold, which are ``request.files`` in their order; writes a file of each rollup.

    Raises DataError for files that can't be read, unless they are to be skipped.
    """
    path_of = dict(zip(local, request.files, strict=True))
    found = footers.read(cursor, local)
    found.paths = path_of
    source = _load(cursor, request, found)
    folded = Folded(unreadable={path_of[file]: why for file, why in found.unreadable.items()})
    if folded.unreadable and not skip_unreadable:
        raise DataError(unreadable_files(folded.unreadable))
    try:
        files = {file: FileFacts(rows=found.rows[file]) for file in found.readable}
        folded.files = {path_of[file]: facts for file, facts in files.items()}
        _find_facts(cursor, list(files.values()))
        _count_days(request, folded)
        drop_duplicates(cursor, source, request.days, folded.days)
        create_topic_view(cursor, request.topic, request.days)
        if request.ids_path is not None:
            folded.ids = write_ids(cursor, valid_events(request.days), request.ids_path, out)
        for rollup in request.rollups:
            path = rollup_path(rollup.name, request.name)
            folded.parts[rollup.name] = [_write(cursor, rollup_select(rollup), path, out)]
        invalid = {
            file: path_of[file] for file, facts in files.items() if path_of[file] in request.fresh and facts.quarantined
        }
        if invalid:
            folded.quarantine = write_quarantine(cursor, request.topic, found, invalid, out)
    finally:
        drop_events(cursor)
    return folded


def _load(cursor: duckdb.DuckDBPyConnection, request: FoldRequest, found: Footers) -> EventSource:
    """Loads the events of all readable files; files that break midway join those that ``found`` has as unreadable."""
    topic = request.topic

    def select(fields: Sequence[str]) -> str:
        return decode.select_files(topic, found, fields)

    source = EventSource(topic, needed_fields(topic, request.rollups), select)
    try:
        load_events(cursor, source)
    except duckdb.Error as error:
        if isinstance(error, duckdb.OutOfMemoryException):
            raise
        broken = _broken(cursor, source, found)
        if not broken:
            raise
        found.leave_out(broken)
        return _load(cursor, request, found)
    return source


def _broken(cursor: duckdb.DuckDBPyConnection, source: EventSource, found: Footers) -> dict[str, str]:
    """The files that break when they are read alone, and why."""
    broken = {}
    for shape, files in found.shapes.items():
        for file in files:
            rows = decode.rows_of(source.topic, found, shape, [file])
            select = decode.select_from(source.topic, shape, rows, source.fields)
            try:
                cursor.execute(f"CREATE OR REPLACE TEMP TABLE events AS {select}")
            except duckdb.Error as error:
                broken[file] = footers.brief(error, file)
    return broken


def _find_facts(cursor: duckdb.DuckDBPyConnection, files: Sequence[FileFacts]) -> None:
    """Notes what each file holds, by its place in the table ``events``."""
    for file, day, reason, count in cursor.execute(
        "SELECT _file, CASE WHEN _reason IS NULL THEN _day END, _reason, count(*) FROM events GROUP BY ALL"
    ).fetchall():
        if reason is None:
            files[file].days[day] = count
        else:
            files[file].quarantined[reason] = count
    for file, partition, least, greatest in cursor.execute(
        "SELECT _file, _partition, min(_offset), max(_offset) FROM events WHERE _partition IS NOT NULL AND _offset IS NOT NULL GROUP BY ALL"
    ).fetchall():
        files[file].offsets[partition] = (least, greatest)


def _count_days(request: FoldRequest, folded: Folded) -> None:
    """Adds up the files' events by day, those of the days that are folded."""
    for facts in folded.files.values():
        for day, count in facts.days.items():
            if request.days is None or day in request.days:
                folded.days.setdefault(day, DayCounts()).events += count


def _write(cursor: duckdb.DuckDBPyConnection, select: str, path: str, out: Storage) -> OutputFile:
    with out.new(path) as file:
        return write_parquet(cursor, select, file, path)
