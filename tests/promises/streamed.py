"""Messages of Kafka's partitions, some of them in a batch and the others live; and what all of them together must answer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

import oracle
from learnfold import catalog
from learnfold.batch.manifest import read_current
from learnfold.engines.duckdb import decode
from learnfold.engines.duckdb.session import DuckDBSession
from learnfold.kafka.messages import NONE, MessageBatch, MessageBatches
from learnfold.master.committed_offsets import PartitionProgress
from learnfold.settings import Settings
from learnfold.speed.base import Base, BaseRequest, open_base
from learnfold.speed.live import Live
from learnfold.speed.parts import PartRows
from learnfold.speed.row import MESSAGE, layout
from learnfold.speed.tables import LiveTables
from learnfold.speed.tick import Reader, Ticks
from learnfold.storage.folder import FolderStorage
from oracle import Message
from oracle.fields import TOPIC_FIELDS
from promises.views import _at_once as at_once
from promises.views import run_job, views_of

if TYPE_CHECKING:
    from learnfold.catalog import Topic
    from learnfold.speed.live import Positions, Progress

LAYOUT = layout(catalog.load())

Item = dict[str, object] | bytes
Place = tuple[str, int, int]


def answers_of(base: Base, live: Live, views: list[str], settings: Settings) -> dict[str, list[dict[str, Any]]]:
    """The rows of each view, of batch and live states together."""
    tables = LiveTables("pair", base.folder, live, LAYOUT, settings)
    known = catalog.load().views
    found = {}
    with duckdb.connect() as connection:
        tables.open(connection)
        tables.refresh(connection, [known[view] for view in views])
        for view in views:
            names = [column.name for column in known[view].columns]
            rows = connection.execute(f"SELECT {', '.join(names)} FROM ({tables.select(known[view])})").fetchall()
            found[view] = [dict(zip(names, row, strict=True)) for row in rows]
    return found


@dataclass
class Log:
    """What Kafka holds: by topic and partition, the messages in order."""

    topics: dict[str, list[list[bytes]]] = field(default_factory=dict)

    def add(self, topic: str, items: list[tuple[int, Item]], partitions: int) -> None:
        """Appends items, each with its partition."""
        its = self.topics.setdefault(topic, [[] for _ in range(partitions)])
        for partition, item in items:
            its[partition].append(item if isinstance(item, bytes) else json.dumps(item).encode())

    def ends(self) -> Positions:
        """Behind the last message of each partition."""
        return {topic: {p: len(held) for p, held in enumerate(its)} for topic, its in self.topics.items()}

    def fetch(self, topic: str, partition: int, offset: int) -> bytes | PartRows | None:
        """One message."""
        return self.topics[topic][partition][offset]

    def between(self, first: Positions, last: Positions) -> dict[str, list[MessageBatch]]:
        """The messages of a tick."""
        found: dict[str, list[MessageBatch]] = {}
        for topic, its in self.topics.items():
            for partition, held in enumerate(its):
                start, end = first.get(topic, {}).get(partition, 0), last.get(topic, {}).get(partition, 0)
                if end > start:
                    offsets = list(range(start, end))
                    batch = MessageBatch.of(held[start:end], partition, offsets, [NONE] * len(offsets))
                    found.setdefault(topic, []).append(batch)
        return found

    def tick(self, first: Positions, last: Positions) -> dict[str, list[MessageBatch | PartRows]]:
        """The same, as the speed layer is given them."""
        return {topic: list(batches) for topic, batches in self.between(first, last).items()}

    def messages(self, positions: Positions, without: set[Place]) -> dict[str, list[Message]]:
        """All messages before some positions, but for a few, as the oracle reads them."""
        return {
            topic: [
                Message(body, partition, offset)
                for partition, held in enumerate(its)
                for offset, body in enumerate(held[: positions.get(topic, {}).get(partition, 0)])
                if (topic, partition, offset) not in without
            ]
            for topic, its in self.topics.items()
        }


@dataclass
class PartLog(Log):
    """What Kafka holds, given to the speed layer as parts: events that were read already."""

    folder: Path = Path()
    settings: Settings = field(default_factory=Settings)
    files: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def tick(self, first: Positions, last: Positions) -> dict[str, list[MessageBatch | PartRows]]:
        """Rows of one file a topic."""
        found: dict[str, list[MessageBatch | PartRows]] = {}
        for topic, batches in self.between(first, last).items():
            for batch in batches:
                rows = PartRows(self._files(topic), batch.partition, batch.offsets[0], batch.offsets[-1] + 1)
                found.setdefault(topic, []).append(rows)
        return found

    def fetch(self, topic: str, partition: int, offset: int) -> bytes | PartRows | None:
        """One event."""
        return PartRows(self._files(topic), partition, offset, offset + 1)

    def _files(self, topic: str) -> tuple[str, ...]:
        if topic not in self.files:
            file = self.folder / f"{topic}.parquet"
            write_part(catalog.load().topics[topic], self.between({}, self.ends())[topic], file, self.settings)
            self.files[topic] = (str(file),)
        return self.files[topic]


def write_part(topic: Topic, batches: list[MessageBatch], file: Path, settings: Settings) -> None:
    """Reads messages as a fold does, and writes what a job on Spark would."""
    fields = [each.name for each in topic.sent]
    with DuckDBSession(settings) as session:
        session.connection.register("messages", MessageBatches(batches))
        select = decode.select_from(topic, MESSAGE, decode.Relation("messages", row='"offset"'), fields)
        rows = f"SELECT _partition, _offset, {', '.join(fields)}, _reason FROM ({select}) ORDER BY 1, 2"
        session.connection.execute(f"COPY ({rows}) TO '{file}' (FORMAT parquet)")


@dataclass
class World:
    """A place with a master dataset, batches, and a speed layer over them."""

    root: Path
    job: str | None  # None: all
    settings: Settings
    log: Log = field(default_factory=Log)
    ingested: Positions = field(default_factory=dict)
    waiting: set[Place] = field(default_factory=set)
    opened: int = 0

    def batch(self, border: Positions) -> Base:
        """Ingests all before ``border``, runs a batch, and opens it as a base."""
        for topic, batches in self.log.between(self.ingested, border).items():
            self._write(topic, batches)
        for topic in self.log.topics:
            if topic not in self.ingested:
                self._write(topic, [])
            for partition, offset in border.get(topic, {}).items():
                progress = PartitionProgress(topic, partition, offset)
                file = self.root / "master" / progress.path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(progress.to_json())
        self.ingested = border
        run_job(self.root / "master", self.root / "out", self.job, self.settings)
        manifest, _ = read_current(FolderStorage(str(self.root / "out")))
        assert manifest is not None
        base = self.reopened(self.root / f"base-{manifest.batch}")
        assert {topic: base.about.border[topic] for topic in border} == border
        return base

    def reopened(self, folder: Path) -> Base:
        """The base of the published batch in a folder."""
        out = FolderStorage(str(self.root / "out"))
        manifest, _ = read_current(out)
        assert manifest is not None
        master = FolderStorage(str(self.root / "master"))
        return open_base(folder, BaseRequest(manifest, out, master, catalog.load(), self.settings, LAYOUT))

    def live(self) -> Path:
        """The folder of a new live store."""
        self.opened += 1
        return self.root / f"live-{self.opened}"

    def ticks(self, base: Base, live: Live, reader: Reader) -> Ticks:
        """What adds ticks to a store."""
        ticks = Ticks(base, live, reader, self.log.fetch)
        ticks.waits = lambda *place: self.waiting.add(place)
        return ticks

    def differences(self, base: Base, live: Live) -> list[str]:
        """How base and live together differ from a recompute of everything before the live position."""
        progress = live.latest()
        views = [name for name in views_of(self.job) if name not in base.about.without]
        answers = answers_of(base, live, views, self.settings)
        expected = self._expected(progress, views)
        found = []
        for view in views:
            key = catalog.load().views[view].key
            found += [f"{view}: {text}" for text in oracle.same(expected[view], answers[view], key)]
        return found

    def _expected(self, progress: Progress, views: list[str]) -> dict[str, list[dict[str, Any]]]:
        messages = self.log.messages(progress.positions, self.waiting)
        known = {topic: its for topic, its in messages.items() if topic in TOPIC_FIELDS}
        answers = oracle.answers(known, self.settings.platform_zone, self.settings.reporting_zone)
        beyond = [view for view in views if view not in answers]
        return answers | (at_once(messages, beyond, self.job, self.settings) if beyond else {})

    def _write(self, topic: str, batches: list[MessageBatch]) -> None:
        places = [(batch, place) for batch in batches for place in range(len(batch))]
        columns = {
            "value": pa.array([b.values[b.ends[n] : b.ends[n + 1]] for b, n in places], pa.binary()),
            "partition": pa.array([b.partition for b, _ in places], pa.int32()),
            "offset": pa.array([b.offsets[n] for b, n in places], pa.int64()),
        }
        folder = self.root / "master" / f"topic={topic}"
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), folder / f"part-{len(list(folder.iterdir())):05d}.parquet")
