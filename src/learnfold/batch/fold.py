"""Folds what the plan says is dirty, and keeps the law: every day from all files that hold events of it, in one fold.

Files are folded in groups of whole day folders. Where a file turns out to hold events of a day that another group folded too, or
that an older part answers for, that day is folded once more from all its files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from learnfold.batch.manifest import FileRecord, RollupFile, RollupRecord, TopicRecord, day_of
from learnfold.batch.plan import rollup_fingerprint
from learnfold.batch.rollup_rows import sources
from learnfold.batch.segments import segments_of
from learnfold.catalog.reasons import unreadable_files
from learnfold.engines import DayCounts, FoldRequest
from learnfold.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from learnfold.batch.plan import TopicPlan
    from learnfold.catalog import Rollup
    from learnfold.engines import Engine, FileFacts, OutputFile
    from learnfold.settings import Settings
    from learnfold.storage import Storage
    from learnfold.telemetry.reporter import Reporter

Item = TypeVar("Item")

MOST_PARTS = 16
"""A rollup with more files than this has its smallest put together: a view opens them all."""

LARGE_PART_BYTES = 64 * 1024 * 1024
"""A file of a rollup that is this large is left alone: opening it is little of the work of reading it."""


@dataclass
class FoldedTopic:
    """A topic after folding, and the days whose rollups are not what they were, by rollup (None: all days)."""

    record: TopicRecord
    touched: dict[str, set[date] | None]
    folded_days: int
    reused_days: int


@dataclass(frozen=True)
class _Done:
    """One fold: what was read, which days it holds, and its new parts by rollup."""

    read: frozenset[str]
    days: frozenset[date]
    parts: dict[str, list[OutputFile]]

    def settles(self, day: date, files: set[str]) -> bool:
        """Whether it folded ``day`` from all the files that hold events of it."""
        return day in self.days and files <= self.read


@dataclass
class _Work:
    plan: TopicPlan
    rollups: Sequence[Rollup]
    engine: Engine
    out: Storage
    settings: Settings
    batch: str
    reporter: Reporter
    facts: dict[str, FileRecord] = field(default_factory=dict)
    days: dict[date, DayCounts] = field(default_factory=dict)
    done: dict[str, list[_Done]] = field(default_factory=dict)  # folds by rollup, oldest first
    unreadable: dict[str, str] = field(default_factory=dict)
    fresh: set[str] = field(default_factory=set)  # files whose facts are still to be found
    folds: int = 0
    all_time: Mapping[str, bool] = field(default_factory=dict)  # see fold_topic

    def files_by_day(self) -> dict[date, set[str]]:
        """The readable files that hold events of each UTC day, as far as is known."""
        files: dict[date, set[str]] = {}
        for path, record in self.facts.items():
            if path not in self.unreadable:
                for day in record.days:
                    files.setdefault(day_of(day), set()).add(path)
        return files


def fold_topic(
    plan: TopicPlan,
    rollups: Sequence[Rollup],
    engine: Engine,
    out: Storage,
    settings: Settings,
    batch: str,
    reporter: Reporter,
    all_time: Mapping[str, bool] | None = None,
) -> FoldedTopic:
    """Folds a topic; raises DataError for files that can't be read, unless they are to be skipped.

    ``all_time``: the rollups that views read without their dates; True: one lists their rows, so merged ones are kept by key.
    """
    work = _Work(plan, rollups, engine, out, settings, batch, reporter, all_time=all_time or {})
    if plan.last is not None:
        work.facts = {
            path: record
            for path, record in plan.last.files.items()
            if path in plan.entries and path not in plan.changed
        }
        work.unreadable = {path: why for path, why in plan.last.unreadable.items() if path in work.facts}
    _find_rows(work)
    stale = [rollup for rollup in rollups if rollup in plan.stale]
    if stale:
        _fold_days(work, stale, None)
    if plan.dirty is None or plan.dirty or plan.changed:
        _fold_days(work, [rollup for rollup in rollups if rollup not in plan.stale], plan.dirty)
    return _settle(work)


def _find_rows(work: _Work) -> None:
    """Learns the rows of files that were never read, from their footers."""
    for path in sorted(work.plan.changed):
        entry = work.plan.entries[path]
        work.facts[path] = FileRecord(entry.size, entry.tag)
    work.fresh = set(work.plan.changed)
    rows, unreadable = work.engine.rows(sorted(work.plan.changed)) if work.plan.changed else ({}, {})
    for path, count in rows.items():
        work.facts[path].rows = count
    _leave_out(work, unreadable)


def _leave_out(work: _Work, unreadable: dict[str, str]) -> None:
    if unreadable and not work.settings.skip_unreadable:
        raise DataError(unreadable_files(unreadable))
    work.unreadable |= unreadable
    work.fresh -= unreadable.keys()


def _fold_days(work: _Work, rollups: Sequence[Rollup], days: set[date] | None) -> None:
    """Folds ``days`` (None: all) of some rollups, until every one of them comes from all its files."""
    read = [path for path in work.plan.to_read(days) if path not in work.unreadable]
    planned = None if days is None else frozenset(days)
    done = [_fold(work, rollups, group, planned) for group in _groups(work, read)]
    while missing := _unsettled(work, done, days):
        files = work.files_by_day()
        for some in _day_groups(work, missing):
            together = sorted(set().union(*(files[day] for day in some)))
            done += [_fold(work, rollups, together, frozenset(some))]


def _groups(work: _Work, paths: Sequence[str]) -> list[list[str]]:
    """The files in groups of whole day folders, as large as the engine likes to fold at once."""
    if any(work.plan.folder_days[path] is None for path in paths) or work.engine.fold_rows is None:
        return [list(paths)] if paths else []
    by_day: dict[date, list[str]] = {}
    for path in paths:
        day = work.plan.folder_days[path]
        if day is not None:
            by_day.setdefault(day, []).append(path)
    return _filled(
        [(by_day[day], sum(work.facts[path].rows for path in by_day[day])) for day in sorted(by_day)],
        work.engine.fold_rows,
    )


def _day_groups(work: _Work, days: set[date]) -> list[set[date]]:
    rows = {day: sum(r.days.get(day.isoformat(), 0) for r in work.facts.values()) for day in sorted(days)}
    groups = _filled([([day], rows[day]) for day in sorted(days)], work.engine.fold_rows or sum(rows.values()) + 1)
    return [set(group) for group in groups]


def _filled(items: Iterable[tuple[list[Item], int]], limit: int) -> list[list[Item]]:
    """Items put together in order, up to ``limit`` rows a group."""
    groups: list[list[Item]] = []
    held = 0
    for item, rows in items:
        if groups and held + rows <= limit:
            groups[-1] += item
            held += rows
        else:
            groups.append(list(item))
            held = rows
    return groups


def _fold(work: _Work, rollups: Sequence[Rollup], files: Sequence[str], days: frozenset[date] | None) -> _Done:
    work.reporter.step(f"folding {work.plan.topic.name}", files[0] if files else "")
    name = f"{work.batch}-{work.plan.topic.name}-{work.folds:04d}"
    work.folds += 1
    fresh = frozenset(file for file in files if file in work.fresh)
    folded = work.engine.fold(FoldRequest(work.plan.topic, rollups, files, days, fresh, name))
    _leave_out(work, folded.unreadable)
    for path, facts in folded.files.items():
        if path in fresh:
            _note(work.facts[path], facts, folded.quarantine.path if folded.quarantine else None)
    work.fresh -= fresh
    work.days |= folded.days
    done = _Done(frozenset(files), frozenset(folded.days), folded.parts)
    for rollup, parts in folded.parts.items():
        work.done.setdefault(rollup, []).append(done)
        work.out.delete(part.path for part in parts if not part.rows)
    return done


def _note(record: FileRecord, facts: FileFacts, quarantine: str | None) -> None:
    record.rows = facts.rows
    record.days = {day.isoformat(): count for day, count in sorted(facts.days.items())}
    record.quarantined = dict(sorted(facts.quarantined.items()))
    record.quarantine = quarantine if facts.quarantined else None
    record.offsets = {str(partition): list(ends) for partition, ends in sorted(facts.offsets.items())}


def _unsettled(work: _Work, done: Sequence[_Done], days: set[date] | None) -> set[date]:
    """The days that were to be folded, or that a new file turned out to hold, and that no fold read all files of."""
    files = work.files_by_day()
    found = {day_of(day) for path in work.plan.changed for day in work.facts[path].days}
    wanted = set(files) if days is None else (days | found) & set(files)
    return {day for day in wanted if not any(one.settles(day, files[day]) for one in done)}


def _settle(work: _Work) -> FoldedTopic:
    """The topic's record: what is there now, and which file answers for which day from now on."""
    plan, last = work.plan, work.plan.last
    files = work.files_by_day()
    record = TopicRecord(
        plan.reading, dict(sorted(work.facts.items())), unreadable=dict(sorted(work.unreadable.items()))
    )
    record.offsets = {str(partition): offset for partition, offset in sorted(plan.offsets.items())}
    for day in sorted(files):
        facts, name = work.days.get(day), day.isoformat()
        record.days[name] = [facts.events, facts.duplicates] if facts else (last.days[name] if last else [0, 0])
    gone = {day_of(day) for day in (last.days if last else {})} - set(files)
    touched: dict[str, set[date] | None] = {}
    for rollup in work.rollups:
        before = last.rollups.get(rollup.name) if last and rollup not in plan.stale else None
        answers = _answers(work.done.get(rollup.name, []), files)
        touched[rollup.name] = None if before is None else set(answers) | gone
        parts = _parts(before, work.done.get(rollup.name, []), answers, rollup, set(files))
        now = RollupRecord(rollup_fingerprint(rollup, work.settings), _tidied(work, rollup, parts))
        record.rollups[rollup.name] = now
        if rollup.name in work.all_time and work.engine.merges_all_time:
            work.reporter.step("merging days of", rollup.name)
            name = f"{work.batch}-{plan.topic.name}"
            old, by_key = before.blocks if before else (), work.all_time[rollup.name]
            now.blocks = segments_of(rollup, now, old, touched[rollup.name], work.engine, work.out, name, by_key=by_key)
    return FoldedTopic(record, touched, len(work.days), len(set(files) - set(work.days)))


