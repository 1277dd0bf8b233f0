"""An event alone is a rollup of one row: rollups and states as SQL over the event, without grouping anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from learnfold.catalog import Rollup

Columns = dict[str, exp.Expr]


class NotSingleError(Exception):
    """It isn't known what it is of one row; the message says of which SQL."""


@dataclass(frozen=True)
class Arm:
    """Rows of one rollup as a state's source passes them on: its columns over the rollup's, and which rows pass."""

    rollup: str
    columns: Columns
    conditions: list[exp.Expr] = field(default_factory=list)


@dataclass(frozen=True)
class RowOfOne:
    """A rollup's row of one event, as SQL over ``source``."""

    source: str  # the topic, or a query over it that gives several rows, or none, for an event
    plain: bool  # whether ``source`` is the topic itself
    columns: Columns
    condition: exp.Expr | None


def parsed(sql: str) -> exp.Expr:
    """An expression."""
    return sqlglot.parse_one(sql, read="duckdb")


def shown(node: exp.Expr) -> str:
    """As DuckDB's SQL, without comments."""
    return node.sql("duckdb", comments=False)


def over(node: exp.Expr, columns: Mapping[str, exp.Expr]) -> exp.Expr:
    """The expression with what stands behind each column in its place."""

    def put(part: exp.Expr) -> exp.Expr:
        if isinstance(part, exp.Column) and part.name in columns:
            return exp.Paren(this=columns[part.name].copy())
        return part

    return node.copy().transform(put)


def all_of(conditions: Sequence[exp.Expr]) -> exp.Expr:
    """The conditions together, never NULL; true without any."""
    if not conditions:
        return exp.true()
    text = " AND ".join(f"({shown(one)})" for one in conditions)
    return parsed(f"coalesce({text}, false)")


def single(node: exp.Expr) -> exp.Expr:
    """What aggregates are of a single row; raises NotSingleError for those that aren't a sum, a count, a least or a most."""

    def put(part: exp.Expr) -> exp.Expr:
        if isinstance(part, exp.Filter):
            counted = isinstance(part.this, exp.Count)
            where = part.expression.this if isinstance(part.expression, exp.Where) else part.expression
            value = _of_one(part.this)
            return exp.Case(
                ifs=[exp.If(this=where.copy(), true=value)], default=exp.Literal.number(0) if counted else exp.null()
            )
        return _of_one(part) if isinstance(part, exp.AggFunc) else part

    found: exp.Expr = node.copy().transform(put)  # from the top: a FILTER is seen before its aggregate
    return found


def row_of_one(rollup: Rollup) -> RowOfOne:
    """A rollup's row of one event; raises NotSingleError where none is known."""
    select = parsed(rollup.query)
    if not isinstance(select, exp.Select) or any(select.args.get(part) for part in ("joins", "having", "distinct")):
        raise NotSingleError(rollup.query)
    types = {column.name: column.type for column in rollup.columns}
    columns: Columns = {
        part.alias_or_name: exp.cast(single(part.unalias()), types[part.alias_or_name], dialect="duckdb")
        for part in select.selects
    }
    where = select.args.get("where")
    source = select.args["from_"].this
    plain = isinstance(source, exp.Table) and source.name == rollup.topic.name
    if not plain:
        for inner in source.find_all(exp.Select):
            if inner.args.get("group") or inner.find(exp.AggFunc, exp.Window):
                raise NotSingleError(rollup.query)
            for name in ("_offset", "_partition"):
                inner.expressions.insert(0, exp.column(name))
    return RowOfOne(shown(source), plain, columns, where.this if where else None)


def arms(node: exp.Expr, rollups: Mapping[str, Rollup]) -> list[Arm]:
    """The rollups whose rows a source passes on, with its columns over theirs; raises NotSingleError for another source."""
    if isinstance(node, exp.Subquery):
        return arms(node.this, rollups)
    if isinstance(node, exp.Table) and node.name in rollups:
        return [Arm(node.name, {column.name: exp.column(column.name) for column in rollups[node.name].columns})]
    if isinstance(node, exp.Union) and not node.args.get("distinct"):
        first = arms(node.this, rollups)
        names = list(first[0].columns)
        rest = [
            Arm(arm.rollup, dict(zip(names, arm.columns.values(), strict=True)), arm.conditions)
            for arm in arms(node.expression, rollups)
        ]
        return [*first, *rest]
    if isinstance(node, exp.Select):
        return [_selected(node, arm) for arm in arms(node.args["from_"].this, rollups)]
    raise NotSingleError(shown(node))


def _selected(select: exp.Select, below: Arm) -> Arm:
    where = select.args.get("where")
    conditions = [*below.conditions, *([over(where.this, below.columns)] if where else [])]
    if select.is_star:
        return Arm(below.rollup, below.columns, conditions)
    columns: Columns = {}
    for place, part in enumerate(select.selects):  # the later arms of a UNION ALL needn't name theirs
        name = part.alias_or_name
        columns[f"column {place}" if not name or name in columns else name] = over(part.unalias(), below.columns)
    return Arm(below.rollup, columns, conditions)


def _of_one(aggregate: exp.Expr) -> exp.Expr:
    value = aggregate.this
    if isinstance(aggregate, exp.Count) and not isinstance(value, exp.Distinct):
        if isinstance(value, exp.Star):
            return exp.Literal.number(1)
        return parsed(f"CASE WHEN {shown(value)} IS NOT NULL THEN 1 ELSE 0 END")
    if isinstance(aggregate, (exp.Sum, exp.Min, exp.Max)) and not isinstance(value, exp.Distinct):
        found: exp.Expr = value.copy()
        return found
    raise NotSingleError(shown(aggregate))
