"""One video: how far its viewers get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnfold.dashboard import charts
from learnfold.dashboard.charts.lines import Line
from learnfold.dashboard.pages.numbers import Number, explained
from learnfold.dashboard.pages.one_course import course_of
from learnfold.dashboard.pages.videos import retention
from learnfold.dashboard.table import Head, Table
from learnfold.dashboard.visit import Shown, nothing

if TYPE_CHECKING:
    from learnfold.dashboard.visit import Visit


def video(visit: Visit) -> Shown:
    """Retention from start to end, and the video's numbers."""
    course, name, t = course_of(visit), visit.path["video"], visit.words
    where = {"video_id": name, "course_id": course}
    row = visit.ask.first("video_popularity", where)
    strips = retention(visit, course, name)
    if row is None and not strips:
        raise nothing("there is no such video in this course")
    numbers = []
    if row is not None:
        key = {"video_id": name, "course_id": course}
        numbers = [
            Number(
                t("viewers"),
                t.number(row["unique_viewers"]),
                explained(visit, "video_popularity", "unique_viewers", **key),
            ),
            Number(
                t("hours"),
                t.number(row["total_views_hours"], 1),
                explained(visit, "video_popularity", "total_views_hours", **key),
            ),
            Number(
                t("mean_viewing"),
                t.clock(row["avg_view_duration_seconds"]),
                explained(visit, "video_popularity", "avg_view_duration_seconds", **key),
            ),
        ]
    again = visit.ask.first("video_rewatch", where)
    if again is not None and again["rewatch_percentage"] is not None:
        percent = t.percent(again["rewatch_percentage"] / 100)
        numbers.append(
            Number(t("watch_again"), percent, explained(visit, "video_rewatch", "rewatch_percentage", **where))
        )
    values: dict[str, Any] = {"numbers": numbers, "chart": None, "table": None}
    if strips:
        strip = strips[0]
        steps = len(strip.shares)
        names = [t.clock((strip.length or 0) * place / steps) for place in range(steps)]
        values["chart"] = charts.lines([Line(t("still_watching"), list(strip.shares))], names, t.percent)
        values["table"] = Table(
            [Head(t("place")), Head(t("still_watching"), number=True)],
            [[place, t.percent(share)] for place, share in zip(names, strip.shares, strict=True)],
        )
    return Shown("video.html", name, values, course, "videos")
