"""What every number means: the columns of all views in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.dashboard.visit import Shown

if TYPE_CHECKING:
    from learnfold.catalog import Column, View
    from learnfold.dashboard.visit import Visit


def define(visit: Visit) -> Shown:
    """The views that who asks may see, with their columns; those alone in which the words of ``q`` stand."""
    words = visit.query.get("q", "").lower().split()
    found: dict[str, list[tuple[View, list[Column]]]] = {}
    for view in visit.ask.access.catalog.views.values():
        grant = visit.ask.access.grant(visit.ask.caller, view, visit.ask.role)
        if grant is None or view.name not in visit.ask.base.manifest.views:
            continue
        columns = list(grant.form.columns(view))
        text = " ".join([view.name, view.comment, *(f"{column.name} {column.comment}" for column in columns)]).lower()
        if all(word in text for word in words):
            found.setdefault(view.job, []).append((view, columns))
    return Shown("define.html", visit.words("definitions"), {"subjects": found}, section="define")
