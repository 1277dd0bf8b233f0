"""Work handed in, and how long it waits for a grade."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnfold.dashboard import charts
from learnfold.dashboard.pages.one_course import course_of
from learnfold.dashboard.table import Head, Table, dim
from learnfold.dashboard.visit import Shown

if TYPE_CHECKING:
    from learnfold.dashboard.visit import Visit


def assignments(visit: Visit) -> Shown:
    """All assignments of the course."""
    course = course_of(visit)
    return Shown(
        "assignments.html", visit.words("assignments"), {"list": work(visit, course, None)}, course, "assignments"
    )


def work(visit: Visit, course: str, most: int | None) -> dict[str, Any] | None:
    """The assignments; where they aren't known one by one, what was handed in by kind."""
    found = _assignments(visit, course) or _kinds(visit, course)
    if found is None:
        return None
    table, about, source = found
    rows = table.rows if most is None else table.rows[:most]
    shown = Table(table.heads, rows, table.sort if most is None else None, visit.words("assignments"), classes="work")
    return {"table": shown, "total": len(table.rows), "about": about, "source": source}


def _assignments(visit: Visit, course: str) -> tuple[Table, str, str] | None:
    from learnfold.dashboard.pages.course_numbers import enrolled

    t = visit.words
    rows = visit.ask.rows("assessment_assignment_summary", {"course_id": course})
    if not rows:
        return None
    grading = {
        row["assignment_id"]: row for row in visit.ask.rows("assessment_time_to_grade", {"course_id": course}) or ()
    }
    count = enrolled(visit, course) or 0
    keys = ["assignment_id", "submitters", "waiting", "median_hours_to_grade", "most_by"]
    sort = visit.sort(keys, "most_by")
    known = [{**grading.get(row["assignment_id"], {}), **row} for row in rows if row["assignment_id"] is not None]
    shown = []
    for row in sort.rows(known, lambda row, key: row.get(key)):
        share = None if row["submitters"] is None or not count else row["submitters"] / count
        shown.append(
            [
                dim(row["assignment_type"] or "").join([row["assignment_id"] + " ", ""]),
                charts.progress(share or 0, t.percent(share)),
                t.number(row.get("waiting")),
                t.number(row.get("median_hours_to_grade")),
                t.day(row["due_at"].date()) if row["due_at"] else t.number(None),
            ]
        )
    heads = [
        Head(t("assignment"), "assignment_id"),
        Head(t("handed_in_by"), "submitters", wide=True),
        Head(t("waiting"), "waiting", number=True),
        Head(t("hours_to_grade"), "median_hours_to_grade", number=True),
        Head(t("due"), "most_by", number=True),
    ]
    source = visit.links.to("/explore/{}", "assessment_assignment_summary", course_id=course)
    return Table(heads, shown, sort), t("work_about", n=count), source


def _kinds(visit: Visit, course: str) -> tuple[Table, str, str] | None:
    t = visit.words
    rows = visit.ask.rows("assessment_submission_distribution", {"course_id": course})
    if not rows:
        return None
    sums: dict[str, int] = {}
    for row in rows:
        kind = row["assignment_type"] or t("not_said")
        sums[kind] = sums.get(kind, 0) + (row["submissions_count"] or 0)
    sort = visit.sort(["kind", "handed_in"], "-handed_in")
    ordered = sort.rows(sums.items(), lambda pair, key: pair[0 if key == "kind" else 1])
    most = max(sums.values(), default=0) or 1
    shown = [[kind, charts.progress(count / most), t.number(count)] for kind, count in ordered]
    heads = [
        Head(t("kind"), "kind"),
        Head(t("share_of_most"), wide=True),
        Head(t("handed_in"), "handed_in", number=True),
    ]
    source = visit.links.to("/explore/{}", "assessment_submission_distribution", course_id=course)
    return Table(heads, shown, sort), t("kinds_about"), source
