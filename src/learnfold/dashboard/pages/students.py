"""The students of a course: those with signals first, each with its reasons in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from learnfold.dashboard import charts
from learnfold.dashboard.links import Links
from learnfold.dashboard.pages.one_course import course_of
from learnfold.dashboard.table import PAGE, Head, Table, linked
from learnfold.dashboard.visit import Shown

if TYPE_CHECKING:
    from datetime import date

    from learnfold.dashboard.asking import Row
    from learnfold.dashboard.visit import Visit

SIGNALS = ("absent", "fading", "missing_work", "low_grade", "few_videos")
LEAST = 2
"""With so many signals a student is listed on the course's page."""

ORDER = ("-signals", "-days_away", "user_id")


def students(visit: Visit) -> Shown:
    """The list: of one reason if the address names it; as a file too."""
    course = course_of(visit)
    values = {"signals": signals(visit, course, None), "people": None}
    if values["signals"] is None:
        values["people"] = _people(visit, course)
    return Shown("students.html", visit.words("students"), values, course, "students")


def signals(visit: Visit, course: str, most: int | None) -> dict[str, Any] | None:
    """Students with signals; all of them, those with most first, where ``most`` is None. None: signals aren't known."""
    rows = visit.ask.rows("student_at_risk", {"course_id": course}, order=ORDER)
    if rows is None:
        return None
    listed = flagged(visit, course) if most is not None else list(rows)
    reason = visit.query.get("reason", "") if most is None else ""
    chips = [("", visit.words("all"), len(listed))]
    chips += [(name, visit.words(f"chip_{name}"), sum(row[name] == 1 for row in listed)) for name in SIGNALS]
    if reason in SIGNALS:
        listed = [row for row in listed if row[reason] == 1]
    sort = visit.sort(["user_id", "signals", "days_away", "assignments_handed_in", "score_percentage"], "-signals")
    if visit.query.get("sort") and most is None:
        listed = sort.rows(listed, lambda row, key: row[key])
    start = _start(visit, len(listed)) if most is None else 0
    shown = listed[start : start + (most or PAGE)]
    more = visit.links.here(from_row=start + PAGE) if most is None and start + PAGE < len(listed) else None
    graded = [row["score_percentage"] for row in rows if row["score_percentage"] is not None]
    mean = sum(graded) / len(graded) if graded else None
    weekly = _weekly(visit, course, [row["user_id"] for row in shown])
    table = Table(
        _heads(visit),
        [_row(visit, course, row, mean, weekly) for row in shown],
        sort if most is None else None,
        visit.words("students"),
        more,
        classes="risk",
    )
    where: dict[str, object] = {"course_id": course} | ({reason: 1} if reason in SIGNALS else {})
    batch, role = visit.query.get("batch"), visit.query.get("as")
    asked = {**where, "order": "-signals,-days_away", "format": "csv", "batch": batch, "as": role}
    files = Links("", ()).to("/v1/views/{}/export", "student_at_risk", **asked)
    return {
        "table": table,
        "chips": chips,
        "reason": reason,
        "total": len(listed),
        "source": visit.links.to("/explore/{}", "student_at_risk", **where),
        "file": files,
    }


def flagged(visit: Visit, course: str) -> list[Row]:
    """The students whom the course's page lists, those with most signals first; none where signals aren't known."""
    rows = visit.ask.rows("student_at_risk", {"course_id": course}, order=ORDER)
    return [row for row in rows or () if (row["signals"] or 0) >= LEAST]


def reasons(visit: Visit, row: Row) -> list[tuple[str, str]]:
    """Each signal of a student with its rule and its number, in words."""
    t, found = visit.words, []
    if row["absent"] == 1:
        found.append(("absent", t("reason_absent", n=row["days_away"] or 0)))
    if row["fading"] == 1 and row["events_before"]:
        found.append(
            ("fading", t("reason_fading", share=t.percent(1 - row["events_this_week"] / row["events_before"])))
        )
    if row["missing_work"] == 1:
        due, handed = row["assignments_due"] or 0, row["assignments_handed_in"] or 0
        found.append(("missing_work", t("reason_missing_work", n=due - handed, due=due)))
    if row["low_grade"] == 1 and row["score_percentage"] is not None:
        found.append(("low_grade", t("reason_low_grade", share=t.percent(row["score_percentage"] / 100))))
    if row["few_videos"] == 1:
        found.append(("few_videos", t("reason_few_videos")))
    return found


