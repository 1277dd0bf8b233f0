"""Older days of a rollup, merged over their dates: what views that don't look at the date read in place of the days.

A day is folded once and read by every later run, so a year of days would make each run slower than the last. Days that are over
are therefore merged into one large block. It grows by eight days at a time, or a whole month once that is over: the old block and
the new days make the new one. A day in it that is folded anew spoils it. It is then made anew from smaller blocks, a month each,
which are made when they are first needed, so that the next late day spoils only its own month's.
"""

from __future__ import annotations

import calendar
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from learnfold.batch.manifest import AllTimeSegment, day_of
from learnfold.batch.rollup_rows import sources
from learnfold.engines import FileRows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from learnfold.batch.manifest import RollupRecord
    from learnfold.catalog import Rollup
    from learnfold.engines import Engine, RollupRows
    from learnfold.storage import Storage

LATE_DAYS = 3
"""Days behind the newest one that aren't merged yet: most late events are of these."""

WORTH = 0.8
"""A block with more than this share of its days' rows is no use: its keys hardly come twice. Its file goes, its record stays."""

_LOOK_AGAIN = 2
"""Where a block was no use, the next is tried when there are so many times its days."""

_BLOCK_DAYS = 8


def segments_of(
    rollup: Rollup,
    record: RollupRecord,
    before: Sequence[AllTimeSegment],
    touched: set[date] | None,
    engine: Engine,
    out: Storage,
    name: str,
    *,
    by_key: bool = False,
) -> list[AllTimeSegment]:
    """The blocks of a rollup's record: the old ones that still hold what their days do (``touched`` None: none), and new ones.

    ``by_key``: they are sorted by the rollup's key, since a view lists their rows.
    """
    groups = _groups({day_of(day) for part in record.parts for day in part.days})
    wanted = set().union(*groups)
    if not wanted:
        return []
    if touched is not None and before:
        largest = max(before, key=lambda block: len(block.days))
        if not _useful(largest) and len(wanted) < _LOOK_AGAIN * len(largest.days):
            return [largest]
    before = [block for block in before if block.path]
    held = {frozenset(map(day_of, block.days)): block for block in before}
    kept = {
        days: block for days, block in held.items() if touched is not None and not touched & days and days <= wanted
    }
    made: list[str] = []

    def block(days: set[date], parts: Sequence[AllTimeSegment] = ()) -> AllTimeSegment:
        """A block of these days, from smaller ones and the days that are in none."""
        rest = days.difference(*(map(day_of, part.days) for part in parts))
        read = tuple(FileRows(part.path, all_time=True, rows=part.rows) for part in parts) + sources(record.parts, rest)
        path = f"_rollups/{rollup.name}/{name}-block-{len(made) + 1:03d}.parquet"
        made.append(path)
        merged = engine.merge(rollup, read, path, all_time=True, by_key=by_key)
        rows = _rows(record, days)
        return AllTimeSegment(merged.path, merged.rows, merged.bytes, sorted(day.isoformat() for day in days), rows)

    def known(found: list[AllTimeSegment]) -> list[AllTimeSegment]:
        """These blocks, or only the knowledge that they are no use."""
        largest = max(found, key=lambda block: len(block.days))
        if _useful(largest):
            return found
        out.delete(made)
        return [replace(largest, path="", bytes=0)]

    months = [kept[frozenset(group)] for group in groups if frozenset(group) in kept]
    large = max(kept, key=len, default=frozenset())
    if large == wanted:
        return [*months, kept[large]] if len(groups) > 1 else [kept[large]]
    if len(large) > max(map(len, groups), default=0) or not held:  # it grows, or it is the first
        return known([*months, block(wanted, [kept[large]] if large else [])])
    months = [kept.get(frozenset(group)) or block(group) for group in groups]
    return known([*months, block(wanted, months)] if len(months) > 1 else months)


def merged_sources(record: RollupRecord) -> tuple[RollupRows, ...] | None:
    """What to read for all dates together: blocks, and the days that are in none; None where merging is no use."""
    useful = [block for block in record.blocks if _useful(block)]
    if record.blocks and not useful:
        return None
    covered: set[date] = set()
    chosen = []
    for block in sorted(useful, key=lambda block: -len(block.days)):
        days = {day_of(day) for day in block.days}
        if not days & covered:
            chosen.append(FileRows(block.path, all_time=True, rows=block.rows))
            covered |= days
    rest = {day_of(day) for part in record.parts for day in part.days} - covered
    return tuple(chosen) + sources(record.parts, rest)


def _useful(block: AllTimeSegment) -> bool:
    return block.rows <= block.day_rows * WORTH


def _groups(days: Iterable[date]) -> list[set[date]]:
    """The days that belong together, those that are too new left out; a day alone is no group."""
    days = set(days)
    if not days:
        return []
    limit = max(days) - timedelta(days=LATE_DAYS)
    groups: dict[tuple[int, int, int], set[date]] = {}
    for day in days:
        last = date(day.year, day.month, calendar.monthrange(day.year, day.month)[1])
        part = -1
        if last > limit:
            part = (day.day - 1) // _BLOCK_DAYS
            last = min(last, day.replace(day=1) + timedelta(days=(part + 1) * _BLOCK_DAYS - 1))
        if last <= limit:
            groups.setdefault((day.year, day.month, part), set()).add(day)
    return [groups[label] for label in sorted(groups) if len(groups[label]) > 1]


def _rows(record: RollupRecord, days: set[date]) -> int:
    """About how many rows the days have: parts are taken to hold the same for each of theirs."""
    return round(sum(part.rows * len({day_of(day) for day in part.days} & days) / part.held for part in record.parts))
