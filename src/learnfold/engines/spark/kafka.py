"""Kafka as Spark's Java reaches it: our settings by the names that Java's clients give them, and what a broker says of its topics."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from learnfold.errors import StorageError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learnfold.engines.spark.session import Session
    from learnfold.settings import Settings

_RENAMED = {"sasl.mechanisms": "sasl.mechanism", "ssl.ca.location": "ssl.truststore.location"}
"""librdkafka's names of settings that Java's clients have by another."""

_LOGINS = ("sasl.username", "sasl.password")
_SECONDS = 10


@dataclass(frozen=True)
class KafkaTopic:
    """A topic as the broker knows it now."""

    id: str
    ends: dict[int, int]  # by partition, the offset behind the last message that is committed


def java_options(settings: Settings) -> dict[str, str]:
    """The settings of a client of Java's. Raises UsageError where an option is no option."""
    found = {"bootstrap.servers": settings.kafka_servers, "isolation.level": "read_committed"}
    given = {}
    for part in re.split(r",\s*(?=[\w.]+\s*=)", settings.kafka_options.strip()):
        name, equals, value = part.partition("=")
        if part and not equals:
            raise UsageError("kafka_options has a part without =; it is name=value, several separated by commas")
        if part:
            given[name.strip()] = value.strip()
    found |= {_RENAMED.get(name, name): value for name, value in given.items() if name not in _LOGINS}
    if "ssl.ca.location" in given:
        found.setdefault("ssl.truststore.type", "PEM")
    if all(name in given for name in _LOGINS):
        plain = found.get("sasl.mechanism", "PLAIN") == "PLAIN"
        module = f"org.apache.kafka.common.security.{'plain.Plain' if plain else 'scram.Scram'}LoginModule"
        user, password = (given[name].replace("\\", "\\\\").replace('"', '\\"') for name in _LOGINS)
        found["sasl.jaas.config"] = f'{module} required username="{user}" password="{password}";'
    return found


class Broker:
    """What a broker says of its topics, by a client of Java's."""

    def __init__(self, session: Session, settings: Settings) -> None:
        self._jvm, self._servers = session.jvm, settings.kafka_servers
        clients = self._jvm.org.apache.kafka.clients.admin
        properties = self._jvm.java.util.Properties()
        for name, value in java_options(settings).items():
            properties.setProperty(name, value)
        properties.setProperty("default.api.timeout.ms", str(_SECONDS * 1000))
        properties.setProperty("request.timeout.ms", str(_SECONDS * 500))
        self._client = self._answered(lambda: clients.AdminClient.create(properties))

    def topics(self, names: Sequence[str]) -> dict[str, KafkaTopic]:
        """Those of the topics that there are. Raises StorageError where Kafka can't be reached."""
        found: dict[str, KafkaTopic] = self._answered(lambda: self._topics(names))
        return found

    def close(self) -> None:
        """Lets go of the broker."""
        self._client.close()

    def _answered(self, ask: Any) -> Any:
        from learnfold.engines.spark.errors import SPARK_ERRORS, first_line

        try:
            return ask()
        except SPARK_ERRORS as error:
            why = re.sub(r"^.*?Exception: ", "", first_line(str(error)))
            raise StorageError(
                f"Kafka at {self._servers}: {why}. Is the broker up, and LEARNFOLD_KAFKA_SERVERS right?"
            ) from error

    def _topics(self, names: Sequence[str]) -> dict[str, KafkaTopic]:
        java = self._jvm.java.util
        there = set(self._client.listTopics().names().get())
        asked = java.ArrayList()
        for name in names:
            if name in there:
                asked.add(name)
        described = self._client.describeTopics(asked).allTopicNames().get()
        wanted, latest = java.HashMap(), self._jvm.org.apache.kafka.clients.admin.OffsetSpec.latest()
        for name in asked:
            for number in range(described[name].partitions().size()):
                wanted.put(self._jvm.org.apache.kafka.common.TopicPartition(name, number), latest)
        level = self._jvm.org.apache.kafka.common.IsolationLevel.READ_COMMITTED
        options = self._jvm.org.apache.kafka.clients.admin.ListOffsetsOptions(level)
        ends: dict[str, dict[int, int]] = {name: {} for name in asked}
        for entry in self._client.listOffsets(wanted, options).all().get().entrySet():
            at = entry.getKey()
            ends[at.topic()][at.partition()] = entry.getValue().offset()
        return {name: KafkaTopic(described[name].topicId().toString(), ends[name]) for name in asked}
