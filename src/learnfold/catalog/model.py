"""What a subject's SQL defines, as plain data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from learnfold.catalog.plans import StatePlan
from learnfold.catalog.thresholds import asked
from learnfold.errors import UsageError

if TYPE_CHECKING:
    from learnfold.catalog.lookback import LookBack

Merge = Literal["key", "sum", "min", "max"]
"""How a rollup's column merges when rollups are put together: a key stays, a number is added, a least or most is kept."""

Names = Literal["nobody", "anyone", "owner"]
"""Whom a value may name: ``nobody``; ``anyone``, so that an erasure searches it; ``owner``: it is the id of the person whose event it is."""


@dataclass(frozen=True)
class Field:
    """A column of a topic: what a producer may send, or what is derived from it."""

    name: str
    type: str  # VARCHAR, INTEGER, DOUBLE, TIMESTAMP, DATE or VARCHAR[]
    comment: str
    required: bool = False
    check: str | None = None  # SQL over the column that is true of every valid event
    derived: str | None = None  # SQL that makes it; None for what is sent
    names: Names = "anyone"


@dataclass(frozen=True)
class Topic:
    """The events of one Kafka topic: typed, valid, deduplicated."""

    name: str
    comment: str
    fields: tuple[Field, ...]  # the common ones first

    @property
    def sent(self) -> tuple[Field, ...]:
        """The fields a producer sends, in order."""
        return tuple(field for field in self.fields if field.derived is None)

    @property
    def derived(self) -> tuple[Field, ...]:
        """The fields made from them: ``date`` and ``hour`` in the reporting zone."""
        return tuple(field for field in self.fields if field.derived is not None)

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the definition; comments don't count."""
        return digest([(f.name, f.type, f.required, f.check, f.derived) for f in self.fields])

    @cached_property
    def validity(self) -> str:
        """A digest of what decides which events are valid: an optional text never does."""
        checked = [f for f in self.sent if f.required or f.check or f.type != "VARCHAR"]
        return digest([(f.name, f.type, f.required, f.check) for f in checked])


@dataclass(frozen=True)
class Column:
    """A column of a rollup or a view."""

    name: str
    type: str  # VARCHAR, BIGINT, INTEGER, DOUBLE, DATE, TIMESTAMP or DECIMAL(38, n)
    comment: str
    key: bool
    merge: Merge | None = None  # of a rollup's column; None in a view
    source: str | None = None  # what makes it, in SQL
    names: Names = "anyone"


@dataclass(frozen=True)
class Rollup:
    """One UTC day of a topic folded into a table that merges by union."""

    name: str
    comment: str
    topic: Topic
    columns: tuple[Column, ...]
    query: str  # SELECT over the topic, DuckDB's dialect, no comments
    by_day: str  # the same with ``_day`` carried through: one group of rows for each UTC day
    reads: frozenset[str]  # the names of the topic's fields that it reads

    @property
    def key(self) -> tuple[str, ...]:
        """The columns it is grouped by, ``date`` among them."""
        return tuple(column.name for column in self.columns if column.key)

    @property
    def all_time_key(self) -> tuple[str, ...]:
        """The same without ``date``."""
        return tuple(name for name in self.key if name != "date")

    def merged(self, source: str) -> str:
        """The SELECT of its rows in ``source`` merged over all dates, in DuckDB's dialect."""
        columns = ", ".join(
            column.name if column.key else f"CAST({column.merge}({column.name}) AS {column.type}) AS {column.name}"
            for column in self.columns
            if column.name != "date"
        )
        return f"SELECT {columns} FROM {source} GROUP BY ALL"

    def joined(self, block: str, rest: str) -> str:
        """The same of two sources that are merged over all dates already, in DuckDB's dialect: the rows of ``block`` aren't grouped again."""
        merged = {
            "sum": "coalesce(b.{0} + r.{0}, b.{0}, r.{0})",
            "min": "least(b.{0}, r.{0})",
            "max": "greatest(b.{0}, r.{0})",
        }
        wanted = [column for column in self.columns if column.name != "date"]
        columns = ", ".join(
            f"CAST({merged.get(column.merge or '', 'coalesce(b.{0}, r.{0})').format(column.name)} AS {column.type}) AS {column.name}"
            for column in wanted
        )
        same = " AND ".join(f"b.{column.name} IS NOT DISTINCT FROM r.{column.name}" for column in wanted if column.key)
        return f"SELECT {columns} FROM {block} AS b FULL OUTER JOIN {rest} AS r ON {same}"

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the definition and of all of its topic that it depends on; comments don't count.

        That is which events are valid, the fields that it reads, and those before them: of copies that differ the one with the
        smallest fields is kept. A text that is added behind them changes nothing.
        """
        sent = self.topic.sent
        last = max((place for place, field in enumerate(sent) if field.name in self.reads), default=-1)
        derived = [(field.name, field.derived) for field in self.topic.derived if field.name in self.reads]
        before = [(field.name, field.type) for field in sent[: last + 1]]
        return digest([self.query, self.topic.validity, before, derived])


@dataclass(frozen=True)
class Pushdown:
    """Columns by which a view may be computed in parts: a row depends only on rollup rows with the same values in them.

    So the view's rows with some values of some of these columns are the view over the rollups' rows with those values.
    """

    columns: tuple[str, ...] = ()  # of the view
    sources: dict[str, tuple[str, ...]] = field(default_factory=dict)  # by rollup, its columns, in the same order

    def by(self, *columns: str) -> Pushdown | None:
        """The same for these columns alone; None where one of them isn't among them."""
        if not set(columns) <= set(self.columns):
            return None
        places = [self.columns.index(column) for column in columns]
        return Pushdown(columns, {rollup: tuple(own[at] for at in places) for rollup, own in self.sources.items()})


