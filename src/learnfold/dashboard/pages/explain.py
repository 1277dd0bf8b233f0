"""Where a number comes from: its value, its meaning, its SQL, its batch, and what was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnfold.dashboard.asking import records
from learnfold.dashboard.links import CARRIED
from learnfold.dashboard.pages.explore import said
from learnfold.dashboard.table import Head, Table
from learnfold.dashboard.visit import Shown, nothing
from learnfold.serve.answer import page
from learnfold.serve.explain import explained
from learnfold.serve.problems import Problem
from learnfold.serve.question import read_question

if TYPE_CHECKING:
    from learnfold.catalog import View
    from learnfold.dashboard.visit import Visit
    from learnfold.serve.access import Grant

ROWS = 30
"""Rows behind a number that are shown; the others are on the view's own page."""


def explain(visit: Visit) -> Shown:
    """One column of a view: of the row by its ``key``, or of the rows that the address's filters name."""
    found = visit.ask.view(visit.path["view"])
    if found is None:
        raise nothing("there is no such view, or it isn't for who asks")
    view, grant = found
    column = visit.path["column"]
    about = explained(view, column, visit.ask.base.manifest, counts=not grant.form.least_people)
    where = _where(visit, view)
    shown = next(one for one in view.columns if one.name == column)
    values = {
        "view": view,
        "column": shown,
        "about": about,
        "rows": _rows(visit, view, grant, column, where) if where else None,
        "left_out": _left_out(visit, about),
        "source": visit.links.to("/explore/{}", view.name, **_grouped(where)),
    }
    return Shown("explain.html", column, values, section="define")


def _where(visit: Visit, view: View) -> list[tuple[str, str]]:
    keys = [value for name, value in visit.links.query if name == "key"]
    if keys and len(keys) != len(view.key):
        raise Problem("bad_request", f"the key of {view.name} has {len(view.key)} parts: {', '.join(view.key)}")
    filters = [
        (name, "true") if value == "~" and keys else (name, value) for name, value in zip(view.key, keys, strict=False)
    ]
    filters = [
        (f"{name}.is_null", value) if value == "true" and keys[place] == "~" else (name, value)
        for place, (name, value) in enumerate(filters)
    ]
    return filters + [pair for pair in visit.links.query if pair[0] not in {"key", *CARRIED}]


def _grouped(where: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in where:
        found.setdefault(name, []).append(value)
    return found


def _rows(visit: Visit, view: View, grant: Grant, column: str, where: list[tuple[str, str]]) -> dict[str, Any]:
    question = read_question(view, [*where, ("limit", str(ROWS)), ("count", "true")])
    answer = page(question, visit.ask.of(view), visit.ask.database, grant)
    rows = records(answer)
    names = [*view.key, *([] if column in view.key else [column])]
    heads = [Head(name, number=name == column) for name in names]
    shown = [[said(visit, row[name]) for name in names] for row in rows]
    alone = said(visit, rows[0][column]) if answer.total == 1 else None
    return {
        "table": Table(heads, shown, name=view.name),
        "total": answer.total,
        "value": alone,
        "more": (answer.total or 0) > len(rows),
    }


def _left_out(visit: Visit, about: dict[str, Any]) -> Table | None:
    found = [
        (topic, reason, count)
        for topic, record in about["topics"].items()
        for reason, count in record.get("quarantined", {}).items()
    ]
    if not found:
        return None
    t = visit.words
    heads = [Head(t("topic")), Head(t("reason")), Head(t("events"), number=True)]
    rows = [[topic, reason, t.number(count)] for topic, reason, count in sorted(found, key=lambda one: -one[2])[:12]]
    return Table(heads, rows, name=t("left_out"))
