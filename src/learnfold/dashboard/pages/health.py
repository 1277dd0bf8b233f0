"""How the platform runs: whether the numbers are fresh, what came, what ran and what was left out."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from learnfold.dashboard import charts
from learnfold.dashboard.charts.heat import HeatRow
from learnfold.dashboard.pages.numbers import Number
from learnfold.dashboard.table import Head, Table, linked
from learnfold.dashboard.visit import Shown, nothing

if TYPE_CHECKING:
    from datetime import date

    from learnfold.dashboard.visit import Visit
    from learnfold.operate.status import BatchLine

DAYS = 56
SLOWEST = 8


def health(visit: Visit) -> Shown:
    """For operators: of the published batches, no rows of anyone."""
    operators_only(visit)
    lines = visit.history.lines(visit.batch)
    values = {
        "numbers": _numbers(visit, lines),
        "brief": _brief(visit, lines),
        "days": _days(visit),
        "runs": _runs(visit, lines),
        "slowest": _slowest(visit),
        "left_out": reasons(visit, SLOWEST),
        "jobs": _jobs(visit),
    }
    return Shown("health.html", visit.words("health"), values, section="health")


def operators_only(visit: Visit) -> None:
    """Raises Problem for everyone else, as if there were no such page."""
    if not visit.operates:
        raise nothing("there is no such page, or it isn't for who asks")


def left(line: BatchLine) -> int:
    """How many events a batch left out."""
    return sum(sum(found.values()) for found in line.quarantined.values())


def _numbers(visit: Visit, lines: list[BatchLine]) -> list[Number]:
    t, latest, oldest_first = visit.words, lines[0], list(reversed(lines))
    topics = visit.ask.base.manifest.jobs.values()
    newest = max((day for job in topics for topic in job.topics.values() for day in topic.days), default=None)
    slowest = max((line.seconds for line in lines), default=0)
    return [
        Number(
            t("published"),
            t.moment(latest.published_at)[11:16],
            note=t("published_on", day=latest.published_at[:10], batches=len(lines)),
        ),
        Number(t("newest_day"), t.day(newest, year=False), note=t("events_in_all", n=_events(visit))),
        Number(
            t("seconds_a_run"),
            t.number(latest.seconds, 1),
            unit="s",
            note=t("longest_run", seconds=t.number(slowest, 1)),
            values=[line.seconds for line in oldest_first],
        ),
        Number(
            t("left_out"),
            t.number(left(latest)),
            note=t("duplicates_too", n=latest.copies),
            values=[left(line) for line in oldest_first],
            explain=visit.links.to("/left-out"),
        ),
    ]


def _events(visit: Visit) -> int:
    return sum(topic.events for job in visit.ask.base.manifest.jobs.values() for topic in job.topics.values())


def _brief(visit: Visit, lines: list[BatchLine]) -> list[tuple[str, str]]:
    t, latest = visit.words, lines[0]
    behind = _behind(visit)
    events, count = _events(visit), left(latest)
    found = [
        ("look", t("jobs_behind", names=t.list(behind), n=len(behind)))
        if behind
        else ("fine", t("jobs_fresh", n=len(visit.ask.base.manifest.jobs)))
    ]
    if events:
        found.append(("left", t("left_out_share", share=t.percent(count / (events + count), 2), n=count)))
    found.append(
        (
            "run",
            t("run_folded", folded=latest.days_folded, reused=latest.days_reused, seconds=t.number(latest.seconds, 1)),
        )
    )
    return found


def _behind(visit: Visit) -> list[str]:
    """The jobs whose newest event is more than a day older than the newest of all."""
    ends = {
        name: max((day for topic in job.topics.values() for day in topic.days), default=None)
        for name, job in visit.ask.base.manifest.jobs.items()
    }
    newest = max((day for day in ends.values() if day is not None), default=None)
    return [
        name
        for name, day in ends.items()
        if day is not None and newest is not None and newest - day > timedelta(days=1)
    ]


def _days(visit: Visit) -> dict[str, Any] | None:
    """Events by topic and day: a hole is seen."""
    counts: dict[str, dict[date, int]] = {}
    for job in visit.ask.base.manifest.jobs.values():
        for name, topic in job.topics.items():
            counts[name] = {day: found.events for day, found in topic.days.items()}
    newest = max((day for found in counts.values() for day in found), default=None)
    if newest is None:
        return None
    days = [newest - timedelta(days=DAYS - 1 - number) for number in range(DAYS)]
    rows = []
    for name, found in counts.items():
        values = [found.get(day, 0) for day in days]
        rows.append(HeatRow(name.removesuffix("_topic"), values, max(values)))
    return {
        "chart": charts.heat(
            rows, [visit.words.day(day, year=False) for day in days], visit.words.number, "h-days", every=7
        )
    }


def _runs(visit: Visit, lines: list[BatchLine]) -> Table:
    t = visit.words
    longest = max((line.seconds for line in lines), default=0) or 1
    heads = [
        Head(t("batch")),
        Head(t("why")),
        Head(t("days_folded"), number=True),
        Head(t("days_reused"), number=True),
        Head(t("events"), number=True),
        Head(t("left_out"), number=True),
        Head(t("seconds"), wide=True),
    ]
    rows = [
        [
            linked(visit.links.to("/runs/{}", line.batch), line.batch),
            line.action if line.of is None else f"{line.action} ({line.of})",
            t.number(line.days_folded),
            t.number(line.days_reused),
            t.number(line.events),
            t.number(left(line)),
            charts.progress(line.seconds / longest, t.number(line.seconds, 1)),
        ]
        for line in lines
    ]
    return Table(heads, rows, name=t("runs"), classes="runs")


def _slowest(visit: Visit) -> Table:
    t = visit.words
    heads = [
        Head(t("view")),
        Head(t("rows"), number=True),
        Head(t("kilobytes"), number=True),
        Head(t("checks"), number=True),
        Head(t("seconds"), number=True),
    ]
    found = sorted(visit.ask.base.manifest.views.items(), key=lambda pair: -pair[1].seconds)[:SLOWEST]
    rows = [
        [
            linked(visit.links.to("/explore/{}", name), name),
            t.number(view.rows),
            t.number(view.bytes / 1000),
            t.number(len(view.checks)),
            t.number(view.seconds, 2),
        ]
        for name, view in found
    ]
    return Table(heads, rows, name=t("slowest_views"))


def _jobs(visit: Visit) -> Table:
    t = visit.words
    heads = [
        Head(t("job")),
        Head(t("newest_day"), number=True),
        Head(t("events"), number=True),
        Head(t("views"), number=True),
        Head(t("batch")),
    ]
    rows = []
    for name, job in visit.ask.base.manifest.jobs.items():
        newest = max((day for topic in job.topics.values() for day in topic.days), default=None)
        events = sum(topic.events for topic in job.topics.values())
        rows.append(
            [
                name,
                t.day(newest),
                t.number(events),
                t.number(len(job.views)),
                linked(visit.links.to("/runs/{}", job.batch), job.batch),
            ]
        )
    return Table(heads, rows, name=t("jobs"))


def reasons(visit: Visit, most: int | None = None) -> Table | None:
    """Why events were left out, by topic, the most first."""
    found = [
        (name, reason, count)
        for job in visit.ask.base.manifest.jobs.values()
        for name, topic in job.topics.items()
        for reason, count in topic.quarantined.items()
    ]
    if not found:
        return None
    t = visit.words
    heads = [Head(t("topic")), Head(t("reason")), Head(t("events"), number=True)]
    rows = [
        [name, reason, t.number(count)]
        for name, reason, count in sorted(found, key=lambda one: (-one[2], one[0], one[1]))[:most]
    ]
    return Table(heads, rows, name=t("left_out"))
