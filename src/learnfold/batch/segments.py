"""All-time segments: older days of a rollup merged over their dates, which views that don't look at the date read instead of the days.

A day is folded once and read by every later run, so a year of days would make each run slower than the last. Days that are over
are therefore merged into one large segment. It grows by eight days at a time, or by a whole month once that is over: the old
segment and the new days make the new one. A day of it that is folded again makes it useless. It is then made again from smaller
segments, a month each, which are made when they are first needed, so that the next late day costs only its own month's.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from learnfold.batch.manifest import AllTimeSegment
from learnfold.batch.rollup_rows import rows_of
from learnfold.engines import FileRows
from learnfold.storage.out_layout import rollup_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from learnfold.batch.context import BatchContext
    from learnfold.batch.manifest import RollupRecord
    from learnfold.catalog import Rollup
    from learnfold.engines import RollupRows

LATE_DAYS = 3
"""Days behind the newest one that aren't merged yet: most late events are of these."""

WORTH = 0.8
"""A segment with more than this share of its days' rows is no use: its keys hardly come twice. Its file goes, its record stays."""

_TRY_AGAIN = 2
"""Where a segment was no use, the next is tried when there are so many times its days."""

_GROUP_DAYS = 8


@dataclass(frozen=True)
class SegmentPlan:
    """A segment that a rollup should have: the one there is, or a new one of smaller ones and of the days in none of them."""

    days: frozenset[date]
    existing: AllTimeSegment | None = None
    smaller: tuple[SegmentPlan, ...] = ()


def choose_segments(
    days: AbstractSet[date], before: Sequence[AllTimeSegment], touched: AbstractSet[date] | None
) -> list[SegmentPlan]:
    """The segments that a rollup of these UTC days should have, the smaller ones first.

    ``before`` are those that it had; ``touched`` are the days whose rows are no longer what they were then (None: all days).
    """
    groups = _groups(days)
    wanted: frozenset[date] = frozenset().union(*groups)
    if not wanted:
        return []
    if touched is not None and before:
        largest = _largest(before)
        if not _useful(largest) and len(wanted) < _TRY_AGAIN * len(largest.days):
            return [SegmentPlan(frozenset(largest.days), largest)]
    held = {frozenset(segment.days): segment for segment in before if segment.path}
    kept = {
        days: SegmentPlan(days, segment)
        for days, segment in held.items()
        if touched is not None and not touched & days and days <= wanted
    }
    months = [kept[group] for group in groups if group in kept]
    large = max(kept, key=len, default=frozenset())
    if large == wanted:
        return [*months, kept[large]] if len(groups) > 1 else [kept[large]]
    if len(large) > max(map(len, groups)) or not held:  # it grows, or it is the first
        return [*months, SegmentPlan(wanted, smaller=(kept[large],) if large else ())]
    months = [kept.get(group) or SegmentPlan(group) for group in groups]
    return [*months, SegmentPlan(wanted, smaller=tuple(months))] if len(months) > 1 else months


def make_segments(
    context: BatchContext, rollup: Rollup, record: RollupRecord, plans: Sequence[SegmentPlan], *, by_key: bool
) -> list[AllTimeSegment]:
    """The segments of ``plans``, the missing ones made; where the largest turns out to be no use, only the record that it is.

    ``by_key``: they are sorted by the rollup's key, since a view lists their rows.
    """
    if not plans:
        return []
    segments: dict[frozenset[date], AllTimeSegment] = {}
    made: list[str] = []
    for plan in plans:
        if plan.existing is not None:
            segments[plan.days] = plan.existing
            continue
        smaller = [part.existing or segments[part.days] for part in plan.smaller]
        rest = plan.days.difference(*(segment.days for segment in smaller))
        path = rollup_path(rollup.name, f"{context.batch}-{rollup.topic.name}-block-{len(made) + 1:03d}")
        made.append(path)
        read = (*map(_rows, smaller), *rows_of(record.files, set(rest)))
        merged = context.engine.merge(rollup, read, path, all_time=True, by_key=by_key)
        day_rows = _day_rows(record, plan.days)
        days = sorted(plan.days)
        segments[plan.days] = AllTimeSegment(merged.path, merged.rows, merged.bytes, days, day_rows, merged.sha256)
    largest = _largest(segments.values())
    if _useful(largest):
        return list(segments.values())
    context.workspace.out.delete(made)
    return [replace(largest, path="", bytes=0, sha256="")]


def all_time_rows(record: RollupRecord) -> tuple[RollupRows, ...] | None:
    """What to read for all dates together: segments, and the days that are in none; None where merging is no use."""
    useful = [segment for segment in record.segments if _useful(segment)]
    if record.segments and not useful:
        return None
    covered: set[date] = set()
    chosen = []
    for segment in sorted(useful, key=lambda segment: -len(segment.days)):
        if covered.isdisjoint(segment.days):
            chosen.append(_rows(segment))
            covered.update(segment.days)
    return tuple(chosen) + rows_of(record.files, record.days - covered)


def _rows(segment: AllTimeSegment) -> FileRows:
    return FileRows(segment.path, all_time=True, rows=segment.rows, bytes=segment.bytes, sha256=segment.sha256)


def _useful(segment: AllTimeSegment) -> bool:
    return segment.rows <= segment.day_rows * WORTH


def _largest(segments: Iterable[AllTimeSegment]) -> AllTimeSegment:
    return max(segments, key=lambda segment: len(segment.days))


def _groups(days: AbstractSet[date]) -> list[frozenset[date]]:
    """The days that belong together, those that are too new left out; a day alone is no group."""
    if not days:
        return []
    limit = max(days) - timedelta(days=LATE_DAYS)
    groups: dict[tuple[int, int, int], set[date]] = {}
    for day in days:
        last = date(day.year, day.month, calendar.monthrange(day.year, day.month)[1])
        part = -1
        if last > limit:
            part = (day.day - 1) // _GROUP_DAYS
            last = min(last, day.replace(day=1) + timedelta(days=(part + 1) * _GROUP_DAYS - 1))
        if last <= limit:
            groups.setdefault((day.year, day.month, part), set()).add(day)
    return [frozenset(groups[label]) for label in sorted(groups) if len(groups[label]) > 1]


def _day_rows(record: RollupRecord, days: AbstractSet[date]) -> int:
    """About how many rows the days have unmerged: files are taken to hold the same for each of theirs."""
    return round(sum(file.rows * len(days & set(file.days)) / file.held for file in record.files))
