"""The ingestion's numbers as Prometheus reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from learnfold.ingest.stream.partition import Partition
    from learnfold.ingest.stream.writer import Flushed
    from learnfold.settings import Settings


class Metrics:
    """Counts nothing: where no port is set."""

    def flushed(self, done: Flushed, seconds: float) -> None:
        """Files were written."""

    def partitions(
        self, mine: Iterable[Partition], ends: dict[tuple[str, int], int], alarms: int, missing: int
    ) -> None:
        """How far the partitions are, and how far Kafka is."""


class PrometheusMetrics(Metrics):
    """An endpoint at http://…:PORT/metrics."""

    def __init__(self, port: int) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

        registry = CollectorRegistry()
        name = "learnfold_ingest"
        self._events = Counter(f"{name}_events", "valid events written", ["topic"], registry=registry)
        self._bytes = Counter(f"{name}_bytes", "bytes of messages written", ["topic"], registry=registry)
        self._bad = Counter(f"{name}_quarantined", "invalid messages", ["topic", "reason"], registry=registry)
        self._files = Counter(f"{name}_files", "files written", registry=registry)
        self._seconds = Histogram(f"{name}_flush_seconds", "seconds that a flush takes", registry=registry)
        by_partition = ["topic", "partition"]
        self._lag = Gauge(f"{name}_lag", "messages in Kafka that aren't in files", by_partition, registry=registry)
        self._offset = Gauge(f"{name}_offset", "offset before which all is in files", by_partition, registry=registry)
        self._held = Gauge(f"{name}_held", "messages held in memory", by_partition, registry=registry)
        self._alarms = Gauge(f"{name}_alarms", "partitions that stand still, their messages gone", registry=registry)
        self._missing = Gauge(f"{name}_missing", "messages that were gone before they were read", registry=registry)
        self._known: set[tuple[str, str]] = set()
        server, _ = start_http_server(port, registry=registry)
        self.port = int(server.server_port)

    def flushed(self, done: Flushed, seconds: float) -> None:
        """Counts what was written."""
        for topic, number in done.events.items():
            self._events.labels(topic).inc(number)
            self._bytes.labels(topic).inc(done.bytes[topic])
        for topic, reasons in done.quarantined.items():
            for reason, number in reasons.items():
                self._bad.labels(topic, reason).inc(number)
        self._files.inc(done.files)
        self._seconds.observe(seconds)

    def partitions(
        self, mine: Iterable[Partition], ends: dict[tuple[str, int], int], alarms: int, missing: int
    ) -> None:
        """Shows the partitions that are ours, and no others."""
        shown = set()
        for one in mine:
            labels = (one.key[0], str(one.key[1]))
            shown.add(labels)
            self._offset.labels(*labels).set(one.progress.offset)
            self._held.labels(*labels).set(one.rows)
            self._lag.labels(*labels).set(max(0, ends.get(one.key, one.next) - one.progress.offset))
        for labels in self._known - shown:
            for gauge in (self._offset, self._lag, self._held):
                gauge.remove(*labels)
        self._known = shown
        self._alarms.set(alarms)
        self._missing.set(missing)


def open_metrics(settings: Settings) -> Metrics:
    """The endpoint that the settings ask for, or none."""
    return PrometheusMetrics(settings.metrics_port) if settings.metrics_port else Metrics()
