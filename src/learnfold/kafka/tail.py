"""Reads a Kafka topic as a member of no group: nothing is committed, and nobody notices."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from confluent_kafka import TopicPartition

from learnfold.errors import MissingDataError
from learnfold.kafka import clients

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confluent_kafka import Consumer, Message

    from learnfold.settings import Settings

_ASK_SECONDS = 10.0
_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Seen:
    """One message; text that isn't UTF-8 is shown with escapes."""

    topic: str
    partition: int
    offset: int
    at: datetime | None  # UTC, by Kafka
    key: str | None
    value: str | None


def tail(
    topic: str, settings: Settings, last: int, partition: int | None = None, *, follow: bool = False
) -> Iterator[Seen]:
    """The last messages of a topic, or of one of its partitions, in the order of their times; then, to ``follow``, whatever comes.

    The last ones are ``last`` of each partition at most, and of these the latest ``last``. Raises MissingDataError where there is no
    such topic, StorageError where Kafka can't be reached.
    """
    consumer = clients.reader(settings)
    try:
        with clients.translate_errors(settings):
            ends = _ends(consumer, topic, partition, settings)
            consumer.assign(
                [TopicPartition(topic, number, max(low, high - last)) for number, (low, high) in ends.items()]
            )
            yield from _present(consumer, {number: high for number, (low, high) in ends.items() if high > low}, last)
            while follow:
                yield from (
                    _seen(message) for message in consumer.consume(1000, _POLL_SECONDS) if message.error() is None
                )
    finally:
        consumer.close()


def _ends(consumer: Consumer, topic: str, partition: int | None, settings: Settings) -> dict[int, tuple[int, int]]:
    found = consumer.list_topics(topic, timeout=_ASK_SECONDS).topics[topic]
    numbers = [number for number in found.partitions if partition in {None, number}]
    if found.error is not None or not numbers:
        what = f"topic {topic}" if partition is None else f"partition {partition} of {topic}"
        raise MissingDataError(f"there is no {what} at {settings.kafka_servers}")
    ends = {n: consumer.get_watermark_offsets(TopicPartition(topic, n), timeout=_ASK_SECONDS) for n in numbers}
    return {number: end or (0, 0) for number, end in ends.items()}


def _present(consumer: Consumer, ends: dict[int, int], last: int) -> list[Seen]:
    """The last messages that were there when the ends were asked for."""
    seen: list[Seen] = []
    if not last:
        return seen
    while ends:
        for message in consumer.consume(1000, _POLL_SECONDS):
            number, offset = message.partition() or 0, message.offset() or 0
            if message.error() is None:
                seen.append(_seen(message))
                offset += 1
            if offset >= ends.get(number, offset + 1):
                del ends[number]
    return sorted(heapq.nlargest(last, seen, key=_order), key=_order)


def _order(message: Seen) -> tuple[datetime, int, int]:
    return message.at or datetime.min.replace(tzinfo=UTC), message.partition, message.offset


def _seen(message: Message) -> Seen:
    kind, at = message.timestamp()
    time = datetime.fromtimestamp(at / 1000, UTC) if kind and at >= 0 else None
    topic, number, offset = message.topic() or "", message.partition() or 0, message.offset() or 0
    return Seen(topic, number, offset, time, _text(message.key()), _text(message.value()))


def _text(data: object) -> str | None:
    return data.decode("utf-8", "backslashreplace") if isinstance(data, bytes) else None
