"""Where Kafka's partitions end: what ``--once`` drains to, what is behind, and up to when a partition is complete."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException, TopicPartition

from learnfold.master.committed_offsets import CommittedOffsets, now

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from confluent_kafka import Consumer

    from learnfold.ingest.stream.partition import Partition
    from learnfold.master.committed_offsets import PartitionProgress
    from learnfold.storage import Storage

Key = tuple[str, int]

_ASK_SECONDS = 10.0
_POLL_SECONDS = 1.0


class Ends:
    """The ends that were last asked for, by partition, each with the time at which it was asked."""

    def __init__(self, consumer: Consumer, master: Storage, topics: Sequence[str]) -> None:
        self._consumer, self._master, self._topics = consumer, master, topics
        self.known: dict[Key, tuple[int, str]] = {}
        self.topic_ids: Mapping[str, str] = {}  # Kafka's own, where it tells them
        self._others: dict[Key, int] = {}
        self._polled_at = -_POLL_SECONDS

    def sample(self, keys: Iterable[Key] | None = None) -> None:
        """Asks Kafka for the ends of some partitions now (None: all there are); those it doesn't tell stay as they were."""
        for key in self.all_partitions() if keys is None else keys:
            at = now()
            try:
                found = self._consumer.get_watermark_offsets(TopicPartition(*key), timeout=_ASK_SECONDS)
            except KafkaException:
                continue
            if found is not None:
                self.known[key] = (found[1], at)

    def all_partitions(self, topic: str | None = None) -> list[Key]:
        """The partitions of our topics, or of one."""
        found = self._consumer.list_topics(timeout=_ASK_SECONDS).topics
        wanted = self._topics if topic is None else (topic,)
        return [
            (name, number)
            for name in wanted
            if name in found and found[name].error is None
            for number in found[name].partitions
        ]

    def cached(self, partitions: Sequence[Partition]) -> dict[Key, int]:
        """The ends as the last answers to fetches told them, of partitions that were fetched from."""
        ends = {}
        for partition in partitions:
            found = self._consumer.get_watermark_offsets(TopicPartition(*partition.key), cached=True)
            if found is not None and found[1] >= 0:
                ends[partition.key] = found[1]
        return ends

    def read(self, mine: Mapping[Key, Partition]) -> bool:
        """Whether our partitions were read up to the known ends."""
        return all(partition.next >= self.known.get(key, (0, ""))[0] for key, partition in mine.items())

    def written(self, mine: Mapping[Key, Partition], left_out: Collection[Key]) -> bool:
        """Whether all partitions are in files up to the known ends; those of other processes by their progress.

        A progress that is of another topic of that name, or ahead of Kafka's end, says nothing of what Kafka has now.
        """
        for key, partition in mine.items():
            if partition.progress.offset < self.known.get(key, (0, ""))[0]:
                return False
        others = {key: end for key, (end, _) in self.known.items() if key not in mine and key not in left_out}
        behind = {key for key, end in others.items() if self._others.get(key, 0) < end}
        if behind and time.monotonic() - self._polled_at >= _POLL_SECONDS:
            self._polled_at = time.monotonic()
            progress = CommittedOffsets.read(self._master).partitions
            self._others = {key: one.offset for key, one in progress.items() if not self._is_of_another(key, one)}
            behind = {key for key, end in others.items() if self._others.get(key, 0) < end}
        return not behind

    def _is_of_another(self, key: Key, progress: PartitionProgress) -> bool:
        now_id = self.topic_ids.get(key[0], "")
        if now_id and progress.topic_id:
            return now_id != progress.topic_id
        if progress.offset > self.known.get(key, (0, ""))[0]:  # or the partition has grown since it was asked for
            self.sample([key])
        return progress.offset > self.known.get(key, (0, ""))[0]
