"""How often things must happen for a semester to have its size and its mix of topics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.generate.semester import DAY_US

if TYPE_CHECKING:
    import duckdb

    from learnfold.generate.semester import Semester

MIX = {"auth": 0.12, "video": 0.35, "course": 0.28, "assessment": 0.12, "profile": 0.01, "notification": 0.12}
"""The share of all events that each topic gets."""

_AUTH_A_SESSION = 1.802  # LOGIN, LOGOUT and a forgotten password in sql/auth.sql
_ASSESSMENT_A_UNIT = 5.31  # what a student and the teacher do about an assignment and a quiz in sql/assessment.sql
_NOTIFICATIONS_A_SENT = 1.745  # sent, opened, clicked in sql/notification.sql
_COURSES_A_STUDENT = 5
_TAKING_PART = 0.85  # the share of assignments a student looks at, about
_LIKELIHOOD = 1_000_000  # likelihoods are summed as whole millionths: the same in any order


def beforehand(semester: Semester, events: int) -> dict[str, float]:
    """The rates that the people depend on: how many of them sign up, and enrol, in the semester."""
    signups = 0.15 * MIX["auth"] * events / semester.students
    enrolments = 0.2 * MIX["course"] * events / (_COURSES_A_STUDENT * semester.students)
    return {"new_share": min(0.6, signups, enrolments), "enrolled_share": min(1.0, enrolments)}


def calibrated(connection: duckdb.DuckDBPyConnection, semester: Semester, events: int) -> dict[str, float]:
    """The other rates, from the people and calendar already made."""
    likely, likely_watching, days_there = _row(
        connection,
        f"""SELECT
          sum((likely * {_LIKELIHOOD})::BIGINT)::BIGINT,
          sum((likely * likes_videos * {_LIKELIHOOD})::BIGINT) FILTER (role = 'student')::BIGINT,
          count(*)
        FROM attendance""",
    )
    signups, enrolments, taken = _row(
        connection,
        """SELECT
          count(*) FILTER (joined_day >= 0),
          sum(len(courses)) FILTER (enrolled)::BIGINT,
          sum(len(courses)) FILTER (role = 'student')::BIGINT
        FROM people""",
    )
    work = MIX["assessment"] * events / _ASSESSMENT_A_UNIT
    units = max(1, round(work / taken / _TAKING_PART))
    unit_us = semester.days * DAY_US // units
    (pairs,) = _row(
        connection,
        f"""SELECT sum(len(courses))::BIGINT FROM people, range({units}) AS units(unit)
        WHERE role = 'student' AND (unit + 0.15) * {unit_us} BETWEEN (joined_day + 1) * {DAY_US} AND left_day * {DAY_US}""",
    )
    sessions = max(1.0, (MIX["auth"] * events - signups) / _AUTH_A_SESSION)
    return {
        "sessions_a_pull": sessions * _LIKELIHOOD / max(1, likely),
        "videos_a_session": MIX["video"] * events * max(1, likely) / (sessions * max(1, likely_watching)),
        "items_a_session": max(0.0, (MIX["course"] * events - enrolments) / sessions),
        "units": units,
        "unit_us": unit_us,
        "taking_part": min(1.0, work / max(1, pairs)),
        "profile_events_a_day": max(0.0, (MIX["profile"] * events - signups) / max(1, days_there)),
        "notifications_a_day": MIX["notification"] * events / max(1, days_there) / _NOTIFICATIONS_A_SENT,
    }


def _row(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[int, ...]:
    row = connection.execute(sql).fetchone()
    return tuple(0 if value is None else value for value in row or ())
