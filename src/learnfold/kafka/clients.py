"""How Kafka is reached: librdkafka's settings from ours, and its errors as ours."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from learnfold.addresses import HIDDEN
from learnfold.errors import StorageError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from learnfold.settings import Settings

Client = TypeVar("Client")

_FIXED = ("group.id", "enable.auto.commit", "enable.auto.offset.store", "auto.offset.reset", "enable.partition.eof")
"""Settings that have to stay as they are so that nothing is lost."""

_REFUSED = (
    KafkaError._AUTHENTICATION,  # noqa: SLF001 - what the library calls its own codes
    KafkaError._SSL,  # noqa: SLF001
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
)


def consumer(settings: Settings, **callbacks: Any) -> Consumer:
    """A consumer of the ingestion's group: positions are set by us, and a lost one is an error."""
    return _made(
        Consumer,
        {
            "group.id": settings.kafka_group,
            "partition.assignment.strategy": "cooperative-sticky",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "allow.auto.create.topics": False,
            "topic.metadata.refresh.interval.ms": 10_000,  # a topic made later is found so soon
            "fetch.queue.backoff.ms": 5,  # a full queue is asked again so soon; the default, 1000, wastes most of the time
            **callbacks,
        },
        settings,
    )


def reader(settings: Settings) -> Consumer:
    """A consumer that only reads: it belongs to no group that commits."""
    own = {
        "group.id": f"{settings.kafka_group}-look",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "enable.partition.eof": True,
        "allow.auto.create.topics": False,
    }
    return _made(Consumer, own, settings)


def follower(settings: Settings, **callbacks: Any) -> Consumer:
    """A consumer for whom each millisecond counts: it belongs to no group, a lost position is an error, and what it holds is bounded."""
    own = {
        "group.id": f"{settings.kafka_group}-speed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        "allow.auto.create.topics": False,
        "fetch.wait.max.ms": 20,
        "fetch.queue.backoff.ms": 5,
        "queued.max.messages.kbytes": 2_048,  # a partition, of which there may be dozens
        "reconnect.backoff.max.ms": 1_000,
        **callbacks,
    }
    return _made(Consumer, own, settings)


def producer(settings: Settings, **callbacks: Any) -> Producer:
    """A producer whose messages arrive once and in order, or are reported as failed."""
    own = {"enable.idempotence": True, "acks": "all", "linger.ms": 50, "compression.type": "lz4", "batch.size": 500_000}
    return _made(Producer, {**own, "queue.buffering.max.messages": 200_000, **callbacks}, settings)


def admin(settings: Settings) -> AdminClient:
    """A client that asks about topics."""
    return _made(AdminClient, {}, settings)


def _made(kind: Callable[[dict[str, Any]], Client], own: dict[str, Any], settings: Settings) -> Client:
    options = _options(settings.kafka_options)
    fixed = [name for name in options if name in _FIXED and own.get(name) is not None]
    if fixed:
        raise UsageError(
            f"kafka_options sets {', '.join(fixed)}, which has to stay as it is so that no event is lost; leave it out"
        )
    config = {"bootstrap.servers": settings.kafka_servers, "client.id": "learnfold", "log_level": 2, **own, **options}
    try:
        return kind(config)
    except (KafkaException, ValueError, TypeError) as error:
        why = error.args[0].str() if isinstance(error, KafkaException) else str(error)
        for value in filter(None, options.values()):  # it may be a password
            why = why.replace(value, HIDDEN)
        raise UsageError(f"Kafka's settings can't be used: {why}; see LEARNFOLD_KAFKA_OPTIONS") from error


def _options(text: str) -> dict[str, str]:
    """The user's own settings; a comma that no name and = follow belongs to the value."""
    options = {}
    for part in re.split(r",\s*(?=[\w.]+\s*=)", text.strip()):
        if not part:
            continue
        name, equals, value = part.partition("=")
        if not equals:
            raise UsageError("kafka_options has a part without =; it is name=value, several separated by commas")
        options[name.strip()] = value.strip()
    return options


def refuses(error: KafkaError) -> bool:
    """Whether waiting can't help: the broker doesn't let us in, or the client is broken."""
    return bool(error.fatal()) or error.code() in _REFUSED


def unreachable(settings: Settings, why: str) -> StorageError:
    """The error that says so."""
    return StorageError(
        f"Kafka at {settings.kafka_servers}: {why}. Is the broker up, and LEARNFOLD_KAFKA_SERVERS right?"
    )


@contextlib.contextmanager
def translate_errors(settings: Settings) -> Iterator[None]:
    """Kafka's errors as ours."""
    try:
        yield
    except KafkaException as error:
        raise unreachable(settings, error.args[0].str()) from error
