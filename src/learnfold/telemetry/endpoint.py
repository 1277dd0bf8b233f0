"""The numbers of a long-running process as Prometheus reads them over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnfold.errors import UsageError
from learnfold.telemetry.metrics import metrics_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from learnfold.settings import Settings
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
    """Serves the metrics of one source at http://ADDRESS:PORT/metrics; ``port`` 0 takes a free one.

    Raises UsageError where it can't listen there.
    """

    def __init__(self, source: str, port: int, address: str = "127.0.0.1") -> None:
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
        try:
            server, _ = start_http_server(port, address, registry)
        except OSError as error:
            raise UsageError(
                f"metrics can't be served at {address}:{port}: {error}; see --metrics-port and LEARNFOLD_METRICS_ADDRESS"
            ) from error
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


def open_numbers(source: str, settings: Settings) -> Numbers:
    """The endpoint that the settings ask for, or one that keeps nothing."""
    port, address = settings.metrics_port, settings.metrics_address
    return Endpoint(source, port, address) if port else Numbers()