def _answers(done: Sequence[_Done], files: Mapping[date, set[str]]) -> dict[date, int]:
    """By day, the place of the last fold that read all of its files."""
    return {day: place for place, one in enumerate(done) for day in one.days if one.settles(day, files.get(day, set()))}


def _parts(
    before: RollupRecord | None, done: Sequence[_Done], answers: Mapping[date, int], rollup: Rollup, held: set[date]
) -> list[RollupFile]:
    """The rollup's old parts as far as they still answer for days, and its new ones."""
    parts = []
    for part in before.parts if before else ():
        stay = [day for day in part.days if day_of(day) not in answers and day_of(day) in held]
        if stay:
            parts.append(RollupFile(part.path, part.rows, part.bytes, stay, part.held))
    for place, one in enumerate(done):
        mine = sorted(day.isoformat() for day, at in answers.items() if at == place)
        if mine:
            parts += [
                RollupFile(p.path, p.rows, p.bytes, mine, len(one.days)) for p in one.parts[rollup.name] if p.rows
            ]
    return parts


def _tidied(work: _Work, rollup: Rollup, parts: list[RollupFile]) -> list[RollupFile]:
    """The parts, the smallest of them put together into one when they have become many."""
    if len(parts) <= MOST_PARTS:
        return parts
    by_size = sorted(parts, key=lambda part: part.rows, reverse=True)
    small = [part for part in by_size[MOST_PARTS // 4 :] if part.bytes < LARGE_PART_BYTES]
    if len(small) < 2:  # noqa: PLR2004
        return parts
    keep = [part for part in by_size if part not in small]
    path = f"_rollups/{rollup.name}/{work.batch}-{work.plan.topic.name}-merged.parquet"
    merged = work.engine.merge(rollup, sources(small), path)
    days = sorted({day for part in small for day in part.days})
    return [*keep, RollupFile(merged.path, merged.rows, merged.bytes, days, len(days))]
