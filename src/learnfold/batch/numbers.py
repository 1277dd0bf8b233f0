"""A batch's numbers for monitoring, from its manifest."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from learnfold.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from learnfold.batch.manifest import JobRecord, Manifest, TopicRecord
    from learnfold.telemetry.metrics import Sample


def numbers(manifest: Manifest, jobs: Sequence[str], *, folded: bool) -> list[Sample]:
    """What the batch holds of ``jobs``; ``folded``: whether this run made it, or found nothing new."""
    now = time.time()
    return [sample for name in jobs for sample in _job(name, manifest.jobs[name], folded=folded, now=now)]


def _job(job: str, record: JobRecord, *, folded: bool, now: float) -> Iterator[Sample]:
    published = datetime.strptime(record.batch.partition("-")[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    yield metrics.PUBLISHED.of(published.timestamp(), batch_job=job)
    yield metrics.DAYS_FOLDED.of(record.folded_days if folded else 0, batch_job=job)
    for name, topic in record.topics.items():
        yield from _topic(job, name, topic, now)
    for name, view in record.views.items():
        yield metrics.VIEW_ROWS.of(view.rows, batch_job=job, view=name)
        yield metrics.VIEW_BYTES.of(view.bytes, batch_job=job, view=name)


def _topic(job: str, name: str, topic: TopicRecord, now: float) -> Iterator[Sample]:
    yield metrics.EVENTS.of(topic.events, batch_job=job, topic=name)
    yield metrics.DUPLICATES.of(topic.duplicates, batch_job=job, topic=name)
    yield metrics.UNREADABLE_FILES.of(len(topic.unreadable), batch_job=job, topic=name)
    for reason, count in topic.quarantined.items():
        yield metrics.QUARANTINED.of(count, batch_job=job, topic=name, reason=reason)
    if days := [day for day, counts in topic.days.items() if counts.events]:
        newest = datetime.combine(max(days), datetime.min.time(), UTC)
        lag = now - (newest + timedelta(days=1)).timestamp()
        yield metrics.NEWEST_DAY.of(newest.timestamp(), batch_job=job, topic=name)
        yield metrics.LAG.of(max(0.0, lag), batch_job=job, topic=name)
