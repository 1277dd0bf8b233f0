"""The views of single assignments: what became of each, and how long its works waited."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from oracle.view import given, grouped, largest, of_type, quantile, smallest, whole

if TYPE_CHECKING:
    from datetime import datetime

    from oracle.events import Event
    from oracle.view import Events, Row

HOUR = timedelta(hours=1)
MEDIAN, NINETY = 5, 9
SUBMIT, VIEWED, GRADED = "SUBMIT_ASSIGNMENT", "VIEW_ASSIGNMENT_FIRST_TIME", "GRADE_ASSIGNMENT"


def of_assignments(events: Events, *types: str) -> list[Event]:
    """The events of these types (of any, where none is named) that name an assignment."""
    found = of_type(events["assessment_topic"], *types) if types else events["assessment_topic"]
    return [event for event in found if event["assignment_id"] is not None]


def due_at(events: Events, course_id: str | None, assignment_id: str) -> datetime | None:
    """The latest due date that any event of the assignment says."""
    said = [e for e in events["assessment_topic"] if (e["course_id"], e["assignment_id"]) == (course_id, assignment_id)]
    return max(given(said, "due_date"), default=None)


def most_by(handed: list[datetime]) -> datetime | None:
    """When at least nine tenths of those who handed in had done so."""
    return next((at for n, at in enumerate(sorted(handed), 1) if 10 * n >= 9 * len(handed)), None)


@whole("course_id", "assignment_id")
def assessment_assignment_summary(events: Events, _: str) -> list[Row]:
    """Who viewed and handed in each assignment, and when."""
    rows = []
    work = of_assignments(events, VIEWED, SUBMIT)
    announced = [event for event in of_assignments(events) if event["due_date"] is not None]
    for course_id, assignment_id in grouped(work + announced, "course_id", "assignment_id"):
        some = [event for event in work if (event["course_id"], event["assignment_id"]) == (course_id, assignment_id)]
        people = [person(mine) for mine in grouped(some, "user_id").values()]
        handed = [handed for _, handed, _ in people if handed is not None]
        due = due_at(events, course_id, assignment_id)
        times = [handed - seen for seen, handed, _ in people if seen is not None and handed is not None]
        rows.append(
            {
                "course_id": course_id,
                "assignment_id": assignment_id,
                "assignment_type": smallest(some, "assignment_type"),
                "due_at": due,
                "viewers": sum(seen is not None for seen, _, _ in people),
                "submitters": len(handed),
                "resubmitters": sum(many > 1 for _, _, many in people),
                "late_submitters": None if due is None else sum(at > due for at in handed),
                "median_hours_to_submit": quantile([t for t in times if t >= timedelta(0)], MEDIAN, HOUR),
                "first_submission": min(handed, default=None),
                "last_submission": largest(of_type(some, SUBMIT), "timestamp"),
                "most_by": most_by(handed),
            }
        )
    return rows


def person(mine: list[Event]) -> tuple[Any, Any, int]:
    """When someone first saw and first handed in an assignment, and how often."""
    submissions = of_type(mine, SUBMIT)
    return smallest(of_type(mine, VIEWED), "timestamp"), smallest(submissions, "timestamp"), len(submissions)


def waits(events: Events) -> list[Row]:
    """Every person's handing in of an assignment: when first, and when first graded."""
    grades = grouped(of_assignments(events, GRADED), "student_id", "course_id", "assignment_id")
    works = grouped(of_assignments(events, SUBMIT), "user_id", "course_id", "assignment_id")
    return [
        {
            "course_id": key[1],
            "assignment_id": key[2],
            "handed": smallest(some, "timestamp"),
            "graded": smallest(grades.get(key, []), "timestamp"),
        }
        for key, some in works.items()
    ]


def grading_times(works: list[Row]) -> list[timedelta]:
    """How long the graded ones waited, those graded before they were handed in aside."""
    times = [work["graded"] - work["handed"] for work in works if work["graded"] is not None]
    return [time for time in times if time >= timedelta(0)]


@whole("course_id", "assignment_id")
def assessment_time_to_grade(events: Events, _: str) -> list[Row]:
    """How long each assignment's works waited for a grade, or wait."""
    rows = []
    for (course_id, assignment_id), works in grouped(waits(events), "course_id", "assignment_id").items():
        graded = [work for work in works if work["graded"] is not None]
        rows.append(
            {
                "course_id": course_id,
                "assignment_id": assignment_id,
                "handed_in": len(works),
                "graded": len(graded),
                "waiting": len(works) - len(graded),
                "median_hours_to_grade": quantile(grading_times(works), MEDIAN, HOUR),
                "p90_hours_to_grade": quantile(grading_times(works), NINETY, HOUR),
                "oldest_waiting": smallest([work for work in works if work["graded"] is None], "handed"),
            }
        )
    return rows
