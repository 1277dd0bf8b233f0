"""How a view is computed with less work, on any engine. Its own SQL stays as it was written.

A rollup merges by union, so a view that doesn't look at ``date`` may read the rollup merged over all dates: far fewer
rows, and each key once. There, counting distinct values of a column that makes a whole key with what is grouped by is counting.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from learnfold.catalog.model import Rewrite
from learnfold.catalog.pushdown import equalities

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from learnfold.catalog.model import View


_MOST_CHOICES = 3
"""A view of more rollups than so many reads either all of them merged, or none: each choice is a text that is kept."""


def with_rewrites(view: View) -> View:
    """The view with its rewrites: all that is known beforehand of how to compute it."""
    query = sqlglot.parse_one(view.query, read="duckdb")
    dated = "date" in {column.name for column in query.find_all(exp.Column)}
    all_time = sorted(rollup.name for rollup in view.rollups if len(rollup.key) > 1 and not dated)
    sizes = range(len(all_time) + 1) if len(all_time) <= _MOST_CHOICES else (0, len(all_time))
    choices = [frozenset(chosen) for size in sizes for chosen in combinations(all_time, size)]
    return replace(
        view,
        all_time=frozenset(all_time),
        unique=_unique(query) == set(view.key),
        rewrites={merged: _rewrite(view, merged) for merged in choices},
    )


def over(view: View, tables: Mapping[str, str], merged: AbstractSet[str], dialect: str) -> str:
    """The view's SELECT with its contract's types, over the tables that stand for its rollups and views.

    ``merged``: the rollups whose table is merged over all dates, each key once.
    """
    return _over(view, tables, merged).sql(dialect)


def _rewrite(view: View, merged: frozenset[str]) -> Rewrite:
    select = _over(view, {}, merged)
    return Rewrite(select.sql("duckdb"), projection=_is_projection(select))


def _over(view: View, tables: Mapping[str, str], merged: AbstractSet[str]) -> exp.Expr:
    query = sqlglot.parse_one(view.query, read="duckdb")
    rollups = {rollup.name: rollup for rollup in view.rollups}
    for source in list(query.find_all(exp.Table)):
        rollup = rollups.get(source.name)
        if rollup is not None and rollup.name in merged:
            _count_plainly(source.find_ancestor(exp.Select), set(rollup.key) - {"date"})
        if source.name in tables:
            source.replace(exp.alias_(exp.to_table(tables[source.name]), source.alias or source.name, table=True))
    columns = [f"CAST({column.name} AS {column.type}) AS {column.name}" for column in view.columns]
    whole = sqlglot.parse_one(f"SELECT {', '.join(columns)} FROM answers", read="duckdb")
    whole.find(exp.Table).replace(exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier("answers"))))  # type: ignore[union-attr]
    return whole


def _unique(query: exp.Expr | None) -> set[str] | None:
    """The columns that no two rows of a query share: what it groups by, also beside what at most one row each is joined of."""
    if isinstance(query, exp.Subquery):
        return _unique(query.this)
    if not isinstance(query, exp.Select) or query.args.get("distinct"):
        return None
    if query.args.get("group"):
        return {part.alias_or_name for part in query.selects if not part.find(exp.AggFunc)}
    source, joins = query.args.get("from_"), query.args.get("joins") or ()
    key = _unique(source.this) if source else None
    if source is None or key is None or not all(map(_adds_no_rows, joins)):
        return None
    found = {part.alias_or_name: part.unalias() for part in query.selects}
    if any(isinstance(value, exp.AggFunc | exp.Explode | exp.Unnest) for one in found.values() for value in one.walk()):
        return None
    shown = {
        value.name: name
        for name, value in found.items()
        if isinstance(value, exp.Column) and value.table in {"", source.this.alias}
    }
    return {shown[name] for name in key} if key <= shown.keys() else None


def _adds_no_rows(join: exp.Join) -> bool:
    """Whether it is a LEFT JOIN by all that no two rows of its right side share."""
    key, alias = _unique(join.this), join.this.alias_or_name
    compared = {
        side.name
        for equal in equalities(join.args.get("on"))
        for side, other in ((equal.this, equal.expression), (equal.expression, equal.this))
        if isinstance(side, exp.Column) and side.table == alias
        if isinstance(other, exp.Column) and other.table not in {"", alias}
    }
    return join.side == "LEFT" and not join.kind and not join.method and key is not None and key <= compared


def _is_projection(select: exp.Expr) -> bool:
    """Whether the rows of ``select`` are those of its table, one by one: nothing is grouped or joined."""
    return not any(select.find_all(exp.AggFunc, exp.Group, exp.Join, exp.Distinct, exp.Window, exp.SetOperation))


def _take_plainly(select: exp.Select) -> bool:
    """Takes values as they are where a whole key is grouped by, so that each group is one row; whether that could be done."""
    aggregates = [found for found in select.find_all(exp.AggFunc) if found.find_ancestor(exp.Select) is select]
    if any(
        not isinstance(found, (exp.Sum, exp.Min, exp.Max)) or isinstance(found.parent, exp.Filter)
        for found in aggregates
    ):
        return False
    if not all(isinstance(found.this, exp.Column) for found in aggregates):
        return False
    for found in aggregates:
        found.replace(found.this.copy())
    select.set("group", None)
    return True


def _count_plainly(select: exp.Select | None, key: set[str]) -> None:
    """Counts distinct values plainly where what is grouped by and counted is a whole key, so that none comes twice."""
    if select is None or select.args.get("joins"):
        return
    grouped = {part.name for part in select.selects if isinstance(part, exp.Column)}
    grouped |= {
        part.this.name for part in select.selects if isinstance(part, exp.Alias) and isinstance(part.this, exp.Column)
    }
    if grouped >= key and _take_plainly(select):
        return
    for count in list(select.find_all(exp.Count)):
        distinct = count.this
        if not isinstance(distinct, exp.Distinct) or count.find_ancestor(exp.Select) is not select:
            continue
        (counted,) = distinct.expressions
        if isinstance(counted, exp.Column) and grouped | {counted.name} >= key:
            count.set("this", counted.copy())
