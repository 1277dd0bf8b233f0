"""Weeks: from Monday, named by that day; days put together by week."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from learnfold.serve.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WEEK = timedelta(days=7)


def monday(day: date) -> date:
    """The Monday of its week."""
    return day - timedelta(days=day.weekday())


def by_week(days: Iterable[tuple[date, float | None]]) -> dict[date, float]:
    """Sums by week; what is withheld adds nothing."""
    sums: dict[date, float] = {}
    for day, value in days:
        sums[monday(day)] = sums.get(monday(day), 0) + (value or 0)
    return sums


def through(weeks: Iterable[date]) -> list[date]:
    """Every week from the first to the last, those without anything too."""
    known = sorted(weeks)
    if not known:
        return []
    return [known[0] + number * WEEK for number in range((known[-1] - known[0]).days // 7 + 1)]


def read_day(query: Mapping[str, str], name: str) -> date | None:
    """The date that a parameter says; raises Problem where it is none."""
    text = query.get(name)
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Problem("bad_value", f"{name} is {text[:40]!r}", "a date such as 2025-11-17") from error
