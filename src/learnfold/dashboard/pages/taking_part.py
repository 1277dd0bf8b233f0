"""Who takes part by week, and when they work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnfold.dashboard import charts
from learnfold.dashboard.charts.heat import HeatRow
from learnfold.dashboard.charts.lines import Line
from learnfold.dashboard.pages.course_numbers import MATERIAL, daily, enrolled
from learnfold.dashboard.table import Head, Table
from learnfold.dashboard.weeks import monday, through

if TYPE_CHECKING:
    from collections.abc import Callable

    from learnfold.dashboard.pages.one_course import Weeks
    from learnfold.dashboard.visit import Visit

HOURS = 24


def taking_part(visit: Visit, course: str, weeks: Weeks) -> dict[str, Any] | None:
    """The chart, its table and what they are of: shares of the students where that is known, else events."""
    t = visit.words
    rows = visit.ask.rows("course_week_engagement", {"course_id": course})
    count = enrolled(visit, course)
    say: Callable[[float], str] = t.number
    if rows is not None and count:
        by = {row["week"]: row for row in rows}
        columns = {
            "did_anything": "active_students",
            "did_watch": "watchers",
            "did_quiz": "quiz_takers",
            "did_hand_in": "submitters",
        }
        series = [
            Line(t(label), [_share(by.get(week, {}).get(column, 0), count) for week in weeks.all])
            for label, column in columns.items()
        ]
        about, say = t("takes_part_shares", n=count), t.percent
        source = visit.links.to("/explore/{}", "course_week_engagement", course_id=course)
    else:
        series = _events(visit, course, weeks)
        about = t("takes_part_events")
        source = visit.links.to("/explore/{}", "course_daily_engagement", course_id=course)
    if not series:
        return None
    names = [t.day(week, year=False) for week in weeks.all]
    return {
        "chart": charts.lines(series, names, say, weeks.place),
        "about": about,
        "legend": [(number % 5 + 1, line.label, _last(line, say)) for number, line in enumerate(series)],
        "table": _table(visit, weeks, series, say),
        "source": source,
    }


def when(visit: Visit, course: str) -> dict[str, Any] | None:
    """Events by weekday and hour; where hours aren't known, by weekday and week."""
    t = visit.words
    names = t("weekdays").split()
    rows = visit.ask.rows("course_activity_hours", {"course_id": course})
    if rows is not None:
        sums = {
            (row["weekday"] - 1, row["hour"]): row["events"]
            for row in rows
            if row["weekday"] and row["hour"] is not None
        }
        shown = [HeatRow(name, [sums.get((day, hour)) or 0 for hour in range(HOURS)]) for day, name in enumerate(names)]
        columns, about, every = [f"{hour}:00" for hour in range(HOURS)], t("when_hours"), 6
        source = visit.links.to("/explore/{}", "course_activity_hours", course_id=course)
    else:
        found = visit.ask.rows("course_daily_engagement", {"course_id": course}) or []
        days: dict[Any, float] = {}
        for row in found:
            if row["date"] is not None:
                days[row["date"]] = days.get(row["date"], 0) + (row["event_count"] or 0)
        weeks = through({monday(day) for day in days})
        by = {(day.weekday(), monday(day)): value for day, value in days.items()}
        shown = [HeatRow(name, [by.get((day, week), 0) for week in weeks]) for day, name in enumerate(names)]
        columns, about, every = [t.day(week, year=False) for week in weeks], t("when_weeks"), 4
        source = visit.links.to("/explore/{}", "course_daily_engagement", course_id=course)
    most = max((value or 0 for row in shown for value in row.values), default=0)
    if not most:
        return None
    chart = charts.heat(shown, columns, t.number, "h-when", every)
    return {"chart": chart, "about": about, "most": t.number(most), "source": source}


def _share(value: float | None, count: int) -> float | None:
    return None if value is None else value / count


def _events(visit: Visit, course: str, weeks: Weeks) -> list[Line]:
    sources: tuple[tuple[str, str, str, dict[str, object]], ...] = (
        ("material_opened", "course_daily_engagement", "event_count", {"event_type": list(MATERIAL)}),
        ("video_events", "video_daily_engagement", "total_watch_events", {}),
        ("downloads", "course_daily_engagement", "event_count", {"event_type": "DOWNLOAD_MATERIAL"}),
        ("handed_in", "assessment_submission_distribution", "submissions_count", {}),
    )
    found = [(label, daily(visit, view, column, course, **where)) for label, view, column, where in sources]
    return [
        Line(visit.words(label), [by.get(week, 0) for week in weeks.all])
        for label, by in found
        if by and any(by.values())
    ]


def _last(line: Line, say: Callable[[float], str]) -> str:
    last = next((value for value in reversed(line.values) if value is not None), None)
    return "" if last is None else say(last)


def _table(visit: Visit, weeks: Weeks, series: list[Line], say: Callable[[float], str]) -> Table:
    heads = [Head(visit.words("week")), *(Head(line.label, number=True) for line in series)]
    rows = [
        [
            visit.words.day(week),
            *(
                visit.words.number(None) if line.values[place] is None else say(line.values[place] or 0)
                for line in series
            ),
        ]
        for place, week in enumerate(weeks.all)
    ]
    return Table(heads, rows)
