"""Files that came into the master dataset since a batch, in place of Kafka's messages: each row once, however often we look.

The border is the set of files that the batch's manifest names. How much of a file is in is stored with the states that its rows
changed, in one transaction. What may be in already by another file, or lies in a file that changed, waits for the next batch.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from learnfold.engines.duckdb import footers
from learnfold.engines.duckdb.session import DuckDBSession
from learnfold.errors import DataError, LearnfoldError, MissingDataError, StorageError
from learnfold.master.committed_offsets import BY_FILES
from learnfold.master.compaction_log import read_compactions
from learnfold.master.file_names import OWN
from learnfold.master.layout import Listing, Master, Narrowing
from learnfold.speed import file_rows
from learnfold.speed.file_rows import EPOCH, Doubts, among
from learnfold.speed.files import (
    MOST_ROWS,
    ROW_BITS,
    Known,
    SomeFiles,
    TopicFiles,
    entries_of,
    file_number,
    known_files,
)
from learnfold.speed.parts import PartRows
from learnfold.speed.source import MOST_AT_ONCE, Polled
from learnfold.storage.scratch import scratch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from learnfold.catalog import Topic
    from learnfold.master.compaction_log import Compaction
    from learnfold.speed.base import About, BaseRequest
    from learnfold.speed.file_rows import FileRows
    from learnfold.speed.live import Live, Positions, Progress
    from learnfold.speed.source import Key
    from learnfold.storage import Entry
    from learnfold.telemetry.reporter import Reporter

_LOOK_SECONDS = 1.0
_LOOK_SHARE = 10
"""Of a listing that takes long: so many times as long passes until the next."""

_AGAIN_SECONDS = 60.0
_WAIT_SECONDS = 0.1
_GROUP_FILES, _GROUP_BYTES = 200, 64_000_000
_REACHED = ""
"""Stands for the topic where it is said until when files were listed that are in."""


@dataclass
class PolledFiles(Polled):
    """Rows of files, and what is to be stored with them."""

    known: dict[str, list[Known]] = field(default_factory=dict)  # by topic
    waiting: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)

    def note(self, progress: Progress) -> dict[bytes, bytes]:
        """Adds what isn't seen in rows to the progress; what is to be stored, by name."""
        progress.waiting += sum(self.waiting.values())
        progress.duplicates += sum(self.dropped.values())
        return dict(one.stored(topic) for topic, its in self.known.items() for one in its)


@dataclass
class _Taking:
    """A file whose rows are being taken."""

    known: Known
    found: FileRows


@dataclass
class _Group:
    """Files of one topic as one local file."""

    topic: str
    file: str
    files: list[_Taking]  # by number; the first isn't whole


