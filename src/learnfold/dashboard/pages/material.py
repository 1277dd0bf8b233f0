"""Material of a course: what is opened, and what nobody opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnfold.dashboard import charts
from learnfold.dashboard.pages.one_course import course_of
from learnfold.dashboard.table import PAGE, Head, Table, dim
from learnfold.dashboard.visit import Shown

if TYPE_CHECKING:
    from learnfold.dashboard.visit import Visit


def material(visit: Visit) -> Shown:
    """All material of the course."""
    course = course_of(visit)
    return Shown("material.html", visit.words("material"), {"list": used(visit, course, None)}, course, "material")


def used(visit: Visit, course: str, most: int | None) -> dict[str, Any] | None:
    """The material: what fewest of the enrolled opened first; where these aren't known, what is opened most."""
    t = visit.words
    view, people, opened = "course_material_reach", "unique_readers", "accesses"
    rows = visit.ask.rows(view, {"course_id": course})
    if rows is None:
        view, people, opened = "course_material_popularity", "unique_accessors", "total_accesses"
        rows = visit.ask.rows(view, {"course_id": course})
    known = [row for row in rows or () if row["material_id"] is not None]
    if not known:
        return None
    sort = visit.sort(["material_id", people, opened], f"-{people}")
    top = max((row.get("enrolled") or row[people] or 0 for row in known), default=0) or 1
    if "reach_percentage" not in known[0]:
        top = max((row[people] or 0 for row in known), default=0) or 1
    shown = [
        [
            row["material_id"] + " " + dim(row["material_type"] or ""),
            charts.progress((row[people] or 0) / top),
            t.number(row[people]),
            t.number(row[opened]),
        ]
        for row in sort.rows(known, lambda row, key: row[key])
    ]
    heads = [
        Head(t("material"), "material_id"),
        Head(t("share_of_students" if "reach_percentage" in known[0] else "share_of_most"), wide=True),
        Head(t("readers"), people, number=True),
        Head(t("times_opened"), opened, number=True),
    ]
    table = Table(heads, shown[: most or PAGE], sort if most is None else None, t("material"), classes="material")
    source = visit.links.to("/explore/{}", view, course_id=course)
    return {"table": table, "total": len(shown), "source": source}
