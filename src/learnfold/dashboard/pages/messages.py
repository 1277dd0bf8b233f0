"""Messages that were sent, and what came of them: of the platform, since messages name no course."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.dashboard import charts
from learnfold.dashboard.pages.one_course import course_of
from learnfold.dashboard.table import Head, Table
from learnfold.dashboard.visit import Shown

if TYPE_CHECKING:
    from learnfold.dashboard.visit import Visit


def messages(visit: Visit) -> Shown:
    """What was opened and clicked, by kind and channel; by kind alone where channels aren't known."""
    course = course_of(visit)
    found = _effect(visit) or _rates(visit)
    source = None if found is None else visit.links.to("/explore/{}", found[1])
    values = {"table": None if found is None else found[0], "source": source}
    return Shown("messages.html", visit.words("messages"), values, course, "messages")


def _effect(visit: Visit) -> tuple[Table, str] | None:
    rows = visit.ask.rows("notification_effect")
    if not rows:
        return None
    t = visit.words
    columns = ("notification_type", "channel", "sent", "open_percentage", "click_percentage", "median_minutes_to_open")
    labels = ("kind", "channel", "sent", "opened", "clicked", "minutes_to_open")
    sort = visit.sort(columns, "-sent")
    shown = [
        [
            row["notification_type"] or t("not_said"),
            row["channel"] or t("not_said"),
            t.number(row["sent"]),
            _share(visit, row["open_percentage"]),
            _share(visit, row["click_percentage"]),
            t.number(row["median_minutes_to_open"]),
        ]
        for row in sort.rows(rows, lambda row, key: row[key])
    ]
    heads = [
        Head(t(label), column, number=place > 1)
        for place, (label, column) in enumerate(zip(labels, columns, strict=True))
    ]
    return Table(heads, shown, sort, t("messages")), "notification_effect"


def _rates(visit: Visit) -> tuple[Table, str] | None:
    rows = visit.ask.rows("notification_click_through_rate")
    if not rows:
        return None
    t = visit.words
    columns = ("notification_type", "total_sent", "total_clicked", "click_through_rate")
    sort = visit.sort(columns, "-total_sent")
    shown = [
        [
            row["notification_type"] or t("not_said"),
            t.number(row["total_sent"]),
            t.number(row["total_clicked"]),
            _share(visit, row["click_through_rate"]),
        ]
        for row in sort.rows(rows, lambda row, key: row[key])
    ]
    labels = ("kind", "sent", "clicked", "share_clicked")
    heads = [
        Head(t(label), column, number=place > 0)
        for place, (label, column) in enumerate(zip(labels, columns, strict=True))
    ]
    return Table(heads, shown, sort, t("messages")), "notification_click_through_rate"


def _share(visit: Visit, percent: float | None) -> object:
    if percent is None:
        return visit.words.number(None)
    return charts.gauge(percent) + " " + visit.words.percent(percent / 100)
