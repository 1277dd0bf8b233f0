"""Refreshing a view from the first day that changed on: its rows before that stay, and older days of rollups aren't read again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from learnfold.batch.rollup_rows import rows_of
from learnfold.engines import RefreshRequest, size_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from learnfold.batch.manifest import RollupRecord, ViewRecord
    from learnfold.catalog import View

_BESIDE = timedelta(days=1)
"""The events of a UTC day are of its reporting date or of one beside it."""


def request_since(
    view: View,
    path: str,
    before: ViewRecord,
    rollups: tuple[Mapping[str, RollupRecord], Mapping[str, RollupRecord]],
    share: float,
) -> RefreshRequest | None:
    """The request to refresh a view from the first day that changed on; None where that isn't known, or reads more than ``share``.

    ``rollups`` are those that ``before`` was made from, and those now.
    """
    was, now = rollups
    if view.looks_back is None or any(rollup.name not in was for rollup in view.rollups):
        return None
    changed = _changed(view, was, now)
    if not changed:
        return None
    since = view.looks_back.begin(min(changed) - _BESIDE)
    sources = {}
    for rollup in view.rollups:
        record, first = now[rollup.name], view.looks_back.first(rollup.name, since)
        near = None if first is None else {day for day in record.days if day >= first - _BESIDE}
        sources[rollup.name] = rows_of(record.files, near)
    everything = size_of(source for rollup in view.rollups for source in rows_of(now[rollup.name].files))
    if size_of(source for found in sources.values() for source in found).rows > share * everything.rows:
        return None
    return RefreshRequest(view, sources, path, tuple(before.paths), digests=before.digests, since=since)


def weekdays_since(
    view: View, was: Mapping[str, RollupRecord], now: Mapping[str, RollupRecord], *, utc: bool
) -> frozenset[int]:
    """The weekdays, 1 (Monday) to 7, of the dates of all days that changed; ``utc``: a date is the UTC day."""
    if any(rollup.name not in was for rollup in view.rollups):
        return frozenset(range(1, 8))
    beside = (timedelta(),) if utc else (-_BESIDE, timedelta(), _BESIDE)
    return frozenset((day + by).isoweekday() for day in _changed(view, was, now) for by in beside)


def _changed(view: View, was: Mapping[str, RollupRecord], now: Mapping[str, RollupRecord]) -> set[date]:
    return set().union(*(changed_days(was[rollup.name], now[rollup.name]) for rollup in view.rollups))


def changed_days(before: RollupRecord, now: RollupRecord) -> set[date]:
    """The UTC days for which other files of a rollup answer than did: files never change."""
    was, answers = _by_day(before), _by_day(now)
    return {day for day in was.keys() | answers.keys() if was.get(day) != answers.get(day)}


def _by_day(record: RollupRecord) -> dict[date, set[str]]:
    files: dict[date, set[str]] = {}
    for file in record.files:
        for day in file.days:
            files.setdefault(day, set()).add(file.path)
    return files
