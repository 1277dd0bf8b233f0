"""Events that were taken back: found by their ids among those of files, and left out of what a fold counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from learnfold.catalog.values import EVENT_ID, TIMESTAMP
from learnfold.engines.duckdb import decode, footers
from learnfold.engines.duckdb.events import valid_events
from learnfold.engines.duckdb.sql import parquet
from learnfold.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from learnfold.catalog import Topic
    from learnfold.engines import DayCounts

IS_RETRACTED = (
    "(event_id IN (SELECT event_id FROM retracted) OR "
    "(contains(event_id, '#') AND concat(split_part(event_id, '#', 1), '#') IN (SELECT event_id FROM retracted)))"
)
"""Which events' ids are in ``retracted``, as SQL; ``x#`` stands for all events that a mapping made of the statement ``x``: ``x#1``, ``x#LOGIN`` and so on."""


def load_retracted(cursor: duckdb.DuckDBPyConnection, paths: Mapping[str, str]) -> None:
    """Puts the ids that local files take back into the temporary table ``retracted``; ``paths``: by file, where it lies in the master dataset.

    Raises DataError where one can't be read: without it, events would count that don't.
    """
    try:
        cursor.execute(
            "CREATE OR REPLACE TEMP TABLE retracted AS SELECT DISTINCT read_event_id(CAST(event_id AS VARCHAR)) AS event_id "
            f"FROM {parquet(paths, by_name=True)} WHERE read_event_id(CAST(event_id AS VARCHAR)) IS NOT NULL"
        )
    except (duckdb.InvalidInputException, duckdb.BinderException, duckdb.ConversionException) as error:
        names = ", ".join(sorted(paths.values()))
        raise DataError(
            f"what takes events back can't be read ({footers.brief(error)}); mend it, or write it again by 'learnfold retract': {names}"
        ) from error


def drop_retracted(
    cursor: duckdb.DuckDBPyConnection, days: frozenset[date] | None, counts: dict[date, DayCounts]
) -> None:
    """Takes the events whose ids are in ``retracted`` out of ``events``, and moves them in ``counts`` from events to retracted."""
    these = f"{valid_events(days)} AND {IS_RETRACTED}"
    found = cursor.execute(f"SELECT _day, count(*) FROM events WHERE {these} GROUP BY ALL").fetchall()
    for day, count in found:
        counts[day].retracted = count
        counts[day].events -= count
    if found:
        cursor.execute(f"DELETE FROM events WHERE {these}")


def days_retracted(
    cursor: duckdb.DuckDBPyConnection, topic: Topic, local: Sequence[str], paths: Sequence[str]
) -> set[date] | None:
    """The UTC days of valid events of local files whose ids are in ``retracted``; None where a file doesn't let itself be read quickly."""
    found = footers.read(cursor, local)
    found.paths = dict(zip(local, paths, strict=True))
    select = decode.select_files(topic, found, [EVENT_ID, TIMESTAMP])
    try:
        rows = cursor.execute(
            f"SELECT DISTINCT CAST(timestamp AS DATE) FROM ({select}) WHERE _reason IS NULL AND {IS_RETRACTED}"
        ).fetchall()
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error:
        return None
    return {day for (day,) in rows}
