"""Which files of the master dataset are in: of the batch, or added since, and how much of the latter."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from learnfold.master.committed_offsets import BY_FILES
from learnfold.master.rewriting import entry_of
from learnfold.speed.parts import PartRows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from learnfold.batch.manifest import FileRecord
    from learnfold.master.compaction_log import Compaction
    from learnfold.speed.live import Live, Positions
    from learnfold.storage import Entry, Storage

ROW_BITS = 27
MOST_ROWS = 1 << ROW_BITS
_PREFIX = b"file:"

Span = tuple[int, int, int, int]
"""A day (counted from 1970), a Kafka partition, and the least and greatest offset of events without an id."""


@dataclass(frozen=True)
class SomeFiles(PartRows):
    """Rows of files whose numbers aren't all that lie between the first place and the last."""

    numbers: frozenset[int] = frozenset()

    def holds(self, partition: int, offset: int) -> bool:
        """Whether a row of this place is in."""
        return super().holds(partition, offset) and offset >> ROW_BITS in self.numbers


@dataclass
class Known:
    """A file as the live store knows it."""

    path: str
    tag: str
    rows: int = 0
    taken: int = 0  # of its rows, the first so many are dealt with
    waits: bool = False  # nothing more of it is taken: it is for the next batch
    spans: list[Span] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether all of it is in."""
        return not self.waits and self.taken >= self.rows

    @property
    def number(self) -> int:
        """What its rows' places begin with."""
        return file_number(self.path, self.tag)

    def stored(self, topic: str) -> tuple[bytes, bytes]:
        """The name and the value that the store holds."""
        digest = hashlib.sha256(self.path.encode()).hexdigest()[:32]
        return b"%b%b:%b" % (_PREFIX, topic.encode(), digest.encode()), json.dumps(asdict(self)).encode()


def file_number(path: str, tag: str) -> int:
    """36 bits that stand for a file, the same whenever it is read again."""
    digest = hashlib.sha256(f"{path}\n{tag}".encode()).digest()
    return int.from_bytes(digest[:8]) >> (64 - (63 - ROW_BITS))


def known_files(live: Live) -> dict[str, dict[str, Known]]:
    """By topic and path, the files that a store knows."""
    found: dict[str, dict[str, Known]] = {}
    for name, value in live.stored(_PREFIX).items():
        topic = name[len(_PREFIX) :].decode().rpartition(":")[0]
        one = Known(**json.loads(value))
        one.spans = [(day, partition, least, most) for day, partition, least, most in one.spans]
        found.setdefault(topic, {})[one.path] = one
    return found


class TopicFiles:
    """The files of one topic: those of the batch, and those that came."""

    def __init__(self, batch: Mapping[str, FileRecord], known: dict[str, Known]) -> None:
        self.batch, self.known = batch, known

    def holds(self, path: str, compactions: Mapping[str, Compaction]) -> bool:
        """Whether all events of a file are in, of it or of those that it was put together from."""
        if path in self.batch:
            return True
        one = self.known.get(path)
        if one is not None and one.whole:
            return True
        made = compactions.get(path)
        return made is not None and bool(made.old) and all(self.holds(old, compactions) for old in made.old)

    def missing(self, path: str, compactions: Mapping[str, Compaction]) -> Iterable[str]:
        """The files that one was put together from and that aren't in."""
        for old in compactions[path].old:
            if not self.holds(old, compactions):
                if old in compactions:
                    yield from self.missing(old, compactions)
                else:
                    yield old

    def has_some(self, path: str, compactions: Mapping[str, Compaction]) -> bool:
        """Whether some events of a file may be in."""
        if path in self.batch or (path in self.known and self.known[path].taken):
            return True
        made = compactions.get(path)
        return made is not None and any(self.has_some(old, compactions) for old in made.old)

    def changed(self, entry: Entry) -> bool:
        """Whether a file, of which something is in, isn't what was read."""
        known, record = self.known.get(entry.path), self.batch.get(entry.path)
        if record is not None:
            return (record.size, record.tag) != (entry.size, entry.tag)
        return known is not None and known.taken > 0 and known.tag != entry.tag

    def gone(self, there: Mapping[str, Entry], replaced: AbstractSet[str]) -> bool:
        """Whether files that are in went and aren't among those ``replaced``: what they held may come again by another."""
        mine = self.batch.keys() | {path for path, one in self.known.items() if one.taken}
        return bool(mine - there.keys() - replaced)

    def spans(self, without: Iterable[str], days: set[int], epoch: int) -> set[Span]:
        """Where events without an id may be in, of some days, but for files ``without``; ``epoch``: the ordinal of 1970's first day."""
        left_out = set(without)
        found = {
            span
            for path, one in self.known.items()
            if path not in left_out and one.taken
            for span in one.spans
            if span[0] in days
        }
        for read in self.batch.values():
            for partition, (least, most) in read.offsets.items():
                found |= {
                    (day.toordinal() - epoch, int(partition), least, most)
                    for day in read.days
                    if day.toordinal() - epoch in days
                }
        return found


def by_offset(positions: Positions) -> Positions:
    """The positions that are offsets of Kafka, of all topics."""
    return {topic: {p: offset for p, offset in its.items() if p != BY_FILES} for topic, its in positions.items()}


def by_file(positions: Positions) -> dict[str, int]:
    """By topic that comes by files, how many were dealt with."""
    return {topic: its[BY_FILES] for topic, its in positions.items() if BY_FILES in its}


def entries_of(master: Storage, paths: Iterable[str]) -> list[Entry]:
    """The files as they are now; raises MissingDataError where one is gone."""
    return [entry_of(master, path) for path in paths]
