"""One fold: events of some files, valid and each once, into one new file a rollup."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from learnfold.catalog.reasons import unreadable_files
from learnfold.engines import DayCounts, FileFacts, Folded, OutputFile
from learnfold.engines.duckdb import decode, footers
from learnfold.engines.duckdb.quarantine import write_quarantine
from learnfold.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from learnfold.catalog import Rollup, Topic
    from learnfold.engines import FoldRequest
    from learnfold.engines.duckdb.footers import ProbedFiles
    from learnfold.storage import Storage

PARQUET = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, WRITE_BLOOM_FILTER false"


def fold(
    connection: duckdb.DuckDBPyConnection,
    request: FoldRequest,
    local: Sequence[str],
    out: Storage,
    *,
    skip_unreadable: bool,
) -> Folded:
    """Folds the local files, which are ``request.files`` in their order; raises DataError for one that can't be read."""
    name = dict(zip(local, request.files, strict=True))
    probed = footers.probe(connection, local)
    wanted = _wanted(request)
    _load(connection, request.topic, probed, wanted)
    folded = Folded(unreadable={name[file]: why for file, why in probed.unreadable.items()})
    if folded.unreadable and not skip_unreadable:
        raise DataError(unreadable_files(folded.unreadable))
    order = [file for files in probed.shapes.values() for file in files]
    try:
        folded.files = {name[file]: FileFacts(rows=probed.rows[file]) for file in order}
        _facts(connection, [folded.files[name[file]] for file in order], folded, request.days)
        _drop_copies(connection, request, probed, wanted, folded)
        _prepare(connection, request)
        for rollup in request.rollups:
            folded.parts[rollup.name] = [
                _write(connection, rollup, f"_rollups/{rollup.name}/{request.name}.parquet", out)
            ]
        invalid = [file for file in order if name[file] in request.fresh and folded.files[name[file]].quarantined]
        if invalid:
            folded.quarantine = write_quarantine(connection, request.topic, probed, order, invalid, name, out)
    finally:
        connection.execute("DROP TABLE IF EXISTS events")
    return folded


def _wanted(request: FoldRequest) -> list[str]:
    """The fields that the rollups read, and those that events are told apart by."""
    names = {"event_id", "timestamp"}
    for rollup in request.rollups:
        names |= rollup.reads
    return [field.name for field in request.topic.sent if field.name in names]


def _load(connection: duckdb.DuckDBPyConnection, topic: Topic, probed: ProbedFiles, wanted: Sequence[str]) -> None:
    """Puts the events of all readable files, valid or not, into the table ``events``."""
    try:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE events AS {union(topic, probed, wanted)}")
    except duckdb.Error as error:
        if isinstance(error, duckdb.OutOfMemoryException):
            raise
        broken = _broken(connection, topic, probed, wanted)
        if not broken:
            raise
        for shape, files in list(probed.shapes.items()):
            probed.shapes[shape] = [file for file in files if file not in broken]
        probed.unreadable |= broken
        _load(connection, topic, probed, wanted)


def union(topic: Topic, probed: ProbedFiles, wanted: Sequence[str]) -> str:
    """The SELECT over all files, each numbered by its place among them, with ``_day``: the event's UTC day."""
    selects, first = [], 0
    for shape, files in probed.shapes.items():
        if files:
            selects.append(decode.select(topic, shape, files, first, wanted))
            first += len(files)
    if not selects:
        columns = ", ".join(
            f"CAST(NULL AS {field.type}) AS {field.name}" for field in topic.sent if field.name in wanted
        )
        selects = [
            "SELECT CAST(NULL AS INTEGER) AS _file, CAST(NULL AS BIGINT) AS _row, CAST(NULL AS INTEGER) AS _partition, "
            f"CAST(NULL AS BIGINT) AS _offset, {columns}, CAST(NULL AS VARCHAR) AS _reason WHERE false"
        ]
    return f"SELECT *, CAST(timestamp AS DATE) AS _day, {_IDENTITY} AS _identity FROM ({' UNION ALL BY NAME '.join(selects)})"


def _broken(
    connection: duckdb.DuckDBPyConnection, topic: Topic, probed: ProbedFiles, wanted: Sequence[str]
) -> dict[str, str]:
    """The files that break when they are read alone, and why."""
    broken = {}
    for shape, files in probed.shapes.items():
        for file in files:
            try:
                connection.execute(
                    f"CREATE OR REPLACE TEMP TABLE events AS {decode.select(topic, shape, [file], 0, wanted)}"
                )
            except duckdb.Error as error:
                broken[file] = footers.brief(error, file)
    return broken


