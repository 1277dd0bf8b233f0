"""Kafka into the master dataset: one process of any number that share the partitions as a consumer group.

Messages are held in memory up to the flush settings, written as files, and only then does the progress move. So whatever
ends the process, what isn't in files is read again, by it or by another, and what was read twice counts once.
"""

from __future__ import annotations

import gc
import time
import uuid
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from learnfold.errors import DataError, StorageError
from learnfold.ingest.decoder import Decoder
from learnfold.ingest.stream.assignment import Assignment
from learnfold.ingest.stream.closing import Closing
from learnfold.ingest.stream.ends import Ends
from learnfold.ingest.stream.numbers import count_flush, show_partitions, show_process
from learnfold.ingest.stream.partition import FencedError
from learnfold.ingest.stream.writer import Flushed, MessageReader, flush
from learnfold.kafka import clients

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from learnfold.ingest.stream.context import StreamContext
    from learnfold.ingest.stream.partition import Partition

_POLL_SECONDS = 0.2
_MOST_AT_ONCE = 5_000
"""Messages taken at once; so few stay in the processor's cache until they are put together."""

_BYTES_AT_ONCE = 32_000_000
_LONGEST_PAUSE_SECONDS = 30.0
_SHOW_SECONDS = 1.0


@dataclass(frozen=True)
class StreamRequest:
    """What is to be ingested, and how long."""

    topics: tuple[str, ...] = ()  # empty: all
    once: bool = False  # up to what is there now, then stop
    accept_gap: bool = False  # go on behind messages that are gone from Kafka
    give_up_seconds: float | None = None  # how long Kafka is waited for at the start; None: for ever
    close_after_hours: float | None = None  # days are marked as closed so long after their end; None: never


@dataclass
class StreamReport:
    """What this process did."""

    flushed: Flushed = field(default_factory=Flushed)
    offsets: dict[str, dict[int, int]] = field(default_factory=dict)  # its partitions' progress at the end
    closed: list[str] = field(default_factory=list)  # the days' folders that it marked as closed
    flushes: int = 0
    seconds: float = 0.0


