"""The endpoint of a long-running process, read by Prometheus' own parser over HTTP."""

from __future__ import annotations

import socket
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from learnfold.errors import UsageError
from learnfold.settings import Settings
from learnfold.telemetry import metrics
from learnfold.telemetry.endpoint import Endpoint, Numbers, open_numbers


def scraped(endpoint: Endpoint) -> dict[tuple[str, ...], float]:
    """Every sample by name and labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{endpoint.port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_it_serves_the_metrics_of_the_table() -> None:
    """A counter adds up, a gauge has the samples it was last shown and no others, a histogram counts."""
    endpoint = Endpoint(metrics.INGESTION, 0)
    for count in (2, 3):
        endpoint.add(metrics.INGEST_EVENTS.of(count, topic="video_topic"))
        endpoint.observe(metrics.INGEST_FLUSH.of(0.5))
    for partitions in ("01", "12"):
        samples = [metrics.INGEST_LAG.of(7, topic="t", partition=partition) for partition in partitions]
        endpoint.show(metrics.INGEST_LAG, samples)
    found = scraped(endpoint)
    assert found["learnfold_ingest_events_total", "video_topic"] == 5
    assert found["learnfold_ingest_flush_seconds_count",] == 2
    assert found["learnfold_ingest_flush_seconds_sum",] == 1
    assert {key[1] for key in found if key[0] == "learnfold_ingest_lag"} == {"1", "2"}
    names = {key[0].removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for key in found}
    assert names <= {metric.full_name for metric in metrics.metrics_of(metrics.INGESTION)}


def test_it_listens_on_this_machine_alone_unless_told() -> None:
    """Another address of the machine refuses; all of them are a setting."""
    endpoint = Endpoint(metrics.INGESTION, 0)
    with pytest.raises(OSError, match=r"refused|unreachable|assign"):
        socket.create_connection(("127.0.0.2", endpoint.port), timeout=5).close()
    everywhere = Endpoint(metrics.INGESTION, 0, "0.0.0.0")
    socket.create_connection(("127.0.0.2", everywhere.port), timeout=5).close()
    assert Settings().metrics_address == "127.0.0.1"


def test_a_port_that_is_taken_is_refused() -> None:
    """With what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match="--metrics-port"):
            open_numbers(metrics.INGESTION, Settings(metrics_port=taken.getsockname()[1]))


def test_without_a_port_nothing_is_served() -> None:
    """And nothing is counted."""
    assert type(open_numbers(metrics.INGESTION, Settings())) is Numbers
