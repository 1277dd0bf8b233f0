"""The numbers of a long-running process as Prometheus reads them over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnfold.telemetry.metrics import metrics_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from learnfold.telemetry.metrics import Metric, Sample


class Numbers:
    """Keeps nothing: where no port is set."""

    def add(self, sample: Sample) -> None:
        """Adds to a counter."""

    def show(self, metric: Metric, samples: Iterable[Sample]) -> None:
        """Makes these all samples that a gauge has."""

    def observe(self, sample: Sample) -> None:
        """Adds one observation to a histogram."""


class Endpoint(Numbers):
    """Serves the metrics of one source at http://…:PORT/metrics; ``port`` 0 takes a free one."""

    def __init__(self, source: str, port: int) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

        registry = CollectorRegistry()
        kinds: dict[str, Any] = {"counter": Counter, "gauge": Gauge, "histogram": Histogram}
        self._collectors: dict[Metric, Any] = {
            metric: kinds[metric.kind](
                metric.full_name.removesuffix("_total"), metric.help, metric.labels, registry=registry
            )
            for metric in metrics_of(source)
        }
        self._shown: dict[Metric, set[tuple[str, ...]]] = {}
        server, _ = start_http_server(port, registry=registry)
        self.port = int(server.server_port)

    def add(self, sample: Sample) -> None:
        """Adds to a counter."""
        self._child(sample).inc(sample.value)

    def show(self, metric: Metric, samples: Iterable[Sample]) -> None:
        """Makes these all samples that a gauge has; those of other labels go."""
        shown = set()
        for sample in samples:
            self._child(sample).set(sample.value)
            shown.add(tuple(value for _, value in sample.labels))
        for labels in self._shown.get(metric, set()) - shown:
            self._collectors[metric].remove(*labels)
        self._shown[metric] = shown

    def observe(self, sample: Sample) -> None:
        """Adds one observation to a histogram."""
        self._child(sample).observe(sample.value)

    def _child(self, sample: Sample) -> Any:
        collector = self._collectors[sample.metric]
        return collector.labels(*(value for _, value in sample.labels)) if sample.labels else collector


def open_numbers(source: str, port: int) -> Numbers:
    """The endpoint at ``port``, or nothing where it is 0."""
    return Endpoint(source, port) if port else Numbers()
