"""Sends messages to Kafka, as fast as it goes or at a rate: the producer of the demo and of the tests."""

from __future__ import annotations

import sys
import time
from itertools import islice
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException

from learnfold import catalog
from learnfold.errors import StorageError
from learnfold.kafka import clients

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from confluent_kafka import Message, Producer

    from learnfold.settings import Settings

Sent = tuple[str, str | bytes | None, bytes | None]

PARTITIONS = 3
"""Of topics that didn't exist."""

_AT_ONCE = 1_000
_FULL_SECONDS = 0.1
_WAIT_SECONDS = 30.0


def produce(messages: Iterator[Sent], settings: Settings, rate: float | None = None) -> int:
    """How many messages were sent, each confirmed by the broker; topics of learnfold that don't exist are made.

    A message is its topic, its key (by which it finds its partition; None: any) and its value. ``rate`` is messages a second.
    Raises StorageError where Kafka can't be reached, or refuses a message.
    """
    failures = _Failures()
    producer = clients.producer(settings, on_delivery=failures.note, error_cb=failures.connection)
    with clients.translate_errors(settings):
        make_topics(settings, list(catalog.load().topics))
        began, sent = time.monotonic(), 0
        while some := list(islice(messages, _AT_ONCE)):
            for topic, key, value in some:
                _send(producer, topic, key, value)
            sent += len(some)
            producer.poll(0)
            failures.check(settings)
            if rate:
                time.sleep(max(0.0, began + sent / rate - time.monotonic()))
        while producer.flush(1.0):
            failures.check(settings)
    failures.check(settings)
    return sent


def make_topics(settings: Settings, topics: Sequence[str], partitions: int = PARTITIONS) -> list[str]:
    """Makes the topics that don't exist yet; returns which. Raises StorageError where Kafka can't be reached."""
    from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined]

    client = clients.admin(settings)
    with clients.translate_errors(settings):
        there = client.list_topics(timeout=_WAIT_SECONDS).topics
        made = [topic for topic in topics if topic not in there]
        if made:
            for answer in client.create_topics([NewTopic(topic, num_partitions=partitions) for topic in made]).values():
                try:
                    answer.result(_WAIT_SECONDS)
                except KafkaException as error:
                    if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                        raise
            print(f"made the topics {', '.join(made)} with {partitions} partitions each", file=sys.stderr)
    return made


def _send(producer: Producer, topic: str, key: str | bytes | None, value: bytes | None) -> None:
    while True:
        try:
            producer.produce(topic, value, key)
        except BufferError:  # as many are under way as there may be
            producer.poll(_FULL_SECONDS)
        else:
            return


class _Failures:
    """What the broker didn't take."""

    def __init__(self) -> None:
        self.count = 0
        self.first = ""
        self.refused = ""

    def note(self, error: KafkaError | None, message: Message[Any, Any]) -> None:
        """Hears of every message that arrived, or didn't."""
        if error is not None:
            self.count += 1
            self.first = self.first or f"{message.topic()}: {error.str()}"

    def connection(self, error: KafkaError) -> None:
        """Hears of what is wrong with the connection."""
        if clients.refuses(error):
            self.refused = error.str()

    def check(self, settings: Settings) -> None:
        """Raises StorageError where a message didn't arrive."""
        if self.refused:
            raise clients.unreachable(settings, self.refused)
        if self.count:
            raise StorageError(
                f"Kafka at {settings.kafka_servers} didn't take {self.count} messages; the first: {self.first}. "
                "Send them again: duplicates of an event count once"
            )
