"""Folds what the plan says is dirty, and keeps the law: every day from all files that hold events of it, in one fold.

Files are folded in groups of whole day folders. Where a file turns out to hold events of a day that another group folded too, or
that an older file of a rollup answers for, that day is folded once more from all its files.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from learnfold.batch.manifest import FileRecord, IdsFile, RollupFile, RollupRecord, TopicRecord, WrittenFile
from learnfold.batch.plan import rollup_fingerprint
from learnfold.batch.rollup_rows import rows_of
from learnfold.batch.segments import choose_segments, make_segments
from learnfold.catalog.reasons import unreadable_files
from learnfold.engines import DayCounts, FoldRequest, Size, size_of
from learnfold.errors import DataError
from learnfold.storage.out_layout import ids_path, rollup_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from learnfold.batch.context import BatchContext
    from learnfold.batch.plan import TopicPlan
    from learnfold.catalog import Rollup
    from learnfold.engines import FileFacts, OutputFile

Item = TypeVar("Item")

MOST_FILES = 16
"""A rollup with more files than this has its smallest merged into one: a view opens them all."""

LARGE_FILE_BYTES = 64 * 1024 * 1024
"""A file of a rollup that is this large is left alone: opening it is little of the work of reading it."""


@dataclass
class FoldedTopic:
    """A topic after folding, and the days whose rollups are not what they were, by rollup (None: all days)."""

    record: TopicRecord
    touched: dict[str, set[date] | None]
    folded_days: int
    reused_days: int


@dataclass(frozen=True)
class _Fold:
    """One fold: the files that were read, the UTC days that they hold, and its new files by rollup."""

    read: frozenset[str]
    days: frozenset[date]
    outputs: dict[str, list[OutputFile]]

    def covers(self, day: date, files: set[str]) -> bool:
        """Whether it folded ``day`` from all the files that hold events of it."""
        return day in self.days and files <= self.read


@dataclass
class _Work:
    """A topic while it is folded."""

    context: BatchContext
    plan: TopicPlan
    rollups: Sequence[Rollup]
    all_time: Mapping[str, bool]  # see fold_topic
    records: dict[str, FileRecord] = field(default_factory=dict)  # by file
    days: dict[date, DayCounts] = field(default_factory=dict)
    folds: dict[str, list[_Fold]] = field(default_factory=dict)  # by rollup, oldest first
    unreadable: dict[str, str] = field(default_factory=dict)
    quarantines: dict[str, WrittenFile] = field(default_factory=dict)  # by path
    fresh: set[str] = field(default_factory=set)  # files that were never read
    count: int = 0  # of all folds
    ids: list[IdsFile] = field(default_factory=list)  # of all folds, the last of a day being right

    def files_by_day(self) -> dict[date, set[str]]:
        """The readable files that hold events of each UTC day, as far as is known."""
        files: dict[date, set[str]] = {}
        for path, record in self.records.items():
            if path not in self.unreadable:
                for day in record.days:
                    files.setdefault(day, set()).add(path)
        return files


def fold_topic(
    context: BatchContext, plan: TopicPlan, rollups: Sequence[Rollup], all_time: Mapping[str, bool] | None = None
) -> FoldedTopic:
    """The topic and its rollups, its dirty days folded; raises DataError for files that can't be read, unless they are to be skipped.

    ``all_time``: the rollups that views read without their dates; True: one lists their rows, so segments are kept by key.
    """
    work = _Work(context, plan, rollups, all_time or {})
    if plan.last is not None:
        work.records = {
            path: record
            for path, record in plan.last.files.items()
            if path in plan.entries and path not in plan.changed
        }
        work.unreadable = {path: why for path, why in plan.last.unreadable.items() if path in work.records}
    _find_rows(work)
    _find_retracted(work)
    stale = [rollup for rollup in rollups if rollup in plan.stale]
    if stale:
        _fold_days(work, stale, None)
    if plan.dirty is None or plan.dirty or plan.changed:
        _fold_days(work, [rollup for rollup in rollups if rollup not in plan.stale], plan.dirty)
    return _folded_topic(work)


def _find_rows(work: _Work) -> None:
    """Learns the rows of files that were never read, from their footers."""
    for path in sorted(work.plan.changed):
        entry = work.plan.entries[path]
        work.records[path] = FileRecord(entry.size, entry.tag)
    work.fresh = set(work.plan.changed)
    rows, unreadable = work.context.engine.rows(sorted(work.plan.changed)) if work.plan.changed else ({}, {})
    for path, count in rows.items():
        work.records[path].rows = count
    _leave_out(work, unreadable)


def _find_retracted(work: _Work) -> None:
    """Makes the days dirty whose events were taken back since the last batch."""
    plan = work.plan
    if not plan.new_retractions or plan.dirty is None:
        return
    work.context.workspace.reporter.step(f"finding what was taken back of {plan.topic.name}")
    known = sorted(path for path in plan.entries if path not in plan.changed and path not in work.unreadable)
    for group in _groups(work, known):
        words, size = sorted(plan.new_retractions), _size(work, group)
        days = work.context.engine.days_retracted(plan.topic, group, words, size)
        plan.dirty |= {day for path in group for day in work.records[path].days} if days is None else days


def _leave_out(work: _Work, unreadable: dict[str, str]) -> None:
    if unreadable and not work.context.workspace.settings.skip_unreadable:
        raise DataError(unreadable_files(unreadable))
    work.unreadable |= unreadable
    work.fresh -= unreadable.keys()


def _fold_days(work: _Work, rollups: Sequence[Rollup], days: set[date] | None) -> None:
    """Folds ``days`` (None: all) of some rollups, until every one of them comes from all its files."""
    read = [path for path in work.plan.to_read(days) if path not in work.unreadable]
    planned = None if days is None else frozenset(days)
    folds = [_fold(work, rollups, group, planned) for group in _groups(work, read)]
    while missing := _uncovered(work, folds, days):
        files = work.files_by_day()
        for some in _day_groups(work, missing):
            all_of_them = sorted(set().union(*(files[day] for day in some)))
            folds += [_fold(work, rollups, all_of_them, frozenset(some))]


def _groups(work: _Work, paths: Sequence[str]) -> list[list[str]]:
    """The files in groups of whole day folders, as large as the engine likes to fold at once."""
    limit = work.context.engine.fold_limit(_size(work, paths))
    if any(work.plan.folder_days[path] is None for path in paths) or limit is None:
        return [list(paths)] if paths else []
    by_day: dict[date, list[str]] = {}
    for path in paths:
        day = work.plan.folder_days[path]
        if day is not None:
            by_day.setdefault(day, []).append(path)
    return _filled(
        [(by_day[day], sum(work.records[path].rows for path in by_day[day])) for day in sorted(by_day)],
        limit,
    )


def _size(work: _Work, paths: Iterable[str]) -> Size:
    """The rows and bytes of files."""
    records = [work.records[path] for path in paths]
    return Size(sum(record.rows for record in records), sum(record.size for record in records))


def _day_groups(work: _Work, days: set[date]) -> list[set[date]]:
    rows = {day: sum(record.days.get(day, 0) for record in work.records.values()) for day in sorted(days)}
    held = [path for path, record in work.records.items() if days & record.days.keys()]
    limit = work.context.engine.fold_limit(_size(work, held)) or sum(rows.values()) + 1
    return [set(group) for group in _filled([([day], rows[day]) for day in sorted(days)], limit)]


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


def _fold(work: _Work, rollups: Sequence[Rollup], files: Sequence[str], days: frozenset[date] | None) -> _Fold:
    context, topic = work.context, work.plan.topic
    context.workspace.reporter.step(f"folding {topic.name}", files[0] if files else "")
    name = f"{context.batch}-{topic.name}-{work.count:04d}"
    work.count += 1
    fresh = frozenset(file for file in files if file in work.fresh)
    ids = ids_path(context.batch, topic.name, f"{work.count:04d}") if context.workspace.settings.states else None
    taken_back = sorted(work.plan.retractions)
    request = FoldRequest(topic, rollups, files, days, fresh, name, taken_back, work.rollups, ids, _size(work, files))
    folded = context.engine.fold(request)
    _leave_out(work, folded.unreadable)
    if (written := folded.quarantine) is not None:
        work.quarantines[written.path] = WrittenFile(written.bytes, written.sha256)
    for path, facts in folded.files.items():
        if path in fresh:
            _complete(work.records[path], facts, folded.quarantine.path if folded.quarantine else None)
    work.fresh -= fresh
    work.days |= folded.days
    if folded.ids is not None:
        work.ids.append(IdsFile(folded.ids.path, folded.ids.ids, folded.ids.days))
    fold = _Fold(frozenset(files), frozenset(folded.days), folded.parts)
    for rollup, outputs in folded.parts.items():
        work.folds.setdefault(rollup, []).append(fold)
        context.workspace.out.delete(output.path for output in outputs if not output.rows)
    return fold


def _complete(record: FileRecord, facts: FileFacts, quarantine: str | None) -> None:
    record.rows = facts.rows
    record.days = dict(sorted(facts.days.items()))
    record.quarantined = dict(sorted(facts.quarantined.items()))
    record.quarantine = quarantine if facts.quarantined else None
    record.offsets = {str(partition): list(ends) for partition, ends in sorted(facts.offsets.items())}


def _uncovered(work: _Work, folds: Sequence[_Fold], days: set[date] | None) -> set[date]:
    """The days that were to be folded, or that a new file turned out to hold, and that no fold read all files of."""
    files = work.files_by_day()
    found = {day for path in work.plan.changed for day in work.records[path].days}
    wanted = set(files) if days is None else (days | found) & set(files)
    return {day for day in wanted if not any(fold.covers(day, files[day]) for fold in folds)}


def _folded_topic(work: _Work) -> FoldedTopic:
    """The topic's record: what is there now, and which file answers for which day from now on."""
    plan, last = work.plan, work.plan.last
    files = work.files_by_day()
    record = TopicRecord(
        plan.reading, dict(sorted(work.records.items())), unreadable=dict(sorted(work.unreadable.items()))
    )
    record.retractions = {path: entry.tag for path, entry in sorted(plan.retractions.items())}
    record.offsets = {str(partition): offset for partition, offset in sorted(plan.offsets.items())}
    record.generations = {str(partition): number for partition, number in sorted(plan.generations.items())}
    used = {file.quarantine for file in record.files.values()}
    known = {**(last.quarantines if last else {}), **work.quarantines}
    record.quarantines = {path: written for path, written in sorted(known.items()) if path in used}
    for day in sorted(files):
        record.days[day] = work.days.get(day) or (last.days[day] if last else DayCounts())
    record.ids = _ids_files(work, set(files))
    gone = set(last.days if last else ()) - set(files)
    touched: dict[str, set[date] | None] = {}
    for rollup in work.rollups:
        before = last.rollups.get(rollup.name) if last and rollup not in plan.stale else None
        answers = _answers(work.folds.get(rollup.name, []), files)
        if before is not None and rollup.name in plan.damaged:
            before = RollupRecord(before.fingerprint, before.files)
            touched[rollup.name] = None
        else:
            touched[rollup.name] = None if before is None else set(answers) | gone
        held = _rollup_files(before, work.folds.get(rollup.name, []), answers, rollup, set(files))
        now = RollupRecord(
            rollup_fingerprint(rollup, work.context.workspace.settings), _with_few_files(work, rollup, held)
        )
        record.rollups[rollup.name] = now
        if rollup.name in work.all_time and work.context.engine.merges_all_time(size_of(rows_of(now.files))):
            work.context.workspace.reporter.step("merging days of", rollup.name)
            plans = choose_segments(now.days, before.segments if before else (), touched[rollup.name])
            now.segments = make_segments(work.context, rollup, now, plans, by_key=work.all_time[rollup.name])
    return FoldedTopic(record, touched, len(work.days), len(set(files) - set(work.days)))


