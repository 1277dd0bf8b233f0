"""A course's week in words and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.dashboard.pages.numbers import Number, change, explained
from learnfold.dashboard.pages.videos import retention
from learnfold.dashboard.weeks import by_week

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from learnfold.dashboard.pages.one_course import Weeks
    from learnfold.dashboard.visit import Visit

MATERIAL = ("ACCESS_COURSE_MATERIAL", "ITEM_CLICK")
"""Types of events that are a material opened."""


def numbers(visit: Visit, course: str, weeks: Weeks) -> list[Number]:
    """Up to four numbers of the week that is shown; those whose views aren't there are left out."""
    found = [
        _people(visit, course, weeks) or _events(visit, course, weeks),
        _handed_in(visit, course, weeks),
        _hours(visit, course, weeks),
        _grade(visit, course, weeks) or _material(visit, course, weeks),
    ]
    return [number for number in found if number is not None]


def daily(visit: Visit, view: str, column: str, course: str, **where: object) -> dict[date, float] | None:
    """A daily number of the course by week; None where its view isn't there."""
    rows = visit.ask.rows(view, {"course_id": course, **where})
    if rows is None:
        return None
    return by_week((row["date"], row[column]) for row in rows if row["date"] is not None)


def enrolled(visit: Visit, course: str) -> int | None:
    """How many students the course has: enrolled now, else everyone who did anything in it."""
    for view, column in (("course_funnel", "enrolled"), ("course_overall_metrics", "unique_students_interacting")):
        row = visit.ask.first(view, {"course_id": course})
        if row is not None and row[column] is not None:
            return int(row[column])
    return None


def brief(visit: Visit, course: str, weeks: Weeks) -> list[tuple[str, str]]:
    """Up to three sentences, each with what kind it is."""
    found = [_change_said(visit, course, weeks), _signals_said(visit, course), _video_said(visit, course)]
    return [one for one in found if one is not None]


def _number(
    visit: Visit, weeks: Weeks, label: str, found: tuple[str, str, dict[str, object]], by: Mapping[date, float | None]
) -> Number:
    view, column, where = found
    values = [by.get(week, 0) for week in weeks.all[: weeks.place + 1]]
    return Number(
        label,
        visit.words.number(values[-1]),
        explained(visit, view, column, **where),
        values=values,
        change=change(values),
    )


def _engagement(visit: Visit, course: str) -> dict[date, dict[str, float | None]] | None:
    rows = visit.ask.rows("course_week_engagement", {"course_id": course})
    return None if rows is None else {row["week"]: row for row in rows}


def _people(visit: Visit, course: str, weeks: Weeks) -> Number | None:
    by = _engagement(visit, course)
    if by is None:
        return None
    where: dict[str, object] = {"course_id": course, "week": weeks.shown}
    counts = {week: row["active_students"] for week, row in by.items()}
    found = _number(
        visit, weeks, visit.words("active_students"), ("course_week_engagement", "active_students", where), counts
    )
    return _noted(found, visit.words("of_enrolled", n=enrolled(visit, course) or 0))


def _events(visit: Visit, course: str, weeks: Weeks) -> Number | None:
    by = daily(visit, "course_daily_engagement", "event_count", course)
    if by is None:
        return None
    where = _days(course, weeks)
    found = _number(
        visit, weeks, visit.words("events_in_course"), ("course_daily_engagement", "event_count", where), dict(by)
    )
    count = enrolled(visit, course)
    return found if count is None else _noted(found, visit.words("by_students", n=count))


def _handed_in(visit: Visit, course: str, weeks: Weeks) -> Number | None:
    by = daily(visit, "assessment_submission_distribution", "submissions_count", course)
    if by is None:
        return None
    what = ("assessment_submission_distribution", "submissions_count", _days(course, weeks))
    found = _number(visit, weeks, visit.words("handed_in"), what, dict(by))
    rows = visit.ask.rows("assessment_time_to_grade", {"course_id": course})
    if rows is None:
        return found
    return _noted(found, visit.words("waiting_for_grade", n=sum(row["waiting"] or 0 for row in rows)))


def _hours(visit: Visit, course: str, weeks: Weeks) -> Number | None:
    by = daily(visit, "video_daily_engagement", "total_watch_hours", course)
    if by is None:
        return None
    what = ("video_daily_engagement", "total_watch_hours", _days(course, weeks))
    found = _number(visit, weeks, visit.words("hours_of_video"), what, dict(by))
    row = (_engagement(visit, course) or {}).get(weeks.shown)
    if not row or not row["watchers"] or row["watch_hours"] is None:
        return found
    return _noted(found, visit.words("minutes_a_viewer", n=round(row["watch_hours"] * 60 / row["watchers"])))


