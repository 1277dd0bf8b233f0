"""A course: whether who asks may see it, and which of its weeks is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnfold.dashboard.visit import nothing
from learnfold.dashboard.weeks import WEEK, by_week, monday, read_day, through

if TYPE_CHECKING:
    from datetime import date

    from learnfold.dashboard.asking import Ask
    from learnfold.dashboard.visit import Visit

OF_COURSES = (
    "course_overall_metrics",
    "course_week_engagement",
    "video_course_metrics",
    "course_daily_engagement",
    "assessment_submission_distribution",
)
"""Views that have a row of every course of which something of their kind is known; the fullest first."""

OF_PEOPLE = ("course_material_access", "video_student_engagement", "assessment_student_overall_performance")
"""Views that have a row of everyone in a course of whom something of their kind is known."""


def course_of(visit: Visit) -> str:
    """The course of the address; raises Problem where there is none, or it isn't for who asks."""
    course = visit.path["course"]
    if any(visit.ask.first(view, {"course_id": course}) is not None for view in (*OF_COURSES, *OF_PEOPLE)):
        return course
    raise nothing("there is no such course")


def own_person(ask: Ask) -> str | None:
    """The only person that who asks may see rows of; None where they may see others', or none."""
    for view in OF_PEOPLE:
        values = ask.values(view, "user_id")
        if values is not None:
            return str(values[0]) if len(values) == 1 else None
    return None


@dataclass(frozen=True)
class Weeks:
    """The weeks of a course, and the one that is shown."""

    all: tuple[date, ...]
    shown: date

    @property
    def place(self) -> int:
        """Where it stands among them, from 0."""
        return self.all.index(self.shown)

    @property
    def number(self) -> int:
        """The same from 1, as people say it."""
        return self.place + 1

    @property
    def before(self) -> date | None:
        """The week before; None where it is the first."""
        return self.all[self.place - 1] if self.place else None

    @property
    def after(self) -> date | None:
        """The week after; None where it is the last."""
        return self.all[self.place + 1] if self.shown != self.all[-1] else None

    @property
    def last_day(self) -> date:
        """The Sunday of the week that is shown."""
        return self.shown + WEEK - (WEEK / 7)


def weeks_of(visit: Visit, course: str) -> Weeks | None:
    """The course's weeks with anything in them; the one that the address names is shown, else the last. None: there are none."""
    rows = visit.ask.rows("course_week_engagement", {"course_id": course})
    if rows is not None:
        known = {row["week"] for row in rows}
    else:
        daily = [
            visit.ask.rows(view, {"course_id": course})
            for view in ("course_daily_engagement", "video_daily_engagement", "assessment_submission_distribution")
        ]
        known = set(by_week((row["date"], None) for rows in daily for row in rows or () if row["date"] is not None))
    weeks = through(known)
    if not weeks:
        return None
    named = read_day(visit.query, "week")
    shown = weeks[-1] if named is None else max(weeks[0], min(weeks[-1], monday(named)))
    return Weeks(tuple(weeks), shown)
