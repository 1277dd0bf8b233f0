"""Courses side by side: numbers a student, and how they differ; or weeks, or cohorts, of one course."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnfold.dashboard import charts
from learnfold.dashboard.pages.beside import beside
from learnfold.dashboard.pages.compare_within import VIEWS, within
from learnfold.dashboard.pages.one_course import OF_COURSES
from learnfold.dashboard.table import Head, Table, linked
from learnfold.dashboard.visit import Shown
from learnfold.serve.problems import Problem

if TYPE_CHECKING:
    from learnfold.dashboard.asking import Row
    from learnfold.dashboard.visit import Visit

MOST = 6
"""Courses that are compared at once."""

KNOWN = 500
"""Courses that are offered for choosing."""

COLUMNS = (
    ("students", 0),
    ("mean_weekly_active", 1),
    ("watch_hours_per_student", 1),
    ("submissions_per_student", 1),
    ("median_hours_to_grade", 0),
    ("flagged_percentage", 0),
    ("score_percentage", 1),
)


BY = ("courses", *VIEWS)
"""What can be compared: courses, or what one course has several of."""


def compare(visit: Visit) -> Shown:
    """What the address names (``of=A,B``, or ``of`` several times); of courses, or of ``by`` weeks or cohorts of a ``course``."""
    by = visit.query.get("by") or BY[0]
    if by not in BY:
        raise Problem("bad_value", f"by is {by[:40]!r}", f"it can be {', '.join(BY)}")
    known = _known(visit)
    course = visit.query.get("course") or next(iter(visit.query.get("of", "").split(",")), "")
    course = course if course in known else next(iter(known), "")
    values: dict[str, Any] = {"known": known, "by": by, "ways": _ways(visit, by, course), "course": course}
    values |= {"chosen": [], "days": [], "table": None, "cohorts": [], "funnels": []}
    if by != BY[0]:
        return Shown(
            "compare.html", visit.words("compare"), values | within(visit, by, course or None), section="compare"
        )
    named = [name for key, text in visit.links.query if key == "of" for name in text.split(",")]
    chosen = [name for name in dict.fromkeys(named) if name in known][:MOST]
    values["chosen"] = chosen
    if chosen:
        values["table"] = _table(visit, chosen)
        values["cohorts"] = [
            (name, found) for place, name in enumerate(chosen) if (found := _cohorts(visit, name, f"h-cohorts-{place}"))
        ]
        values["funnels"] = [(name, found) for name in chosen if (found := _funnel(visit, name)) is not None]
    return Shown("compare.html", visit.words("compare"), values, section="compare")


def _ways(visit: Visit, by: str, course: str) -> list[tuple[str, str, bool]]:
    """What else can be compared, where its view is there: its name, its address, whether it is shown."""
    access, held = visit.ask.access, visit.ask.base.manifest.views
    views = {one: access.catalog.views[view] for one, (view, _) in VIEWS.items() if view in held}
    there = [BY[0], *(one for one in views if access.grant(visit.ask.caller, views[one], visit.ask.role) is not None)]
    addresses = [visit.links.to("/compare", **({} if one == BY[0] else {"by": one, "course": course})) for one in there]
    return [(one, address, one == by) for one, address in zip(there, addresses, strict=True)]


def _known(visit: Visit) -> list[str]:
    for view in OF_COURSES[:3]:
        rows = visit.ask.rows(view, {"course_id": ("is_null", False)}, order=("course_id",), limit=KNOWN)
        if rows:
            return list(dict.fromkeys(row["course_id"] for row in rows))
    return []


def _table(visit: Visit, chosen: list[str]) -> Table | None:
    """A row a number, a column a course; behind each but the first how it differs from the first."""
    t = visit.words
    compared = visit.ask.rows("course_comparison", {"course_id": chosen})
    found: dict[str, Row] = {row["course_id"]: row for row in compared or ()}
    columns: list[tuple[str, int]] = (
        [*COLUMNS]
        if found
        else [("students", 0), ("opened_per_student", 1), ("downloads_per_student", 1), ("watch_hours_per_student", 1)]
    )
    if not found:
        found = _seed(visit, chosen)
    heads = [linked(visit.links.to("/c/{}", course), course) for course in chosen]
    rows = [
        (t(f"compare_{column}"), digits, [found.get(course, {}).get(column) for course in chosen])
        for column, digits in columns
    ]
    return beside(visit, heads, rows)


def _seed(visit: Visit, chosen: list[str]) -> dict[str, Row]:
    """The same from views of whole courses."""
    found: dict[str, Row] = {}
    for row in visit.ask.rows("course_overall_metrics", {"course_id": chosen}) or ():
        students = row["unique_students_interacting"]
        found[row["course_id"]] = {
            "students": students,
            "opened_per_student": _each(row["total_material_accesses"], students),
            "downloads_per_student": _each(row["total_downloads"], students),
        }
    for row in visit.ask.rows("video_course_metrics", {"course_id": chosen}) or ():
        of = found.setdefault(row["course_id"], {})
        of["watch_hours_per_student"] = _each(row["total_course_watch_hours"], of.get("students"))
    return found


def _each(value: float | None, students: int | None) -> float | None:
    return None if value is None or not students else value / students


def _cohorts(visit: Visit, course: str, heading: str) -> dict[str, Any] | None:
    rows = visit.ask.rows("course_retention_cohorts", {"course_id": course}, order=("cohort", "weeks_later"))
    by: dict[Any, dict[int, float]] = {}
    for row in rows or ():
        if row["retention_percentage"] is not None:
            by.setdefault(row["cohort"], {})[row["weeks_later"]] = row["retention_percentage"] / 100
    if not by:
        return None
    named = [(visit.words.day(cohort, year=False), shares) for cohort, shares in by.items()]
    return {"chart": charts.cohorts(named, visit.words.percent, heading), "id": heading}


def _funnel(visit: Visit, course: str) -> dict[str, Any] | None:
    row = visit.ask.first("course_funnel", {"course_id": course})
    if row is None or row["enrolled"] is None:
        return None
    names = ("enrolled", "opened_material", "watched_video", "took_quiz", "handed_in", "graded")
    steps = [(visit.words(f"step_{name}"), row[name] or 0) for name in names]
    rows = [[name, visit.words.number(value)] for name, value in steps]
    table = Table([Head(visit.words("step")), Head(visit.words("students"), number=True)], rows)
    return {"chart": charts.funnel(steps, visit.words.number), "table": table}
