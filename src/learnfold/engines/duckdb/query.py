"""Looks into a view's files: what ``learnfold show`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from learnfold.engines.duckdb.decode import quoted
from learnfold.engines.duckdb.footers import brief
from learnfold.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learnfold.catalog import View


def look(
    view: View, files: Sequence[str], where: str | None, sort: Sequence[str], limit: int | None
) -> list[tuple[Any, ...]]:
    """The view's rows in its columns' order; sorted by ``sort`` (``-column``: largest first), else by its key.

    Raises UsageError where ``where`` is no condition over the view's columns, or ``sort`` names another column.
    """
    columns = [column.name for column in view.columns]
    order = [_order(view, term, columns) for term in sort] or [f"{name} NULLS FIRST" for name in view.key]
    condition = f" WHERE {_condition(view, where, columns)}" if where else ""
    query = (
        f"SELECT {', '.join(columns)} FROM read_parquet([{', '.join(map(quoted, files))}], hive_partitioning=false){condition} "
        f"ORDER BY {', '.join(order)}" + (f" LIMIT {limit}" if limit is not None else "")
    )
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        try:
            return connection.execute(query).fetchall()
        except duckdb.Error as error:
            raise UsageError(f"--where {where}: {brief(error)}") from error


def _condition(view: View, text: str, columns: Sequence[str]) -> str:
    try:
        condition = sqlglot.parse_one(text, read="duckdb")
    except SqlglotError as error:
        raise UsageError(
            f'--where {text}: it is no condition, such as "total_views > 10" ({str(error).splitlines()[0]})'
        ) from error
    for column in condition.find_all(exp.Column):
        if column.name not in columns:
            raise UsageError(f"--where {text}: {view.name} has no column {column.name}; it has {', '.join(columns)}")
    if condition.find(exp.Query) or not isinstance(condition, exp.Expression):
        raise UsageError(f"--where {text}: a condition reads no other tables")
    return condition.sql("duckdb")


def _order(view: View, term: str, columns: Sequence[str]) -> str:
    name = term.lstrip("-")
    if name not in columns:
        raise UsageError(f"--sort {term}: {view.name} has no column {name}; it has {', '.join(columns)}")
    return f"{name} DESC NULLS LAST" if term.startswith("-") else f"{name} NULLS FIRST"