def tags(found: list[tuple[str, str]]) -> Markup:
    """The reasons, each with its own mark."""
    return Markup(" ").join(Markup('<span class="tag {}">{}</span>').format(name, text) for name, text in found)


def _heads(visit: Visit) -> list[Head]:
    t = visit.words
    return [
        Head(t("student"), "user_id"),
        Head(t("why"), "signals"),
        Head(t("last_seen"), "days_away", number=True),
        Head(t("by_week")),
        Head(t("handed_in"), "assignments_handed_in", number=True),
        Head(t("grade"), "score_percentage", number=True),
    ]


def _row(visit: Visit, course: str, row: Row, mean: float | None, weekly: dict[str, list[float]]) -> list[Any]:
    t, away, score = visit.words, row["days_away"], row["score_percentage"]
    values = weekly.get(row["user_id"], [])
    seen = t.number(None) if away is None else t("today") if away == 0 else t("days_ago", n=away)
    grade: Any = t.number(None)
    if score is not None:
        grade = t.percent(score / 100) + " " + charts.gauge(score, mean)
    return [
        linked(visit.links.to("/c/{}/s/{}", course, row["user_id"]), row["user_id"]),
        tags(reasons(visit, row)),
        seen,
        charts.bars(values, ", ".join(t.number(value) for value in values)) if values else "",
        f"{t.number(row['assignments_handed_in'])} / {t.number(row['assignments_due'])}",
        grade,
    ]


def _weekly(visit: Visit, course: str, people: list[str]) -> dict[str, list[float]]:
    rows = (
        visit.ask.rows("student_week_activity", {"course_id": course, "user_id": people}, limit=100_000)
        if people
        else None
    )
    if not rows:
        return {}
    weeks: list[date] = sorted({row["week"] for row in rows})[-10:]
    found = {person: [0.0] * len(weeks) for person in people}
    for row in rows:
        if row["week"] in weeks:
            found[row["user_id"]][weeks.index(row["week"])] = row["events"] or 0
    return found


def _start(visit: Visit, total: int) -> int:
    text = visit.query.get("from_row", "0")
    return min(int(text), total) if text.isascii() and text.isdigit() and len(text) < 9 else 0  # noqa: PLR2004


def _people(visit: Visit, course: str) -> dict[str, Any] | None:
    """Everyone known in the course with what they did, where signals aren't known."""
    t = visit.words
    sources = (
        ("course_material_access", "total_material_accesses"),
        ("video_student_engagement", "total_watch_hours"),
        ("assessment_student_submissions", "total_submissions"),
        ("assessment_student_overall_performance", "avg_assignment_score"),
    )
    found: dict[str, Row] = {}
    columns = []
    for view, column in sources:
        rows = visit.ask.rows(view, {"course_id": course}, limit=100_000)
        columns += [column] if rows is not None else []
        for row in rows or ():
            if row["user_id"] is not None:
                found.setdefault(row["user_id"], {"user_id": row["user_id"]})[column] = row[column]
    if not found:
        return None
    sort = visit.sort(["user_id", *columns], "user_id")
    listed = sort.rows((found[person] for person in sorted(found)), lambda row, key: row.get(key))
    start = _start(visit, len(listed))
    labels = dict(
        zip(
            (column for _, column in sources),
            ("times_opened", "hours_of_video", "handed_in", "average_grade"),
            strict=True,
        )
    )
    heads = [Head(t("student"), "user_id"), *(Head(t(labels[column]), column, number=True) for column in columns)]
    rows_shown = [
        [
            linked(visit.links.to("/c/{}/s/{}", course, row["user_id"]), row["user_id"]),
            *(
                t.number(row.get(column), 1 if column in {"total_watch_hours", "avg_assignment_score"} else 0)
                for column in columns
            ),
        ]
        for row in listed[start : start + PAGE]
    ]
    more = visit.links.here(from_row=start + PAGE) if start + PAGE < len(listed) else None
    return {"table": Table(heads, rows_shown, sort, t("students"), more), "total": len(listed)}
