"""By which columns a view may be asked in parts.

A view may be asked for some values of some columns alone when a row of it depends only on rollup rows that have the same
values there. That is so for columns by which every level of its query is grouped, partitioned or joined. It is worked out
from the query, never declared; where it can't be told, the view is asked as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from learnfold.catalog.model import Pushdown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from learnfold.catalog.model import Column, Rollup

_Local = dict[str, dict[str, str]]
"""By column of a query: for each rollup below it, the rollup's column with the same value."""


def pushdown_of(query: exp.Query, columns: Sequence[Column], rollups: Mapping[str, Rollup]) -> Pushdown | None:
    """The slice of a view: by ``date``, where that is enough; None where it isn't, since of other keys most change every day."""
    found = _local(query, rollups).get("date", {})
    if "date" not in {column.name for column in columns} or set(found) != set(rollups):
        return None
    return Pushdown(("date",), {rollup: (found[rollup],) for rollup in rollups})


def _local(query: exp.Expr, rollups: Mapping[str, Rollup]) -> _Local:
    if isinstance(query, exp.Subquery):
        return _local(query.this, rollups)
    if isinstance(query, exp.Table):
        rollup = rollups.get(query.name)
        return {column: {rollup.name: column} for column in rollup.key} if rollup else {}
    if isinstance(query, exp.Union):
        return _union(query, rollups)
    if isinstance(query, exp.Select) and not query.args.get("with_"):
        return _select(query, rollups)
    return {}


def _union(query: exp.Union, rollups: Mapping[str, Rollup]) -> _Local:
    left, right = query.this, query.expression
    ours, theirs = _local(left, rollups), _local(right, rollups)
    found: _Local = {}
    for one, other in zip(left.selects, right.selects, strict=True):
        mine, its = ours.get(one.alias_or_name), theirs.get(other.alias_or_name)
        if mine is not None and its is not None and _agree(mine, its):
            found[one.alias_or_name] = mine | its
    return found


def _select(query: exp.Select, rollups: Mapping[str, Rollup]) -> _Local:
    source = query.args.get("from_")
    if source is None or query.args.get("limit") or query.args.get("distinct"):
        return {}
    below = {source.this.alias_or_name: _local(source.this, rollups)}
    for join in query.args.get("joins") or []:
        below[join.this.alias_or_name] = _local(join.this, rollups)
    visible = _joined(query, below) if len(below) > 1 else _alone(below)
    windows = [
        {column.name for column in window.args.get("partition_by") or [] if isinstance(column, exp.Column)}
        for window in query.find_all(exp.Window)
        if window.find_ancestor(exp.Select) is query
    ]
    found: _Local = {}
    for select in query.selects:
        value = select.unalias()
        if not isinstance(value, exp.Column) or not all(value.name in window for window in windows):
            continue
        at = visible.get((value.table or None, value.name)) or visible.get((None, value.name))
        if at is not None:
            found[select.alias_or_name] = at
    return found


def _alone(below: Mapping[str, _Local]) -> dict[tuple[str | None, str], dict[str, str]]:
    """What is local in the one source there is, by name alone."""
    return {(None, name): at for name, at in next(iter(below.values())).items()}


def _joined(query: exp.Select, below: Mapping[str, _Local]) -> dict[tuple[str | None, str], dict[str, str]]:
    """What stays local over a join: the columns that it compares for equality."""
    visible: dict[tuple[str | None, str], dict[str, str]] = {}
    for join in query.args["joins"]:
        condition = join.args.get("on")
        for equal in _equalities(condition):
            one, other = equal.this, equal.expression
            if not (isinstance(one, exp.Column) and isinstance(other, exp.Column)):
                continue
            mine, its = below.get(one.table, {}).get(one.name), below.get(other.table, {}).get(other.name)
            if mine is not None and its is not None and _agree(mine, its) and len(below) == 2:  # noqa: PLR2004
                visible[(one.table, one.name)] = visible[(other.table, other.name)] = mine | its
    return visible


def _equalities(condition: exp.Expr | None) -> Iterable[exp.Expr]:
    if isinstance(condition, exp.And):
        yield from _equalities(condition.left)
        yield from _equalities(condition.right)
    elif isinstance(condition, (exp.EQ, exp.NullSafeEQ)):
        yield condition


def _agree(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return all(other.get(rollup, column) == column for rollup, column in one.items())
