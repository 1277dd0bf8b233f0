"""The rules of the subjects, each refused by name.

A rollup merges by union: counts, sums, least and most, keyed by ``date`` and whatever is counted distinctly. A view reads
rollups, and puts their numbers together the way they merge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from learnfold.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from learnfold.catalog.model import Merge, Rollup

_MERGES: dict[type[exp.Expr], Merge] = {
    exp.Count: "sum",
    exp.CountIf: "sum",
    exp.Sum: "sum",
    exp.Min: "min",
    exp.Max: "max",
}


def sources(query: exp.Query) -> set[str]:
    """The tables that a query reads, at any depth."""
    named = {cte.alias for cte in query.find_all(exp.CTE)}
    return {table.name for table in query.find_all(exp.Table)} - named


def distinct(job: str, name: str, columns: Sequence[str]) -> None:
    """Refuses a column that is there twice."""
    for column in columns:
        if columns.count(column) > 1:
            raise DefinitionError(f"subjects/{job}.sql: {name}.{column} is defined twice")


def rollup(job: str, name: str, query: exp.Query) -> dict[str, Merge]:
    """How each column of a rollup merges; refuses what doesn't."""
    where = f"subjects/{job}.sql: the rollup {name}"
    if not isinstance(query, exp.Select) or not grouped_all(query):
        raise DefinitionError(f"{where} must be one SELECT that ends in GROUP BY ALL")
    if query.args.get("having") or query.args.get("limit") or query.args.get("distinct") or query.find(exp.Window):
        raise DefinitionError(f"{where} uses HAVING, LIMIT, DISTINCT or a window, which don't merge")
    merges: dict[str, Merge] = {}
    for select in query.selects:
        column, value = select.alias_or_name, select.unalias()
        merges[column] = "key" if not value.find(exp.AggFunc) else _merge(where, column, value)
    if merges.get("date") != "key":
        raise DefinitionError(f"{where} must be grouped by date")
    if all(merge == "key" for merge in merges.values()):
        raise DefinitionError(f"{where} holds keys only; count(*) them at least")
    return merges


def _merge(where: str, column: str, value: exp.Expr) -> Merge:
    inner = value.this if isinstance(value, exp.Filter) else value
    if type(inner) not in _MERGES:
        raise DefinitionError(
            f"{where}: {column} is {value.sql('duckdb')}, which doesn't merge; count, sum, min and max do"
        )
    if inner.find(exp.Distinct):
        raise DefinitionError(f"{where}: {column} is a distinct count, which doesn't merge; make what it counts a key")
    return _MERGES[type(inner)]


def view(job: str, name: str, query: exp.Query, rollups: Mapping[str, Rollup]) -> None:
    """Refuses a view that puts a rollup's numbers together in another way than they merge."""
    where = f"subjects/{job}.sql: the view {name}"
    for select in query.find_all(exp.Select):
        source = select.args.get("from_") or select.args.get("from")
        table = source.this if source else None
        if not isinstance(table, exp.Table) or table.name not in rollups:
            continue
        merges = {column.name: column.merge for column in rollups[table.name].columns}
        aggregates = [a for a in select.find_all(exp.AggFunc) if a.find_ancestor(exp.Select) is select]
        for aggregate in aggregates:
            _agrees(where, aggregate, merges)
        if not aggregates and select.find(exp.Group):
            raise DefinitionError(f"{where} groups {table.name} without putting its numbers together")


def _agrees(where: str, aggregate: exp.AggFunc, merges: Mapping[str, Merge | None]) -> None:
    text = aggregate.sql("duckdb")
    columns = [column.name for column in aggregate.find_all(exp.Column)]
    if isinstance(aggregate, exp.Count) and aggregate.find(exp.Distinct):
        wanted: set[Merge] = {"key"}
    elif isinstance(aggregate, exp.Sum):
        wanted = {"sum"}
    elif isinstance(aggregate, exp.Min):
        wanted = {"min", "key"}
    elif isinstance(aggregate, exp.Max):
        wanted = {"max", "key"}
    else:
        raise DefinitionError(
            f"{where}: {text} over a rollup depends on how its days were folded; sum what it counted, or count DISTINCT keys"
        )
    for column in columns:
        if merges.get(column) not in wanted:
            raise DefinitionError(f"{where}: {text} isn't how {column} merges ({merges.get(column)})")


def view_key(job: str, name: str, query: exp.Query, named: Sequence[str]) -> tuple[str, ...]:
    """The view's key: what it is grouped by, or what its ``key:`` line says where the outermost SELECT isn't grouped."""
    where = f"subjects/{job}.sql: the view {name}"
    columns = [select.alias_or_name for select in query.selects]
    said = tuple(part.strip() for line in named for part in line.split(","))
    grouping = tuple(s.alias_or_name for s in query.selects if not s.find(exp.AggFunc)) if grouped_all(query) else ()
    if query.args.get("group") and not grouped_all(query):
        raise DefinitionError(f"{where} must use GROUP BY ALL, so that its key is what it shows")
    if said and grouping and set(said) != set(grouping):
        raise DefinitionError(f"{where} says its key is {', '.join(said)}, but is grouped by {', '.join(grouping)}")
    key = grouping or said
    if not key:
        raise DefinitionError(f"{where} has no key: GROUP BY ALL, or a line '-- key: …' above it")
    for column in key:
        if column not in columns:
            raise DefinitionError(f"{where} has no column {column}, which its key names")
    return key


def check(job: str, name: str, text: str, columns: Sequence[str]) -> str:
    """The condition of a ``check:`` line as SQL; refuses one that isn't, or that names other columns."""
    where = f"subjects/{job}.sql: {name}: check: {text}"
    try:
        condition = sqlglot.parse_one(text, read="duckdb")
    except SqlglotError as error:
        raise DefinitionError(f"{where} isn't a condition: {error}") from error
    for column in condition.find_all(exp.Column):
        if column.name not in columns:
            raise DefinitionError(f"{where} names {column.name}, which is no column of it")
    return condition.sql("duckdb", comments=False)


def grouped_all(query: exp.Query) -> bool:
    """Whether a query ends in GROUP BY ALL."""
    group = query.args.get("group")
    return bool(group and group.args.get("all"))