def _facts(
    connection: duckdb.DuckDBPyConnection, files: Sequence[FileFacts], folded: Folded, days: frozenset[date] | None
) -> None:
    for file, day, reason, count in connection.execute(
        "SELECT _file, CASE WHEN _reason IS NULL THEN _day END, _reason, count(*) FROM events GROUP BY ALL"
    ).fetchall():
        if reason is None:
            files[file].days[day] = count
            if days is None or day in days:
                folded.days.setdefault(day, DayCounts()).events += count
        else:
            files[file].quarantined[reason] = count
    for file, partition, least, greatest in connection.execute(
        "SELECT _file, _partition, min(_offset), max(_offset) FROM events WHERE _partition IS NOT NULL AND _offset IS NOT NULL GROUP BY ALL"
    ).fetchall():
        files[file].offsets[partition] = (least, greatest)


def _drop_copies(
    connection: duckdb.DuckDBPyConnection,
    request: FoldRequest,
    probed: ProbedFiles,
    wanted: Sequence[str],
    folded: Folded,
) -> None:
    """Leaves one of the events that are the same: the earliest, then the one with the smallest fields, in the topic's order."""
    these = f"_reason IS NULL AND _identity IS NOT NULL{_of_days(request.days)}"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE suspects AS SELECT _identity FROM events WHERE {these} GROUP BY ALL HAVING count(*) > 1"
    )
    rest = [name for name in wanted if name not in {decode.IDENTITY, "timestamp"}]
    told = f"row({', '.join(rest)})" if rest else "1"
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE copies AS
        SELECT rowid AS place, _file, _row, _day, timestamp, {told} AS told, {_SAME} AS same
        FROM events SEMI JOIN suspects USING (_identity) WHERE {these}""")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE first_copies AS SELECT *, rank() OVER (PARTITION BY _day, same ORDER BY timestamp) AS nth FROM copies"
    )
    unclear = connection.execute(
        "SELECT 1 FROM first_copies WHERE nth = 1 GROUP BY _day, same HAVING count(DISTINCT told) > 1 LIMIT 1"
    ).fetchone()
    if unclear:  # the rollups would tell: look at all fields
        _rank_by_all(connection, request.topic, probed)
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE losers AS
        SELECT place, _day FROM (SELECT *, row_number() OVER (PARTITION BY _day, same ORDER BY nth, told, place) AS kept FROM first_copies)
        WHERE kept > 1""")
    for day, count in connection.execute("SELECT _day, count(*) FROM losers GROUP BY ALL").fetchall():
        folded.days[day].duplicates = count
        folded.days[day].events -= count
    if any(facts.duplicates for facts in folded.days.values()):
        connection.execute("DELETE FROM events WHERE rowid IN (SELECT place FROM losers)")
    for table in ("suspects", "copies", "first_copies", "losers"):
        connection.execute(f"DROP TABLE {table}")


_IDENTITY = """CASE WHEN event_id IS NOT NULL THEN hash(event_id)
    WHEN _partition IS NOT NULL AND _offset IS NOT NULL THEN hash(_partition, _offset) END"""
_SAME = """CASE WHEN event_id IS NOT NULL THEN row(event_id, CAST(NULL AS INTEGER), CAST(NULL AS BIGINT))
    ELSE row(CAST(NULL AS VARCHAR), _partition, _offset) END"""
"""What makes events the same; hashes only find those that may be."""


def _rank_by_all(connection: duckdb.DuckDBPyConnection, topic: Topic, probed: ProbedFiles) -> None:
    """Ranks copies by their timestamp and then all their fields, read once more from the files."""
    fields = [field.name for field in topic.sent]
    order = ", ".join(f"whole.{name} NULLS FIRST" for name in fields if name not in {"event_id", "timestamp"})
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE first_copies AS
        SELECT copies.*, rank() OVER (PARTITION BY copies._day, copies.same ORDER BY copies.timestamp, {order}) AS nth
        FROM copies JOIN ({union(topic, probed, fields)}) AS whole ON copies._file = whole._file AND copies._row = whole._row""")


def _of_days(days: frozenset[date] | None) -> str:
    if days is None:
        return ""
    return f" AND _day IN ({', '.join(f'DATE {day.isoformat()!r}' for day in sorted(days))})" if days else " AND false"


def _prepare(connection: duckdb.DuckDBPyConnection, request: FoldRequest) -> None:
    """Shows the valid events of the days as the topic that the rollups' SQL reads."""
    derived = ", ".join(f"{field.derived} AS {field.name}" for field in request.topic.derived)
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {request.topic.name} AS SELECT *, {derived} FROM events WHERE _reason IS NULL{_of_days(request.days)}"
    )


def _write(connection: duckdb.DuckDBPyConnection, rollup: Rollup, path: str, out: Storage) -> OutputFile:
    columns = ", ".join(f"CAST({column.name} AS {column.type}) AS {column.name}" for column in rollup.columns)
    with out.new(path) as file:
        (rows,) = connection.execute(
            f"COPY (SELECT _day, {columns} FROM ({rollup.by_day})) TO '{_escaped(file)}' ({PARQUET})"
        ).fetchone() or (0,)
        return OutputFile(path, rows, file.stat().st_size)


def _escaped(file: object) -> str:
    return str(file).replace("'", "''")
