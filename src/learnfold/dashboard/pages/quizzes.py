"""Quizzes: which are hard, and which may be unclear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnfold.dashboard import charts
from learnfold.dashboard.charts.scatter import Dot
from learnfold.dashboard.pages.one_course import course_of
from learnfold.dashboard.table import Head, Table
from learnfold.dashboard.visit import Shown

if TYPE_CHECKING:
    from learnfold.dashboard.visit import Visit

COLUMNS = ("quiz_id", "students", "first_try_percentage", "best_try_percentage", "mean_attempts", "discrimination")


def quizzes(visit: Visit) -> Shown:
    """All quizzes of the course, and their questions where these are known."""
    course = course_of(visit)
    values = {"list": difficulty(visit, course), "questions": _questions(visit, course)}
    return Shown("quizzes.html", visit.words("quizzes"), values, course, "quizzes")


def difficulty(visit: Visit, course: str) -> dict[str, Any] | None:
    """The quizzes by how hard they are and how far they agree with the others; None where that isn't known."""
    rows = visit.ask.rows("assessment_quiz_difficulty", {"course_id": course})
    if not rows:
        return None
    t = visit.words
    dots = [
        Dot(row["quiz_id"], row["first_try_percentage"], row["discrimination"], _tip(visit, row))
        for row in rows
        if None not in {row["quiz_id"], row["first_try_percentage"], row["discrimination"]}
    ]
    sort = visit.sort(COLUMNS, "first_try_percentage")
    shown = [
        [
            row["quiz_id"],
            t.number(row["students"]),
            _percent(visit, row["first_try_percentage"]),
            _percent(visit, row["best_try_percentage"]),
            t.number(row["mean_attempts"], 1),
            t.number(row["discrimination"], 2),
        ]
        for row in sort.rows((row for row in rows if row["quiz_id"] is not None), lambda row, key: row[key])
    ]
    labels = ("quiz", "students", "right_first", "right_best", "attempts", "agrees")
    heads = [
        Head(t(label), key, number=place > 0) for place, (label, key) in enumerate(zip(labels, COLUMNS, strict=True))
    ]
    return {
        "chart": charts.scatter(dots, t("right_first"), t("agrees")),
        "table": Table(heads, shown, sort, t("quizzes")),
        "source": visit.links.to("/explore/{}", "assessment_quiz_difficulty", course_id=course),
    }


def _questions(visit: Visit, course: str) -> Table | None:
    where = {"course_id": course}
    rows = visit.ask.rows("assessment_question_difficulty", where, order=("correct_percentage",), limit=200)
    if not rows:
        return None
    t = visit.words
    heads = [
        Head(t("quiz")),
        Head(t("question")),
        Head(t("answers"), number=True),
        Head(t("right"), number=True),
        Head(t("right_first"), number=True),
    ]
    shown = [
        [
            row["quiz_id"],
            row["question_id"],
            t.number(row["answers"]),
            _percent(visit, row["correct_percentage"]),
            _percent(visit, row["first_try_percentage"]),
        ]
        for row in rows
    ]
    return Table(heads, shown, name=t("questions"))


def _percent(visit: Visit, value: float | None) -> str:
    return visit.words.percent(None if value is None else value / 100)


def _tip(visit: Visit, row: dict[str, Any]) -> str:
    t = visit.words
    return f"{row['quiz_id']}|{t('right_first')}: {_percent(visit, row['first_try_percentage'])}|{t('agrees')}: {t.number(row['discrimination'], 2)}"
