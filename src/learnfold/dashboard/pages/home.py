"""The first page: the courses of who asks, and the platform by day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnfold.dashboard import charts
from learnfold.dashboard.charts.heat import HeatRow
from learnfold.dashboard.charts.lines import Line
from learnfold.dashboard.pages.one_course import OF_COURSES, OF_PEOPLE, own_person
from learnfold.dashboard.table import Head, Table, dim, linked
from learnfold.dashboard.visit import Elsewhere, Shown
from learnfold.dashboard.weeks import by_week, through

if TYPE_CHECKING:
    from datetime import date

    from learnfold.dashboard.asking import Ask, Row
    from learnfold.dashboard.visit import Visit

PAGE = 50
SHOWN_WEEKS = 10


def home(visit: Visit) -> Shown | Elsewhere:
    """The courses, and logins by day, weekday and hour."""
    return Shown(
        "home.html",
        visit.words("courses"),
        {"courses": _courses(visit), "own": _own(visit), "logins": _logins(visit), "hours": _hours(visit)},
        section="courses",
    )


def _courses(visit: Visit) -> Table | None:
    view = next((name for name in OF_COURSES[:3] if visit.ask.view(name) is not None), None)
    if view is None:
        return None
    after = visit.query.get("after")
    where: dict[str, Any] = {"course_id": ("ge", after)} if after else {"course_id": ("is_null", False)}
    found = visit.ask.rows(view, where, order=("course_id",), limit=MOST_ROWS)
    ids = list(dict.fromkeys(row["course_id"] for row in found or ()))
    shown, following = ids[:PAGE], ids[PAGE : PAGE + 1]
    weekly = _weekly(visit.ask, shown)
    overall = {row["course_id"]: row for row in visit.ask.rows("course_overall_metrics", {"course_id": shown}) or ()}
    risks = visit.ask.rows("course_risk_summary", {"course_id": shown})
    flagged = {row["course_id"]: row["flagged"] for row in risks or ()}
    waiting = _waiting(visit.ask, shown)
    t = visit.words
    heads = [
        Head(t("course")),
        Head(t("students"), number=True),
        Head(t("active_people" if weekly.people else "events"), number=True),
    ]
    heads += [Head(t("weeks_n", n=SHOWN_WEEKS))]
    heads += [Head(t("need_look"), number=True)] if risks is not None else []
    heads += [Head(t("waiting"), number=True)] if waiting is not None else []
    rows = []
    for course in shown:
        values = weekly.of(course)
        row: list[Any] = [
            linked(visit.links.to("/c/{}", course), course),
            t.number(overall.get(course, {}).get("unique_students_interacting")),
            _changed(visit, values),
            charts.bars(values, f"{course}: {', '.join(t.number(value) for value in values)}"),
        ]
        row += [_count(visit, course, flagged.get(course))] if risks is not None else []
        row += [t.number(waiting.get(course, 0))] if waiting is not None else []
        rows.append(row)
    more = visit.links.here(after=following[0]) if following else None
    return Table(heads, rows, name=t("courses"), more=more, classes="courses")


MOST_ROWS = PAGE + 1


class _Weekly:
    """What happened by course and week: people where that is known, else events."""

    def __init__(self, sums: dict[str, dict[date, float]], *, people: bool) -> None:
        self.sums, self.people = sums, people
        self.weeks = through({week for found in sums.values() for week in found})[-SHOWN_WEEKS:]

    def of(self, course: str) -> list[float]:
        """The last weeks of a course."""
        return [self.sums.get(course, {}).get(week, 0) for week in self.weeks]


def _weekly(ask: Ask, courses: list[str]) -> _Weekly:
    rows = ask.rows("course_week_engagement", {"course_id": courses})
    sums: dict[str, dict[date, float]] = {}
    if rows is not None:
        for row in rows:
            sums.setdefault(row["course_id"], {})[row["week"]] = row["active_students"] or 0
        return _Weekly(sums, people=True)
    days: dict[str, list[Row]] = {}
    for row in ask.rows("course_daily_engagement", {"course_id": courses}, limit=200_000) or ():
        days.setdefault(row["course_id"], []).append(row)
    sums = {course: by_week((row["date"], row["event_count"]) for row in found) for course, found in days.items()}
    return _Weekly(sums, people=False)


def _waiting(ask: Ask, courses: list[str]) -> dict[str, int] | None:
    rows = ask.rows("assessment_time_to_grade", {"course_id": courses})
    if rows is None:
        return None
    found: dict[str, int] = {}
    for row in rows:
        found[row["course_id"]] = found.get(row["course_id"], 0) + (row["waiting"] or 0)
    return found


def _changed(visit: Visit, values: list[float]) -> Any:
    if not values:
        return visit.words.number(None)
    text = visit.words.number(values[-1])
    if len(values) < 2 or not values[-2]:  # noqa: PLR2004
        return text
    percent = (values[-1] - values[-2]) / values[-2]
    sign = "+" if percent > 0 else "−" if percent < 0 else "±"
    return dim(f"{sign}{visit.words.percent(abs(percent))}") + " " + text


def _count(visit: Visit, course: str, flagged: int | None) -> Any:
    text = visit.words.number(flagged)
    return linked(visit.links.to("/c/{}/students", course), text) if flagged else text


def _own(visit: Visit) -> Table | None:
    """A student's own courses."""
    person = own_person(visit.ask)
    if person is None:
        return None
    courses: dict[str, None] = {}
    for view in OF_PEOPLE:
        for row in visit.ask.rows(view, {"user_id": person}) or ():
            if row["course_id"] is not None:
                courses[row["course_id"]] = None
    rows = [[linked(visit.links.to("/c/{}/s/{}", course, person), course)] for course in sorted(courses)]
    return Table([Head(visit.words("course"))], rows, name=visit.words("courses"))


def _logins(visit: Visit) -> Any:
    rows = visit.ask.rows("auth_daily_active_users", order=("date",))
    known = [row for row in rows or () if row["date"] is not None]
    if not known:
        return None
    weeks = through(by_week((row["date"], None) for row in known))
    most: dict[date, float] = {}
    for row in known:
        week = max(week for week in weeks if week <= row["date"])
        most[week] = max(most.get(week, 0), row["daily_active_users"] or 0)
    t = visit.words
    line = Line(t("people_best_day"), [most.get(week) for week in weeks])
    names = [t.day(week, year=False) for week in weeks]
    table = Table(
        [Head(t("week")), Head(t("people_best_day"), number=True)],
        [[t.day(week), t.number(most.get(week))] for week in weeks],
    )
    return {"chart": charts.lines([line], names, t.number), "table": table}


def _hours(visit: Visit) -> Any:
    """Logins by weekday and hour."""
    rows = visit.ask.rows("auth_hourly_login_patterns")
    sums: dict[tuple[int, int], float] = {}
    for row in rows or ():
        if row["date"] is not None and row["hour"] is not None:
            at = (row["date"].weekday(), row["hour"])
            sums[at] = sums.get(at, 0) + (row["login_count"] or 0)
    if not sums:
        return None
    names = visit.words("weekdays").split()
    shown = [HeatRow(name, [sums.get((day, hour), 0) for hour in range(24)]) for day, name in enumerate(names)]
    return {
        "chart": charts.heat(shown, [f"{hour}:00" for hour in range(24)], visit.words.number, "h-hours", every=6),
        "most": visit.words.number(max(sums.values())),
    }
