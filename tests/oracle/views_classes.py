"""The views of courses across topics: what a class does, how far it got, how it compares."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from oracle.view import VIEWS, dated, distinct, grouped, of_type, quantile, rate, smallest, whole
from oracle.views_assessment import mean_share, others_work
from oracle.views_assignments import HOUR, MEDIAN, grading_times, waits
from oracle.views_course import accesses
from oracle.views_students import DROPPED, ENROLLED, activity, joining, monday

if TYPE_CHECKING:
    from datetime import date

    from oracle.events import Event
    from oracle.view import Events, Row

MINUTES = 60
FLAGGED = 2
SIGNALS = ("absent", "fading", "missing_work", "low_grade", "few_videos")


@whole("course_id", "week")
def course_week_engagement(events: Events, reporting_zone: str) -> list[Row]:
    """What a class does in a week."""
    weeks = VIEWS["student_week_activity"](events, reporting_zone)
    return [
        {
            "course_id": course_id,
            "week": week,
            "active_students": len(some),
            "watchers": sum(row["viewings"] > 0 for row in some),
            "readers": sum(row["material_accesses"] > 0 for row in some),
            "quiz_takers": sum(row["quizzes"] > 0 for row in some),
            "submitters": sum(row["submissions"] > 0 for row in some),
            "watch_hours": math.fsum(row["watch_minutes"] for row in some) / MINUTES,
            "submissions": sum(row["submissions"] for row in some),
            "quizzes": sum(row["quizzes"] for row in some),
            "mean_active_days": sum(row["active_days"] for row in some) / len(some),
        }
        for (course_id, week), some in grouped(weeks, "course_id", "week").items()
    ]


@whole("course_id")
def course_risk_summary(events: Events, reporting_zone: str) -> list[Row]:
    """How many of a class show which signal."""
    students = VIEWS["student_at_risk"](events, reporting_zone)
    return [
        {"course_id": course_id, "students": len(some), "flagged": sum(row["signals"] >= FLAGGED for row in some)}
        | {signal: sum(row[signal] == 1 for row in some) for signal in SIGNALS}
        for (course_id,), some in grouped(students, "course_id").items()
    ]


@whole("course_id", "weekday", "hour")
def course_activity_hours(events: Events, reporting_zone: str) -> list[Row]:
    """When a class is there."""
    done = [event | {"weekday": event["date"].isoweekday()} for event in activity(events, reporting_zone)]
    return [
        {
            "course_id": course_id,
            "weekday": weekday,
            "hour": hour,
            "events": len(some),
            "unique_students": distinct(some, "user_id"),
        }
        for (course_id, weekday, hour), some in grouped(done, "course_id", "weekday", "hour").items()
    ]


@whole("course_id", "cohort", "weeks_later")
def course_retention_cohorts(events: Events, reporting_zone: str) -> list[Row]:
    """Of those who began together, who is there later."""
    followed = []
    for mine in grouped(VIEWS["student_week_activity"](events, reporting_zone), "user_id", "course_id").values():
        cohort = min(row["week"] for row in mine)
        followed += [row | {"cohort": cohort, "weeks_later": (row["week"] - cohort).days // 7} for row in mine]
    sizes = {key: distinct(some, "user_id") for key, some in grouped(followed, "course_id", "cohort").items()}
    return [
        {
            "course_id": course_id,
            "cohort": cohort,
            "weeks_later": later,
            "cohort_size": sizes[course_id, cohort],
            "active_students": len(some),
            "retention_percentage": rate(len(some), sizes[course_id, cohort]),
        }
        for (course_id, cohort, later), some in grouped(followed, "course_id", "cohort", "weeks_later").items()
    ]


def people(events: list[Event] | list[Row], which: str, course_id: str | None, name: str = "user_id") -> set[str]:
    """Who has some of that in the course."""
    return {event[name] for event in events if event["course_id"] == course_id and event[which]}


@whole("course_id")
def course_funnel(events: Events, reporting_zone: str) -> list[Row]:
    """How many got how far."""
    status = [row for row in VIEWS["course_enrollment_status"](events) if row["first_enrolled"] is not None]
    weeks, grades = VIEWS["student_week_activity"](events, reporting_zone), VIEWS["assessment_grading_stats"](events)
    rows = []
    for (course_id,), some in grouped(status, "course_id").items():
        left = {row["user_id"] for row in some}
        row: Row = {"course_id": course_id, "enrolled": len(left)}
        for step, which in (
            ("opened_material", "material_accesses"),
            ("watched_video", "viewings"),
            ("took_quiz", "quizzes"),
            ("handed_in", "submissions"),
        ):
            left &= people(weeks, which, course_id)
            row[step] = len(left)
        left &= people(grades, "total_assignments_graded", course_id, "student_id")
        rows.append(row | {"graded": len(left)})
    return rows


def there(some: list[Event], day: date, days: int) -> int:
    """How many were active in so many days up to one."""
    return distinct([e for e in some if day - timedelta(days=days) < e["date"] <= day], "user_id")


@whole("course_id", "date")
def course_stickiness(events: Events, reporting_zone: str) -> list[Row]:
    """How many come back."""
    return [
        {
            "course_id": course_id,
            "date": day,
            "daily": there(some, day, 1),
            "weekly": there(some, day, 7),
            "monthly": there(some, day, 30),
            "stickiness_percentage": rate(there(some, day, 1), there(some, day, 30)),
        }
        for (course_id,), some in grouped(activity(events, reporting_zone), "course_id").items()
        for day in {event["date"] for event in some}
    ]


@whole("course_id", "week")
def course_drops(events: Events, reporting_zone: str) -> list[Row]:
    """Who joined and left in a week."""
    told = [event | {"week": monday(event["date"])} for event in dated(joining(events), reporting_zone)]
    return [
        {
            "course_id": course_id,
            "week": week,
            "enrolled": distinct(of_type(some, ENROLLED), "user_id"),
            "dropped": distinct(of_type(some, DROPPED), "user_id"),
        }
        for (course_id, week), some in grouped(told, "course_id", "week").items()
    ]


def share(value: float | None, by: int) -> float | None:
    """A part for each; None without any."""
    return None if value is None or not by else value / by


@whole("course_id")
def course_comparison(events: Events, reporting_zone: str) -> list[Row]:
    """A course in a line."""
    weeks = grouped(VIEWS["course_week_engagement"](events, reporting_zone), "course_id")
    risks = grouped(VIEWS["course_risk_summary"](events, reporting_zone), "course_id")
    works = grouped(waits(events), "course_id")
    grades = grouped(of_type(events["assessment_topic"], "GRADE_ASSIGNMENT"), "course_id")
    rows = []
    for key in weeks.keys() | risks.keys():
        mine, risk = weeks.get(key, []), risks.get(key, [{"students": 0, "flagged": 0}])[0]
        hours = math.fsum(week["watch_hours"] for week in mine) if mine else None
        rows.append(
            {
                "course_id": key[0],
                "students": risk["students"],
                "mean_weekly_active": share(sum(week["active_students"] for week in mine), len(mine)),
                "watch_hours_per_student": share(hours, risk["students"]),
                "submissions_per_student": share(
                    sum(week["submissions"] for week in mine) if mine else None, risk["students"]
                ),
                "median_hours_to_grade": quantile(grading_times(works.get(key, [])), MEDIAN, HOUR),
                "flagged_percentage": rate(risk["flagged"], risk["students"]),
                "score_percentage": mean_share(grades.get(key, []), "score", "max_score"),
            }
        )
    return rows


def enrolled_in(events: Events, course_id: str | None) -> int:
    """How many students ever enrolled."""
    return distinct([e for e in of_type(joining(events), ENROLLED) if e["course_id"] == course_id], "user_id")


@whole("course_id", "material_id")
def course_material_reach(events: Events, _: str) -> list[Row]:
    """How many open a material."""
    return [
        {
            "course_id": course_id,
            "material_id": material_id,
            "material_type": smallest(some, "material_type"),
            "unique_readers": distinct(some, "user_id"),
            "enrolled": enrolled_in(events, course_id),
            "reach_percentage": rate(distinct(some, "user_id"), enrolled_in(events, course_id)),
            "accesses": len(some),
        }
        for (course_id, material_id), some in grouped(accesses(events), "course_id", "material_id").items()
    ]


@whole("user_id", "course_id", "week")
def teacher_week(events: Events, reporting_zone: str) -> list[Row]:
    """What a teacher looks at and grades in a week."""
    told = [event | {"week": monday(event["date"])} for event in dated(others_work(events), reporting_zone)]
    return [
        {
            "user_id": user_id,
            "course_id": course_id,
            "week": week,
            "works_viewed": len(of_type(some, "VIEW_STUDENT_WORK")),
            "graded": len(of_type(some, "GRADE_ASSIGNMENT")),
            "score_percentage": mean_share(of_type(some, "GRADE_ASSIGNMENT"), "score", "max_score"),
        }
        for (user_id, course_id, week), some in grouped(told, "user_id", "course_id", "week").items()
    ]


@whole("course_id")
def forum_course_metrics(events: Events, _: str) -> list[Row]:
    """A course's discussions."""
    rows = []
    for (course_id,), some in grouped(events["forum_topic"], "course_id").items():
        readers = distinct(of_type(some, "POST_VIEWED"), "user_id")
        rows.append(
            {
                "course_id": course_id,
                "unique_posters": distinct(of_type(some, "POST_CREATED", "REPLY_CREATED"), "user_id"),
                "unique_readers": readers,
                "posts": len(of_type(some, "POST_CREATED")),
                "replies": len(of_type(some, "REPLY_CREATED")),
                "reader_percentage": rate(readers, enrolled_in(events, course_id)),
            }
        )
    return rows
