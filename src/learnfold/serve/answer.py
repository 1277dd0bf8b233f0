"""Answers a question from one batch: the SQL over the view's table, its rows, and where the next page begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from learnfold.serve.paging import behind_sql, cursor, order_sql, read_cursor

if TYPE_CHECKING:
    from learnfold.catalog import Column
    from learnfold.serve.access import Grant
    from learnfold.serve.database import Database
    from learnfold.serve.question import Question
    from learnfold.serve.rows import Rows

SECONDS = 10.0
"""A page may take so long."""


IS_NULL = ("is_null", (True,))


@dataclass(frozen=True)
class Page:
    """Some of a view's rows."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    next: str | None  # the cursor behind the last row; None: there are no more
    total: int | None  # of all pages; None where nobody asked


@dataclass(frozen=True)
class Statement:
    """A SELECT with its parameters."""

    sql: str
    parameters: list[Any]


def page(question: Question, base: Rows, database: Database, grant: Grant) -> Page:
    """A page of the rows that the question asks for, and that may be seen."""
    columns = tuple(column.name for column in columns_of(question, grant))
    hidden = [name for name, _ in question.ordered if name not in columns]
    statement = select(question, base, (*columns, *hidden), grant, limit=question.limit + 1)
    rows = database.rows(statement.sql, statement.parameters, SECONDS)
    following = None
    if len(rows) > question.limit:
        rows.pop()
        place = {name: number for number, name in enumerate((*columns, *hidden))}
        following = cursor(question, base.batch, [rows[-1][place[name]] for name, _ in question.ordered])
    if hidden:
        rows = [row[: len(columns)] for row in rows]
    total = _total(question, base, database, grant) if question.count else None
    return Page(columns, rows, following, total)


def columns_of(question: Question, grant: Grant) -> list[Column]:
    """The columns that are shown: those asked for, and what the form adds."""
    known = {column.name: column for column in grant.form.columns(question.view)}
    added = list(known)[len(question.view.columns) :]
    return [known[name] for name in (*question.columns, *added)]


def select(
    question: Question, base: Rows, columns: tuple[str, ...], grant: Grant, limit: int | None = None
) -> Statement:
    """The SELECT of the question's rows in order; without ``limit`` it is the whole."""
    conditions, parameters = _conditions(question, grant)
    if question.after is not None:
        behind, values = behind_sql(question, read_cursor(question)[1])
        conditions.append(behind)
        parameters += values
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    most = f" LIMIT {limit}" if limit is not None else ""
    order = "" if _asks_one_row(question, grant) else f" ORDER BY {order_sql(question)}"
    sql = f"SELECT {', '.join(columns)} FROM {base.table(question.view, grant.form)}{where}{order}{most}"
    return Statement(sql, parameters)


def _asks_one_row(question: Question, grant: Grant) -> bool:
    """Whether filters name a whole key, so that at most one row answers: ordering it would cost more than finding it."""
    if grant.form.pseudonym_key is not None:  # what may name someone is NULL there, in keys too
        return False
    named = {one.column for one in question.filters if one.operator == "eq" or (one.operator, one.values) == IS_NULL}
    return named.issuperset(question.view.key)


def _conditions(question: Question, grant: Grant) -> tuple[list[str], list[Any]]:
    conditions: list[str] = []
    parameters: list[Any] = []
    for one in (*grant.rows, *question.filters):
        sql, values = one.sql()
        conditions.append(sql)
        parameters += values
    return conditions, parameters


def _total(question: Question, base: Rows, database: Database, grant: Grant) -> int:
    conditions, parameters = _conditions(question, grant)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return int(
        database.rows(f"SELECT count(*) FROM {base.table(question.view, grant.form)}{where}", parameters, SECONDS)[0][0]
    )
