"""The ingestion's numbers for monitoring: what flushes wrote, and how far the partitions are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from learnfold import __version__
from learnfold.telemetry import metrics

if TYPE_CHECKING:
    from learnfold.ingest.stream.assignment import Assignment
    from learnfold.ingest.stream.writer import Flushed
    from learnfold.telemetry.endpoint import Numbers


def show_process(numbers: Numbers) -> None:
    """Shows what ingests, and that nothing was written yet."""
    numbers.show(metrics.INGEST_INFO, [metrics.INGEST_INFO.of(1, version=__version__)])
    numbers.show(metrics.INGEST_LAST_FLUSH, [metrics.INGEST_LAST_FLUSH.of(0)])


def count_flush(numbers: Numbers, done: Flushed, seconds: float) -> None:
    """Counts what one flush wrote, in ``seconds``."""
    for topic, count in done.events.items():
        numbers.add(metrics.INGEST_EVENTS.of(count, topic=topic))
    for topic, size in done.bytes.items():
        numbers.add(metrics.INGEST_BYTES.of(size, topic=topic))
    for topic, reasons in done.quarantined.items():
        for reason, count in reasons.items():
            numbers.add(metrics.INGEST_QUARANTINED.of(count, topic=topic, reason=reason))
    numbers.add(metrics.INGEST_FILES.of(done.files))
    numbers.observe(metrics.INGEST_FLUSH.of(seconds))
    numbers.show(metrics.INGEST_LAST_FLUSH, [metrics.INGEST_LAST_FLUSH.of(time.time())])


def show_partitions(numbers: Numbers, assignment: Assignment, ends: dict[tuple[str, int], int]) -> None:
    """Shows this process's partitions and no others; ``ends``: by partition, the offset behind Kafka's last message."""
    offsets, held, lags = [], [], []
    for one in assignment.partitions.values():
        topic, partition = one.key[0], str(one.key[1])
        lag = max(0, ends.get(one.key, one.next) - one.progress.offset)
        offsets.append(metrics.INGEST_OFFSET.of(one.progress.offset, topic=topic, partition=partition))
        held.append(metrics.INGEST_HELD.of(one.rows, topic=topic, partition=partition))
        lags.append(metrics.INGEST_LAG.of(lag, topic=topic, partition=partition))
    numbers.show(metrics.INGEST_OFFSET, offsets)
    numbers.show(metrics.INGEST_HELD, held)
    numbers.show(metrics.INGEST_LAG, lags)
    numbers.show(metrics.INGEST_ALARMS, [metrics.INGEST_ALARMS.of(len(assignment.alarms))])
    numbers.show(metrics.INGEST_MISSING, [metrics.INGEST_MISSING.of(assignment.missing)])
