"""Merges the many small files of closed days into few, sorted for the fold.

Write new, then replace, then remove: a record names the old files, then the new file appears and with it they stop to count (see
``learnfold.master.compaction_log``), and after a grace they go. Killed anywhere, the next compaction goes on; in between, readers see the
old files or the new one, never both. So even events that nothing tells apart, without an id or a place in Kafka, count once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from learnfold.catalog import digest
from learnfold.engines.duckdb import footers
from learnfold.engines.duckdb.session import DuckDBSession, translate_errors
from learnfold.engines.duckdb.sql import quoted
from learnfold.errors import BugError, ConflictError
from learnfold.master.closed_days import close_days, day_of
from learnfold.master.committed_offsets import CommittedOffsets, now
from learnfold.master.compaction_log import Compaction, read_compactions
from learnfold.master.file_names import REWRITE_LEASE, is_own, kafka_range, topic_of
from learnfold.storage.lease import held
from learnfold.telemetry.reporter import Reporter

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from learnfold.catalog import Catalog
    from learnfold.engines.duckdb.footers import FileSchema
    from learnfold.settings import Settings
    from learnfold.storage import Entry, Storage

TARGET_BYTES = 128_000_000
"""How large files become."""

_LARGE = TARGET_BYTES // 2
"""Files of this size and more stay as they are."""

_PARQUET = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3, ROW_GROUP_SIZE 122880"
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
    with held(master, [REWRITE_LEASE], settings):
        return _compact(master, topics, settings, request, reporter or Reporter())


def _compact(
    master: Storage, topics: Sequence[str], settings: Settings, request: CompactRequest, reporter: Reporter
) -> CompactReport:
    report = CompactReport()
    _finish(master, settings, report)
    progress = CommittedOffsets.read(master)
    with DuckDBSession(settings) as session:
        for topic in topics:
            entries = master.list(f"topic={topic}")
            taken = {path for compaction in read_compactions(master) for path in compaction.old}
            for day, files in _by_day(entries, request, progress, taken).items():
                reporter.step("compacting", f"{topic} {day}")
                _Merge(master, session.connection, report).day(DayReport(topic, day), files)
            if request.mark_closed:
                report.closed += close_days(master, topic, request.before - timedelta(days=1))
    return report


def _finish(master: Storage, settings: Settings, report: CompactReport) -> None:
    """Goes on with earlier compactions: removes what is past its grace, and forgets those that died before their new file was there."""
    grace = timedelta(minutes=settings.grace_minutes)
    for compaction in read_compactions(master):
        folder = compaction.new.rpartition("/")[0]
        there = {entry.path: entry for entry in master.list(folder)}
        new = there.get(compaction.new)
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
    connection: duckdb.DuckDBPyConnection
    report: CompactReport

    def day(self, done: DayReport, files: Sequence[Entry]) -> None:
        """Merges a day's files, folder by folder; counts in ``done``."""
        folders: dict[str, list[Entry]] = {}
        for entry in files:
            folders.setdefault(entry.path.rpartition("/")[0], []).append(entry)
        for folder, some in folders.items():
            for group in _groups(some):
                self._group(folder, group, done)
        if done.files_before:
            self.report.days.append(done)

    def _group(self, folder: str, files: Sequence[Entry], done: DayReport) -> None:
        """Merges files of one folder, those with the same columns together."""
        by_path = {entry.path: entry for entry in files}
        with self.master.local(list(by_path)) as local, translate_errors():
            path_of = dict(zip(local, by_path, strict=True))
            probed = footers.read(self.connection, local)
            self.report.unreadable |= {path_of[file]: why for file, why in probed.unreadable.items()}
            for shape, some in probed.shapes.items():
                if len(some) < 2 or not shape.rewritable:  # noqa: PLR2004
                    continue
                old = sorted(path_of[file] for file in some)
                name = f"{topic_of(folder)}-compact-{digest([(path, by_path[path].tag) for path in old])}.parquet"
                compaction = Compaction(f"{folder}/{name}", old)
                compaction.write(self.master)
                with self.master.new(compaction.new) as file:
                    rows = _write(self.connection, shape, some, str(file), distinct=_overlap(old))
                    done.bytes_after += file.stat().st_size
                    _unchanged(self.master, folder, [by_path[path] for path in old])
                before = sum(probed.rows[one] for one in some)
                if rows > before:
                    raise BugError(f"{compaction.new} has {rows} rows of {before}; remove it")
                done.files_before += len(some)
                done.files_after += 1
                done.bytes_before += sum(by_path[path].size for path in old)
                done.rows += rows
                done.copies += before - rows


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


def _unchanged(master: Storage, folder: str, read: Sequence[Entry]) -> None:
    """Raises ConflictError where a file was rewritten while it was read, as when a person is erased: nothing is replaced then."""
    tags = {entry.path: entry.tag for entry in master.list(folder)}
    changed = [entry.path for entry in read if tags.get(entry.path) != entry.tag]
    if changed:
        raise ConflictError(f"{master.url}/{changed[0]} was changed meanwhile; compact again")


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
