"""Which views and columns some events fill, worked out from the views' SQL: what types of events and which fields each one needs.

A share is that of the events a column is made of which hold what it needs: 1 where all do, 0 where none does or there are none.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from learnfold.catalog.model import Topic, View

Types = frozenset[str] | None
"""The types of events that are meant; None: all."""

_EITHER = (exp.Coalesce, exp.Greatest, exp.Least)
_NEGATIVE = (exp.NEQ, exp.NullSafeNEQ, exp.Not, exp.Or)


@dataclass(frozen=True)
class Told:
    """What events of one type are there: how many, and how many of them hold each field."""

    events: int
    fields: Mapping[str, int]


@dataclass(frozen=True)
class Share:
    """How much of a column there is, and what is missing where it isn't all."""

    of: float
    missing: tuple[str, ...] = ()
    counted: bool = field(default=False, compare=False)  # a count, which is never NULL

    @property
    def state(self) -> str:
        """Full, partly or empty."""
        return "full" if self.of >= 1 else "partly" if self.of > 0 else "empty"


@dataclass(frozen=True)
class Coverage:
    """Of one view: whether it has rows at all, and each column's share."""

    view: str
    rows: Share
    columns: dict[str, Share]

    @property
    def state(self) -> str:
        """Empty without rows, full where every column is."""
        if not self.rows.of:
            return "empty"
        return "full" if all(share.of >= 1 for share in self.columns.values()) else "partly"

    @property
    def missing(self) -> tuple[str, ...]:
        """All that is missing, what leaves it without rows first."""
        found = [text for share in (self.rows, *self.columns.values()) for text in share.missing]
        return self.rows.missing if not self.rows.of else tuple(dict.fromkeys(found))


def coverage_of(view: View, told: Mapping[str, Mapping[str, Told]]) -> Coverage:
    """How much of a view events fill of which ``told`` says, by topic and type, what is there."""
    found = _of_view(view, told)
    rows = found.rows(None)
    return Coverage(view.name, rows, {c.name: _worst([rows, found.column(c.name, None)]) for c in view.columns})


class _Relation(ABC):
    """What a FROM names."""

    @abstractmethod
    def rows(self, types: Types) -> Share:
        """How many of its rows are there."""

    @abstractmethod
    def column(self, name: str, types: Types) -> Share:
        """How many of a column's values are there."""

    @abstractmethod
    def has(self, name: str) -> bool:
        """Whether it has the column."""

    def kinds(self, types: Types) -> dict[str, int]:  # noqa: ARG002 - known of a topic's rows alone
        """How many events of each type its rows are made of; none where that isn't known."""
        return {}


class _Events(_Relation):
    """A topic's events."""

    def __init__(self, topic: Topic, told: Mapping[str, Told]) -> None:
        self.topic, self.told = topic, told
        self.always = {f.name for f in topic.fields if f.required or f.derived}

    def has(self, name: str) -> bool:
        return any(f.name == name for f in self.topic.fields)

    def kinds(self, types: Types) -> dict[str, int]:
        return {kind: told.events for kind, told in self.told.items() if types is None or kind in types}

    def rows(self, types: Types) -> Share:
        if any(told.events for name, told in self.told.items() if types is None or name in types):
            return Share(1.0)
        return Share(0.0, (f"{_one_of(types, 'events')} in {self.topic.name}",))

    def column(self, name: str, types: Types) -> Share:
        rows = self.rows(types)
        if not rows.of or name in self.always:
            return rows
        meant = {kind: self.told[kind] for kind in self.kinds(types)}
        events = sum(told.events for told in meant.values())
        held = sum(told.fields.get(name, 0) for told in meant.values())
        if held >= events:
            return Share(1.0)
        without = sorted(kind for kind, told in meant.items() if told.fields.get(name, 0) < told.events)
        return Share(held / events, (f"{name} of {', '.join(without)} in {self.topic.name}",))


class _Fixed(_Relation):
    """Rows that are there whatever the events are, such as a list of numbers."""

    def has(self, name: str) -> bool:  # noqa: ARG002 - its columns are looked for last
        return False

    def rows(self, types: Types) -> Share:  # noqa: ARG002 - of no type
        return Share(1.0)

    def column(self, name: str, types: Types) -> Share:  # noqa: ARG002 - of no type
        return Share(1.0)


class _Union(_Relation):
    """Rows of both arms; their columns are put together by place."""

    def __init__(self, left: _Relation, right: _Relation, names: Sequence[Sequence[str]]) -> None:
        self.arms, self.names = (left, right), names

    def has(self, name: str) -> bool:
        return name in self.names[0]

    def rows(self, types: Types) -> Share:
        return _best([arm.rows(types) for arm in self.arms])

    def column(self, name: str, types: Types) -> Share:
        place = self.names[0].index(name)
        return _best([arm.column(own[place], types) for arm, own in zip(self.arms, self.names, strict=True)])


