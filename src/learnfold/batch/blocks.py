"""Older days of a rollup, merged over their dates: what views that don't look at the date read in place of the days.

A day is folded once and read by every later run, so a year of days would make each run slower than the last. Days that are over
are therefore merged into blocks: of eight days, of whole months once these are over, and one of all these together. A block answers
for exactly the days that it was made from; a day that is folded anew makes its blocks be made anew, the large one from the others.
"""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from typing import TYPE_CHECKING

from learnfold.batch.manifest import BlockRecord, day_of
from learnfold.batch.sources import sources
from learnfold.engines import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from learnfold.batch.manifest import RollupRecord
    from learnfold.catalog import Rollup
    from learnfold.engines import Engine

LATE_DAYS = 3
"""Days behind the newest one that aren't merged yet: most late events are of these."""

WORTH = 0.8
"""A block with more than this share of its days' rows is no use: its keys hardly come twice."""

_BLOCK_DAYS = 8


def blocks_of(
    rollup: Rollup,
    record: RollupRecord,
    before: Sequence[BlockRecord],
    touched: set[date] | None,
    engine: Engine,
    name: str,
) -> list[BlockRecord]:
    """The blocks of a rollup's record: the old ones that still hold what their days do (``touched`` None: none), and new ones."""
    days = {day_of(day) for part in record.parts for day in part.days}
    if not days:
        return []
    kept = {frozenset(block.days): block for block in before}
    made = 0

    def block(group: set[date], parts: Sequence[BlockRecord] = ()) -> BlockRecord:
        nonlocal made
        names = frozenset(day.isoformat() for day in group)
        old = kept.get(names)
        if old is not None and touched is not None and not touched & group:
            return old
        read = tuple(Source(part.path, dateless=True) for part in parts) or sources(record.parts, group)
        made += 1
        path = f"_rollups/{rollup.name}/{name}-block-{made:03d}.parquet"
        merged = engine.merge(rollup, read, path, dateless=True)
        return BlockRecord(merged.path, merged.rows, merged.bytes, sorted(names), _rows(record, group))

    groups = _groups(days)
    blocks = [block(group) for group in groups]
    if len(blocks) > 1:
        blocks.append(block(set().union(*groups), blocks))
    return blocks


def merged_sources(record: RollupRecord) -> tuple[Source, ...] | None:
    """What to read for all dates together: blocks, and the days that are in none; None where merging is no use."""
    useful = [block for block in record.blocks if block.rows <= block.day_rows * WORTH]
    if record.blocks and not useful:
        return None
    covered: set[date] = set()
    chosen = []
    for block in sorted(useful, key=lambda block: -len(block.days)):
        days = {day_of(day) for day in block.days}
        if not days & covered:
            chosen.append(Source(block.path, dateless=True))
            covered |= days
    rest = {day_of(day) for part in record.parts for day in part.days} - covered
    return tuple(chosen) + sources(record.parts, rest)


def _groups(days: Iterable[date]) -> list[set[date]]:
    """The days that belong together, those that are too new left out; a day alone is no group."""
    days = set(days)
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
