"""Files of the master dataset as rows that the speed layer adds: typed, each with its place, without those that have to wait.

An event with an id is told apart by it, as everywhere. One without is told apart by its place in Kafka or, without that, by being in
another file: such a row waits where the same event may be in already.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from learnfold.engines.duckdb import decode, footers
from learnfold.engines.duckdb.retracted import IS_RETRACTED, load_retracted
from learnfold.engines.duckdb.sql import quoted
from learnfold.errors import DataError
from learnfold.speed.files import MOST_ROWS, ROW_BITS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import duckdb

    from learnfold.catalog import Topic
    from learnfold.speed.files import Span

EPOCH = date(1970, 1, 1).toordinal()

_DAY = "CAST(timestamp AS DATE) - DATE '1970-01-01'"
_PLACED = "_reason IS NULL AND event_id IS NULL AND _partition IS NOT NULL AND _offset IS NOT NULL"
TAKE, WAIT, DROP = range(3)


@dataclass
class Doubts:
    """What is known of rows that may be in already."""

    untrusted: Collection[int] = ()  # numbers of files whose rows without an id may be in
    days: Collection[int] = ()  # days (from 1970) of which it isn't known what is in
    spans: Collection[Span] = ()


@dataclass
class FileRows:
    """What was found in one file."""

    rows: int
    waiting: array[int] = field(default_factory=lambda: array("q"))  # the rows that wait, in order
    dropped: array[int] = field(default_factory=lambda: array("q"))  # likewise those that are copies
    spans: list[Span] = field(default_factory=list)


def among(rows: array[int], first: int, end: int) -> int:
    """How many of the rows, which are in order, lie between two."""
    return bisect_left(rows, end) - bisect_left(rows, first)


def load(cursor: duckdb.DuckDBPyConnection, topic: Topic, local: Mapping[str, str]) -> footers.Footers:
    """Reads local files (with where each lies in the master dataset) into the temporary table ``came``; what can't be read isn't in.

    Raises DataError for a file with more rows than places can be told of.
    """
    found = footers.read(cursor, list(local))
    large = [local[file] for file in found.readable if found.rows[file] > MOST_ROWS]
    if large:
        raise DataError(f"{large[0]} has more than {MOST_ROWS:,} rows")
    found.paths = dict(local)
    fields = [each.name for each in topic.sent]
    select = decode.select_files(topic, found, fields)
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE came AS SELECT *, {_DAY} AS _day FROM ({select})")
    return found


def days_placed(cursor: duckdb.DuckDBPyConnection) -> set[int]:
    """The days of the events that only their place in Kafka tells apart."""
    return {day for (day,) in cursor.execute(f"SELECT DISTINCT _day FROM came WHERE {_PLACED}").fetchall()}


def write(
    cursor: duckdb.DuckDBPyConnection,
    topic: Topic,
    numbers: Sequence[int],
    target: str,
    doubts: Doubts,
) -> list[FileRows]:
    """Writes the rows of ``came`` that are taken, by file and row; of each file (``numbers``: what their places begin with) what is in it."""
    _weigh(cursor, numbers, doubts)
    fields = ", ".join(each.name for each in topic.sent)
    place = f"({_number(numbers)} << {ROW_BITS}) + _row"
    cursor.execute(
        f"COPY (SELECT CAST(0 AS INTEGER) AS _partition, {place} AS _offset, {fields}, _reason "
        f"FROM came ANTI JOIN weighed USING (_file, _row) ORDER BY _offset) TO {quoted(target)} "
        "(FORMAT parquet, ROW_GROUP_SIZE 20480)"
    )
    found = [FileRows(0) for _ in numbers]
    for file, rows in cursor.execute("SELECT _file, max(_row) + 1 FROM came GROUP BY ALL").fetchall():
        found[file].rows = rows
    for file, row, what in cursor.execute("SELECT _file, _row, what FROM weighed ORDER BY ALL").fetchall():
        (found[file].waiting if what == WAIT else found[file].dropped).append(row)
    spans = f"SELECT _file, _day, _partition, min(_offset), max(_offset) FROM came WHERE {_PLACED} GROUP BY ALL ORDER BY ALL"
    for file, *span in cursor.execute(spans).fetchall():
        found[file].spans.append((span[0], span[1], span[2], span[3]))
    return found


def clear(cursor: duckdb.DuckDBPyConnection) -> None:
    """Gives the memory of the rows back."""
    for table in ("came", "weighed", "spans", "retracted"):
        cursor.execute(f"DROP TABLE IF EXISTS {table}")


def retracted(cursor: duckdb.DuckDBPyConnection, local: Mapping[str, str]) -> None:
    """From now on the events that these files take back are known."""
    if local:
        load_retracted(cursor, local)
    else:
        cursor.execute("CREATE OR REPLACE TEMP TABLE retracted (event_id VARCHAR)")


def row_of(cursor: duckdb.DuckDBPyConnection, topic: Topic, row: int, offset: int, target: str) -> None:
    """Writes one row of the one file that was loaded."""
    fields = ", ".join(each.name for each in topic.sent)
    cursor.execute(
        f"COPY (SELECT CAST(0 AS INTEGER) AS _partition, CAST({offset} AS BIGINT) AS _offset, {fields}, _reason "
        f"FROM came WHERE _row = {row}) TO {quoted(target)} (FORMAT parquet)"
    )


def _weigh(cursor: duckdb.DuckDBPyConnection, numbers: Sequence[int], doubts: Doubts) -> None:
    """Puts the rows that aren't taken into the temporary table ``weighed``, and what becomes of each."""
    cursor.execute("CREATE OR REPLACE TEMP TABLE weighed (_file INTEGER, _row BIGINT, what INTEGER)")
    files = ", ".join(str(place) for place, number in enumerate(numbers) if number in doubts.untrusted) or "-1"
    days = ", ".join(map(str, sorted(doubts.days))) or "NULL"
    unsure = f"(_day IN ({days}) OR {IS_RETRACTED} OR (event_id IS NULL AND _file IN ({files})))"
    cursor.execute(f"INSERT INTO weighed SELECT _file, _row, {WAIT} FROM came WHERE _reason IS NULL AND {unsure}")
    cursor.execute("CREATE OR REPLACE TEMP TABLE spans (day BIGINT, part INTEGER, least BIGINT, most BIGINT)")
    if doubts.spans:
        cursor.executemany("INSERT INTO spans VALUES (?, ?, ?, ?)", [list(span) for span in sorted(doubts.spans)])
    placed = f"(SELECT * FROM came ANTI JOIN weighed USING (_file, _row) WHERE {_PLACED})"
    inside = "day = _day AND part = _partition AND _offset BETWEEN least AND most"
    cursor.execute(
        f"INSERT INTO weighed SELECT _file, _row, {WAIT} FROM {placed} WHERE EXISTS (SELECT 1 FROM spans WHERE {inside})"
    )
    # of several in one file the fold's own order says which is in; those of later files wait
    order = "timestamp, " + ", ".join(f"came.{name} NULLS FIRST" for name in _fields(cursor)) + ", _row"
    rank = (
        "SELECT _file, _row, first_value(_file) OVER same AS first_file, row_number() OVER same AS nth FROM "
        f"{placed} AS came WINDOW same AS (PARTITION BY _day, _source, _partition, _offset ORDER BY {_number(numbers)}, {order})"
    )
    cursor.execute(
        f"INSERT INTO weighed SELECT _file, _row, CASE WHEN _file = first_file THEN {DROP} ELSE {WAIT} END "
        f"FROM ({rank}) WHERE nth > 1"
    )


def _number(numbers: Sequence[int]) -> str:
    """What the place of a row's file begins with, as SQL."""
    return f"CAST({list(numbers)} AS BIGINT[])[_file + 1]"


def _fields(cursor: duckdb.DuckDBPyConnection) -> list[str]:
    names = [name for name, *_ in cursor.execute("DESCRIBE came").fetchall()]
    return [name for name in names if not name.startswith("_") and name not in {"event_id", "timestamp"}]
