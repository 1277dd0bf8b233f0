"""Merges the many small files of closed days into few, sorted for the fold.

Write new, then replace, then remove: a record names the old files, then the new file appears and with it they stop to count (see
``learnfold.master.compaction_log``), and after a grace they go. Killed anywhere, the next compaction goes on; in between, readers see the
old files or the new one, never both. So even events that nothing tells apart, without an id or a place in Kafka, count once.
No name is given twice: what a compaction that slept puts in place after all is nobody else's, and goes.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from learnfold.engines.duckdb import footers
from learnfold.engines.duckdb.session import DuckDBSession, translate_errors
from learnfold.engines.duckdb.sql import quoted
from learnfold.errors import BugError, BusyError
from learnfold.master.closed_days import close_days, day_of
from learnfold.master.committed_offsets import CommittedOffsets, now
from learnfold.master.compaction_log import Compaction, read_compactions
from learnfold.master.file_names import REWRITE_LEASE, is_own, kafka_range, topic_of
from learnfold.master.rewriting import check_unchanged
from learnfold.storage.lease import held
from learnfold.telemetry.reporter import Reporter

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from learnfold.catalog import Catalog
    from learnfold.engines.duckdb.footers import FileSchema
    from learnfold.settings import Settings
    from learnfold.storage import Entry, Storage
    from learnfold.storage.lease import Lease

TARGET_BYTES = 128_000_000
"""How large files become."""

_LARGE = TARGET_BYTES // 2
"""Files of this size and more stay as they are."""

_PARQUET = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3, ROW_GROUP_SIZE 122880"
_STOPPED = "what was merged before is complete"
_SORTED = ("user_id", "timestamp", "kafka_partition", "kafka_offset")


@dataclass
class DayReport:
    """What was done for a day of a topic."""

    topic: str
    day: date
    files_before: int = 0
    files_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    rows: int = 0
    copies: int = 0  # rows that were there twice, every column the same


@dataclass
class CompactReport:
    """What a compaction did."""

    days: list[DayReport] = field(default_factory=list)
    removed: int = 0  # old files of earlier compactions, their grace over
    waiting: int = 0  # old files that stay for now
    unreadable: dict[str, str] = field(default_factory=dict)
    closed: list[str] = field(default_factory=list)  # folders of days that were marked


@dataclass(frozen=True)
class CompactRequest:
    """What is asked for."""

    before: date  # only UTC days before this one
    topics: tuple[str, ...] = ()  # empty: all
    foreign: bool = False  # also files that other tools wrote
    mark_closed: bool = False  # _SUCCESS into the days' folders


def compact(
    master: Storage,
    catalog: Catalog,
    settings: Settings,
    request: CompactRequest,
    reporter: Reporter | None = None,
) -> CompactReport:
    """What was merged, while nobody else writes files of the master dataset again.

    Raises BusyError where someone does (after the time to wait); StorageError, and then what was done so far is complete;
    ConflictError where a file was changed meanwhile.
    """
    topics = [catalog.topic(name).name for name in request.topics or catalog.topics]
    with held(master, [REWRITE_LEASE], settings) as lease:
        report = CompactReport()
        _finish(master, settings, report, lease)
        _compact(_Merge(master, lease, report), topics, settings, request, reporter or Reporter())
        return report


def _compact(
    merge: _Merge, topics: Sequence[str], settings: Settings, request: CompactRequest, reporter: Reporter
) -> None:
    master, report = merge.master, merge.report
    progress = CommittedOffsets.read(master)
    with DuckDBSession(settings) as session:
        for topic in topics:
            entries = master.list(f"topic={topic}")
            taken = {path for compaction in read_compactions(master) for path in compaction.old}
            for day, files in _by_day(entries, request, progress, taken).items():
                reporter.step("compacting", f"{topic} {day}")
                merge.day(session.connection, DayReport(topic, day), files)
            if request.mark_closed:
                merge.lease.check(_STOPPED)
                report.closed += close_days(master, topic, request.before - timedelta(days=1))
    merge.lease.check(_STOPPED)


def _finish(master: Storage, settings: Settings, report: CompactReport, lease: Lease) -> None:
    """Goes on with earlier compactions: removes what is past its grace, and forgets those that died before their new file was there."""
    grace = timedelta(minutes=settings.grace_minutes)
    for compaction in read_compactions(master):
        folder = compaction.new.rpartition("/")[0]
        there = {entry.path: entry for entry in master.list(folder)}
        new = there.get(compaction.new)
        lease.check(_STOPPED)
        if compaction.removed_at is not None:
            if datetime.now(UTC) - datetime.fromisoformat(compaction.removed_at) >= grace:
                master.delete([compaction.path])
        elif new is None:
            master.delete([compaction.path])
        elif datetime.now(UTC) - new.modified_at >= grace:
            old = [path for path in compaction.old if path in there]
            master.delete(old)
            report.removed += len(old)
            compaction.removed_at = now()
            lease.check(_STOPPED)
            compaction.write(master)
        else:
            report.waiting += sum(path in there for path in compaction.old)


def _by_day(
    entries: Sequence[Entry], request: CompactRequest, progress: CommittedOffsets, taken: set[str]
) -> dict[date, list[Entry]]:
    """The files that may be merged, by day."""
    days: dict[date, list[Entry]] = {}
    for entry in entries:
        day, name = day_of(entry.path), entry.path.rpartition("/")[2]
        if day is None or day >= request.before or not name.endswith((".parquet", ".parq")) or name[0] in "._":
            continue
        if entry.path in taken or progress.beyond(entry.path) or entry.size >= _LARGE:
            continue
        if is_own(entry.path) or request.foreign:
            days.setdefault(day, []).append(entry)
    return {day: files for day, files in sorted(days.items()) if len(files) > 1}


@dataclass(frozen=True)
class _Merge:
    """Merges files of one day of a topic, and reports it."""

    master: Storage
    lease: Lease
    report: CompactReport

    def day(self, connection: duckdb.DuckDBPyConnection, done: DayReport, files: Sequence[Entry]) -> None:
        """Merges a day's files, folder by folder; counts in ``done``."""
        folders: dict[str, list[Entry]] = {}
        for entry in files:
            folders.setdefault(entry.path.rpartition("/")[0], []).append(entry)
        for folder, some in folders.items():
            for group in _groups(some):
                self._group(connection, folder, group, done)
        if done.files_before:
            self.report.days.append(done)

    def _group(
        self, connection: duckdb.DuckDBPyConnection, folder: str, files: Sequence[Entry], done: DayReport
    ) -> None:
        """Merges files of one folder, those with the same columns together."""
        by_path = {entry.path: entry for entry in files}
        with self.master.local(list(by_path)) as local, translate_errors():
            path_of = dict(zip(local, by_path, strict=True))
            probed = footers.read(connection, local)
            self.report.unreadable |= {path_of[file]: why for file, why in probed.unreadable.items()}
            for shape, some in probed.shapes.items():
                if len(some) < 2 or not shape.rewritable:  # noqa: PLR2004
                    continue
                old = [by_path[path] for path in sorted(path_of[file] for file in some)]
                compaction = Compaction(_new_name(folder), [entry.path for entry in old])
                self.lease.check(_STOPPED)
                compaction.write(self.master)
                with self.master.new(compaction.new) as file:
                    rows = _write(connection, shape, some, str(file), distinct=_overlap(compaction.old))
                    done.bytes_after += file.stat().st_size
                    check_unchanged(self.master, old)
                    self.lease.check(_STOPPED)
                self._look_again(compaction)
                before = sum(probed.rows[one] for one in some)
                if rows > before:
                    raise BugError(f"{compaction.new} has {rows} rows of {before}; remove it")
                done.files_before += len(some)
                done.files_after += 1
                done.bytes_before += sum(entry.size for entry in old)
                done.rows += rows
                done.copies += before - rows

    def _look_again(self, compaction: Compaction) -> None:
        """Takes the new file back where the lease was lost before it was in place: the old ones may have been changed meanwhile.

        Where it was merged with others since, or some of the old ones are gone, somebody went on with it, and it stays; but not where
        the old ones are merged in another.
        """
        try:
            self.lease.check(_STOPPED)
        except BusyError:
            others = [one for one in read_compactions(self.master) if one.new != compaction.new]
            if not any(compaction.new in other.old for other in others):
                elsewhere = any(not set(other.old).isdisjoint(compaction.old) for other in others)
                if elsewhere or self._all_there(compaction):
                    self.master.delete([compaction.path])  # first: nobody removes the old files then
                    if elsewhere or self._all_there(compaction):
                        self.master.delete([compaction.new])
            raise

    def _all_there(self, compaction: Compaction) -> bool:
        there = {entry.path for entry in self.master.list(compaction.new.rpartition("/")[0])}
        return there.issuperset(compaction.old)


