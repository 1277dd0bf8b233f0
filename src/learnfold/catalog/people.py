"""How many people a row of a view is about, where the view says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

if TYPE_CHECKING:
    from learnfold.catalog.model import View


def persons_of(view: View) -> tuple[str, ...]:
    """The columns of the view that hold a person's id: a row is about that person."""
    return tuple(column.name for column in view.columns if column.names == "owner")


def extremes_of(view: View) -> tuple[str, ...]:
    """The columns of the view that are the least or the most of something: each is one event's, so one person's."""
    query = sqlglot.parse_one(view.query, read="duckdb")
    found = []
    for select in query.selects if isinstance(query, exp.Query) else ():
        value = select.unalias()
        while isinstance(value, exp.Cast | exp.Filter | exp.Paren):
            value = value.this
        if isinstance(value, exp.Min | exp.Max):
            found.append(select.alias_or_name)
    return tuple(found)


def people_of(view: View) -> tuple[str, ...]:
    """The columns of the view that count people: ``count(DISTINCT …)`` of a column that holds a person's id."""
    owners = {column.name for rollup in view.rollups for column in rollup.columns if column.names == "owner"}
    found = []
    query = sqlglot.parse_one(view.query, read="duckdb")
    for select in query.selects if isinstance(query, exp.Query) else ():
        value = select.unalias()
        if isinstance(value, exp.Filter):
            value = value.this
        counted = (
            value.this.expressions if isinstance(value, exp.Count) and isinstance(value.this, exp.Distinct) else []
        )
        if len(counted) == 1 and isinstance(counted[0], exp.Column) and counted[0].name in owners:
            found.append(select.alias_or_name)
    return tuple(found)
