"""The views of single students across topics: what they do week by week, where they stand, who may need a look."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from oracle.view import VIEWS, dated, grouped, largest, of_type, smallest, view, whole
from oracle.views_assignments import SUBMIT, of_assignments
from oracle.views_course import ACCESS, by_students
from oracle.views_video import SECONDS, visits

if TYPE_CHECKING:
    from collections.abc import Callable

    from oracle.events import Event
    from oracle.view import Events, Row

ENROLLED, DROPPED = "COURSE_ENROLLED", "COURSE_DROPPED"
WEEK, MINUTE = timedelta(days=7), 60
DAYS_AHEAD = 1

ABSENT_DAYS = 7
FADING_EVENTS, FADING_SHARE = 6, 0.5
MISSING = 4
LOW = 60
FEW = 10
DUE_SUBMITTERS, DUE_DAYS = 20, 3


def monday(day: date) -> date:
    """The Monday of its week."""
    return day - timedelta(days=day.weekday())


def activity(events: Events, reporting_zone: str) -> list[Event]:
    """What counts as done by students, each event with its date, hour, week and topic's kind."""
    done = [event | {"kind": "course"} for event in not_made(events["course_topic"])]
    done += [event | {"kind": "video"} for event in of_type(events["video_topic"], "VIDEO_WATCHED")]
    done += [event | {"kind": "quiz"} for event in of_type(events["assessment_topic"], "QUIZ_COMPLETED")]
    done += [event | {"kind": "work"} for event in of_type(events["assessment_topic"], SUBMIT)]
    told = dated(by_students(done), reporting_zone)
    return [event | {"week": monday(event["date"])} for event in told]


def not_made(events: list[Event]) -> list[Event]:
    """All but the making and unmaking of courses."""
    return [event for event in events if event["event_type"] not in {"COURSE_CREATED", "COURSE_DELETED"}]


def of_kind(events: list[Event], kind: str) -> list[Event]:
    """The activity of that kind."""
    return [event for event in events if event["kind"] == kind]


def seconds_of(viewings: list[Event], week: date) -> float:
    """What viewings of one student in one course (of all weeks) come to in a week: durations, and what visits' totals grew."""
    plain = [
        viewing[SECONDS]
        for viewing in viewings
        if viewing["week"] == week and viewing["played_seconds"] is None and viewing[SECONDS] is not None
    ]
    grown = 0.0
    for visit in visits(viewings):
        before = [round(event["played_seconds"], 3) for event in visit if event["week"] < week]
        now = [round(event["played_seconds"], 3) for event in visit if event["week"] == week]
        grown += max(0.0, max(now, default=0.0) - max(before, default=0.0)) if now else 0.0
    return sum(plain) + grown


@whole("user_id", "course_id", "week")
def student_week_activity(events: Events, reporting_zone: str) -> list[Row]:
    """What a student does in a course in a week."""
    rows = []
    for (user_id, course_id), mine in grouped(activity(events, reporting_zone), "user_id", "course_id").items():
        for (week,), some in grouped(mine, "week").items():
            rows.append(
                {
                    "user_id": user_id,
                    "course_id": course_id,
                    "week": week,
                    "active_days": len({event["date"] for event in some}),
                    "events": len(some),
                    "watch_minutes": seconds_of(of_kind(mine, "video"), week) / MINUTE,
                    "quizzes": len(of_kind(some, "quiz")),
                    "submissions": len(of_kind(some, "work")),
                    "material_accesses": len(of_type(some, *ACCESS)),
                    "viewings": len(of_kind(some, "video")),
                    "last_active": largest(some, "date"),
                }
            )
    return rows


def joining(events: Events) -> list[Event]:
    """Enrolments and leavings of students."""
    return by_students(of_type(events["course_topic"], ENROLLED, DROPPED))


@view("user_id", "course_id", of=joining)
def course_enrollment_status(events: list[Event]) -> Row:
    """Whether the latest that happened is an enrolment."""
    enrolled, dropped = of_type(events, ENROLLED), of_type(events, DROPPED)
    last, left = largest(enrolled, "timestamp"), largest(dropped, "timestamp")
    return {
        "first_enrolled": smallest(enrolled, "timestamp"),
        "last_enrolled": last,
        "last_dropped": left,
        "is_enrolled": int(last is not None and (left is None or left <= last)),
    }


def by_key(rows: list[Row], *key: str) -> dict[tuple[Any, ...], Row]:
    """Rows by what is unique of them."""
    return {tuple(row[name] for name in key): row for row in rows}


def percentile(value: float | None, others: list[float]) -> float | None:
    """The percentage of the others (who have a value) that are below; None without a value or others."""
    return 100.0 * sum(other < value for other in others) / len(others) if value is not None and others else None


