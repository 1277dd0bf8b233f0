"""Base and live states together as SQL: the tables of a batch's states, and of what was added to them, each tick whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.catalog.thresholds import written_out
from learnfold.engines.duckdb.functions import TODAY
from learnfold.engines.duckdb.sql import quoted
from learnfold.speed.base import DATABASE
from learnfold.speed.stored import restored, sent, sent_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import duckdb

    from learnfold.catalog import View
    from learnfold.catalog.plans import State
    from learnfold.settings import Settings
    from learnfold.speed.live import Live, Progress
    from learnfold.speed.row import Layout
    from learnfold.speed.stored import Value

_MOST_CHURN = 500_000
"""Rows that are put into a table before it is made again."""


class LiveTables:
    """The states of one base and one live store in a DuckDB database; the live ones are brought up to date view by view.

    ``name`` begins the names of all that is made. Not for several threads: who refreshes does so in a transaction, and
    holds a lock until its question's has begun.
    """

    def __init__(self, name: str, base: Path, live: Live, layout: Layout, settings: Settings) -> None:
        self._settings = settings
        self.name, self._base, self._live, self._layout = name, base, live, layout
        self._kept = {
            state.name: (number, bundle.places(state))
            for number, bundle in enumerate(layout.bundles)
            for state in bundle.states
        }
        self._ticks: dict[str, int] = {}
        self._put_rows: dict[str, int] = {}  # since the table was made

    def open(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Makes the base's tables readable, which any number of processes may do."""
        cursor.execute(f"ATTACH {quoted(str(self._base / DATABASE))} AS {self.name}_base (READ_ONLY)")
        cursor.execute(f"ATTACH ':memory:' AS {self.name}_live")

    def close(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Lets go of all tables."""
        cursor.execute(f"DETACH {self.name}_live")
        cursor.execute(f"DETACH {self.name}_base")

    def refresh(self, cursor: duckdb.DuckDBPyConnection, views: Iterable[View]) -> Progress:
        """Brings the live states of these views to one tick; how far that is."""
        try:
            return self._refreshed(cursor, views)
        except BaseException:
            self._ticks.clear()  # what was put into tables may not stay there: all is put again
            raise

    def _refreshed(self, cursor: duckdb.DuckDBPyConnection, views: Iterable[View]) -> Progress:
        states = {state.name: state for view in views for state in view.plan.states}
        after: dict[int, int] = {}
        for name, state in states.items():
            if name not in self._ticks:
                columns = ", ".join(f"{column.name} {column.type}" for column in state.columns)
                cursor.execute(f"CREATE OR REPLACE TABLE {self._table(state)} (_key BLOB, {columns})")
                self._ticks[name] = 0
            bundle, tick = self._kept[name][0], self._ticks[name]
            after[bundle] = min(tick, after.get(bundle, tick))
        progress, changes = self._live.changes(after)
        for name, state in states.items():
            rows = changes[self._kept[name][0]]
            if rows:
                self._put(cursor, state, rows)
                self._put_rows[name] = self._put_rows.get(name, 0) + len(rows)
                if self._put_rows[name] > _MOST_CHURN:
                    self._tidy(cursor, state)
                    self._put_rows[name] = 0
        self._ticks |= dict.fromkeys(states, progress.tick)
        return progress

    def forget(self) -> None:
        """Of the live store nothing is in the tables any more: all is put again."""
        self._ticks.clear()

    def select(self, view: View) -> str:
        """The SELECT of the view's rows of base and live states together."""
        merged = ", ".join(f"{state.name} AS NOT MATERIALIZED ({self._merged(state)})" for state in view.plan.states)
        return written_out(f"WITH {merged} {view.plan.query}", self._settings, TODAY)

    def _merged(self, state: State) -> str:
        columns = ", ".join(column.name for column in state.columns)
        base = f"SELECT {columns} FROM {self.name}_base.{state.name}"
        return state.merged(f"({base} UNION ALL SELECT {columns} FROM {self._table(state)})")

    def _table(self, state: State) -> str:
        return f"{self.name}_live.{state.name}"

    def _tidy(self, cursor: duckdb.DuckDBPyConnection, state: State) -> None:
        """Makes the table again: rows that were replaced leave holes behind."""
        cursor.execute(f"CREATE OR REPLACE TABLE {self._table(state)} AS FROM {self._table(state)}")

    def _put(self, cursor: duckdb.DuckDBPyConnection, state: State, rows: Sequence[tuple[bytes, list[Value]]]) -> None:
        keys = [key for key, _ in rows]
        table = self._table(state)
        cursor.execute(f"DELETE FROM {table} WHERE _key IN (SELECT unnest(?::BLOB[]))", [keys])
        ordered = [column for column in state.columns if column.merge == "key"]
        places = [*range(len(ordered)), *(len(ordered) + place for place in self._kept[state.name][1])]
        ordered += [column for column in state.columns if column.merge != "key"]
        given = ", ".join(f"unnest(?::{sent_type(column.type)}[]) AS {column.name}" for column in ordered)
        shown = ", ".join(f"{restored(column.type, column.name)} AS {column.name}" for column in state.columns)
        values = [[sent(c.type, row[place]) for _, row in rows] for place, c in zip(places, ordered, strict=True)]
        cursor.execute(
            f"INSERT INTO {table} SELECT _key, {shown} FROM (SELECT unnest(?::BLOB[]) AS _key, {given})",
            [keys, *values],
        )