def _grade(visit: Visit, course: str, weeks: Weeks) -> Number | None:
    rows = visit.ask.rows("teacher_week", {"course_id": course})
    if rows is None:
        return None
    graded: dict[date, float] = {}
    points: dict[date, float] = {}
    for row in rows:
        if row["score_percentage"] is not None and row["graded"]:
            graded[row["week"]] = graded.get(row["week"], 0) + row["graded"]
            points[row["week"]] = points.get(row["week"], 0) + row["graded"] * row["score_percentage"]
    values = [points[week] / graded[week] if week in points else None for week in weeks.all[: weeks.place + 1]]
    if values[-1] is None:
        return None
    return Number(
        visit.words("average_grade"),
        visit.words.number(values[-1], 1),
        explained(visit, "teacher_week", "score_percentage", course_id=course, week=weeks.shown),
        unit="%",
        note=visit.words("graded_this_week", n=int(graded[weeks.shown])),
        values=values,
        change=change(values),
    )


def _material(visit: Visit, course: str, weeks: Weeks) -> Number | None:
    by = daily(visit, "course_daily_engagement", "event_count", course, event_type=list(MATERIAL))
    if by is None:
        return None
    where = {**_days(course, weeks), "event_type__in": MATERIAL}
    return _number(
        visit, weeks, visit.words("material_opened"), ("course_daily_engagement", "event_count", where), dict(by)
    )


def _days(course: str, weeks: Weeks) -> dict[str, object]:
    return {"course_id": course, "date__ge": weeks.shown, "date__le": weeks.last_day}


def _noted(number: Number, note: str) -> Number:
    return Number(number.label, number.value, number.explain, number.unit, note, number.values, number.change)


def _change_said(visit: Visit, course: str, weeks: Weeks) -> tuple[str, str] | None:
    """How many more or fewer than the week before."""
    t, by = visit.words, _engagement(visit, course)
    if by is not None:
        count = enrolled(visit, course)
        if weeks.before is None or not count:
            return None
        now, before = (_counted(by.get(week), "active_students") for week in (weeks.shown, weeks.before))
        if now is None or before is None:
            return None
        key = "brief_fewer" if now < before else "brief_more" if now > before else "brief_same"
        return "change", t(key, n=abs(now - before), share=t.percent(now / count))
    events = daily(visit, "course_daily_engagement", "event_count", course)
    if not events or weeks.before is None or not events.get(weeks.before):
        return None
    share = (events.get(weeks.shown, 0) - events[weeks.before]) / events[weeks.before]
    key = "brief_events_fewer" if share < 0 else "brief_events_more"
    return "change", t(key, share=t.percent(abs(share)))


def _counted(row: Mapping[str, float | None] | None, column: str) -> int | None:
    value = row.get(column) if row else 0
    return None if value is None else int(value)


def _signals_said(visit: Visit, course: str) -> tuple[str, str] | None:
    row = visit.ask.first("course_risk_summary", {"course_id": course})
    if row is None:
        by = daily(visit, "course_enrollment_stats", "unique_new_students", course)
        total = int(sum(by.values())) if by else 0
        return ("people", visit.words("brief_joined", n=total)) if total else None
    if row["flagged"] is None or row["absent"] is None:
        return None
    if not row["flagged"]:
        return "people", visit.words("brief_no_signals")
    said = [visit.words("brief_signals", n=row["flagged"])]
    said += [visit.words("brief_signals_away", n=row["absent"])] if row["absent"] else []
    return "look", " ".join(said)


def _video_said(visit: Visit, course: str) -> tuple[str, str] | None:
    t = visit.words
    strips = [one for one in retention(visit, course) or [] if one.half is not None]
    if strips:
        first = min(strips, key=lambda one: (one.half_share, one.name))
        return "video", t("brief_leave", video=first.name, clock=t.clock(first.half))
    rows: Sequence[dict[str, object]] = (
        visit.ask.rows(
            "video_popularity",
            {"course_id": course, "unique_viewers": ("is_null", False)},
            order=("-unique_viewers",),
            limit=1,
        )
        or []
    )
    if not rows:
        return None
    viewers = rows[0]["unique_viewers"]
    return "video", t("brief_most_watched", video=rows[0]["video_id"], n=viewers)
