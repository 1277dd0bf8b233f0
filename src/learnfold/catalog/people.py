"""How many people a row of a view is about, where the view says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from learnfold.catalog.origins import origins, stripped

if TYPE_CHECKING:
    from learnfold.catalog.model import View


def persons_of(view: View) -> tuple[str, ...]:
    """The columns of the view that hold a person's id: a row is about that person."""
    return tuple(column.name for column in view.columns if column.names == "owner")


def extremes_of(view: View) -> tuple[str, ...]:
    """The columns of the view that are the least or the most of something: each is one event's, so one person's. Texts aren't measured."""
    made, texts = _made(view), {column.name for column in view.columns if column.type == "VARCHAR"}
    extreme = (name for name, values in made.items() if any(isinstance(stripped(v), exp.Min | exp.Max) for v in values))
    return tuple(name for name in extreme if name not in texts)


def people_of(view: View) -> tuple[str, ...]:
    """The columns of the view that count people: ``count(DISTINCT …)`` of a column that holds a person's id."""
    owners = {column.name for rollup in view.rollups for column in rollup.columns if column.names == "owner"}
    return tuple(name for name, values in _made(view).items() if any(_counts(one, owners) for one in values))


def _made(view: View) -> dict[str, list[exp.Expr]]:
    """What makes each column; of a view that joins, in its own SELECT alone: there people are set beside what others count."""
    query = sqlglot.parse_one(view.query, read="duckdb")
    if isinstance(query, exp.Select) and query.args.get("joins"):
        return {select.alias_or_name: [select.unalias()] for select in query.selects}
    return origins(query)


def _counts(value: exp.Expr, owners: set[str]) -> bool:
    value = stripped(value)
    counted = value.this.expressions if isinstance(value, exp.Count) and isinstance(value.this, exp.Distinct) else []
    return len(counted) == 1 and isinstance(counted[0], exp.Column) and counted[0].name in owners
