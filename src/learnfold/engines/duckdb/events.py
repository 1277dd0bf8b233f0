"""Events of any SQL relation, valid and each once, as the topic that rollups' SQL reads.

A relation may be files of the master dataset or messages that just came: what makes an event valid, what makes two the same, and
which of them stays, is decided here for all.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from learnfold.catalog.values import EVENT_ID, IDENTITY, TIMESTAMP
from learnfold.engines import DayCounts
from learnfold.engines.duckdb.sql import quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import date

    import duckdb

    from learnfold.catalog import Topic
    from learnfold.engines.event_source import EventSource

_IDENTITY = """CASE WHEN event_id IS NOT NULL THEN hash(event_id)
    WHEN _partition IS NOT NULL AND _offset IS NOT NULL THEN hash(_source, _partition, _offset) END"""
_SAME = f"""CASE WHEN event_id IS NOT NULL THEN row({", ".join(IDENTITY)}, CAST(NULL AS VARCHAR), CAST(NULL AS INTEGER), CAST(NULL AS BIGINT))
    ELSE row({", ".join("CAST(NULL AS VARCHAR)" for _ in IDENTITY)}, _source, _partition, _offset) END"""
"""What makes events the same; hashes only find those that may be."""


@contextlib.contextmanager
def single_events(
    cursor: duckdb.DuckDBPyConnection, source: EventSource, days: frozenset[date] | None = None
) -> Iterator[dict[date, DayCounts]]:
    """What each UTC day holds; while the block lasts, the valid events of these days, each once, are a view called as the topic.

    Only this cursor sees the view. ``days``: None for all. The events, valid or not, are its temporary table ``events``.
    """
    load_events(cursor, source)
    try:
        counts = cursor.execute(
            f"SELECT _day, count(*) FROM events WHERE {valid_events(days)} GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        found = {day: DayCounts(count) for day, count in counts}
        drop_duplicates(cursor, source, days, found)
        create_topic_view(cursor, source.topic, days)
        yield found
    finally:
        drop_events(cursor)


def load_events(cursor: duckdb.DuckDBPyConnection, source: EventSource) -> None:
    """Puts all events, valid or not, into the temporary table ``events``, with ``_day``, the UTC day, and ``_identity``."""
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE events AS {_with_identity(source.select(source.fields))}")


def drop_events(cursor: duckdb.DuckDBPyConnection) -> None:
    """Gives back the memory of ``events``."""
    cursor.execute("DROP TABLE IF EXISTS events")


def drop_duplicates(
    cursor: duckdb.DuckDBPyConnection, source: EventSource, days: frozenset[date] | None, counts: dict[date, DayCounts]
) -> None:
    """Leaves one of the events that are the same in ``events``, and moves the others in ``counts`` from events to duplicates.

    The earliest stays, then the one with the least fields, in the topic's order.
    """
    these = f"{valid_events(days)} AND _identity IS NOT NULL"
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE repeated AS SELECT _identity FROM events WHERE {these} GROUP BY ALL HAVING count(*) > 1"
    )
    rest = [name for name in source.fields if name not in {EVENT_ID, TIMESTAMP}]
    content = f"row({', '.join(rest)})" if rest else "1"
    cursor.execute(f"""
        CREATE OR REPLACE TEMP TABLE duplicates AS
        SELECT rowid AS place, _file, _row, _day, timestamp, {content} AS content, {_SAME} AS same
        FROM events SEMI JOIN repeated USING (_identity) WHERE {these}""")
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE ranked AS SELECT *, rank() OVER (PARTITION BY _day, same ORDER BY timestamp) AS nth FROM duplicates"
    )
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE unclear AS SELECT * FROM ranked WHERE nth = 1 "
        "QUALIFY count(DISTINCT content) OVER (PARTITION BY _day, same) > 1"
    )
    files = [file for (file,) in cursor.execute("SELECT DISTINCT _file FROM unclear").fetchall()]
    if files:  # rollups would differ by which one stays: then all fields decide
        _rank_by_all_fields(cursor, source, files)
    cursor.execute("""
        CREATE OR REPLACE TEMP TABLE dropped AS
        SELECT place, _day, timestamp <> first_time OR content IS DISTINCT FROM first_content AS conflicting FROM (
            SELECT *, row_number() OVER same_one AS chosen, first_value(timestamp) OVER same_one AS first_time,
                   first_value(content) OVER same_one AS first_content
            FROM ranked WINDOW same_one AS (PARTITION BY _day, same ORDER BY nth, content, place))
        WHERE chosen > 1""")
    found = cursor.execute("SELECT _day, count(*), count(*) FILTER (conflicting) FROM dropped GROUP BY ALL").fetchall()
    for day, count, conflicting in found:
        counts[day].duplicates, counts[day].conflicting = count, conflicting
        counts[day].events -= count
    if found:
        cursor.execute("DELETE FROM events WHERE rowid IN (SELECT place FROM dropped)")
    for table in ("repeated", "duplicates", "ranked", "unclear", "dropped"):
        cursor.execute(f"DROP TABLE {table}")


def create_topic_view(cursor: duckdb.DuckDBPyConnection, topic: Topic, days: frozenset[date] | None) -> None:
    """Makes the temporary view of the days' valid ``events`` that is called as the topic, with the topic's derived fields."""
    derived = ", ".join(f"{field.derived} AS {field.name}" for field in topic.derived)
    cursor.execute(
        f"CREATE OR REPLACE TEMP VIEW {topic.name} AS SELECT *, {derived} FROM events WHERE {valid_events(days)}"
    )


def _with_identity(select: str) -> str:
    return f"SELECT *, CAST(timestamp AS DATE) AS _day, {_IDENTITY} AS _identity FROM ({select})"


def _rank_by_all_fields(cursor: duckdb.DuckDBPyConnection, source: EventSource, files: Collection[int]) -> None:
    """Ranks the ``unclear`` ones among the ``ranked``, which are the earliest of theirs and in these files, by all their fields, read now."""
    fields = [field.name for field in source.topic.sent]
    order = ", ".join(f"whole.{name} NULLS FIRST" for name in fields if name not in {EVENT_ID, TIMESTAMP})
    whole = source.select(fields) if source.select_some is None else source.select_some(fields, files, "unclear")
    cursor.execute(f"""
        UPDATE ranked SET nth = finer.nth FROM (
            SELECT unclear.place, rank() OVER (PARTITION BY unclear._day, unclear.same ORDER BY {order}) AS nth
            FROM unclear JOIN ({whole}) AS whole ON unclear._file = whole._file AND unclear._row = whole._row) AS finer
        WHERE ranked.place = finer.place""")


def valid_events(days: frozenset[date] | None) -> str:
    """Which of ``events`` are valid and of these UTC days (None: all), as SQL."""
    if days is None:
        return "_reason IS NULL"
    listed = ", ".join(f"DATE {quoted(day.isoformat())}" for day in sorted(days))
    return f"_reason IS NULL AND _day IN ({listed})" if days else "false"
