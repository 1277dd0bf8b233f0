"""Any view, as it is: filtered, sorted, charted, and as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnfold.dashboard import charts
from learnfold.dashboard.asking import records
from learnfold.dashboard.links import CARRIED, Links
from learnfold.dashboard.table import Head, Sort, Table, linked
from learnfold.dashboard.visit import Elsewhere, Shown, nothing
from learnfold.dashboard.words import NONE
from learnfold.serve.answer import columns_of, page
from learnfold.serve.question import OPERATORS, read_question
from learnfold.serve.values import shown as as_text

if TYPE_CHECKING:
    from datetime import date

    from learnfold.catalog import Column, View
    from learnfold.dashboard.visit import Visit
    from learnfold.serve.access import Grant
    from learnfold.serve.question import Question

OWN = (*CARRIED, "chart", "picture", "column", "operator", "value")
"""Parameters of this page that aren't the question's."""

ROWS = 100
BARS = 20
NUMBERS = {"BIGINT", "INTEGER", "DOUBLE"}


def views(visit: Visit) -> Shown:
    """All views that who asks may see, by subject."""
    found: dict[str, list[tuple[View, str]]] = {}
    for view in visit.ask.access.catalog.views.values():
        if (
            visit.ask.access.grant(visit.ask.caller, view, visit.ask.role)
            and view.name in visit.ask.base.manifest.views
        ):
            found.setdefault(view.job, []).append((view, visit.links.to("/explore/{}", view.name)))
    return Shown("views.html", visit.words("explore"), {"subjects": found}, section="explore")


def explore(visit: Visit) -> Shown | Elsewhere:
    """One view: a page of its rows, as the API's own parameters ask for them."""
    found = visit.ask.view(visit.path["view"])
    if found is None:
        raise nothing("there is no such view, or it isn't for who asks")
    view, grant = found
    if visit.query.get("column"):
        name = visit.query["column"] + {"eq": ""}.get(
            visit.query.get("operator", ""), f".{visit.query.get('operator', '')}"
        )
        kept = {"column": None, "operator": None, "value": None, name: visit.query.get("value", "")}
        return Elsewhere(visit.links.here(**kept))
    parameters = [pair for pair in visit.links.query if pair[0] not in OWN]
    question = read_question(view, [*parameters, *([] if "limit" in visit.query else [("limit", str(ROWS))])])
    answer = page(question, visit.ask.of(view), visit.ask.database, grant)
    columns = columns_of(question, grant)
    rows = records(answer)
    values = {
        "view": view,
        "columns": columns,
        "operators": [name for name in OPERATORS if name not in {"in", "is_null"}],
        "filters": [
            (name, value, visit.links.without(name, value))
            for name, value in parameters
            if name not in {"order", "limit", "after", "select", "count"}
        ],
        "table": _table(visit, question, grant, rows, answer.next),
        "files": [(name, _file(visit, view, name)) for name in ("csv", "parquet", "json")],
        "numbers": [(column.name, visit.links.here(chart=column.name)) for column in columns if column.type in NUMBERS],
        "chart": _chart(visit, view, rows),
    }
    return Shown("explore.html", view.name, values, section="explore")


def _table(visit: Visit, question: Question, grant: Grant, rows: list[dict[str, Any]], following: str | None) -> Table:
    first = question.order[0] if question.order else ""
    sort = Sort(first.lstrip("-"), first.startswith("-")) if first else None
    columns = columns_of(question, grant)
    heads = [Head(column.name, column.name, number=column.type in NUMBERS) for column in columns]
    key = [name for name in question.view.key if name in {column.name for column in columns}]
    whole = len(key) == len(question.view.key)
    shown = [[_cell(visit, question.view, column, row, key if whole else None) for column in columns] for row in rows]
    more = (
        None
        if following is None
        else f"{visit.links.here()}{'&' if '?' in visit.links.here() else '?'}after={following}"
    )
    return Table(heads, shown, sort, question.view.name, more, classes="any")


def _cell(visit: Visit, view: View, column: Column, row: dict[str, Any], key: list[str] | None) -> Any:
    value = row[column.name]
    text = said(visit, value)
    if key is None or column.type not in NUMBERS or column.key or value is None:
        return text
    where = {
        (name if row[name] is not None else f"{name}.is_null"): as_text(row[name]) if row[name] is not None else "true"
        for name in key
    }
    return linked(visit.links.to("/explain/{}/{}", view.name, column.name, **where), text)


def said(visit: Visit, value: Any) -> str:
    """Any value of a view in the page's language; times in UTC, to the second."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return visit.words("yes" if value else "no")
    if isinstance(value, float):
        return visit.words.number(value, 0 if value.is_integer() else 2)
    if isinstance(value, int):
        return visit.words.number(value)
    if hasattr(value, "hour"):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return str(value)


def _file(visit: Visit, view: View, name: str) -> str:
    kept = [(key, value) for key, value in visit.links.query if key not in {*OWN, "limit", "after", "count", "format"}]
    carried = {key: value for key, value in visit.links.query if key in {"batch", "as"}}
    carried |= {"live": "off"} if visit.query.get("live") == "off" else {}
    where: dict[str, Any] = {}
    for key, value in kept:
        where.setdefault(key, []).append(value)
    return Links("", ()).to("/v1/views/{}/export", view.name, **{**where, **carried, "format": name})


def _chart(visit: Visit, view: View, rows: list[dict[str, Any]]) -> Any:
    name = visit.query.get("chart", "")
    if (
        not rows
        or name not in rows[0]
        or not isinstance(next((row[name] for row in rows if row[name] is not None), None), int | float)
    ):
        return None
    varied = [key for key in view.key if key in rows[0] and len({row[key] for row in rows}) > 1] or [*view.key][:1]
    pairs = [(" · ".join(_short(row.get(key)) for key in varied), row[name]) for row in rows[:BARS]]
    return charts.ranking(pairs, lambda value: said(visit, value), name)


def _short(value: date | str | None) -> str:
    return NONE if value is None else str(value)