def _answers(folds: Sequence[_Fold], files: Mapping[date, set[str]]) -> dict[date, int]:
    """By day, the place of the last fold that read all of its files."""
    return {
        day: place for place, fold in enumerate(folds) for day in fold.days if fold.covers(day, files.get(day, set()))
    }


def _rollup_files(
    before: RollupRecord | None, folds: Sequence[_Fold], answers: Mapping[date, int], rollup: Rollup, held: set[date]
) -> list[RollupFile]:
    """The rollup's old files as far as they still answer for days, and its new ones."""
    files = []
    for file in before.files if before else ():
        stay = [day for day in file.days if day not in answers and day in held]
        if stay:
            files.append(replace(file, days=stay))
    for place, fold in enumerate(folds):
        its = sorted(day for day, at in answers.items() if at == place)
        if its:
            outputs = [output for output in fold.outputs[rollup.name] if output.rows]
            files += [RollupFile(o.path, o.rows, o.bytes, its, len(fold.days), o.sha256) for o in outputs]
    return files


def _ids_files(work: _Work, held: set[date]) -> list[IdsFile]:
    """The old files of ids as far as they still answer for days, and the new ones: a day's last fold is right. None where they aren't kept."""
    if not work.context.workspace.settings.states:
        return []
    files = [*(work.plan.last.ids if work.plan.last else ()), *work.ids]
    answered = set(work.days)  # by a fold of this run
    found: list[IdsFile] = []
    for file in reversed(files):
        old = file not in work.ids
        its = {day: place for day, place in file.days.items() if day in held and not (old and day in answered)}
        if not old:
            its = {day: place for day, place in its.items() if not any(day in newer.days for newer in found)}
        if its:
            found.append(IdsFile(file.path, file.ids, its))
        elif not old:
            work.context.workspace.out.delete([file.path])
    return found[::-1]


def _with_few_files(work: _Work, rollup: Rollup, files: list[RollupFile]) -> list[RollupFile]:
    """The files, the smallest of them merged into one when they have become many."""
    if len(files) <= MOST_FILES:
        return files
    by_size = sorted(files, key=lambda file: file.rows, reverse=True)
    small = [file for file in by_size[MOST_FILES // 4 :] if file.bytes < LARGE_FILE_BYTES]
    if len(small) < 2:  # noqa: PLR2004
        return files
    keep = [file for file in by_size if file not in small]
    path = rollup_path(rollup.name, f"{work.context.batch}-{work.plan.topic.name}-merged")
    merged = work.context.engine.merge(rollup, rows_of(small), path)
    days = sorted({day for file in small for day in file.days})
    return [*keep, RollupFile(merged.path, merged.rows, merged.bytes, days, len(days), merged.sha256)]
