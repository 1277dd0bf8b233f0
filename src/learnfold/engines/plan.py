"""How a view is asked with less work, whatever the engine: its SQL stays plain, the plan is clever.

A rollup merges by union, so a view that doesn't look at ``date`` may be asked of the rollup merged over all dates: far fewer
rows, and each key once. There, counting distinct values of a column that makes a whole key with what is grouped by is counting.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Callable

    from learnfold.catalog import Rollup, View
    from learnfold.engines import AskRequest

_MERGED = {"sum": exp.Sum, "min": exp.Min, "max": exp.Max}


@cache
def parsed(query: str) -> exp.Expr:
    """The query as a tree; not to be changed."""
    return sqlglot.parse_one(query, read="duckdb")


def dateless(view: View, rollup: Rollup) -> bool:
    """Whether the view may be asked of the rollup merged over all dates."""
    return len(rollup.key) > 1 and "date" not in _columns(view.query)


@cache
def _columns(query: str) -> frozenset[str]:
    return frozenset(column.name for column in parsed(query).find_all(exp.Column))


def unique_by_grouping(view: View) -> bool:
    """Whether the view groups by its key alone, so that no key can come twice."""
    query = parsed(view.query)
    if not isinstance(query, exp.Select) or not query.args.get("group"):
        return False
    return {part.alias_or_name for part in query.selects if not part.find(exp.AggFunc)} == set(view.key)


def is_projection(select: str) -> bool:
    """Whether the rows of DuckDB's ``select`` are those of its table, one by one: nothing is grouped, joined or left out."""
    return not any(
        parsed(select).find_all(exp.AggFunc, exp.Group, exp.Join, exp.Distinct, exp.Window, exp.SetOperation)
    )


def uses_merged(request: AskRequest, rollup: Rollup) -> bool:
    """Whether the request's view is best asked of the rollup merged over all dates."""
    return rollup.name in request.merged and dateless(request.view, rollup)


def over(
    view: View, table: Callable[[Rollup], str], dialect: str, merged: Callable[[Rollup], bool] | None = None
) -> str:
    """The view's SELECT with its contract's types, over the tables (by rollup) that stand for its rollups.

    ``merged`` tells of which rollups the table is merged over all dates, each key once (None: of those that can be).
    """
    query = parsed(view.query).copy()
    rollups = {rollup.name: rollup for rollup in view.rollups}
    for source in list(query.find_all(exp.Table)):
        rollup = rollups.get(source.name)
        if rollup is None:
            continue
        if merged(rollup) if merged else dateless(view, rollup):
            _count_plainly(source.find_ancestor(exp.Select), set(rollup.key) - {"date"})
        source.replace(exp.alias_(exp.to_table(table(rollup)), source.alias or source.name, table=True))
    columns = [f"CAST({column.name} AS {column.type}) AS {column.name}" for column in view.columns]
    whole = sqlglot.parse_one(f"SELECT {', '.join(columns)} FROM answers", read="duckdb")
    whole.find(exp.Table).replace(exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier("answers"))))  # type: ignore[union-attr]
    return whole.sql(dialect)


def merged(rollup: Rollup, source: str) -> str:
    """The SELECT of the rollup's rows in ``source`` merged over all dates, in DuckDB's dialect."""
    columns = []
    for column in rollup.columns:
        if column.name == "date":
            continue
        if column.merge == "key" or column.merge is None:
            columns.append(column.name)
        else:
            columns.append(
                f"CAST({_MERGED[column.merge].__name__.upper()}({column.name}) AS {column.type}) AS {column.name}"
            )
    return f"SELECT {', '.join(columns)} FROM {source} GROUP BY ALL"


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