@whole("user_id", "course_id")
def student_standing(events: Events, reporting_zone: str) -> list[Row]:
    """Everyone's numbers in a course; percentiles of those who are enrolled."""
    status = by_key(VIEWS["course_enrollment_status"](events), "user_id", "course_id")
    weeks = grouped(VIEWS["student_week_activity"](events, reporting_zone), "user_id", "course_id")
    quizzes = by_key(VIEWS["assessment_quiz_performance"](events), "user_id", "course_id")
    grades = by_key(VIEWS["assessment_grading_stats"](events), "student_id", "course_id")
    rows = []
    for key in status.keys() | weeks.keys():
        mine = weeks.get(key, [])
        rows.append(
            {
                "user_id": key[0],
                "course_id": key[1],
                "events": sum(week["events"] for week in mine),
                "watch_minutes": sum(week["watch_minutes"] for week in mine),
                "quiz_percentage": quizzes.get(key, {}).get("avg_correct_percentage"),
                "score_percentage": grades.get(key, {}).get("avg_score_percentage"),
                "is_enrolled": status.get(key, {}).get("is_enrolled", 0),
            }
        )
    names = {
        "events": "events_percentile",
        "watch_minutes": "watch_percentile",
        "quiz_percentage": "quiz_percentile",
        "score_percentage": "score_percentile",
    }
    return [row | {name: standing(row, rows, of) for of, name in names.items()} for row in rows]


def standing(row: Row, rows: list[Row], name: str) -> float | None:
    """The percentile of a number among the others who are enrolled in the course; None for who isn't."""
    others = [other for other in rows if other["is_enrolled"] and other["course_id"] == row["course_id"]]
    values = [round(other[name], 9) for other in others if other is not row and other[name] is not None]
    mine = None if row[name] is None else round(row[name], 9)
    return percentile(mine, values) if row["is_enrolled"] else None


def today(events: Events, reporting_zone: str) -> date | None:
    """The newest day of what counts that isn't ahead of the clock."""
    counted = of_type(events["auth_topic"], "LOGIN") + of_type(events["video_topic"], "VIDEO_WATCHED")
    counted += of_type(events["assessment_topic"], SUBMIT) + activity(events, reporting_zone)
    for topic in ("course_topic", "profile_topic", "notification_topic", "forum_topic"):
        counted += events[topic]
    last = datetime.now(UTC).date() + timedelta(days=DAYS_AHEAD)
    return max((e["date"] for e in dated(counted, reporting_zone) if e["date"] <= last), default=None)


def is_due(assignment: Row, day: date) -> bool:
    """Whether it has to be in by now."""
    if assignment["due_at"] is not None:
        return bool(assignment["due_at"].date() < day)
    enough = assignment["submitters"] >= DUE_SUBMITTERS
    return enough and (day - assignment["most_by"].date()).days > DUE_DAYS


def at_least(value: float | None, passed: Callable[[float], bool]) -> int | None:
    """1 where the threshold is passed, 0 where not; None without a value."""
    return None if value is None else int(passed(value))


@whole("user_id", "course_id")
def student_at_risk(events: Events, reporting_zone: str) -> list[Row]:
    """The enrolled students and their signals."""
    day = today(events, reporting_zone)
    weeks = grouped(VIEWS["student_week_activity"](events, reporting_zone), "user_id", "course_id")
    enrolled = [row for row in VIEWS["student_standing"](events, reporting_zone) if row["is_enrolled"]]
    assignments = VIEWS["assessment_assignment_summary"](events)
    due = {(row["course_id"], row["assignment_id"]) for row in assignments if day is not None and is_due(row, day)}
    handed = grouped(of_assignments(events, SUBMIT), "user_id", "course_id", "assignment_id")
    rows = []
    for row in enrolled:
        course = row["course_id"]
        mine = [week for week in weeks.get((row["user_id"], course), []) if day is not None and week["week"] <= day]
        most = max(other["watch_minutes"] for other in enrolled if other["course_id"] == course)
        owed = [assignment for of, assignment in due if of == course]
        given_in = [assignment for assignment in owed if (row["user_id"], course, assignment) in handed]
        rows.append(signalled(row, mine, day, (len(owed), len(given_in)), most))
    return rows


def signalled(row: Row, mine: list[Row], day: date | None, work: tuple[int, int], most: float) -> Row:
    """A student's row: ``mine`` are the weeks up to today, ``work`` what was due and handed in, ``most`` anyone's minutes."""
    last = None if day is None or not mine else min(day, max(week["last_active"] for week in mine))
    this, before = 0, 0.0
    for week in mine:
        ago = (monday(day) - week["week"]) // WEEK if day else 0
        this += week["events"] if ago == 0 else 0
        before += week["events"] / 3 if 1 <= ago <= 3 else 0
    away = None if last is None or day is None else (day - last).days
    before = round(before, 9)
    signals = {
        "absent": at_least(away, lambda days: days >= ABSENT_DAYS),
        "fading": int(before >= FADING_EVENTS and this < FADING_SHARE * before),
        "missing_work": int(work[0] - work[1] >= MISSING),
        "low_grade": at_least(row["score_percentage"], lambda score: score < LOW),
        "few_videos": at_least(row["watch_percentile"] if most else None, lambda share: share <= FEW),
    }
    copied = ("user_id", "course_id", "score_percentage")
    percentiles = ("events_percentile", "watch_percentile", "quiz_percentile", "score_percentile")
    return {
        **{name: row[name] for name in (*copied, *percentiles)},
        "last_active": last,
        "days_away": away,
        "events_this_week": this,
        "events_before": before,
        "assignments_due": work[0],
        "assignments_handed_in": work[1],
        **signals,
        "signals": sum(signal or 0 for signal in signals.values()),
    }
