"""The forum of a course: what is asked and answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.dashboard.pages.numbers import Number, explained
from learnfold.dashboard.pages.one_course import course_of
from learnfold.dashboard.table import PAGE, Head, Table
from learnfold.dashboard.visit import Shown

if TYPE_CHECKING:
    from learnfold.dashboard.visit import Visit


def forum(visit: Visit) -> Shown:
    """The forum's numbers and threads; where none of its views is there, the page says so."""
    course = course_of(visit)
    values = {"numbers": _numbers(visit, course), "threads": _threads(visit, course)}
    return Shown("forum.html", visit.words("forum"), values, course, "forum")


def _numbers(visit: Visit, course: str) -> list[Number]:
    t, where = visit.words, {"course_id": course}
    found = []
    for view, columns in (
        ("forum_course_metrics", ("unique_posters", "unique_readers")),
        ("forum_answer_times", ("unanswered", "median_hours_to_first_reply")),
    ):
        row = visit.ask.first(view, where)
        if row is not None:
            found += [Number(t(f"forum_{c}"), t.number(row[c]), explained(visit, view, c, **where)) for c in columns]
    return found


def _threads(visit: Visit, course: str) -> Table | None:
    rows = visit.ask.rows("forum_thread_popularity", {"course_id": course}, order=("-views",), limit=PAGE)
    if not rows:
        return None
    t = visit.words
    columns = ("thread_id", "unique_readers", "views", "posts", "replies", "unique_authors")
    labels = ("thread", "readers", "times_opened", "posts", "replies", "authors")
    sort = visit.sort(columns, "-views")
    shown = [
        [row["thread_id"], *(t.number(row[column]) for column in columns[1:])]
        for row in sort.rows(rows, lambda row, key: row[key])
    ]
    heads = [
        Head(t(label), column, number=place > 0)
        for place, (label, column) in enumerate(zip(labels, columns, strict=True))
    ]
    return Table(heads, shown, sort, t("threads"))
