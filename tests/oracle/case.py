"""A case: a few events of one topic, and by hand what one view holds of them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple

DAY = date(2024, 3, 1)


class Case(NamedTuple):
    """Events of one topic (or of several, by topic), and all rows of one view, every column of them."""

    title: str
    view: str
    events: list[dict[str, Any]] | dict[str, list[dict[str, Any]]]  # by topic, where it isn't the view's own alone
    rows: list[dict[str, Any]]
    reporting_zone: str = "UTC"


def at(hour, minute=0, second=0, microsecond=0):
    """A time of the day most cases are on."""
    return datetime(2024, 3, 1, hour, minute, second, microsecond)  # noqa: DTZ001 - times are naive UTC


def events(columns, *lines):
    """Events at 10:00 by u1, unless the columns (of which the first is event_type) say otherwise."""
    names = columns.split()
    plain = {"user_id": "u1", "timestamp": at(10)}
    return [plain | dict(zip(names, line, strict=True)) for line in lines]


def rows(columns, *lines):
    """Rows of these columns."""
    names = columns.split()
    return [dict(zip(names, line, strict=True)) for line in lines]
