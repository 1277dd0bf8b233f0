"""Which views tell of the same events, and by which parts of their keys their rows meet: what one shows can tell of the other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from learnfold.catalog.model import Topic, View

KIND = "event_type"
"""The field by which views choose events of a topic."""

_OF_DATE = {"week": "CAST(date_trunc('week', date) AS DATE)", "weekday": "CAST(isodow(date) AS INTEGER)"}
"""Parts of a key that follow from a date, in SQL."""


@dataclass(frozen=True)
class Meeting:
    """How rows of ``one`` meet rows of ``other``: those that agree in all of ``by`` may count the same events."""

    one: View
    other: View
    by: tuple[tuple[str, str], ...]  # SQL over a row of ``one``, and over one of ``other``
    slices: tuple[
        str | None, ...
    ]  # conditions on rows of ``one``: whatever ``other`` counts is one of these, or several
    within: str | None  # the condition on rows of ``other`` that may count what ``one`` counts; None: all


def meetings(views: Iterable[View]) -> list[Meeting]:
    """All meetings of two of these views, each from both sides."""
    listed = list(views)
    found = [_meeting(one, other) for one in listed for other in listed if one is not other]
    return [meeting for meeting in found if meeting is not None]


def families(views: Iterable[View]) -> dict[str, tuple[View, ...]]:
    """By view all views that it meets, and those that they meet, and so on, itself among them."""
    listed = list(views)
    groups = {view.name: {view.name} for view in listed}
    for meeting in meetings(listed):
        joined = groups[meeting.one.name] | groups[meeting.other.name]
        groups.update(dict.fromkeys(joined, joined))
    return {name: tuple(view for view in listed if view.name in group) for name, group in groups.items()}


def groupings(view: View, others: Iterable[View]) -> list[tuple[str, ...]]:
    """The groups of the view's rows that a total may be known of, as SQL: by any parts of its key, and what follows from a date.

    ``others``: the views beside it, whose keys say which of what follows from a date there may be totals by.
    """
    parts = [part for part in view.key if part != "date"]
    dated = [("date",)] if "date" in view.key else []
    if dated:
        asked = {part for other in others for part in other.key}
        dated += [(sql,) for name, sql in _OF_DATE.items() if name in asked]
    found = [(*some, *more) for some in _some_of(parts) for more in [(), *dated]]
    return [group for group in found if set(group) != set(view.key)]


def _some_of(parts: list[str]) -> list[tuple[str, ...]]:
    return [tuple(part for place, part in enumerate(parts) if number >> place & 1) for number in range(1 << len(parts))]


def _meeting(one: View, other: View) -> Meeting | None:
    shared = [topic for topic in one.topics if topic.name in {its.name for its in other.topics}]
    shared = [topic for topic in shared if _overlap(_kinds(one, topic), _kinds(other, topic))]
    if not shared:
        return None
    by = [(_part(one, name), _part(other, name)) for name in dict.fromkeys([*one.key, *other.key])]
    found = tuple((mine, its) for mine, its in by if mine and its)
    slices: list[str | None] = [None]
    if KIND in one.key and KIND not in other.key:
        named = sorted({kind for topic in shared for kind in _named(other, topic)})
        whole = any(_kinds(other, topic) is None for topic in shared)
        slices = [*([None] if whole else []), *(f"{KIND} = '{kind}'" for kind in named)]
    return Meeting(one, other, found, tuple(slices), _within(one, other, shared))


def _within(one: View, other: View, shared: list[Topic]) -> str | None:
    if KIND not in other.key or KIND in one.key:
        return None
    kinds = [_kinds(one, topic) for topic in shared]
    if any(some is None for some in kinds):
        return None
    named = sorted({kind for some in kinds for kind in some or ()})
    return f"{KIND} IN ({', '.join(repr(kind) for kind in named)})"


def _part(view: View, name: str) -> str | None:
    """What gives this part of a key for a row of the view; None where nothing does."""
    if name in view.key:
        return name
    return _OF_DATE.get(name) if "date" in view.key else None


def _overlap(one: frozenset[str] | None, other: frozenset[str] | None) -> bool:
    return one is None or other is None or bool(one & other)


def _kinds(view: View, topic: Topic) -> frozenset[str] | None:
    """The types of events of the topic that the view is of; None: any."""
    chosen = _chosen(view.query)
    if chosen is not None:
        return chosen
    below = [_chosen(rollup.query) for rollup in view.all_rollups if rollup.topic.name == topic.name]
    if any(some is None for some in below):
        return None
    return frozenset(kind for some in below for kind in some or ())


@cache
def _chosen(sql: str) -> frozenset[str] | None:
    """The types that the query's WHERE leaves, wherever it reads rows; None where it doesn't say of some."""
    query = sqlglot.parse_one(sql, read="duckdb")
    tables = {one.alias: {table.name for table in one.find_all(exp.Table)} for one in query.find_all(exp.CTE)}
    named = {name for name, below in tables.items() if name not in below}
    found: set[str] = set()
    for select in query.find_all(exp.Select):
        if all(isinstance(source, exp.Subquery) or source.name in named for source in _sources(select)):
            continue  # what it reads was chosen there, if it was
        kinds = _left(select)
        if not kinds:
            return None
        found |= set.intersection(*kinds)
    return frozenset(found) if found else None


def _left(select: exp.Select) -> list[set[str]]:
    """The types that its WHERE names, and those of the SELECTs around it that read nothing else; of a join a WHERE tells one side alone."""
    if len(_sources(select)) > 1:
        return []
    where = select.args.get("where")
    conditions = where.this.flatten() if where and isinstance(where.this, exp.And) else [where.this] if where else []
    kinds = [_literals(condition) for condition in conditions if _literals(condition)]
    around = select.parent
    if isinstance(around, exp.Subquery) and isinstance(around.parent, exp.From):
        outer = around.parent.parent
        kinds += _left(outer) if isinstance(outer, exp.Select) else []
    return kinds


def _sources(select: exp.Select) -> list[exp.Expr]:
    parts = [select.args.get("from_"), *(select.args.get("joins") or ())]
    return [part.this for part in parts if part]


def _named(view: View, topic: Topic) -> set[str]:
    """The types of events that the view, or a rollup of the topic below it, counts by themselves."""
    below = [rollup.query for rollup in view.all_rollups if rollup.topic.name == topic.name]
    return {kind for sql in (view.query, *below) for kind in _compared(sql)}


@cache
def _compared(sql: str) -> frozenset[str]:
    """The types that the query compares with."""
    conditions = sqlglot.parse_one(sql, read="duckdb").find_all(exp.EQ, exp.In)
    return frozenset(
        kind for condition in conditions if not isinstance(condition.parent, exp.Not) for kind in _literals(condition)
    )


def _literals(condition: exp.Expr) -> set[str]:
    """The types that a condition ``event_type = …`` or ``event_type IN (…)`` names."""
    if not isinstance(condition, exp.EQ | exp.In) or condition.this.name != KIND:
        return set()
    values = condition.expressions if isinstance(condition, exp.In) else [condition.expression]
    return {value.name for value in values if isinstance(value, exp.Literal) and value.is_string}
