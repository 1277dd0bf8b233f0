"""Queries one view's files, as ``learnfold show`` does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from learnfold.engines.duckdb.footers import brief
from learnfold.engines.duckdb.rollups import sorting
from learnfold.engines.duckdb.sql import parquet
from learnfold.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learnfold.catalog import View
    from learnfold.engines.duckdb.session import DuckDBSession


@dataclass(frozen=True)
class RowChoice:
    """Which rows of a view are wanted, and in what order."""

    where: str | None = None  # a condition over the view's columns; None: all rows
    sort: Sequence[str] = ()  # columns, those with ``-`` in front from the largest; empty: the view's key
    limit: int | None = None  # at most so many rows; None: all


def view_rows(session: DuckDBSession, view: View, files: Sequence[str], choice: RowChoice) -> list[tuple[Any, ...]]:
    """Rows of the view in the local ``files``, each in its columns' order.

    Raises:
        UsageError: ``where`` is no condition over the view's columns, or ``sort`` names another column.
        DataError: a file can't be read as Parquet.

    """
    columns = [column.name for column in view.columns]
    order = [_order(view, term, columns) for term in choice.sort] or [sorting(view.key)]
    condition = f" WHERE {_condition(view, choice.where, columns)}" if choice.where else ""
    limit = f" LIMIT {choice.limit}" if choice.limit is not None else ""
    select = f"SELECT {', '.join(columns)} FROM {view.all_columns(parquet(files))}{condition} ORDER BY {', '.join(order)}{limit}"
    with session.cursor() as cursor:
        try:
            return cursor.execute(select).fetchall()
        except (duckdb.OutOfMemoryException, duckdb.IOException):
            raise
        except duckdb.Error as error:
            if choice.where:
                raise UsageError(f"--where {choice.where}: {brief(error)}") from error
            raise DataError(f"{view.name} can't be read: {brief(error)}") from error


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
