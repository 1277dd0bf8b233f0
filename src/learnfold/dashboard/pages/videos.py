"""Videos of a course: who watches, and where viewers leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from learnfold.dashboard import charts
from learnfold.dashboard.pages.one_course import course_of
from learnfold.dashboard.table import Head, Table, dim, linked
from learnfold.dashboard.visit import Shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from learnfold.dashboard.asking import Row
    from learnfold.dashboard.visit import Visit

STEPS = 20


@dataclass(frozen=True)
class Strip:
    """A video, and what share of its viewings got how far."""

    name: str
    length: float | None  # seconds
    shares: Sequence[float]

    @property
    def half_share(self) -> float:
        """How far of it half of the viewings got."""
        place = charts.half_left(self.shares)
        return 1.0 if place is None else place / max(1, len(self.shares))

    @property
    def half(self) -> float | None:
        """The same in seconds; None where most stay to the end, or the length isn't known."""
        if self.length is None or charts.half_left(self.shares) is None:
            return None
        return self.length * self.half_share


def videos(visit: Visit) -> Shown:
    """All videos of the course."""
    course = course_of(visit)
    return Shown("videos.html", visit.words("videos"), {"list": watched(visit, course, None)}, course, "videos")


def retention(visit: Visit, course: str, video: str | None = None) -> list[Strip] | None:
    """What share of viewings got how far, by video; None where that isn't known."""
    where = {"course_id": course} | ({"video_id": video} if video is not None else {})
    rows = visit.ask.rows("video_retention", where, order=("video_id", "step"), limit=100_000)
    if rows is None:
        return None
    by: dict[str, list[Row]] = {}
    for row in rows:
        if row["video_id"] is not None:
            by.setdefault(row["video_id"], []).append(row)
    return [
        Strip(name, steps[0]["length_seconds"], [(row["reaching"] or 0) / row["viewings"] for row in steps])
        for name, steps in by.items()
        if all(row["viewings"] for row in steps)
    ]


def watched(visit: Visit, course: str, most: int | None) -> dict[str, Any] | None:
    """The list of videos, where viewers leave earliest first; where that isn't known, the most watched first."""
    strips = retention(visit, course)
    popular = {row["video_id"]: row for row in visit.ask.rows("video_popularity", {"course_id": course}) or ()}
    again = {row["video_id"]: row for row in visit.ask.rows("video_rewatch", {"course_id": course}) or ()}
    if not popular and not strips:
        return None
    table = _strips(visit, course, strips, popular, again) if strips else _popular(visit, course, popular)
    rows = table.rows if most is None else table.rows[:most]
    source = visit.links.to("/explore/{}", "video_retention" if strips else "video_popularity", course_id=course)
    shown = Table(table.heads, rows, table.sort if most is None else None, visit.words("videos"), classes="videos")
    return {"table": shown, "total": len(table.rows), "strips": bool(strips), "source": source}


def _strips(visit: Visit, course: str, strips: list[Strip], popular: dict[Any, Row], again: dict[Any, Row]) -> Table:
    t = visit.words
    known = {strip.name: strip for strip in strips}
    keys: dict[str, Callable[[str], Any]] = {
        "video_id": lambda name: name,
        "half": lambda name: known[name].half_share,
        "unique_viewers": lambda name: popular.get(name, {}).get("unique_viewers"),
        "again": lambda name: again.get(name, {}).get("rewatch_percentage"),
    }
    sort = visit.sort(list(keys), "half")
    rows = []
    for name in sort.rows(sorted(known), lambda name, key: keys[key](name)):
        strip, percent = known[name], again.get(name, {}).get("rewatch_percentage")
        rows.append(
            [
                linked(visit.links.to("/c/{}/videos/{}", course, name), name) + " " + dim(t.clock(strip.length)),
                charts.strip(strip.shares),
                t.clock(strip.half) + (f" ({t.percent(strip.half_share)})" if strip.half is not None else ""),
                t.number(popular.get(name, {}).get("unique_viewers")),
                t.percent(None if percent is None else percent / 100),
            ]
        )
    heads = [
        Head(t("video"), "video_id"),
        Head(t("start_to_end"), wide=True),
        Head(t("half_leave_at"), "half", number=True),
        Head(t("viewers"), "unique_viewers", number=True),
        Head(t("watch_again"), "again", number=True),
    ]
    return Table(heads, rows, sort)


def _popular(visit: Visit, course: str, popular: dict[Any, Row]) -> Table:
    t = visit.words
    sort = visit.sort(
        ["video_id", "unique_viewers", "total_views_hours", "avg_view_duration_seconds"], "-unique_viewers"
    )
    most = max((row["unique_viewers"] or 0 for row in popular.values()), default=0) or 1
    rows = [
        [
            linked(visit.links.to("/c/{}/videos/{}", course, row["video_id"]), row["video_id"]),
            charts.progress((row["unique_viewers"] or 0) / most),
            t.number(row["unique_viewers"]),
            t.number(row["total_views_hours"], 1),
            t.clock(row["avg_view_duration_seconds"]),
        ]
        for row in sort.rows((row for name, row in popular.items() if name is not None), lambda row, key: row[key])
    ]
    heads = [
        Head(t("video"), "video_id"),
        Head(t("share_of_most_watched"), wide=True),
        Head(t("viewers"), "unique_viewers", number=True),
        Head(t("hours"), "total_views_hours", number=True),
        Head(t("mean_viewing"), "avg_view_duration_seconds", number=True),
    ]
    return Table(heads, rows, sort)