class FileSource:
    """All topics that a batch can be followed in. Not for several threads at once, but for ``reached``."""

    def __init__(self, request: BaseRequest, about: About, live: Live, reporter: Reporter) -> None:
        """Begins where the live store is."""
        self._request, self._about, self._reporter = request, about, reporter
        self._master = Master(request.master, Narrowing())
        self.blocked: dict[Key, str] = {}
        self.missing: dict[Key, int] = {}
        self._refused: dict[str, str] = {}
        known = known_files(live)
        batch = {
            name: topic.files
            for job in request.manifest.jobs.values()
            for name, topic in job.topics.items()
            if name in about.border
        }
        self._topics = {name: TopicFiles(batch.get(name, {}), known.get(name, {})) for name in about.border}
        self._numbers = {
            name: {one.number: one.path for one in its.known.values()} for name, its in self._topics.items()
        }
        self.positions: Positions = {name: {BY_FILES: len(its.known)} for name, its in self._topics.items()}
        self._session = DuckDBSession(request.settings)
        self._scratch = scratch(request.settings.temporary_folder)
        self._files = 0
        self._todo: dict[str, list[Entry]] = {}
        self._group: _Group | None = None
        self._listing = Listing()
        self._compactions: dict[str, Compaction] = {}
        self._replaced: set[str] = set()  # files in whose place compaction put others, as far as was seen
        self._unreadable: dict[tuple[str, str], float] = {}  # by path and tag, when it was tried last
        self._listed = self._done = 0.0  # when the last listing began, and the last of which all is in
        self._next_look = 0.0

    def poll(self, seconds: float) -> PolledFiles:
        """What there is, at most so much that memory is bounded; where there is nothing, some of the time is waited."""
        self._sweep()
        if self._group is None and not self._todo and time.monotonic() >= self._next_look:
            self._look()
        polled = PolledFiles({topic: dict(its) for topic, its in self.positions.items()})
        if self._group is None and self._todo:
            self._begin(polled)
        if self._group is not None:
            self._slice(self._group, polled)
        for topic, its in polled.known.items():
            self._keep(topic, its)
            polled.positions[topic] = {BY_FILES: len(self._topics[topic].known)}
        self.positions = polled.positions
        if self._group is None and not self._todo:
            self._done = self._listed
            if not self._refused and not self._unreadable:
                polled.complete_until = self._done
            if not polled.known:
                time.sleep(min(seconds, _WAIT_SECONDS))
        return polled

    def block(self, topic: str, before: Positions, why: str) -> None:
        """Takes nothing more of a topic, whose events can't be added."""
        self.positions[topic] = dict(before.get(topic, {}))
        self._refused[topic] = why
        self.blocked[topic, BY_FILES] = why
        self._todo.pop(topic, None)
        if self._group is not None and self._group.topic == topic:
            self._group = None

    def fetch(self, topic: str, partition: int, offset: int) -> PartRows | None:
        """One event again; None where its file is gone or changed."""
        number, row = offset >> ROW_BITS, offset & (MOST_ROWS - 1)
        known = self._topics[topic].known.get(self._numbers[topic].get(number, "")) if topic in self._topics else None
        if known is None:
            return None
        target = self._file()
        try:
            (entry,) = entries_of(self._request.master, [known.path])
            if entry.tag != known.tag:
                return None
            with self._request.master.local([known.path]) as local, self._session.cursor() as cursor:
                file_rows.load(cursor, self._request.catalog.topics[topic], dict(zip(local, [known.path], strict=True)))
                file_rows.row_of(cursor, self._request.catalog.topics[topic], row, offset, target)
                file_rows.clear(cursor)
        except (duckdb.Error, DataError, StorageError):
            return None
        return PartRows((target,), partition, offset, offset + 1)

    def targets(self) -> Positions:
        """What ``has_reached`` says yes to once all files are in that are there now."""
        return {_REACHED: {0: int(time.time() * 1e6)}}

    def reached(self) -> Positions:
        """The same of the files that are in now."""
        return {_REACHED: {0: int(self._done * 1e6)}}

    def has_reached(self, positions: Positions) -> bool:
        """Whether all files are in, or wait, that were there at the time that is meant."""
        return int(self._done * 1e6) >= positions.get(_REACHED, {}).get(0, 0)

    def lag(self) -> Positions:
        """Of Kafka, nothing is read."""
        return {}

    def shown_blocked(self) -> dict[str, str]:
        """Which topics stand still, and why."""
        return {f"{topic}/files": why for (topic, _), why in sorted(self.blocked.items())}

    def close(self) -> None:
        """Lets go of all files."""
        self._session.close()
        self._scratch.cleanup()

    def _look(self) -> None:
        """Finds files that aren't in."""
        began, listed = time.monotonic(), time.time()
        try:
            found = self._master.listing(list(self._topics), self._request.catalog.topics)
            self._compactions = {one.new: one for one in read_compactions(self._request.master)}
            self._replaced.update(old for one in self._compactions.values() for old in one.old)
            todo = {topic: self._new(topic, found.files[topic]) for topic in self._topics if topic not in self._refused}
        except MissingDataError as error:
            self._reporter.log_rarely("waiting", why=str(error))
            found, todo = Listing({topic: {} for topic in self._topics}), {}
        except (DataError, StorageError) as error:
            self._reporter.log_rarely("waiting", why=str(error))
            self._next_look = time.monotonic() + _LOOK_SECONDS
            return
        self._listing, self._listed = found, listed
        self._todo = {topic: entries for topic, entries in todo.items() if entries}
        self._unreadable = {
            (entry.path, entry.tag): self._unreadable[entry.path, entry.tag]
            for its in found.files.values()
            for entry in its.values()
            if (entry.path, entry.tag) in self._unreadable
        }
        took = time.monotonic() - began
        self._next_look = began + max(_LOOK_SECONDS, _LOOK_SHARE * took)

    def _new(self, topic: str, there: Mapping[str, Entry]) -> list[Entry]:
        """The files of a topic of which something is to be done, those that are in by half first."""
        mine = self._topics[topic]
        found: dict[str, Entry] = {}
        for path, entry in there.items():
            known = mine.known.get(path)
            if path in mine.batch and not mine.changed(entry):
                continue
            if known is not None and known.tag == entry.tag and (known.waits or known.whole):
                continue
            if time.monotonic() - self._unreadable.get((path, entry.tag), -_AGAIN_SECONDS) < _AGAIN_SECONDS:
                continue
            if known is None and path in self._compactions and not mine.holds(path, self._compactions):
                olds = self._still_there(mine.missing(path, self._compactions))
                if olds is not None:
                    found |= {old.path: old for old in olds}
                    continue
            found[path] = entry
        return sorted(found.values(), key=lambda one: (one.path not in mine.known, one.path))

    def _still_there(self, paths: object) -> list[Entry] | None:
        """The files that others were put in the place of, where all of them are there yet."""
        try:
            return entries_of(self._request.master, list(paths))  # type: ignore[call-overload]
        except MissingDataError:
            return None

    def _begin(self, polled: PolledFiles) -> None:
        """Deals with the next files: those that hold nothing to take at once, of the others it begins to take the rows."""
        topic = next(iter(self._todo))
        mine, entries = self._topics[topic], self._todo[topic]
        group: list[Entry] = []
        size = 0
        while entries and len(group) < _GROUP_FILES and size < _GROUP_BYTES:
            entry = entries[0]
            known = mine.known.get(entry.path)
            if known is not None and known.taken and known.tag == entry.tag and group:
                break  # what is in by half is taken alone
            entries.pop(0)
            if mine.changed(entry):
                self._wait(topic, entry, polled)
            elif entry.path in self._compactions and mine.holds(entry.path, self._compactions):
                polled.known.setdefault(topic, []).append(Known(entry.path, entry.tag))
            elif self._numbers[topic].get(file_number(entry.path, entry.tag), entry.path) != entry.path:
                self._wait(topic, entry, polled)
            else:
                group.append(entry)
                size += entry.size
                if known is not None and known.taken:
                    break
        if not entries:
            self._todo.pop(topic, None)
        if group:
            self._take(topic, group)

    def _wait(self, topic: str, entry: Entry, polled: PolledFiles) -> None:
        """Leaves a file to the next batch."""
        before = self._topics[topic].known.get(entry.path)
        known = Known(entry.path, entry.tag, waits=True)
        if before is not None:
            known.rows, known.taken, known.spans = before.rows, before.taken, before.spans
        if before is None or not before.waits:
            polled.waiting[topic] = polled.waiting.get(topic, 0) + self._rows(entry)
        polled.known.setdefault(topic, []).append(known)
        why = "a file that is in was changed; what it holds now counts with the next batch"
        self._reporter.log_rarely("waits", topic=topic, file=entry.path, why=why)

    def _rows(self, entry: Entry) -> int:
        try:
            with self._request.master.footers([entry.path]) as local, self._session.cursor() as cursor:
                rows, _ = footers.rows(cursor, local)
                return rows.get(local[0], 1)
        except (duckdb.Error, LearnfoldError):
            return 1

    def _take(self, topic: str, entries: Sequence[Entry]) -> None:
        """Makes a group of files; where one of them can't be read, of the others."""
        try:
            self._group = self._loaded(topic, entries)
        except MissingDataError:
            self._todo.clear()  # they were replaced meanwhile: another look tells by what
            self._next_look, self._listed = 0.0, self._done
        except (duckdb.Error, DataError, StorageError) as error:
            if len(entries) > 1:
                self._todo[topic] = [*entries[1:], *self._todo.get(topic, [])]
                self._take(topic, entries[:1])
            else:
                self._leave(topic, entries[0], str(error).splitlines()[0][:200])

    def _leave(self, topic: str, entry: Entry, why: str) -> None:
        self._unreadable[entry.path, entry.tag] = time.monotonic()
        self._reporter.log_rarely("alarm", topic=topic, file=entry.path, why=why, note="it isn't counted")

    def _loaded(self, topic: str, entries: Sequence[Entry]) -> _Group | None:
        definition, master = self._request.catalog.topics[topic], self._request.master
        by_path = {entry.path: entry for entry in entries}
        words = sorted(self._listing.retractions.get(topic, {}))
        target = self._file()
        with ExitStack() as held:
            local = held.enter_context(master.local([*by_path, *words]))
            cursor = held.enter_context(self._session.cursor())
            held.callback(file_rows.clear, cursor)
            paths = dict(zip(local[: len(by_path)], by_path, strict=True))
            file_rows.retracted(cursor, dict(zip(local[len(by_path) :], words, strict=True)))
            found = file_rows.load(cursor, definition, paths)
            for file, why in found.unreadable.items():
                self._leave(topic, by_path[paths[file]], why)
            read = [by_path[paths[file]] for file in found.readable]
            if not read:
                return None
            numbers = [file_number(entry.path, entry.tag) for entry in read]
            doubts = self._doubts(topic, definition, read, file_rows.days_placed(cursor))
            rows = file_rows.write(cursor, definition, numbers, target, doubts)
        taking = []
        for entry, its in zip(read, rows, strict=True):
            known = self._topics[topic].known.get(entry.path)
            taken = known.taken if known is not None else 0
            taking.append(_Taking(Known(entry.path, entry.tag, its.rows, taken, spans=its.spans), its))
        return _Group(topic, target, sorted(taking, key=lambda one: one.known.number))

    def _doubts(self, topic: str, definition: Topic, read: Sequence[Entry], placed: set[int]) -> Doubts:
        """Which rows may be in already."""
        mine, there = self._topics[topic], self._listing.files.get(topic, {})
        gone = mine.gone(there, self._replaced)
        untrusted = [
            file_number(entry.path, entry.tag)
            for entry in read
            if gone or (_is_compacted(definition, entry.path) and self._may_be_in(mine, entry.path))
        ]
        changed = [mine.batch[path] for path, entry in there.items() if path in mine.batch and mine.changed(entry)]
        days = {day.toordinal() - EPOCH for record in changed for day in record.days}
        spans = mine.spans([entry.path for entry in read], placed, EPOCH) if placed else set()
        return Doubts(untrusted, days, spans)

    def _may_be_in(self, mine: TopicFiles, path: str) -> bool:
        return path not in self._compactions or mine.has_some(path, self._compactions)

    def _slice(self, group: _Group, polled: PolledFiles) -> None:
        """Takes the next rows of a group."""
        left, at = MOST_AT_ONCE, group.files[0].known.taken
        first = (group.files[0].known.number << ROW_BITS) + at
        end, numbers = first, set[int]()
        while group.files and left > 0:
            taking = group.files[0]
            before = taking.known
            until = min(before.rows, before.taken + left)
            taking.known = Known(before.path, before.tag, before.rows, until, spans=before.spans)
            for counted, rows in ((polled.waiting, taking.found.waiting), (polled.dropped, taking.found.dropped)):
                counted[group.topic] = counted.get(group.topic, 0) + among(rows, before.taken, until)
            numbers.add(before.number)
            polled.known.setdefault(group.topic, []).append(taking.known)
            end = (before.number << ROW_BITS) + until
            left -= until - before.taken
            polled.messages += until - before.taken
            if until == before.rows:
                group.files.pop(0)
        polled.batches[group.topic] = [SomeFiles((group.file,), 0, first, end, frozenset(numbers))]
        if not group.files:
            self._group = None

    def _keep(self, topic: str, known: Sequence[Known]) -> None:
        for one in known:
            self._topics[topic].known[one.path] = one
            self._numbers[topic][one.number] = one.path

    def _file(self) -> str:
        """A new local file."""
        self._files += 1
        return str(Path(self._scratch.name) / f"{self._files}.parquet")

    def _sweep(self) -> None:
        """Removes local files that aren't needed any more."""
        kept = self._group.file if self._group is not None else ""
        for file in Path(self._scratch.name).glob("*.parquet"):
            if str(file) != kept:
                file.unlink()


def _is_compacted(topic: Topic, path: str) -> bool:
    name = path.rpartition("/")[2]
    return name.startswith(f"{topic.name}-compact-") and OWN.fullmatch(name, len(topic.name) + 1) is not None
