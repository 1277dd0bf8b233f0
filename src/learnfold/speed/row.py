"""A topic's messages as what each adds to every state, in one SELECT: an event alone is a rollup of one row.

All of it is derived from the catalogue: how events are read, the rollups' SQL and the views' states. Nothing is grouped, so the
statement costs little whatever the number of messages is, and what it gives is put together by ``merge``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

from learnfold.catalog import values
from learnfold.engines.duckdb import decode
from learnfold.engines.duckdb.footers import FileSchema
from learnfold.engines.event_source import needed_fields
from learnfold.speed.bundles import Bundle, bundles
from learnfold.speed.incoming import INCOMING
from learnfold.speed.quick import quick_select
from learnfold.speed.single import (
    Columns,
    NotSingleError,
    RowOfOne,
    all_of,
    arms,
    over,
    parsed,
    row_of_one,
    shown,
    single,
)
from learnfold.speed.stored import is_stored, stored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from learnfold.catalog import Catalog, Topic
    from learnfold.catalog.plans import State, TupleSet
    from learnfold.speed.single import Arm

MESSAGE = FileSchema((("value", "BLOB"), ("partition", "INTEGER"), ("offset", "BIGINT")))
"""What a message is to the SQL that reads events."""

PARTITION, OFFSET, REASON, DAY, IDENTITY, TIME, CONTENT = range(7)
"""The first columns of an event's row: its day is in days since 1970, its time in microseconds; the identity is NULL without an id."""

_EVENT = f"""_partition, _offset, _reason, CAST(timestamp AS DATE) - DATE '1970-01-01',
CASE WHEN event_id IS NOT NULL THEN hash({", ".join(values.IDENTITY)}) END, epoch_us(timestamp)"""

SUM, LEAST, MOST = range(3)
_MERGES = {"sum": SUM, "min": LEAST, "max": MOST}


@dataclass(frozen=True)
class Counted:
    """A column that counts tuples that are new to a set."""

    place: int  # among the bundle's values
    set: int
    at: int  # the column of the row that says whether it counts


@dataclass(frozen=True)
class Addition:
    """Where an event's row holds what is added to the states of a bundle."""

    bundle: int
    flag: int  # the column that says whether anything is
    keys: tuple[int, ...]
    plain: tuple[tuple[int, int, int], ...]  # place among the bundle's values, how it merges, the column
    counted: tuple[Counted, ...]


@dataclass(frozen=True)
class Passed:
    """What one rollup's row adds, as one source passes it on."""

    flag: int
    sets: tuple[tuple[int, int], ...]  # the set, and the column of the tuple's hash
    additions: tuple[Addition, ...]


@dataclass
class Statement:
    """One SELECT of a topic: the first has an event a row; the others none or several, which begin with partition and offset."""

    select: str  # over {events}, the topic's events with derived fields
    passed: list[Passed]
    by_event: bool = True


@dataclass
class TopicRows:
    """How a topic's messages are read."""

    topic: Topic
    fields: list[str]
    quick: str  # the SELECT of the messages that are surely plain, see ``quick``
    whole: str  # the SELECT of all messages
    typed: str  # the SELECT of events that were read already, of {rows}
    statements: list[Statement]


@dataclass
class Layout:
    """All topics, and the states, in bundles, and sets that are kept, in the order of their numbers."""

    topics: dict[str, TopicRows]
    states: list[State] = field(default_factory=list)
    bundles: list[Bundle] = field(default_factory=list)
    sets: list[TupleSet] = field(default_factory=list)
    whole: dict[str, str] = field(default_factory=dict)  # views that aren't kept, and why not


def layout(catalog: Catalog) -> Layout:
    """How messages become additions to the states of all views of which that is known."""
    found = Layout({})
    ones: dict[str, RowOfOne] = {}
    for name, rollup in catalog.rollups.items():
        try:
            ones[name] = row_of_one(rollup)
        except NotSingleError as why:
            found.whole |= {v.name: f"{name}: {why}" for v in catalog.views.values() if rollup in v.all_rollups}
    planner = _Planner(catalog, ones, found)
    for view in catalog.views.values():
        if view.plan.whole is not None:
            found.whole[view.name] = view.plan.whole
        elif view.name not in found.whole:
            planner.keep(view.name, view.plan.states, view.plan.sets)
    found.bundles = bundles(found.states)
    for topic in catalog.topics.values():
        found.topics[topic.name] = planner.topic(topic)
    return found


