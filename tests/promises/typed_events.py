"""Random typed events of a topic, as they are after reading: from pools so small that keys meet, a part of them NULL."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import duckdb
from hypothesis import strategies as st

from learnfold.engines.duckdb.functions import thresholds
from learnfold.settings import Settings
from promises.messages import TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from learnfold.catalog import Field, Rollup, Topic

Event = tuple[object, ...]

_FIRST = datetime(2025, 12, 1)  # noqa: DTZ001 - stored times have no zone
_VALUES: dict[str, st.SearchStrategy[object]] = {
    "VARCHAR": st.sampled_from([None, "a", "b", "c"]),
    "INTEGER": st.one_of(st.none(), st.integers(0, 400)),
    "DOUBLE": st.one_of(st.none(), st.integers(0, 100), st.sampled_from([0.1, 0.2, 1e15, 33.3333])),
    "VARCHAR[]": st.one_of(st.none(), st.lists(st.sampled_from(["email", "phone", None]), max_size=2)),
    "DATE": st.integers(0, 2).map(lambda day: date(2025, 12, 1) + timedelta(days=day)),
    "TIMESTAMP": st.integers(0, 3 * 86400 - 1).map(lambda second: _FIRST + timedelta(seconds=second)),
}


def events(topic: Topic, most: int = 25) -> st.SearchStrategy[list[Event]]:
    """Up to ``most`` events, each a value for every field of the topic."""
    return st.lists(st.tuples(*(_value(topic, field) for field in topic.fields)), max_size=most)


def _value(topic: Topic, field: Field) -> st.SearchStrategy[object]:
    if field.name == "event_type":
        return st.sampled_from([*TYPES[topic.name], "SOMETHING_ELSE"])
    if field.name == "hour":
        return st.integers(0, 23)
    if field.required and field.type == "VARCHAR":
        return st.sampled_from(["a", "b", "c"])
    return _VALUES[field.type]


def fold(connection: duckdb.DuckDBPyConnection, rollups: Iterable[Rollup], held: dict[str, Sequence[Event]]) -> None:
    """Makes a table of each rollup, called as it is, of the events (by topic)."""
    for statement in thresholds(Settings()):
        connection.execute(statement)
    for rollup in rollups:
        topic = rollup.topic
        columns = ", ".join(f"{field.name} {field.type}" for field in topic.fields)
        connection.execute(f"CREATE OR REPLACE TABLE {topic.name} ({columns})")
        if held[topic.name]:
            places = ", ".join("?" for _ in topic.fields)
            connection.executemany(f"INSERT INTO {topic.name} VALUES ({places})", [list(e) for e in held[topic.name]])
        connection.execute(f"CREATE OR REPLACE TABLE {rollup.name} AS {rollup.query}")