def _new_name(folder: str) -> str:
    """A file's name in that folder, given once."""
    return f"{folder}/{topic_of(folder)}-compact-{secrets.token_hex(8)}.parquet"


def _groups(files: Sequence[Entry]) -> list[list[Entry]]:
    """Files put together up to the target size, by name; none alone."""
    groups: list[list[Entry]] = [[]]
    size = 0
    for entry in files:
        if size + entry.size > TARGET_BYTES and groups[-1]:
            groups.append([])
            size = 0
        groups[-1].append(entry)
        size += entry.size
    return [group for group in groups if len(group) > 1]


def _write(
    connection: duckdb.DuckDBPyConnection, shape: FileSchema, files: Sequence[str], target: str, *, distinct: bool
) -> int:
    names = [name for name, _ in shape.columns]
    listed = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
    source = f"read_parquet([{', '.join(map(quoted, files))}], hive_partitioning=false, union_by_name=false)"
    select = f"SELECT {listed} FROM {source}"
    if distinct and {"kafka_partition", "kafka_offset"} <= set(names):
        placed = "kafka_partition IS NOT NULL AND kafka_offset IS NOT NULL"
        select = (
            f"SELECT DISTINCT {listed} FROM {source} WHERE {placed} UNION ALL "
            f"SELECT {listed} FROM {source} WHERE NOT ({placed})"
        )
    order = [name for name in _SORTED if name in names]
    by = f" ORDER BY {', '.join(order)}" if order else ""
    (rows,) = connection.execute(f"COPY ({select}{by}) TO {quoted(target)} ({_PARQUET})").fetchone() or (0,)
    return int(rows)


def _overlap(paths: Sequence[str]) -> bool:
    """Whether some hold the same offsets, as after a kill: then rows that are the same in everything are one."""
    ranges = [held for held in map(kafka_range, paths) if held is not None]
    ordered = sorted(ranges, key=lambda held: (held.topic, held.partition, held.generation, held.first))
    return any(one.overlaps(other) for one, other in pairwise(ordered))