@dataclass(frozen=True)
class Rewrite:
    """A view as DuckDB computes it: its columns with their types, over tables that are called as its rollups and views."""

    select: str
    projection: bool  # whether its rows are those of its one table, one by one: nothing is grouped or joined


@dataclass(frozen=True)
class View:
    """One question, answered from rollups and from views that stand above it."""

    name: str
    job: str
    comment: str
    columns: tuple[Column, ...]
    rollups: tuple[Rollup, ...]  # that its query names; of any subject
    checks: tuple[str, ...]  # SQL over its columns that is true (or NULL) of every row
    query: str  # SELECT over its rollups and views, DuckDB's dialect, no comments
    pushdown: Pushdown = field(default_factory=Pushdown)  # the columns by which it may be computed in parts
    unique: bool = False  # whether its SQL groups by its key alone, so that no key can come twice
    all_time: frozenset[str] = frozenset()  # the rollups that it may read merged over all dates
    rewrites: dict[frozenset[str], Rewrite] = field(default_factory=dict)  # by the rollups that are merged so
    plan: StatePlan = field(default_factory=StatePlan)  # how it is answered from states
    views: tuple[View, ...] = ()  # that its query names
    looks_back: LookBack | None = None  # how far, where its author says so; not part of what it means

    def all_columns(self, source: str) -> str:
        """DuckDB's SQL of the rows in the relation ``source`` with all of the view's columns: NULL where an earlier version had none."""
        empty = ", ".join(f"CAST(NULL AS {column.type}) AS {column.name}" for column in self.columns)
        return f"(SELECT {empty} WHERE false UNION ALL BY NAME SELECT * FROM {source})"

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that name a row; no two rows share them."""
        return tuple(column.name for column in self.columns if column.key)

    @cached_property
    def settings(self) -> tuple[str, ...]:
        """The settings that decide what it shows: those that its query asks for, and the views that it reads."""
        below = [name for view in self.views for name in view.settings]
        return tuple(dict.fromkeys([*asked(self.query), *below]))

    def lists(self, rollup: Rollup) -> bool:
        """Whether its rows are the rollup's merged over all dates, one by one, with the same key."""
        question = self.rewrites.get(frozenset({rollup.name}))
        return question is not None and question.projection and self.key == rollup.all_time_key

    @cached_property
    def incremental(self) -> Pushdown | None:
        """By which columns a run refreshes it in part: by date alone, since of other keys most change every day.

        None: it can't, or it reads views, whose rows are few.
        """
        return None if self.views else self.pushdown.by("date")

    @cached_property
    def all_rollups(self) -> tuple[Rollup, ...]:
        """All rollups that it is made from, those of the views that it reads among them."""
        read = [*self.rollups, *(rollup for view in self.views for rollup in view.all_rollups)]
        return tuple({rollup.name: rollup for rollup in read}.values())

    @property
    def topics(self) -> tuple[Topic, ...]:
        """The topics whose events it tells of."""
        return tuple({rollup.topic.name: rollup.topic for rollup in self.all_rollups}.values())

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the definition and of all that it reads; comments don't count."""
        below = [rollup.fingerprint for rollup in self.rollups] + [view.fingerprint for view in self.views]
        return digest([self.query, [(c.name, c.type) for c in self.columns], below])


@dataclass(frozen=True)
class Job:
    """One subject: its topics, rollups and views."""

    name: str
    comment: str
    topics: tuple[Topic, ...]
    rollups: tuple[Rollup, ...]
    views: tuple[View, ...]
    after: tuple[str, ...] = ()  # the other jobs whose rollups or views its views read: it runs after them


@dataclass(frozen=True)
class Catalog:
    """All subjects."""

    jobs: dict[str, Job]

    @property
    def topics(self) -> dict[str, Topic]:
        """Every topic by name."""
        return {topic.name: topic for job in self.jobs.values() for topic in job.topics}

    @property
    def rollups(self) -> dict[str, Rollup]:
        """Every rollup by name."""
        return {rollup.name: rollup for job in self.jobs.values() for rollup in job.rollups}

    @property
    def views(self) -> dict[str, View]:
        """Every view by name."""
        return {view.name: view for job in self.jobs.values() for view in job.views}

    def job(self, name: str) -> Job:
        """The subject of that name; raises UsageError naming them all."""
        if name not in self.jobs:
            raise UsageError(f"there is no job {name!r}; the jobs are {', '.join(self.jobs)}")
        return self.jobs[name]

    def view(self, name: str) -> View:
        """The view of that name; raises UsageError naming the likely ones."""
        views = self.views
        if name not in views:
            raise UsageError(f"there is no view {name!r}; {_likely(name, list(views))}")
        return views[name]

    def topic(self, name: str) -> Topic:
        """The topic of that name; raises UsageError naming them all."""
        topics = self.topics
        if name not in topics:
            raise UsageError(f"there is no topic {name!r}; the topics are {', '.join(topics)}")
        return topics[name]


def digest(value: object) -> str:
    """Sixteen hexadecimal digits that stand for ``value``."""
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]


def _likely(name: str, names: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, names, n=3)
    return f"did you mean {' or '.join(near)}?" if near else "'learnfold views' lists them"
