"""How a view is answered from states: plain data, read from the subjects' SQL by ``states``.

A state is what is kept of a view's rollups to answer it at once: one row a key, that merges. Sums add up, leasts and mosts are
kept, and a count of distinct values is how many tuples (key, value) were never seen before, which adds up too. The tuples
themselves are kept in sets, so that what comes later can tell what is new.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnfold.catalog.hashes import hash_sql

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class TupleSet:
    """The different tuples that some counts of distinct values are made of, NULLs among them; equal ones are one set."""

    name: str
    rollups: tuple[str, ...]  # that it is made from
    columns: tuple[str, ...]  # of a tuple, as SQL over ``source``
    types: tuple[str, ...]
    source: str  # FROM: rollups, or a query that passes their rows on
    condition: str  # which rows count, in SQL; empty: all

    @property
    def named(self) -> tuple[str, ...]:
        """The names of a tuple's columns: ``t0``, ``t1`` and so on."""
        return tuple(f"t{place}" for place in range(len(self.columns)))

    @property
    def select(self) -> str:
        """The SELECT of its tuples, each once, over tables that are called as the rollups."""
        columns = [f"{sql} AS {name}" for sql, name in zip(self.columns, self.named, strict=True)]
        return f"SELECT DISTINCT {', '.join(columns)} FROM {self.source}{_where(self.condition)}"

    @property
    def hashes(self) -> str:
        """The SELECT of the hashes of its tuples, each once and sorted, over the same tables."""
        hashed = hash_sql(zip(self.named, self.types, strict=True))
        return f"SELECT DISTINCT {hashed} AS hash FROM ({self.select}) ORDER BY hash"


@dataclass(frozen=True)
class StateColumn:
    """A column of a state."""

    name: str
    type: str  # as a rollup's: VARCHAR, BIGINT, INTEGER, DOUBLE, DATE, TIMESTAMP or DECIMAL(38, n)
    merge: str  # key, sum, min or max, as of a rollup's column
    value: str  # what makes it, in SQL over ``State.source``
    tuples: str | None = None  # the set whose tuples it counts; None for what isn't a count of distinct values
    counts: str = ""  # of such a count, which rows it counts, in SQL


@dataclass(frozen=True)
class State:
    """A table that merges, from which a view is answered."""

    name: str
    rollups: tuple[str, ...]  # that it is made from
    columns: tuple[StateColumn, ...]  # the key first
    source: str  # FROM: rollups, or a query that passes their rows on
    condition: str  # WHERE, in SQL; empty: all rows
    shown: tuple[str, ...] = ()
    """The columns of the view of its name that are its own, in its order: then the view's rows are its rows. Empty: they aren't."""

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that name a row; none: it is one row."""
        return tuple(column.name for column in self.columns if column.merge == "key")

    @property
    def select(self) -> str:
        """The SELECT of the state, over tables that are called as the rollups."""
        columns = ", ".join(f"CAST({c.value} AS {c.type}) AS {c.name}" for c in self.columns)
        return f"SELECT {columns} FROM {self.source}{_where(self.condition)}{self._grouped}"

    def merged(self, source: str) -> str:
        """The SELECT of the state of all, from ``source``: rows of states, and of what was added to them."""
        columns = ", ".join(
            c.name if c.merge == "key" else f"CAST({c.merge}({c.name}) AS {c.type}) AS {c.name}" for c in self.columns
        )
        return f"SELECT {columns} FROM {source}{self._grouped}"

    def added(self, sets: Mapping[str, TupleSet], known: Mapping[str, str]) -> str:
        """The SELECT of what rows of rollups add to a state whose tuples are ``known`` (by set, a table of them): to be ``merged`` with it."""
        counted = [column for column in self.columns if column.tuples is not None]
        plain = ", ".join(  # count(NULL): 0, in a group of its own even where there are no rows
            f"CAST({'count(NULL)' if c.tuples is not None else c.value} AS {c.type}) AS {c.name}" for c in self.columns
        )
        parts = [f"SELECT {plain} FROM {self.source}{_where(self.condition)}{self._grouped}"]
        parts += [self._fresh(column, sets[column.tuples or ""], known[column.tuples or ""]) for column in counted]
        return self.merged(f"({' UNION ALL '.join(parts)})")

    def _fresh(self, column: StateColumn, tuples: TupleSet, known: str) -> str:
        """How many tuples are new, by key."""
        keys = [c for c in self.columns if c.merge == "key"]
        made = [f"{c.value} AS k{place}" for place, c in enumerate(keys)]
        made += [f"{sql} AS {name}" for sql, name in zip(tuples.columns, tuples.named, strict=True)]
        different = f"SELECT DISTINCT {', '.join(made)} FROM {self.source}{_where(column.counts)}"
        same = " AND ".join(f"new.{name} IS NOT DISTINCT FROM old.{name}" for name in tuples.named)
        place = {c.name: f"new.k{number}" for number, c in enumerate(keys)} | {column.name: "count(*)"}
        values = ", ".join(f"CAST({place.get(c.name, 'NULL')} AS {c.type}) AS {c.name}" for c in self.columns)
        return f"SELECT {values} FROM ({different}) AS new ANTI JOIN {known} AS old ON {same}{self._grouped}"

    @property
    def _grouped(self) -> str:
        return " GROUP BY ALL" if self.key else ""


@dataclass(frozen=True)
class StatePlan:
    """How a view is answered from states; from its rollups, as a whole, where ``whole`` says why it can't be otherwise."""

    states: tuple[State, ...] = ()
    sets: tuple[TupleSet, ...] = ()
    query: str = (
        ""  # the view's SELECT, its columns typed, over tables called as the states; as a whole, as the rollups
    )
    whole: str | None = None  # why no states were found


def _where(condition: str) -> str:
    return f" WHERE {condition}" if condition else ""