class _Planner:
    def __init__(self, catalog: Catalog, ones: Mapping[str, RowOfOne], found: Layout) -> None:
        self.catalog, self.ones, self.found = catalog, ones, found
        self._states: set[str] = set()
        self._sets: dict[str, int] = {}

    def keep(self, view: str, states: tuple[State, ...], sets: tuple[TupleSet, ...]) -> None:
        """Numbers a view's states and sets, unless one of them can't be kept."""
        try:
            for state in states:
                self._must_be_single(state)
        except NotSingleError as why:
            self.found.whole[view] = str(why)
            return
        for state in states:
            if state.name not in self._states:
                self._states.add(state.name)
                self.found.states.append(state)
        for one in sets:
            if one.name not in self._sets:
                self._sets[one.name] = len(self.found.sets)
                self.found.sets.append(one)

    def _must_be_single(self, state: State) -> None:
        arms(_source(state), self.catalog.rollups)
        for column in state.columns:
            if not is_stored(column.type):
                raise NotSingleError(f"{state.name} holds {column.type}")
            if column.tuples is None:
                single(parsed(column.value))

    def topic(self, topic: Topic) -> TopicRows:
        """The topic's statements."""
        rollups = [rollup for rollup in self.catalog.rollups.values() if rollup.topic.name == topic.name]
        fields = needed_fields(topic, rollups)
        plain = _Columns([_EVENT_COLUMNS])
        statements = [Statement("", [])]
        for rollup in rollups:
            one = self.ones.get(rollup.name)
            if one is None:
                continue
            if one.plain:
                statements[0].passed += self._passed(rollup.name, one, plain)
                continue
            several = _Columns(["_partition, _offset"])
            passed = self._passed(rollup.name, one, several)
            where = f" WHERE {shown(one.condition)}" if one.condition is not None else ""
            within = f"WITH {topic.name} AS MATERIALIZED ({{events}}) SELECT {several.sql} FROM {one.source}{where}"
            statements.append(Statement(within, passed, by_event=False))
        content = ", ".join(f for f in fields if f not in {values.EVENT_ID, values.TIMESTAMP})
        statements[0].select = f"SELECT {plain.sql} FROM ({{events}})".replace(_CONTENT, f"hash({content})")
        derived = ", ".join(f"{f.derived} AS {f.name}" for f in topic.derived)
        whole = decode.select_from(topic, MESSAGE, decode.Relation(INCOMING, row='"offset"'), fields)
        read = f"SELECT _partition, _offset, _reason, {', '.join(fields)} FROM {{rows}}"
        return TopicRows(
            topic,
            fields,
            f"SELECT *, {derived} FROM ({_only_of_valid(topic, fields, quick_select(topic, fields, INCOMING))})",
            f"SELECT *, {derived} FROM ({_only_of_valid(topic, fields, whole)})",
            f"SELECT *, {derived} FROM ({_only_of_valid(topic, fields, read)})",
            statements,
        )

    def _passed(self, rollup: str, one: RowOfOne, columns: _Columns) -> list[Passed]:
        """What the rollup's row adds to each bundle, one a source that passes it on."""
        sources: dict[str, list[int]] = {}
        for number, bundle in enumerate(self.found.bundles):
            if rollup in bundle.states[0].rollups:
                sources.setdefault(bundle.states[0].source, []).append(number)
        return [
            self._arm(numbers, arm, one, columns)
            for numbers in sources.values()
            for arm in arms(_source(self.found.bundles[numbers[0]].states[0]), self.catalog.rollups)
            if arm.rollup == rollup
        ]

    def _arm(self, numbers: list[int], arm: Arm, one: RowOfOne, columns: _Columns) -> Passed:
        known: Columns = {name: over(value, one.columns) for name, value in arm.columns.items()}
        own = [one.condition.copy()] if one.condition is not None and one.plain else []
        conditions = [*own, *(over(condition, one.columns) for condition in arm.conditions)]
        flag = columns.add(all_of(conditions))
        values = [column for number in numbers for column in self.found.bundles[number].values]
        used = {column.tuples for column in values if column.tuples is not None}
        sets = [(self._sets[name], self.found.sets[self._sets[name]]) for name in sorted(used)]
        hashes = tuple((number, columns.add(_tuple_hash(tuples, known))) for number, tuples in sets)
        return Passed(flag, hashes, tuple(self._addition(number, known, columns) for number in numbers))

    def _addition(self, number: int, known: Columns, columns: _Columns) -> Addition:
        bundle, plain, counted = self.found.bundles[number], [], []
        keys = [columns.add(stored(column.type, over(parsed(column.value), known))) for column in bundle.key]
        for place, column in enumerate(bundle.values):
            if column.tuples is None:
                value = stored(column.type, over(single(parsed(column.value)), known))
                plain.append((place, _MERGES[column.merge], columns.add(value)))
            else:
                counts = all_of([over(parsed(column.counts), known)])
                counted.append(Counted(place, self._sets[column.tuples], columns.add(counts)))
        condition = bundle.states[0].condition
        which = all_of([over(parsed(condition), known)] if condition else [])
        return Addition(number, columns.add(which), tuple(keys), tuple(plain), tuple(counted))


def _only_of_valid(topic: Topic, fields: list[str], select: str) -> str:
    """The events with no numbers where an event isn't valid: what rollups make of those may be an error, as with a quiz of 0 questions."""
    numbers = [
        field.name for field in topic.sent if field.name in fields and field.type not in {"VARCHAR", "TIMESTAMP"}
    ]
    if not numbers:
        return select
    replaced = ", ".join(f"CASE WHEN _reason IS NULL THEN {name} END AS {name}" for name in numbers)
    return f"SELECT * REPLACE ({replaced}) FROM ({select})"


_CONTENT = "_content_"
_EVENT_COLUMNS = f"{_EVENT}, {_CONTENT}"


class _Columns:
    """The columns of a SELECT, each once."""

    def __init__(self, first: list[str]) -> None:
        self._first = first
        self._before = CONTENT + 1 if first == [_EVENT_COLUMNS] else OFFSET + 1
        self._texts: dict[str, int] = {}

    def add(self, value: exp.Expr) -> int:
        """The place of a column, from 0."""
        return self._before + self._texts.setdefault(shown(value), len(self._texts))

    @property
    def sql(self) -> str:
        """What stands behind SELECT."""
        return ", ".join([*self._first, *self._texts])


def _source(state: State) -> exp.Expr:
    source: exp.Expr = parsed(f"SELECT * FROM {state.source}").args["from_"].this
    return source


def _tuple_hash(tuples: TupleSet, known: Columns) -> exp.Expr:
    """The hash of the row's tuple; NULL where it isn't of the set."""
    typed = (
        exp.cast(over(parsed(sql), known), kind, dialect="duckdb")
        for sql, kind in zip(tuples.columns, tuples.types, strict=True)
    )
    value = f"hash({', '.join(shown(one) for one in typed)})"
    if not tuples.condition:
        return parsed(value)
    return parsed(f"CASE WHEN {shown(over(parsed(tuples.condition), known))} THEN {value} END")
