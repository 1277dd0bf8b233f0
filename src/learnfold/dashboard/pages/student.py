"""One student in one course: their weeks against the course's middle half, what they did, and their grades."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnfold.dashboard import charts
from learnfold.dashboard.charts.lines import Line
from learnfold.dashboard.pages.numbers import Number, explained
from learnfold.dashboard.pages.one_course import OF_PEOPLE, course_of
from learnfold.dashboard.pages.students import reasons
from learnfold.dashboard.table import Head, Table
from learnfold.dashboard.visit import Shown, nothing
from learnfold.dashboard.weeks import through

if TYPE_CHECKING:
    from datetime import date

    from learnfold.dashboard.visit import Visit

NUMBERS = (
    ("course_material_access", "total_material_accesses", "material_opened", 0),
    ("video_student_engagement", "total_watch_hours", "hours_of_video", 1),
    ("assessment_student_submissions", "total_submissions", "handed_in", 0),
    ("assessment_student_overall_performance", "avg_assignment_score", "average_grade", 1),
)


def student(visit: Visit) -> Shown:
    """What is known of the student in this course."""
    course, person = course_of(visit), visit.path["student"]
    where = {"user_id": person, "course_id": course}
    if all(visit.ask.first(view, where) is None for view in (*OF_PEOPLE, "student_at_risk")):
        raise nothing("there is no such student in this course")
    risk = visit.ask.first("student_at_risk", where)
    values: dict[str, Any] = {
        "numbers": _numbers(visit, where),
        "reasons": None if risk is None else reasons(visit, risk),
        "weeks": _weeks(visit, where),
        "videos": _videos(visit, where),
    }
    return Shown("student.html", person, values, course, "students")


def _numbers(visit: Visit, where: dict[str, str]) -> list[Number]:
    found = []
    for view, column, label, digits in NUMBERS:
        row = visit.ask.first(view, where)
        if row is not None:
            value = visit.words.number(row[column], digits)
            found.append(Number(visit.words(label), value, explained(visit, view, column, **where)))
    return found


def _weeks(visit: Visit, where: dict[str, str]) -> dict[str, Any] | None:
    """The student's events by week, and between which numbers the middle half of the course is."""
    rows = visit.ask.rows("student_week_activity", {"course_id": where["course_id"]}, limit=200_000)
    own = {row["week"]: row["events"] for row in rows or () if row["user_id"] == where["user_id"]}
    if not rows or not own:
        return None
    others: dict[date, list[float]] = {}
    people = len({row["user_id"] for row in rows})
    for row in rows:
        others.setdefault(row["week"], []).append(row["events"] or 0)
    weeks, t = through(others), visit.words
    quarters = [_quarters(others.get(week, []), people) for week in weeks]
    alone = people < 2  # noqa: PLR2004 - who sees nobody else is told of nobody else
    series = [Line(t("this_student"), [own.get(week, 0) for week in weeks])]
    if not alone:
        series += [
            Line(t("upper_quarter"), [high for _, high in quarters]),
            Line(t("lower_quarter"), [low for low, _ in quarters]),
        ]
    names = [t.day(week, year=False) for week in weeks]
    table = Table(
        [Head(t("week")), *(Head(line.label, number=True) for line in series)],
        [[t.day(week), *(t.number(line.values[place]) for line in series)] for place, week in enumerate(weeks)],
    )
    return {"chart": charts.lines(series, names, t.number), "table": table, "alone": alone}


def _quarters(values: list[float], people: int) -> tuple[float, float]:
    """The numbers below and above which a quarter of the course is; who did nothing that week did 0."""
    whole = sorted([0.0] * (people - len(values)) + values)
    return whole[len(whole) // 4], whole[(3 * len(whole)) // 4]


def _videos(visit: Visit, where: dict[str, str]) -> Table | None:
    rows = visit.ask.rows("video_total_watch_time", where, order=("-total_watch_seconds",), limit=200)
    if not rows:
        return None
    t = visit.words
    heads = [
        Head(t("video")),
        Head(t("viewings"), number=True),
        Head(t("watched"), number=True),
        Head(t("longest"), number=True),
    ]
    shown = [
        [
            row["video_id"] or t("not_said"),
            t.number(row["total_watch_sessions"]),
            t.clock(row["total_watch_seconds"]),
            t.clock(row["longest_session_seconds"]),
        ]
        for row in rows
    ]
    return Table(heads, shown, name=t("videos"))
