"""One tick: messages are read, copies dropped, and what is left is added to the live states, with the position, at once."""

from __future__ import annotations

import gc
import time
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import lmdb

from learnfold.engines.duckdb.inlined import inlined, macros_of
from learnfold.engines.duckdb.session import DuckDBSession
from learnfold.engines.duckdb.sql import quoted
from learnfold.errors import StorageError
from learnfold.kafka.messages import MessageBatch
from learnfold.speed import merge
from learnfold.speed.copies import Copies, pairs_as_messages
from learnfold.speed.incoming import INCOMING, Incoming
from learnfold.speed.parts import PartRows
from learnfold.speed.row import MESSAGE, OFFSET, PARTITION, REASON, TIME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

    import duckdb

    from learnfold.catalog import Topic
    from learnfold.engines.duckdb.inlined import Macros
    from learnfold.settings import Settings
    from learnfold.speed.base import Base
    from learnfold.speed.copies import Copy, Fetch
    from learnfold.speed.live import Live, Positions, Progress, Tick
    from learnfold.speed.row import Layout, TopicRows

Row = tuple[Any, ...]

_DAY_US = 24 * 3600 * 1_000_000


class Reader:
    """Reads messages of all topics: one session, statements that are prepared once."""

    def __init__(self, settings: Settings, layout: Layout) -> None:
        self.layout = layout
        self._incoming = Incoming()
        self._session = DuckDBSession(replace(settings, threads=1))
        self._prepared: set[str] = set()
        self._macros: Macros = {}

    def read(self, topic: str, batches: Sequence[MessageBatch | PartRows], *, quick: bool = True) -> list[list[Row]]:
        """By statement of the topic, its rows: of the first an event each, of the others what begins with an event's partition and offset."""
        rows = self.layout.topics[topic]
        parts = [batch for batch in batches if isinstance(batch, PartRows)]
        if parts:
            events = rows.typed.replace("{rows}", _relation(parts))
            return [self._fetched(one.select.replace("{events}", events)) for one in rows.statements]
        return self._read(rows, [batch for batch in batches if isinstance(batch, MessageBatch)], quick=quick)

    def _read(self, rows: TopicRows, batches: Sequence[MessageBatch], *, quick: bool) -> list[list[Row]]:
        found: list[list[Row]] = [[] for _ in rows.statements]
        left = list(batches)
        if quick:
            self._incoming.give(batches)
            read = self._run(rows, "quick", 0)
            found[0] = [row for row in read if row[REASON] is None]
            unsure = {row[:2] for row in read if row[REASON] is not None}
            left = _only(batches, unsure) if unsure else []
            if found[0]:
                for number in range(1, len(found)):
                    some = self._run(rows, "quick", number)
                    found[number] = [row for row in some if row[:2] not in unsure] if unsure else some
        if left:
            self._incoming.give(left)
            for number, some in enumerate(found):
                some.extend(self._run(rows, "whole", number))
        return found

    def plain(self, topic: str, batches: Sequence[MessageBatch]) -> list[Row]:
        """The rows of the messages that quick reading accepts."""
        self._incoming.give(batches)
        rows = self._run(self.layout.topics[topic], "quick", 0)
        return [row for row in rows if row[REASON] is None]

    def plan(self) -> Iterator[bool]:
        """Plans, at each step, one more of the statements, which takes as long as many messages do; those that come then don't wait for it."""
        for how in ("quick", "whole"):
            for rows in self.layout.topics.values():
                for number in range(len(rows.statements)):
                    if self._planned(rows, how, number)[1]:
                        yield True

    def in_order(self, topic: Topic, pairs: Sequence[tuple[Copy, Copy]]) -> list[bool]:
        """Of pairs of messages, each two copies of one event: whether the first stays; where nothing tells them apart, it does."""
        from learnfold.catalog.values import EVENT_ID, TIMESTAMP
        from learnfold.engines.duckdb import decode

        fields = [field.name for field in topic.sent]
        order = ", ".join(f"{name} NULLS FIRST" for name in fields if name not in {EVENT_ID, TIMESTAMP})
        within = f"PARTITION BY _partition ORDER BY timestamp, {order}, _offset"
        place = f"SELECT _partition, _offset, row_number() OVER ({within}) AS _place FROM ({{}})"
        query = f"SELECT _partition, _offset FROM ({place}) WHERE _place = 1"
        texts = [(one, other) for one, other in pairs if isinstance(one, bytes) and isinstance(other, bytes)]
        if len(texts) < len(pairs):
            return _firsts(self._fetched(query.format(_pairs_of_parts(pairs))), len(pairs))
        self._incoming.give(pairs_as_messages(texts))
        name = f"first_{topic.name}"
        if name not in self._prepared:
            select = decode.select_from(topic, MESSAGE, decode.Relation(INCOMING, row='"offset"'), fields)
            self._prepare(name, query.format(select))
        return _firsts(self._fetched(f"EXECUTE {name}"), len(pairs))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives its memory back."""
        self._session.close()

    @property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        connection = self._session.connection
        if not self._prepared:
            self._incoming.register(connection)
            self._macros = macros_of(connection)
            self._prepared.add("")
        return connection

    def _prepare(self, name: str, sql: str) -> None:
        connection = self._connection
        connection.execute(f"PREPARE {name} AS {inlined(sql, self._macros)}")
        self._prepared.add(name)

    def _fetched(self, sql: str) -> list[Row]:
        return self._connection.execute(sql).fetchall()

    def _planned(self, rows: TopicRows, how: str, number: int) -> tuple[str, bool]:
        """The name of one of the topic's statements, and whether it wasn't planned before."""
        name = f"{how}_{rows.topic.name}_{number}"
        if name in self._prepared:
            return name, False
        self._prepare(name, rows.statements[number].select.replace("{events}", getattr(rows, how)))
        return name, True

    def _run(self, rows: TopicRows, how: str, number: int) -> list[Row]:
        """What one of the topic's statements gives."""
        name, _ = self._planned(rows, how, number)
        return self._fetched(f"EXECUTE {name}")