class _Select(_Relation):
    def __init__(self, select: exp.Select, tables: Mapping[str, _Relation]) -> None:
        joins = select.args.get("joins") or []
        source = select.args.get("from_")
        named = [*([source.this] if source else []), *(join.this for join in joins)]
        self.select, self.tables = select, tables
        self.sources = {one.alias_or_name: _of(one, tables) for one in named}
        self.sides = {join.this.alias_or_name: join.side for join in joins}
        self.values = {part.alias_or_name: part.unalias() for part in select.selects}
        where = select.args.get("where")
        self.conditions = list(_anded(where.this)) if where else []

    def has(self, name: str) -> bool:
        return name in self.values or (self.select.is_star and any(one.has(name) for one in self.sources.values()))

    def kinds(self, types: Types) -> dict[str, int]:
        (only, *others) = self.sources.values() or [_Fixed()]
        return {} if others else only.kinds(self._narrowed(types, self.conditions))

    def rows(self, types: Types) -> Share:
        types = self._narrowed(types, self.conditions)
        asked = _worst([self._value(condition, types) for condition in self.conditions if _needs(condition)])
        if not asked.of:
            return asked
        return Share(1.0) if (sources := self._all(types)).of else sources

    def column(self, name: str, types: Types) -> Share:
        if name not in self.values:  # of a star
            return self._of_source(name, types)
        value = self._value(self.values[name], self._narrowed(types, self.conditions))
        return value if not value.of or (rows := self.rows(types)).of else rows

    def _typed(self, source: _Relation) -> bool:
        return len(self.sources) == 1 or source.has("event_type")

    def _value(self, value: exp.Expr, types: Types) -> Share:  # noqa: C901, PLR0911 - one line a kind of expression
        """The share of an expression over events of these types."""
        if isinstance(value, exp.Column):
            return self._of_source(value.name, types, value.table)
        if isinstance(value, exp.Null):
            return Share(0.0)
        if isinstance(value, (exp.Subquery, exp.Exists)):
            return self._inner(value.this)
        if isinstance(value, exp.Filter):
            conditions = list(_anded(value.expression.this))
            types = self._narrowed(types, conditions)
            needed = [self._value(condition, types) for condition in conditions if _needs(condition)]
            found = self._value(value.this, types)
            worst = _worst([found, *needed])
            return Share(worst.of, worst.missing, found.counted)
        if isinstance(value, exp.Count):
            counted = value.this
            columns = counted.expressions if isinstance(counted, exp.Distinct) else [counted]
            found = _worst([self._value(one, types) for one in columns])
            return Share(found.of, found.missing, counted=True)
        if isinstance(value, exp.Case):
            return self._case(value, types)
        if isinstance(value, (exp.Window, exp.Paren, exp.Cast, exp.AggFunc, exp.Distinct)):
            return self._value(value.this, types) if isinstance(value.this, exp.Expr) else self._all(types)
        if isinstance(value, (exp.Literal, exp.Star, exp.Boolean)) or value.find(exp.Column) is None:
            return self._all(types)
        if isinstance(value, _EITHER):
            return self._either(value, types)
        parts = [self._value(part, types) for part in _parts(value)]
        if isinstance(value, (exp.Add, exp.Sub)) and all(part.counted for part in parts):
            return _best(parts)
        return _worst(parts)

    def _either(self, value: exp.Expr, types: Types) -> Share:
        """The best of its parts for each type of event, since one may hold this and another that."""
        kinds: list[tuple[Types, int]] = []
        if all(isinstance(part, exp.Column) for part in _parts(value)):
            kinds = [(frozenset({kind}), events) for kind, events in self.kinds(types).items()]
        each = [
            (_best([self._value(part, meant) for part in _parts(value)]), events)
            for meant, events in kinds or [(types, 1)]
        ]
        whole = sum(events for _, events in each)
        missing = dict.fromkeys(text for share, _ in each for text in share.missing)
        counted = all(share.counted for share, _ in each)
        return Share(sum(share.of * events for share, events in each) / whole, tuple(missing), counted)

    def _all(self, types: Types) -> Share:
        """Whether there are rows of all sources that a row needs."""
        needed = [source for alias, source in self.sources.items() if self.sides.get(alias, "") not in {"LEFT", "FULL"}]
        found = _worst([source.rows(types if self._typed(source) else None) for source in needed])
        return Share(found.of, found.missing, counted=True)

    def _inner(self, query: exp.Expr) -> Share:
        inner = _of(query, self.tables)
        first = query.selects[0].alias_or_name if isinstance(query, exp.Select) and not query.is_star else ""
        return inner.column(first, None) if first and inner.has(first) else inner.rows(None)

    def _case(self, case: exp.Case, types: Types) -> Share:
        arms = []
        for branch in case.args["ifs"]:
            conditions = list(_anded(branch.this))
            narrowed = self._narrowed(types, conditions)
            needed = [self._value(condition, narrowed) for condition in conditions if condition.find(exp.Column)]
            arms.append(_worst([*needed, self._value(branch.args["true"], narrowed)]))
        default = case.args.get("default")
        if default is not None and not isinstance(default, (exp.Null, exp.Literal)):
            arms.append(self._value(default, types))
        plain = isinstance(default, exp.Literal) and all(
            isinstance(b.args["true"], exp.Literal) for b in case.args["ifs"]
        )
        found = _best(arms)
        return Share(found.of, found.missing, counted=plain)

    def _of_source(self, name: str, types: Types, alias: str = "") -> Share:
        having = [one for one in self.sources.values() if one.has(name)]
        source = self.sources[alias] if alias in self.sources else having[0] if having else _Fixed()
        return source.column(name, types if self._typed(source) else None)

    @staticmethod
    def _narrowed(types: Types, conditions: Sequence[exp.Expr]) -> Types:
        for condition in conditions:
            meant = _types_of(condition)
            if meant is not None:
                types = meant if types is None else types & meant
        return types