class Stream:
    """The ingestion of one process."""

    def __init__(
        self, context: StreamContext, request: StreamRequest, works: Callable[[], None] = lambda: None
    ) -> None:
        """``works`` is called when this process has written files for the first time."""
        self.request, self.settings, self.reporter = request, context.settings, context.reporter
        self.stop, self.numbers, self._works = context.stop, context.numbers, works
        self.master = master = context.master
        self.topics = context.topics(request.topics)
        self.report = StreamReport()
        self._reader = MessageReader(Decoder(context.settings), context.catalog, context.mapping)
        self._consumer = clients.consumer(context.settings, error_cb=self._error)
        self._mine = Assignment(context, self._write, accept_gap=request.accept_gap)
        self._ends = Ends(self._consumer, master, self.topics)
        self._closing = Closing(context, self._ends, request.close_after_hours)
        self._average_bytes = 1000.0
        self._shown = 0.0
        self._refused: KafkaError | None = None

    def run(self) -> StreamReport:
        """Ingests until it is told to stop, or all that was there is in files.

        Raises StorageError where Kafka can't be reached in time or refuses us, or the storage is away at the end; DataError in the
        end where messages were gone that nobody accepted.
        """
        began = time.monotonic()
        show_process(self.numbers)
        self.reporter.run_id = str(uuid.uuid4())
        alarms: list[str] = []
        try:
            gc.freeze()  # messages are no cycles: looking for some among them takes a fifth of the time
            gc.disable()
            self._await_broker()
            if self.request.once and not self.stop.is_set():
                with clients.translate_errors(self.settings):
                    self._ends.sample()
                    self._ends.topic_ids = self._mine.topic_ids(set(self.topics))
            self._subscribe()
            while not self.stop.is_set() and not self._drained():
                self._round()
            alarms = list(self._mine.alarms.values())
            self._leave()
        finally:
            gc.enable()
            gc.unfreeze()
            self._consumer.close()
            self._reader.decoder.close()
        self.report.seconds = time.monotonic() - began
        if alarms:
            raise DataError(
                "\n".join(alarms)
                + "\nThose partitions stand still, all others were ingested. To go on without these messages: --accept-gap"
            )
        return self.report

    def _round(self) -> None:
        """Takes what Kafka has, and writes it down when it is time."""
        at_once = int(max(100, min(_MOST_AT_ONCE, _BYTES_AT_ONCE / self._average_bytes)))
        self._take(self._consumer.consume(at_once, _POLL_SECONDS))
        if self._refused is not None:
            raise clients.unreachable(self.settings, self._refused.str())
        if self._due():
            self._flush()
        self.report.closed += self._closing.poll(self._mine.partitions)
        if time.monotonic() - self._shown >= _SHOW_SECONDS:
            self._show()

    def _take(self, messages: Sequence[Message]) -> None:
        """Holds messages by partition; they come in runs of one."""
        errors = [(message, error) for message in messages if (error := message.error()) is not None]
        self._hold([message for message in messages if message.error() is None] if errors else messages)
        for message, error in errors:  # after the messages before them: the end of a partition is behind its last one
            self._note(message, error)

    def _hold(self, messages: Sequence[Message]) -> None:
        start, size = 0, 0
        for place, run in groupby(zip(map(Message.topic, messages), map(Message.partition, messages), strict=True)):
            end = start + len(list(run))
            partition = self._mine.partitions.get(place)  # type: ignore[arg-type]
            if partition is not None:
                some, before = messages[start:end], partition.size
                offsets: Any = list(map(Message.offset, some))
                timestamps = [stamp for _, stamp in map(Message.timestamp, some)]
                partition.add(list(map(Message.value, some)), offsets, timestamps)
                size += partition.size - before
            start = end
        if start:
            self._average_bytes = max(1.0, size / start)

    def _note(self, message: Message, error: KafkaError) -> None:
        """Something that isn't a message: the end of a partition, or what is wrong."""
        key, code = (message.topic() or "", message.partition() or 0), error.code()
        if code == KafkaError._PARTITION_EOF:  # noqa: SLF001
            if key in self._mine.partitions:
                self._mine.partitions[key].reached(message.offset() or 0)
        elif code in {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}:  # noqa: SLF001
            self._mine.out_of_range(self._consumer, key)
        elif code == KafkaError.UNKNOWN_TOPIC_OR_PART:
            self.reporter.log_rarely("waiting", 60.0, topic=message.topic(), why="the topic doesn't exist yet")
        elif clients.refuses(error):
            self._refused = error
        else:
            self.reporter.log_rarely("kafka", why=error.str())

    def _error(self, error: KafkaError) -> None:
        """What librdkafka says beside messages."""
        if clients.refuses(error):
            self._refused = error
        else:
            self.reporter.log_rarely("waiting", why=f"Kafka at {self.settings.kafka_servers}: {error.str()}")

    def _due(self) -> bool:
        """Whether to write down what is held."""
        mine, settings = self._mine.partitions.values(), self.settings
        since = [partition.since for partition in mine if partition.since is not None]
        if not since:
            return False
        if self.request.once and self._ends.read(self._mine.partitions):
            return True
        return (
            sum(partition.rows for partition in mine) >= settings.flush_events
            or sum(partition.size for partition in mine) >= settings.flush_bytes
            or time.monotonic() - min(since) >= settings.flush_seconds
        )

    def _flush(self) -> None:
        """Writes everything held, as often as it takes; the group knows meanwhile that we live."""
        pause = 0.5
        while True:
            try:
                self._write(list(self._mine.partitions.values()))
            except FencedError as error:
                self._mine.fenced(error)
                self._consumer.unsubscribe()  # what we think is ours may not be: join the group again
                self._subscribe()
            except StorageError as error:
                if self.stop.is_set():
                    raise
                self.reporter.log_rarely(
                    "waiting", why=str(error), held=sum(p.rows for p in self._mine.partitions.values())
                )
                self._idle(pause)
                pause = min(_LONGEST_PAUSE_SECONDS, pause * 2)
                continue
            return

    def _write(self, partitions: Sequence[Partition]) -> None:
        """One attempt to write what these partitions hold."""
        began = time.perf_counter()
        size = sum(partition.size for partition in partitions)
        done = flush(self.master, self._reader, partitions, self._ends.known)
        seconds = time.perf_counter() - began
        if done.files:
            gc.collect()
            self.report.flushed.add(done)
            self.report.flushes += 1
            if self.report.flushes == 1:
                self._works()
            count_flush(self.numbers, done, seconds)
            ends = self._ends.cached(partitions)
            lag = sum(max(0, ends.get(one.key, one.next) - one.next) for one in partitions)
            self.reporter.log(
                "flush",
                events=sum(done.events.values()),
                quarantined=done.invalid,
                bytes=size,
                files=done.files,
                partitions=len(partitions),
                lag=lag,
                seconds=seconds,
            )
        self._commit(partitions)

    def _show(self) -> None:
        """Tells the metrics how far everything is."""
        self._shown = time.monotonic()
        ends = self._ends.cached(list(self._mine.partitions.values()))
        show_partitions(self.numbers, self._mine, ends)

    def _commit(self, partitions: Sequence[Partition]) -> None:
        """Tells the group how far we are, for those who look there; we ourselves go by the progress in the master dataset."""
        offsets = [TopicPartition(*partition.key, partition.progress.offset) for partition in partitions]
        if not offsets:
            return
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            self.reporter.log_rarely(
                "kafka", why=f"offsets couldn't be committed, which harms nothing: {error.args[0].str()}"
            )

    def _idle(self, seconds: float) -> None:
        """Takes nothing new for a while, but answers the group."""
        until = time.monotonic() + seconds
        self._consumer.pause(self._consumer.assignment())
        while time.monotonic() < until and not self.stop.is_set():
            self._take(self._consumer.consume(100, _POLL_SECONDS))
        self._consumer.resume(self._consumer.assignment())

    def _drained(self) -> bool:
        """Whether all that was there at the start is in files, whoever wrote it; never, unless asked to stop there."""
        return self.request.once and self._ends.written(self._mine.partitions, set(self._mine.alarms))

    def _subscribe(self) -> None:
        self._consumer.subscribe(
            list(self.topics),
            on_assign=self._mine.assigned,
            on_revoke=self._mine.revoked,
            on_lost=self._mine.lost,
        )

    def _leave(self) -> None:
        """Writes what is held, and leaves the partitions so that the next owner has nothing to clean up."""
        try:
            self._flush()
            self.report.closed += self._closing.poll(self._mine.partitions, now=True)
            self.report.offsets = self._offsets()
            for partition in self._mine.partitions.values():
                partition.advance(clean=True)
        except FencedError as error:
            self.reporter.log("fenced", why=str(error))
        finally:
            self._mine.partitions.clear()

    def _offsets(self) -> dict[str, dict[int, int]]:
        offsets: dict[str, dict[int, int]] = {}
        for topic, number in sorted(self._mine.partitions):
            offsets.setdefault(topic, {})[number] = self._mine.partitions[topic, number].progress.offset
        return offsets

    def _await_broker(self) -> None:
        """Waits for Kafka, and says so."""
        began = time.monotonic()
        while not self.stop.is_set():
            try:
                self._consumer.list_topics(timeout=2.0)
            except KafkaException as error:
                why: Any = error.args[0]
                waited = time.monotonic() - began
                give_up = self.request.give_up_seconds
                if self._refused is not None or (give_up is not None and waited >= give_up):
                    raise clients.unreachable(self.settings, (self._refused or why).str()) from error
                self._consumer.poll(0)
                self.reporter.log_rarely(
                    "waiting", why=f"Kafka at {self.settings.kafka_servers} isn't there: {why.str()}"
                )
                self.stop.wait(0.5)
            else:
                return