class Ticks:
    """Adds ticks to one live store over one base."""

    def __init__(self, base: Base, live: Live, reader: Reader, fetch: Fetch, future_days: int = 1) -> None:
        self.base, self.live, self.reader, self.fetch = base, live, reader, fetch
        self.waits: Callable[[str, int, int], None] = lambda *_: None
        """Is told of each message that waits for the next batch: its topic, partition and offset."""

        self.layout = reader.layout
        self._future_us = future_days * _DAY_US
        self._widths = [len(bundle.values) for bundle in self.layout.bundles]
        self._numbers = {name: number for number, name in enumerate(self.layout.topics)}

    def add(
        self,
        batches: Mapping[str, Sequence[MessageBatch | PartRows]],
        positions: Positions,
        note: Callable[[Progress], None] = lambda _: None,
    ) -> Progress:
        """One tick of messages, after which everything before ``positions`` is in; ``note`` may say more of the progress.

        Raises StorageError where the disk fails; then nothing of the tick is there.
        """
        with _uncollected():
            return self._added(batches, positions, note)

    def _added(
        self,
        batches: Mapping[str, Sequence[MessageBatch | PartRows]],
        positions: Positions,
        note: Callable[[Progress], None],
    ) -> Progress:
        before = self.live.progress
        progress = replace(before, tick=before.tick + 1, positions=positions, losers=list(before.losers))
        tick = self.live.begin()
        try:
            for topic, its in batches.items():
                self._topic(topic, its, tick, progress)
            note(progress)
        except (lmdb.Error, OSError) as error:
            tick.abort()
            raise StorageError(f"the live state can't be written: {error}") from error
        except BaseException:
            tick.abort()
            raise
        tick.commit(progress)
        return progress

    def _topic(self, topic: str, batches: Sequence[MessageBatch | PartRows], tick: Tick, progress: Progress) -> None:
        found = self.reader.read(topic, batches)
        latest = time.time() * 1e6 + self._future_us
        valid = [row for row in found[0] if row[REASON] is None]
        progress.invalid += len(found[0]) - len(valid)
        copies = Copies(topic, self._numbers[topic], self.base, tick, progress, batches, self.waits)
        kept = copies.first(valid)
        copies.decide(partial(self.reader.in_order, self.layout.topics[topic].topic), self.fetch)
        times = [row[TIME] for row in kept if row[TIME] <= latest]
        if progress.watermark is not None:
            times.append(progress.watermark)
        progress.watermark = max(times, default=None)
        progress.events += len(kept)
        places = {(row[PARTITION], row[OFFSET]) for row in kept}
        for statement, rows in zip(self.layout.topics[topic].statements, found, strict=True):
            some = kept if statement.by_event else [row for row in rows if row[:2] in places]
            merge.add(some, statement.passed, tick, self.base.known, self._widths)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Python looks for circles among a tick's rows again and again, where there are none, which takes a fifth of its time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _firsts(rows: Sequence[Row], count: int) -> list[bool]:
    first: dict[int, int] = dict(row[:2] for row in rows)
    return [first[number] == 0 for number in range(count)]


def _relation(parts: Sequence[PartRows]) -> str:
    """The rows as SQL reads them."""
    selects = []
    for part in parts:
        files = ", ".join(map(quoted, part.files))
        where = f"_partition = {part.partition} AND _offset >= {part.first} AND _offset < {part.end}"
        selects.append(f"SELECT * FROM read_parquet([{files}], hive_partitioning = false) WHERE {where}")
    return f"({' UNION ALL BY NAME '.join(selects)})"


def _pairs_of_parts(pairs: Sequence[tuple[Copy, Copy]]) -> str:
    """The events of pairs, as if they were of as many partitions, at the offsets 0 and 1."""
    selects = [
        f"SELECT * REPLACE ({number} AS _partition, {which} AS _offset) FROM {_relation([one])}"
        for number, pair in enumerate(pairs)
        for which, one in enumerate(pair)
        if isinstance(one, PartRows)
    ]
    return " UNION ALL BY NAME ".join(selects)


def _only(batches: Sequence[MessageBatch], places: set[tuple[int, int]]) -> list[MessageBatch]:
    """The messages at these partitions and offsets."""
    found = []
    for batch in batches:
        rows = list(enumerate(batch.rows()))
        some = [(place, value) for place, (offset, value) in rows if (batch.partition, offset) in places]
        if len(some) == len(batch):
            found.append(batch)
        elif some:
            offsets, stamps = [batch.offsets[p] for p, _ in some], [batch.timestamps[p] for p, _ in some]
            found.append(MessageBatch.of([value for _, value in some], batch.partition, offsets, stamps))
    return found
