"""A base and the live store over it, with what reads messages or files for them: it goes on tick by tick from wherever it is."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from learnfold.batch.plan import reading_fingerprint
from learnfold.errors import DataError
from learnfold.speed.base import BaseRequest, open_base
from learnfold.speed.file_source import FileSource, PolledFiles
from learnfold.speed.live import Live, Progress
from learnfold.speed.part_source import PartSource
from learnfold.speed.place import Current, Place
from learnfold.speed.source import KafkaSource
from learnfold.speed.tick import Reader, Ticks

if TYPE_CHECKING:
    from learnfold.batch.manifest import Manifest
    from learnfold.catalog import Catalog
    from learnfold.settings import Settings
    from learnfold.speed.base import About
    from learnfold.speed.live import Positions
    from learnfold.speed.row import Layout
    from learnfold.speed.source import Polled
    from learnfold.storage import Storage
    from learnfold.telemetry.reporter import Reporter

HEARTBEAT_SECONDS = 0.5
"""A tick without messages says so often that nothing came."""

Place3 = tuple[str, int, int]


@dataclass(frozen=True)
class Context:
    """What pairs are made with."""

    place: Place
    out: Storage
    catalog: Catalog
    settings: Settings
    layout: Layout
    reporter: Reporter
    parts: Storage | None = None  # that are taken in place of Kafka's messages
    files: bool = False  # whether new files of the master dataset are


class Pair:
    """One base and one live store, going on."""

    def __init__(
        self, context: Context, manifest: Manifest, master: Storage, name: str = "", left_out: tuple[Place3, ...] = ()
    ) -> None:
        """A new live store from the border, but for the messages in ``left_out``; or the one of that ``name``, from where it is."""
        self.context, self.manifest, self.master = context, manifest, master
        request = BaseRequest(
            manifest, context.out, master, context.catalog, context.settings, context.layout, context.files
        )
        with ExitStack() as held:
            base_name = f"base-{manifest.batch}"
            self.base = open_base(context.place.folder / base_name, request)
            held.callback(self.base.close)
            live_name = name or context.place.new_live(manifest.batch)
            self.live = _opened(context, live_name, self.base.about.border, left_out)
            held.callback(self.live.close)
            self.reader = Reader(context.settings, context.layout)
            held.callback(self.reader.close)
            self.source: KafkaSource | PartSource | FileSource
            if context.files:
                self.source = FileSource(request, self.base.about, self.live, context.reporter)
            else:
                self.source = _source(context, master, self.base.about, self.live.progress.positions)
            held.callback(self.source.close)
            self._held = held.pop_all()
        self.current = Current(manifest.batch, base_name, live_name, self.base.about.digest)
        self.ticks = Ticks(self.base, self.live, self.reader, self.source.fetch, context.settings.future_days)
        self.ticks.waits = self._waits
        self._beat = 0.0
        self._plan = (
            self.reader.plan() if isinstance(self.source, KafkaSource) else iter(())
        )  # parts need no such statement

    @property
    def positions(self) -> Positions:
        """Before which everything is in, as ``has_reached`` is asked."""
        return self.source.reached() if isinstance(self.source, FileSource) else self.live.progress.positions

    def step(self, seconds: float) -> int:
        """Adds what comes within ``seconds``, if anything does; how many messages."""
        before = self.live.progress
        polled = self.source.poll(seconds)
        if not polled.batches:
            self.plan()
        if not polled.batches and time.monotonic() - self._beat < HEARTBEAT_SECONDS and before.tick:
            if polled.positions != before.positions:
                self._add(polled, before)
            return 0
        self._beat = time.monotonic()
        self._add(polled, before)
        return polled.messages

    def plan(self) -> bool:
        """Plans one more of the statements that read messages, so that no message waits for it; False: there is none."""
        with suppress(duckdb.Error):  # it is said once a message needs it
            return next(self._plan, False)
        return False

    def has_reached(self, positions: Positions) -> bool:
        """Whether it is as far in all partitions that it follows."""
        if isinstance(self.source, FileSource):
            return self.source.has_reached(positions)
        mine, blocked = self.positions, self.source.blocked
        return all(
            (topic, partition) in blocked or mine.get(topic, {}).get(partition, 0) >= offset
            for topic, its in positions.items()
            if topic in self.base.about.border
            for partition, offset in its.items()
        )

    def close(self) -> None:
        """Stops."""
        self._held.close()

    def _add(self, polled: Polled, before: Progress) -> None:
        def note(progress: Progress) -> None:
            progress.blocked = self.source.shown_blocked()
            progress.complete_until = max(progress.complete_until, polled.complete_until)
            if isinstance(polled, PolledFiles):
                self.live.beside = polled.note(progress)

        try:
            self.ticks.add(polled.batches, polled.positions, note)
        except duckdb.Error as error:
            broken = self._broken(polled)
            if not broken:
                raise DataError(f"messages can't be added: {error}") from error
            for topic in broken:
                self.source.block(topic, before.positions, "a message can't be added to the states; see the log")
                polled.batches.pop(topic)
                polled.positions[topic] = before.positions.get(topic, {})
            self.context.reporter.log("alarm", topics=",".join(broken), why=str(error).splitlines()[0][:200])
            self.ticks.add(polled.batches, polled.positions, note)

    def _broken(self, polled: Polled) -> list[str]:
        found = []
        for topic, batches in polled.batches.items():
            try:
                self.reader.read(topic, batches)
            except duckdb.Error:
                found.append(topic)
        return found

    def _waits(self, topic: str, partition: int, offset: int) -> None:
        why = "a copy of an event that the batch holds differs from it; which one stays is for the next batch to say"
        self.context.reporter.log_rarely("waits", topic=topic, partition=partition, offset=offset, why=why)


def _source(context: Context, master: Storage, about: About, start: Positions) -> KafkaSource | PartSource:
    if context.parts is None:
        return KafkaSource(context.settings, master, about, start, context.reporter)
    topics = context.catalog.topics.values()
    readings = {topic.name: reading_fingerprint(topic, context.settings) for topic in topics}
    return PartSource(context.parts, master, about, start, readings, context.reporter)


def _opened(context: Context, name: str, border: Positions, left_out: tuple[Place3, ...]) -> Live:
    live = Live(context.place.folder / name)
    if not live.progress.tick:
        live.progress = Progress(positions=border, left_out=list(left_out))
    return live