def _of_view(view: View, told: Mapping[str, Mapping[str, Told]]) -> _Relation:
    tables: dict[str, _Relation] = {one.name: _of_view(one, told) for one in view.views}
    for rollup in view.rollups:
        events = _Events(rollup.topic, told.get(rollup.topic.name, {}))
        tables[rollup.name] = _of(sqlglot.parse_one(rollup.query, read="duckdb"), {rollup.topic.name: events})
    return _of(sqlglot.parse_one(view.query, read="duckdb"), tables)


def _of(query: exp.Expr, tables: Mapping[str, _Relation]) -> _Relation:
    if isinstance(query, exp.Table):
        return tables.get(query.name, _Fixed())
    if isinstance(query, exp.Subquery):
        return _of(query.this, tables)
    within = query.args.get("with_")
    for cte in within.expressions if within else ():
        tables = {**tables, cte.alias: _of(cte.this, tables)}
    if isinstance(query, exp.Union):
        names = [[part.alias_or_name for part in arm.selects] for arm in (query.this, query.expression)]
        return _Union(_of(query.this, tables), _of(query.expression, tables), names)
    return _Select(query, tables) if isinstance(query, exp.Select) else _Fixed()


def _anded(condition: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(condition, exp.And):
        yield from _anded(condition.left)
        yield from _anded(condition.right)
    elif isinstance(condition, exp.Paren):
        yield from _anded(condition.this)
    else:
        yield condition


def _types_of(condition: exp.Expr) -> Types:
    """The types that a condition asks for; None where it asks for none."""
    column = condition.this
    if not isinstance(column, exp.Column) or column.name != "event_type":
        return None
    if isinstance(condition, exp.EQ) and isinstance(condition.expression, exp.Literal):
        return frozenset({condition.expression.name})
    if isinstance(condition, exp.In) and condition.expressions:
        return frozenset(one.name for one in condition.expressions)
    return None


def _needs(condition: exp.Expr) -> bool:
    """Whether a row needs what the condition names; a type of event is asked for otherwise."""
    if isinstance(condition, exp.Not) and isinstance(condition.this, exp.Is):
        return True
    asks = not isinstance(condition, (*_NEGATIVE, exp.Is)) and condition.find(exp.Query) is None
    return asks and _types_of(condition) is None and condition.find(exp.Column) is not None


def _parts(value: exp.Expr) -> list[exp.Expr]:
    """The operands that read something; those that are always the same don't matter."""
    return [part for part in value.iter_expressions() if part.find(exp.Column) is not None]


def _worst(shares: Sequence[Share]) -> Share:
    if not shares:
        return Share(1.0)
    missing = dict.fromkeys(text for share in shares if share.of < 1 for text in share.missing)
    return Share(min(share.of for share in shares), tuple(missing))


def _best(shares: Sequence[Share]) -> Share:
    most = max(shares, key=lambda share: share.of)
    counted = all(share.counted for share in shares)
    if most.of >= 1:
        return Share(1.0, counted=counted)
    missing = dict.fromkeys(text for share in shares for text in share.missing)
    return Share(most.of, tuple(missing), counted)


def _one_of(types: Types, otherwise: str) -> str:
    return " or ".join(sorted(types)) if types else otherwise
