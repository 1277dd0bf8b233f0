"""Messages behind a batch's border, from Kafka: each partition from where its messages aren't in yet, never over a hole.

A partition whose next message is gone, or whose topic was made again, stands still and says why: what is answered stays as it was.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException, Message, TopicCollection, TopicPartition

from learnfold.kafka import clients
from learnfold.kafka.messages import MessageBatch
from learnfold.master.committed_offsets import CommittedOffsets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from learnfold.settings import Settings
    from learnfold.speed.base import About
    from learnfold.speed.live import Positions
    from learnfold.speed.parts import PartRows
    from learnfold.storage import Storage
    from learnfold.telemetry.reporter import Reporter

Key = tuple[str, int]

MOST_AT_ONCE = 30_000
"""Messages of one tick at most, so that memory is bounded: what lags comes in more ticks."""

_ASK_SECONDS = 10.0
_CHECK_SECONDS = 10.0
_ALIVE_SECONDS = 2.0
_FETCH_SECONDS = 5.0


@dataclass
class Polled:
    """Some messages, by topic, and the positions behind them."""

    positions: Positions
    batches: dict[str, list[MessageBatch | PartRows]] = field(default_factory=dict)
    messages: int = 0
    complete_until: float = 0.0  # all that Kafka held then is in these or before them; 0: that isn't known


class KafkaSource:
    """All partitions of the topics that a batch can be followed in."""

    def __init__(self, settings: Settings, master: Storage, about: About, start: Positions, reporter: Reporter) -> None:
        """Begins at ``start``, else at the border. Raises StorageError where Kafka can't be reached."""
        self._settings, self._master, self._about, self._reporter = settings, master, about, reporter
        self.positions: Positions = {topic: dict(its) for topic, its in about.border.items()}
        for topic, its in start.items():
            self.positions.setdefault(topic, {}).update(its)
        self.blocked: dict[Key, str] = {}
        self.missing: dict[Key, int] = {}  # messages that were gone before they were read, of those that stand still
        self._ends: set[Key] = set()  # of which nothing is left now
        self._unsure: set[Key] = set()  # of which that was so when Kafka went away
        self._given: set[Key] = set()
        self._refused: KafkaError | None = None
        self._consumer = clients.follower(settings, error_cb=self._error)
        self._reader: Any = None
        self._checked = 0.0
        self._alive = self._asked = 0.0  # when Kafka last answered, and was last asked
        self._ids: dict[str, str] = {}
        try:
            with clients.translate_errors(settings):
                self._check()
        except BaseException:
            self.close()
            raise

    def poll(self, seconds: float) -> Polled:
        """What comes within ``seconds``; raises StorageError where Kafka refuses us."""
        self._ask()
        began = time.time()
        messages = self._consumer.consume(MOST_AT_ONCE, seconds)
        if self._refused is not None:
            raise clients.unreachable(self._settings, self._refused.str())
        polled = Polled({topic: dict(its) for topic, its in self.positions.items()})
        good = [message for message in messages if message.error() is None]
        self._take(good, polled)
        for message in messages:
            error = message.error()
            if error is not None:
                self._note(message, error, polled.positions)
        self.positions = polled.positions
        polled.messages = len(good)
        if self._ends >= self._given and not self.blocked and began - self._alive < 2 * _ALIVE_SECONDS:
            polled.complete_until = began
        if time.monotonic() - self._checked >= _CHECK_SECONDS:
            try:
                self._check()
            except KafkaException as error:
                self._reporter.log_rarely("kafka", why=str(error.args[0]))
        return polled

    def block(self, topic: str, before: Positions, why: str) -> None:
        """Takes nothing more of a topic, whose messages can't be added; its positions are those before."""
        self.positions[topic] = dict(before.get(topic, {}))
        for key in [key for key in self._given if key[0] == topic]:
            self._stop(key, why)

    def fetch(self, topic: str, partition: int, offset: int) -> bytes | None:
        """One message again; None where it is gone or can't be had now."""
        if self._reader is None:
            self._reader = clients.reader(self._settings)
        self._reader.assign([TopicPartition(topic, partition, offset)])
        until = time.monotonic() + _FETCH_SECONDS
        while time.monotonic() < until:
            message = self._reader.poll(0.2)
            if message is not None and message.error() is None:
                return message.value() if message.offset() == offset else None
        return None

    def targets(self) -> Positions:
        """Behind the last message that Kafka has now, of the partitions that are followed."""
        found: Positions = {}
        with clients.translate_errors(self._settings):
            for topic, partition in sorted(self._given):
                ends = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_ASK_SECONDS)
                found.setdefault(topic, {})[partition] = ends[1] if ends else 0
        return found

    def lag(self) -> Positions:
        """Messages that Kafka has and that aren't in, as the last answer said, of the partitions that are followed."""
        found: Positions = {}
        for topic, partition in sorted(self._given):
            ends = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), cached=True)
            at = self.positions.get(topic, {}).get(partition, 0)
            found.setdefault(topic, {})[partition] = max(0, ends[1] - at) if ends else 0
        return found

    def shown_blocked(self) -> dict[str, str]:
        """Which partitions stand still, and why."""
        return {f"{topic}/{partition}": why for (topic, partition), why in sorted(self.blocked.items())}

    def close(self) -> None:
        """Leaves Kafka."""
        self._consumer.close()
        if self._reader is not None:
            self._reader.close()

    def _ask(self) -> None:
        """Asks Kafka for a sign of life now and then: one that hangs says nothing by itself."""
        now = time.time()
        if now - self._asked < _ALIVE_SECONDS:
            return
        self._asked = now
        try:
            self._consumer.list_topics(timeout=_ALIVE_SECONDS)
            self._find_ends()
        except KafkaException as error:
            self._reporter.log_rarely("waiting", why=f"Kafka at {self._settings.kafka_servers}: {error.args[0].str()}")
        else:
            self._alive = now

    def _find_ends(self) -> None:
        """Asks for the ends that Kafka had told before it went away: it tells none again while nothing new comes."""
        for topic, partition in sorted(self._unsure & self._given):
            ends = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_ALIVE_SECONDS)
            if ends is not None and self.positions.get(topic, {}).get(partition, 0) >= ends[1]:
                self._ends.add((topic, partition))
            self._unsure.discard((topic, partition))

    def _take(self, messages: Sequence[Message], polled: Polled) -> None:
        """Puts messages into batches; they come in runs of one partition."""
        start = 0
        for place, run in groupby(zip(map(Message.topic, messages), map(Message.partition, messages), strict=True)):
            end = start + len(list(run))
            some, (topic, partition) = messages[start:end], place
            start = end
            key = (str(topic), int(partition or 0))
            at = polled.positions.get(key[0], {}).get(key[1], 0)
            some = [message for message in some if (message.offset() or 0) >= at]
            if key in self.blocked or not some:
                continue
            self._ends.discard(key)
            offsets: Any = list(map(Message.offset, some))
            stamps = [stamp for _, stamp in map(Message.timestamp, some)]
            batch = MessageBatch.of(list(map(Message.value, some)), key[1], offsets, stamps)
            polled.batches.setdefault(key[0], []).append(batch)
            polled.positions.setdefault(key[0], {})[key[1]] = offsets[-1] + 1

    def _note(self, message: Message, error: KafkaError, positions: Positions) -> None:
        key, code = (message.topic() or "", message.partition() or 0), error.code()
        if code == KafkaError._PARTITION_EOF:  # noqa: SLF001 - what the library calls its own codes
            at = positions.setdefault(key[0], {}).get(key[1], 0)
            positions[key[0]][key[1]] = max(at, message.offset() or 0)
            self._ends.add(key)
        elif code in {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}:  # noqa: SLF001
            at = positions.get(key[0], {}).get(key[1], 0)
            self.missing[key] = self._gone(key, at)
            self._stop(key, f"the message at offset {at} is gone from Kafka; the next batch goes on behind it")
        elif clients.refuses(error):
            self._refused = error
        else:
            self._reporter.log_rarely("kafka", why=error.str())

    def _gone(self, key: Key, at: int) -> int:
        """How many messages from an offset on Kafka has removed; 0 where it can't say, or has none so far (the topic was made again)."""
        try:
            ends = self._consumer.get_watermark_offsets(TopicPartition(*key), timeout=_ALIVE_SECONDS)
        except KafkaException:
            return 0
        return max(0, ends[0] - at) if ends else 0

    def _error(self, error: KafkaError) -> None:
        if clients.refuses(error):
            self._refused = error
        else:
            self._unsure |= self._ends
            self._ends.clear()  # what Kafka holds isn't known while it is away
            self._reporter.log_rarely("waiting", why=f"Kafka at {self._settings.kafka_servers}: {error.str()}")

    def _check(self) -> None:
        """Finds partitions that are new, and topics that were made again."""
        self._checked = time.monotonic()
        there = self._consumer.list_topics(timeout=_ASK_SECONDS).topics
        topics = [topic for topic in self._about.border if topic in there and there[topic].error is None]
        ids = self._topic_ids(topics)
        new = [(topic, n) for topic in topics for n in there[topic].partitions if not self._known((topic, n))]
        missing = [
            (topic, n)
            for topic, its in self.positions.items()
            for n, offset in its.items()
            if offset and (topic not in topics or n not in there[topic].partitions) and (topic, n) not in self.blocked
        ]
        for key in missing:
            self._stop(key, "Kafka doesn't have it any more")
        remade = {topic for topic, its in ids.items() if self._ids.setdefault(topic, its) != its}
        for key in [key for key in self._given if key[0] in remade]:
            self._stop(key, "the topic was deleted and made again; the next batch of what was ingested goes on with it")
        if new:
            self._begin(new, ids)

    def _known(self, key: Key) -> bool:
        return key in self._given or key in self.blocked

    def _begin(self, keys: Sequence[Key], ids: Mapping[str, str]) -> None:
        ingested = CommittedOffsets.read(self._master).partitions
        begin = []
        for key in keys:
            topic, partition = key
            at = self.positions.setdefault(topic, {}).setdefault(partition, 0)
            low, high = self._consumer.get_watermark_offsets(TopicPartition(*key), timeout=_ASK_SECONDS) or (0, 0)
            known = ingested.get(key)
            generation = self._about.generations.get(topic, {}).get(partition)
            why = None
            if known is not None and known.topic_id and ids.get(topic) and known.topic_id != ids[topic]:
                why = "the topic was deleted and made again, which ingestion has to take note of first"
            elif known is not None and generation is not None and known.generation != generation:
                why = "the topic was deleted and made again; the next batch goes on with it"
            elif at < low:
                why = f"the messages from offset {at} to {low - 1} are gone from Kafka; the next batch goes on behind them"
            elif at > high:
                why = f"it ends at offset {high}, but was read up to {at}: Kafka lost messages, or the topic was made again"
            if why:
                if at < low:
                    self.missing[key] = low - at
                self._stop(key, why)
            else:
                self._given.add(key)
                begin.append(TopicPartition(topic, partition, at))
        if begin:
            self._consumer.incremental_assign(begin)

    def _stop(self, key: Key, why: str) -> None:
        if key not in self.blocked:
            self._reporter.log("alarm", topic=key[0], partition=key[1], why=why, note="it stands still")
        self.blocked[key] = why
        if key in self._given:
            self._given.discard(key)
            self._consumer.incremental_unassign([TopicPartition(*key)])

    def _topic_ids(self, topics: Sequence[str]) -> dict[str, str]:
        """Kafka's own ids of topics; none where the broker is too old to tell."""
        if not topics:
            return {}
        client = clients.admin(self._settings)  # its answers come only while it lives
        found = {}
        for topic, answer in client.describe_topics(
            TopicCollection(sorted(topics)), request_timeout=_ASK_SECONDS
        ).items():
            try:
                found[topic] = str(answer.result().topic_id or "")
            except KafkaException:
                continue
        return found
