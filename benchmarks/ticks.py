"""Ticks of the speed layer within one process, without a broker: the processor's time for a message, by how many come at once.

Half of a semester's messages, copies and malformed ones among them, are in a batch; the others come in ticks. What is measured is a
tick from messages in memory to its transaction; the first of each size, which may plan statements, isn't.

Checked: after all of them every view, every row, against a batch of all messages.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import duckdb

from benchmarks.bench import WrongAnswerError, same_views
from benchmarks.child import learnfold, measure
from benchmarks.data import data_folder
from benchmarks.live import write_views
from benchmarks.serving import share
from learnfold import catalog
from learnfold.batch.manifest import read_current
from learnfold.generate import Semester, messages
from learnfold.kafka.messages import NONE, MessageBatch, MessageBatches
from learnfold.master.committed_offsets import PartitionProgress
from learnfold.settings import Settings
from learnfold.speed.base import Base, BaseRequest, open_base
from learnfold.speed.live import Live, Positions, Progress
from learnfold.speed.row import layout
from learnfold.speed.tables import LiveTables
from learnfold.speed.tick import Reader, Ticks
from learnfold.storage.folder import FolderStorage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.bench import Bench
    from learnfold.speed.row import Layout

EVENTS = {"tiny": 6_000, "small": 400_000, "full": 2_000_000}
SIZES = {"tiny": (100, 1_000), "small": (120, 1_000, 20_000), "full": (120, 1_000, 5_000, 20_000, 40_000)}
MOST_TICKS = 100
PARTITIONS = 4


class Log:
    """What a broker would hold: messages, in the order in which they came."""

    def __init__(self, events: int) -> None:
        semester = Semester(events=events, days=10, seed=1, duplicates=0.005, late=0.01, malformed=0.0005)
        self.values: dict[str, list[list[bytes]]] = {
            name: [[] for _ in range(PARTITIONS)] for name in catalog.load().topics
        }
        self.order: list[tuple[str, int]] = []
        for topic, key, value in messages(semester):
            partition = crc32(key.encode()) % PARTITIONS
            self.values[topic][partition].append(value)
            self.order.append((topic, partition))

    def start(self) -> Positions:
        """Before the first message."""
        return {topic: dict.fromkeys(range(PARTITIONS), 0) for topic in self.values}

    def positions(self, at: Positions, first: int, size: int) -> Iterator[Positions]:
        """The positions behind each ``size`` messages, from the one of that number, which is at ``at``."""
        now = {topic: dict(its) for topic, its in at.items()}
        for start in range(first, len(self.order), size):
            for topic, partition in self.order[start : start + size]:
                now[topic][partition] += 1
            yield {topic: dict(its) for topic, its in now.items()}

    def between(self, first: Positions, last: Positions) -> dict[str, list[MessageBatch]]:
        """The messages of a tick."""
        found: dict[str, list[MessageBatch]] = {}
        for topic, partition in itertools.product(self.values, range(PARTITIONS)):
            offsets = range(first[topic][partition], last[topic][partition])
            if offsets:
                some = self.values[topic][partition][offsets.start : offsets.stop]
                batch = MessageBatch.of(some, partition, offsets, [NONE] * len(offsets))
                found.setdefault(topic, []).append(batch)
        return found

    def fetch(self, topic: str, partition: int, offset: int) -> bytes | None:
        """One message again."""
        return self.values[topic][partition][offset]

    def write(self, master: Path, first: Positions, last: Positions, name: str) -> None:
        """Puts messages into files of a master dataset, as ingestion would, and says how far they go."""
        with duckdb.connect() as connection:
            for topic, batches in self.between(first, last).items():
                folder = master / f"topic={topic}"
                folder.mkdir(parents=True, exist_ok=True)
                connection.register("given", MessageBatches(batches))
                connection.execute(
                    f"COPY (SELECT value, partition, \"offset\" FROM given) TO '{folder / name}.parquet'"
                )
        for topic, its in last.items():
            for partition, offset in its.items():
                progress = PartitionProgress(topic, partition, offset)
                (master / progress.path).parent.mkdir(parents=True, exist_ok=True)
                (master / progress.path).write_bytes(progress.to_json())


def run(bench: Bench) -> None:
    """Make a batch, and add ticks of each size to it."""
    data_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ticks-", dir=data_folder()) as scratch:
        folder, log, kept = Path(scratch), Log(EVENTS[bench.scale]), layout(catalog.load())
        half = len(log.order) // 2
        border = next(log.positions(log.start(), 0, half))
        log.write(folder / "master", log.start(), border, "first")
        measure(learnfold("run", folder / "master", folder / "out"))
        base = _base(folder, kept)
        rows = [_measured(log, base, half, size) for size in SIZES[bench.scale]]
        head = [
            "messages a tick",
            "processor's ms a tick, median",
            "microseconds a message",
            "messages a second of one core",
        ]
        bench.table(f"ticks over a batch of {half:,} messages", head, rows)
        _check(log, base, half, folder)
        base.close()
    bench.checked.append("all 37 views after the last tick: every row, against a batch of all messages")


def _base(folder: Path, kept: Layout) -> Base:
    out = FolderStorage(str(folder / "out"))
    manifest, _ = read_current(out)
    if manifest is None:
        raise WrongAnswerError("no batch was published")
    master = FolderStorage(str(folder / "master"))
    request = BaseRequest(manifest, out, master, catalog.load(), Settings(threads=1), kept)
    return open_base(folder / "base", request)


def _measured(log: Log, base: Base, first: int, size: int) -> list[str]:
    live, taken, times = _live(base), 0, []
    with Reader(Settings(threads=1), base.request.layout) as reader:
        all(reader.plan())
        ticks, at = Ticks(base, live, reader, log.fetch), base.about.border
        for following in itertools.islice(log.positions(at, first, size), MOST_TICKS):
            batches = log.between(at, following)
            began = time.process_time()
            ticks.add(batches, following)
            times.append(time.process_time() - began)
            taken += sum(len(batch) for its in batches.values() for batch in its)
            at = following
    live.close()
    times, taken = times[1:], taken - size
    second = taken / sum(times)
    return [f"{size:,}", f"{share(sorted(times), 0.5) * 1e3:.1f}", f"{1e6 / second:.1f}", f"{second:,.0f}"]


def _live(base: Base, left_out: tuple[tuple[str, int, int], ...] = ()) -> Live:
    folder = base.folder.with_name("live")
    shutil.rmtree(folder, ignore_errors=True)
    live = Live(folder)
    live.progress = Progress(positions=base.about.border, left_out=list(left_out))
    return live


def _check(log: Log, base: Base, first: int, folder: Path) -> None:
    """All messages, with the repairs that they ask for; those that wait for a next batch aren't in either."""
    waiting: set[tuple[str, int, int]] = set()
    left_out: tuple[tuple[str, int, int], ...] = ()
    while True:
        live = _live(base, left_out)
        with Reader(Settings(threads=1), base.request.layout) as reader:
            ticks, at = Ticks(base, live, reader, log.fetch), base.about.border
            ticks.waits = lambda *place: waiting.add(place)
            for following in log.positions(at, first, 20_000):
                ticks.add(log.between(at, following), following)
                at = following
        if not live.progress.losers:
            break
        left_out = (*left_out, *live.progress.losers)
        live.close()
    tables = LiveTables("checked", base.folder, live, base.request.layout, Settings())
    write_views(tables, folder / "answered")
    live.close()
    for topic, partition, offset in waiting:
        log.values[topic][partition][offset] = b"it waits for a next batch"
    log.write(folder / "whole", log.start(), at, "all")
    measure(learnfold("run", folder / "whole", folder / "expected"))
    same_views(folder / "expected", folder / "answered")
