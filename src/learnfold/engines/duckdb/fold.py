"""One fold: events of files of the master dataset, valid and each once, into one new file a rollup."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from learnfold.catalog.reasons import unreadable_files
from learnfold.engines import DayCounts, FileFacts, Folded
from learnfold.engines.duckdb import decode, footers
from learnfold.engines.duckdb.copies import Copies
from learnfold.engines.duckdb.events import (
    create_topic_view,
    drop_duplicates,
    drop_events,
    load_events,
    valid_events,
)
from learnfold.engines.duckdb.footers import DUCKDB_ERRORS
from learnfold.engines.duckdb.keep import write_ids
from learnfold.engines.duckdb.quarantine import write_quarantine
from learnfold.engines.duckdb.retracted import drop_retracted
from learnfold.engines.duckdb.rollups import rollup_select, write_parquet
from learnfold.engines.event_source import EventSource, needed_fields
from learnfold.errors import DataError
from learnfold.storage.out_layout import rollup_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from learnfold.engines import FoldRequest, OutputFile
    from learnfold.engines.duckdb.footers import Footers
    from learnfold.settings import Settings
    from learnfold.storage import Storage


def fold(
    cursor: duckdb.DuckDBPyConnection, request: FoldRequest, local: Sequence[str], out: Storage, settings: Settings
) -> Folded:
    """What the local files hold, which are ``request.files`` in their order; writes a file of each rollup.

    Raises DataError for files that can't be read, unless they are to be skipped.
    """
    found = footers.read(cursor, local)
    found.paths = dict(zip(local, request.files, strict=True))
    source = EventSource(
        request.topic,
        needed_fields(request.topic, request.readers or request.rollups),
        lambda fields: decode.select_files(request.topic, found, fields),
        lambda fields, files, table: decode.select_rows(request.topic, found, fields, files, table),
    )
    copies = Copies(cursor, found, settings)
    try:
        while True:
            if found.unreadable and not settings.skip_unreadable:
                raise DataError(unreadable_files({found.paths[file]: why for file, why in found.unreadable.items()}))
            try:
                folded = _read(cursor, request, source, found, out)
                break
            except DUCKDB_ERRORS as error:
                if isinstance(error, duckdb.OutOfMemoryException) or not copies.mend(source):
                    raise
        if request.retractions:
            drop_retracted(cursor, request.days, folded.days)
        create_topic_view(cursor, request.topic, request.days)
        if request.ids_path is not None:
            folded.ids = write_ids(cursor, valid_events(request.days), request.ids_path, out)
        for rollup in request.rollups:
            path = rollup_path(rollup.name, request.name)
            folded.parts[rollup.name] = [_write(cursor, rollup_select(rollup), path, out)]
    finally:
        drop_events(cursor)
        copies.close()
    return folded


def _read(
    cursor: duckdb.DuckDBPyConnection, request: FoldRequest, source: EventSource, found: Footers, out: Storage
) -> Folded:
    """Loads the events of all readable files, each once, and writes the invalid ones down."""
    load_events(cursor, source)
    files = {file: FileFacts(rows=found.rows[file]) for file in found.readable}
    folded = Folded(
        {found.paths[file]: facts for file, facts in files.items()},
        unreadable={found.paths[file]: why for file, why in found.unreadable.items()},
    )
    newest = _find_facts(cursor, list(files.values()))
    _count_days(request, folded, newest)
    drop_duplicates(cursor, source, request.days, folded.days)
    paths = {file: found.paths[file] for file, facts in files.items() if facts.quarantined}
    invalid = {file: path for file, path in paths.items() if path in request.fresh}
    if invalid:
        folded.quarantine = write_quarantine(cursor, request, found, invalid, out)
    return folded


def _find_facts(cursor: duckdb.DuckDBPyConnection, files: Sequence[FileFacts]) -> dict[date, int]:
    """Notes what each file holds, by its place in the table ``events``; when the newest event of each day happened."""
    newest: dict[date, int] = {}
    for file, day, reason, count, latest in cursor.execute(
        "SELECT _file, CASE WHEN _reason IS NULL THEN _day END, _reason, count(*), epoch_ms(max(timestamp)) // 1000 "
        "FROM events GROUP BY ALL"
    ).fetchall():
        if reason is None:
            files[file].days[day] = count
            newest[day] = max(latest, newest.get(day, latest))
        else:
            files[file].quarantined[reason] = count
    for file, partition, least, greatest in cursor.execute(
        "SELECT _file, _partition, min(_offset), max(_offset) FROM events WHERE _partition IS NOT NULL AND _offset IS NOT NULL GROUP BY ALL"
    ).fetchall():
        files[file].offsets[partition] = (least, greatest)
    return newest


def _count_days(request: FoldRequest, folded: Folded, newest: Mapping[date, int]) -> None:
    """Adds up the files' events by day, those of the days that are folded."""
    for facts in folded.files.values():
        for day, count in facts.days.items():
            if request.days is None or day in request.days:
                folded.days.setdefault(day, DayCounts(newest=newest[day])).events += count


def _write(cursor: duckdb.DuckDBPyConnection, select: str, path: str, out: Storage) -> OutputFile:
    with out.new(path) as file:
        return write_parquet(cursor, select, file, path)
