"""Which partitions this process has: claimed when the group gives them, written down and let go when it takes them back."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaException, TopicCollection, TopicPartition

from learnfold.errors import StorageError
from learnfold.ingest.stream.partition import FencedError, Partition, claim
from learnfold.kafka import clients
from learnfold.master.committed_offsets import PartitionProgress, now, read_partition

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from confluent_kafka import Consumer

    from learnfold.ingest.stream.context import StreamContext

Key = tuple[str, int]

_ASK_SECONDS = 10.0
_PATIENCE_SECONDS = 240.0
"""How long a storage that is away is waited for while the group waits for us; after 300 s it would give our partitions away."""


@dataclass
class Assignment:
    """The partitions that are ours now, by topic and number."""

    context: StreamContext
    flush: Callable[[Sequence[Partition]], None]  # writes what these hold; one attempt
    accept_gap: bool
    partitions: dict[Key, Partition] = field(default_factory=dict)
    alarms: dict[Key, str] = field(default_factory=dict)  # partitions that stand still, since messages are gone
    missing: int = 0  # messages that were gone
    _given: set[Key] = field(default_factory=set)  # that Kafka fetches for us

    def assigned(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        """The group gives us these: claims them, and begins where their progress says."""
        ids = self.topic_ids({given.topic for given in partitions})
        begin = []
        for given in partitions:
            key = (given.topic, given.partition)
            partition = self._patiently(self._claimed, consumer, key, ids.get(given.topic, ""))
            if partition is not None:
                self.partitions[key] = partition
                self._given.add(key)
                begin.append(TopicPartition(*key, partition.next))
        consumer.incremental_assign(begin)
        self.context.reporter.log("assigned", partitions=_shown(begin) or "none")

    def revoked(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        """The group takes these back: writes what is held of them, and says that nothing of them is in the making."""
        keys = [(taken.topic, taken.partition) for taken in partitions]
        mine = [self.partitions[key] for key in keys if key in self.partitions]
        try:
            self.flush(mine)
            for partition in mine:
                partition.advance(clean=True)
        except StorageError as error:
            rows = sum(partition.rows for partition in mine)
            self.context.reporter.log("dropped", events=rows, why=str(error), note="they are read again")
        self._forget(consumer, keys)
        self.context.reporter.log("revoked", partitions=_shown(partitions))

    def lost(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        """The group gave these to another, who reads again what is held of them."""
        self._forget(consumer, [(taken.topic, taken.partition) for taken in partitions])
        self.context.reporter.log("lost", partitions=_shown(partitions))

    def fenced(self, error: FencedError) -> None:
        """Lets go of what another process claimed while the group still thought it ours; it is read again there."""
        self.context.reporter.log("fenced", why=str(error))
        for key, partition in list(self.partitions.items()):
            found = read_partition(self.context.master, *key)
            if found is None or found[1] != partition.tag:
                del self.partitions[key]

    def out_of_range(self, consumer: Consumer, key: Key) -> None:
        """Kafka doesn't have the next message of one of ours any more: an alarm, or a gap that is accepted."""
        if key not in self.partitions:
            return
        held = self.partitions[key]
        self.flush([held])
        self._forget(consumer, [key])
        ids = self.topic_ids({key[0]})
        partition = self._patiently(self._claimed, consumer, key, ids.get(key[0], ""))
        if partition is not None:
            self.partitions[key] = partition
            self._given.add(key)
            consumer.incremental_assign([TopicPartition(*key, partition.next)])

    def _forget(self, consumer: Consumer, keys: Sequence[Key]) -> None:
        for key in keys:
            self.partitions.pop(key, None)
            self.alarms.pop(key, None)
        consumer.incremental_unassign([TopicPartition(*key) for key in keys if key in self._given])
        self._given -= set(keys)

    def _claimed(self, consumer: Consumer, key: Key, topic_id: str) -> Partition | None:
        """The partition from where its progress says; None where messages behind that are gone and it isn't accepted."""
        found = read_partition(self.context.master, *key)
        low, high = self._ends(consumer, key)
        if found is None:
            if low > 0:
                self.context.reporter.log(
                    "begin", topic=key[0], partition=key[1], offset=low, note="what was before is gone"
                )
            return claim(
                self.context.master,
                self.context.folders(key[0]),
                PartitionProgress(*key, offset=max(low, 0), topic_id=topic_id),
                self.context.settings.kafka_group,
            )
        known = found[0]
        problem = _problem(known, low, high, topic_id)
        if problem is None:
            return claim(
                self.context.master,
                self.context.folders(key[0]),
                replace(known, topic_id=topic_id or known.topic_id),
                self.context.settings.kafka_group,
            )
        return self._gap(known, problem, low, topic_id)

    def _gap(self, known: PartitionProgress, problem: str, low: int, topic_id: str) -> Partition | None:
        key = (known.topic, known.partition)
        remade = not known.offset < low or known.topic_id not in {"", topic_id}
        lost = 0 if remade else low - known.offset
        self.missing += lost
        fields: dict[str, Any] = {"topic": known.topic, "partition": known.partition, "why": problem}
        if not self.accept_gap:
            self.alarms[key] = problem
            self.context.reporter.log(
                "alarm", **fields, note="this partition stands still; --accept-gap goes on without them"
            )
            return None
        self.context.reporter.log("alarm", **fields, note="accepted")
        gap = {"from": known.offset, "to": low, "generation": known.generation, "accepted_at": now()}
        generation = known.generation + (1 if remade else 0)
        wanted = replace(
            known,
            offset=max(low, 0),
            generation=generation,
            topic_id=topic_id,
            gaps=[*known.gaps, gap],
            complete_until=None,
        )
        return claim(self.context.master, self.context.folders(known.topic), wanted, self.context.settings.kafka_group)

    def _ends(self, consumer: Consumer, key: Key) -> tuple[int, int]:
        """The first offset that Kafka has of a partition, and the one after its last; -1 where it doesn't say."""
        try:
            found = consumer.get_watermark_offsets(TopicPartition(*key), timeout=_ASK_SECONDS)
        except KafkaException:
            return -1, -1
        return found or (-1, -1)

    def topic_ids(self, topics: set[str]) -> dict[str, str]:
        """Kafka's own ids of topics, which a topic that is made again doesn't keep; none where the broker is too old to tell."""
        if not topics:
            return {}
        ids = {}
        client = clients.admin(self.context.settings)  # its answers come only while it lives
        asked = client.describe_topics(TopicCollection(sorted(topics)), request_timeout=_ASK_SECONDS)
        for topic, answer in asked.items():
            try:
                ids[topic] = str(answer.result().topic_id or "")
            except KafkaException:
                continue
        return ids

    def _patiently(self, act: Callable[..., Partition | None], *args: Any) -> Partition | None:
        """What ``act`` gives, tried again while the storage is away."""
        began, pause = time.monotonic(), 0.5
        while True:
            try:
                return act(*args)
            except StorageError as error:
                if self.context.stop.is_set() or time.monotonic() - began > _PATIENCE_SECONDS:
                    raise
                self.context.reporter.log_rarely("waiting", why=str(error))
                self.context.stop.wait(pause)
                pause = min(10.0, pause * 2)


def _problem(known: PartitionProgress, low: int, high: int, topic_id: str) -> str | None:
    """What is wrong with going on from the known offset; None: nothing."""
    where = f"{known.topic} partition {known.partition}"
    if topic_id and known.topic_id and topic_id != known.topic_id:
        return (
            f"{where} was deleted and made again; what it held from offset {known.offset} on is gone, if it held anything. "
            f"The new one begins at offset {max(low, 0)}"
        )
    if known.offset < low:
        return (
            f"the messages of {where} from offset {known.offset} to {low - 1} ({low - known.offset} messages) are gone from Kafka "
            "and not in the master dataset: retention removed them before they were ingested"
        )
    if 0 <= high < known.offset:
        return (
            f"{where} ends at offset {high}, but was ingested up to {known.offset}: "
            "it was deleted and made again, or the brokers lost messages that are in the master dataset"
        )
    return None


def _shown(partitions: Sequence[TopicPartition]) -> str:
    return ", ".join(f"{one.topic}/{one.partition}" for one in sorted(partitions, key=lambda p: (p.topic, p.partition)))
