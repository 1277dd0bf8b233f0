"""Weeks of a course side by side, or those who began it in one week beside those of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnfold.dashboard.pages.beside import beside
from learnfold.dashboard.table import linked

if TYPE_CHECKING:
    from datetime import date

    from learnfold.dashboard.asking import Row
    from learnfold.dashboard.pages.beside import Compared
    from learnfold.dashboard.table import Table
    from learnfold.dashboard.visit import Visit

MOST = 6
"""Weeks or cohorts that are compared at once."""

VIEWS = {"weeks": ("course_week_engagement", "week"), "cohorts": ("course_retention_cohorts", "cohort")}
"""What can be compared within a course: the view, and its column that names one."""

EACH = ("watch_hours", "submissions", "quizzes")
SHARES = ("watchers", "readers", "quiz_takers", "submitters")


def within(visit: Visit, by: str, course: str | None) -> dict[str, Any]:
    """What the page says of the weeks or cohorts of the course that the address names (``of``); else of the last two, or the first two."""
    view, column = VIEWS[by]
    rows = (visit.ask.rows(view, {"course_id": course}) if course is not None else None) or []
    of: dict[date, list[Row]] = {}
    for row in sorted((row for row in rows if row[column] is not None), key=lambda row: row[column]):
        of.setdefault(row[column], []).append(row)
    named = {text for key, texts in visit.links.query if key == "of" for text in texts.split(",")}
    chosen = [day for day in of if day.isoformat() in named][:MOST] or (
        list(of)[-2:] if by == "weeks" else list(of)[:2]
    )
    t = visit.words
    table: Table | None = None
    if chosen:
        compared = (
            _weeks(visit, [of[day][0] for day in chosen]) if by == "weeks" else _cohorts(visit, [of[d] for d in chosen])
        )
        heads = [
            linked(visit.links.to("/c/{}", str(course), week=day), t.day(day)) if by == "weeks" else t.day(day)
            for day in chosen
        ]
        table = beside(visit, heads, compared)
    return {"days": [(day.isoformat(), t.day(day), day in chosen) for day in of], "table": table}


def _weeks(visit: Visit, rows: list[Row]) -> list[Compared]:
    t = visit.words
    found: list[Compared] = [(t("active_students"), 0, [row["active_students"] for row in rows])]
    found += [(t(f"compare_{name}_share"), 0, [_of(row, name, 100) for row in rows]) for name in SHARES]
    found += [(t(f"compare_{name}_each"), 1, [_of(row, name, 1) for row in rows]) for name in EACH]
    return [*found, (t("compare_days_each"), 1, [row["mean_active_days"] for row in rows])]


def _of(row: Row, name: str, times: int) -> float | None:
    """A number for each active student, so many times; None where one of the two is withheld."""
    value, students = row[name], row["active_students"]
    return None if value is None or not students else times * value / students


def _cohorts(visit: Visit, cohorts: list[list[Row]]) -> list[Compared]:
    """How many began, and what share of them was there so many weeks later, as long as any of them can have been."""
    t = visit.words
    by = [{row["weeks_later"]: row for row in rows} for rows in cohorts]
    found: list[Compared] = [(t("compare_began"), 0, [_first(rows)["cohort_size"] for rows in cohorts])]
    last = max(later for rows in by for later in rows)
    found += [
        (t("compare_back_after", n=later), 0, [rows.get(later, {}).get("retention_percentage") for rows in by])
        for later in range(1, last + 1)
    ]
    return found


def _first(rows: list[Row]) -> Row:
    return min(rows, key=lambda row: row["weeks_later"])
