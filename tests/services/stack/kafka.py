"""Kafka: one broker that is its own controller (KRaft)."""

import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .need import jars, java_home, module
from .process import run
from .service import Service, ServiceError, free_ports, listens

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

POM = Path(__file__).parent / "kafka_jars" / "pom.xml"
HEAP = ("-Xms256m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class Kafka(Service):
    """One broker on 127.0.0.1, without authentication; topics are made by `create_topic` only."""

    name = "kafka"

    def __init__(self, folder: Path, **settings: Any) -> None:
        """`settings` are the broker's beside its own, with _ for the dots."""
        super().__init__(folder)
        module("confluent_kafka", extra="kafka")
        self.port, self._controller_port = free_ports(2)
        self._settings = settings

    @property
    def bootstrap_servers(self) -> str:
        """Where clients go."""
        return f"127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        """See Service."""
        java = self._java()
        settings = self.folder / "server.properties"
        settings.write_text(
            "".join(f"{name}={value}\n" for name, value in self._properties().items()), encoding="utf-8"
        )
        if not (self.folder / "data" / "meta.properties").exists():
            self._format(java, settings)
        return [*java, "kafka.Kafka", str(settings)]

    def remove_unfinished(self) -> None:
        """See Service."""
        shutil.rmtree(self.folder / "data", ignore_errors=True)

    def ready(self) -> bool:
        """See Service."""
        from confluent_kafka import KafkaException

        if not listens(self.port):
            return False
        try:
            self.admin().list_topics(timeout=10)
        except KafkaException:
            return False
        return True

    def admin(self) -> "AdminClient":
        """A client that administers the broker."""
        from confluent_kafka.admin import AdminClient

        return AdminClient({"bootstrap.servers": self.bootstrap_servers})

    def create_topic(self, name: str, partitions: int = 1, **config: Any) -> str:
        """The topic's name; it exists now, if it didn't before. `config` is the topic's, with _ for the dots."""
        from confluent_kafka import KafkaError, KafkaException
        from confluent_kafka.admin import NewTopic

        wanted = {key.replace("_", "."): str(value) for key, value in config.items()}
        admin = self.admin()
        try:
            admin.create_topics([NewTopic(name, num_partitions=partitions, config=wanted)])[name].result(30)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
        return name

    def _java(self) -> list[str]:
        log = f"-Dlog4j2.configurationFile={POM.with_name('log4j2.properties')}"
        return [str(java_home("Kafka") / "bin" / "java"), *HEAP, log, "-cp", f"{jars('kafka', POM)}/*"]

    def _format(self, java: list[str], settings: Path) -> None:
        """Write the empty data folder's identity."""
        command = [*java, "kafka.tools.StorageTool", "format", "-t", str(uuid.uuid4()), "-c", str(settings)]
        done = run(command)
        if done.returncode:
            raise ServiceError(f"Kafka could not format {self.folder / 'data'}:\n{done.stdout}{done.stderr}")

    def _properties(self) -> dict[str, object]:
        broker, controller = f"127.0.0.1:{self.port}", f"127.0.0.1:{self._controller_port}"
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"PLAINTEXT://{broker},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{broker}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": self.folder / "data",
            "auto.create.topics.enable": "false",
            "default.replication.factor": 1,
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 4,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "share.coordinator.state.topic.num.partitions": 1,
            "broker.heartbeat.interval.ms": 500,
            "broker.session.timeout.ms": 3000,  # so long a killed broker is thought alive, and not let in again
            "group.initial.rebalance.delay.ms": 0,
            "num.network.threads": 2,
            "num.io.threads": 2,
            "log.segment.bytes": 128 << 20,
            "log.cleaner.dedupe.buffer.size": 8 << 20,
            **{name.replace("_", "."): value for name, value in self._settings.items()},
        }
