"""A run's numbers for monitoring, from the manifest, the plan and what the run took."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from learnfold.storage.out_layout import BATCH_FOLDERS, batch_of_manifest
from learnfold.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from learnfold.batch.manifest import JobRecord, Manifest, TopicRecord
    from learnfold.batch.plan import JobPlan
    from learnfold.errors import CheckError
    from learnfold.settings import Settings
    from learnfold.storage import Storage
    from learnfold.telemetry.metrics import Sample


def batch_numbers(manifest: Manifest, jobs: Sequence[str], settings: Settings, *, folded: bool) -> list[Sample]:
    """What the batch holds of ``jobs``; ``folded``: whether this run made it, or found nothing new."""
    now = datetime.now(UTC)
    latest = latest_day(settings)
    engine = "spark" if "spark" in manifest.versions else "duckdb"
    found: list[Sample] = []
    for job in jobs:
        record = manifest.jobs[job]
        found += _job(job, record, folded=folded)
        found.append(metrics.INFO.of(1, batch_job=job, version=manifest.versions["learnfold"], engine=engine))
        for name, topic in record.topics.items():
            found += _topic(job, name, topic)
            found += _newest(job, name, topic, now, latest)
    return found


def latest_day(settings: Settings) -> date:
    """The last UTC day that isn't in the future, by the clock and the setting."""
    return (datetime.now(UTC) + timedelta(days=settings.future_days)).date()


def _job(job: str, record: JobRecord, *, folded: bool) -> Iterator[Sample]:
    published = datetime.strptime(record.batch.partition("-")[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    yield metrics.PUBLISHED.of(published.timestamp(), batch_job=job)
    yield metrics.DAYS_FOLDED.of(record.folded_days if folded else 0, batch_job=job)
    yield metrics.FOLDS.of(record.folded_days if folded else 0, batch_job=job)
    for name, view in record.views.items():
        yield metrics.VIEW_ROWS.of(view.rows, batch_job=job, view=name)
        yield metrics.VIEW_BYTES.of(view.bytes, batch_job=job, view=name)
        yield metrics.VIEW_SECONDS.of(view.seconds, batch_job=job, view=name)
        for check in view.checks:
            yield metrics.CHECK_FAILED.of(0, batch_job=job, view=name, check=check)


def _topic(job: str, name: str, topic: TopicRecord) -> Iterator[Sample]:
    yield metrics.EVENTS.of(topic.events, batch_job=job, topic=name)
    yield metrics.DUPLICATES.of(topic.duplicates, batch_job=job, topic=name)
    yield metrics.CONFLICTING.of(topic.conflicting, batch_job=job, topic=name)
    yield metrics.RETRACTED.of(topic.retracted, batch_job=job, topic=name)
    yield metrics.UNREADABLE_FILES.of(len(topic.unreadable), batch_job=job, topic=name)
    for reason, count in topic.quarantined.items():
        yield metrics.QUARANTINED.of(count, batch_job=job, topic=name, reason=reason)
    yield metrics.MASTER_BYTES.of(sum(file.size for file in topic.files.values()), batch_job=job, topic=name)
    yield metrics.PENDING_FOLDS.of(0, batch_job=job, topic=name)
    yield metrics.PENDING_FILES.of(0, batch_job=job, topic=name)


def _newest(job: str, name: str, topic: TopicRecord, now: datetime, latest: date) -> Iterator[Sample]:
    """How new the events are, by those that aren't of the future."""
    days = {day: counts.events for day, counts in topic.days.items() if counts.events}
    yield metrics.FUTURE_EVENTS.of(topic.events_after(latest), batch_job=job, topic=name)
    if plausible := [day for day in days if day <= latest]:
        newest = _midnight(max(plausible))
        over = _midnight(max(plausible) + timedelta(days=1))
        yield metrics.NEWEST_DAY.of(newest.timestamp(), batch_job=job, topic=name)
        happened = topic.days[max(plausible)].newest
        moment = min(now, over).timestamp() if happened is None else min(now.timestamp(), happened)
        yield metrics.NEWEST_EVENT.of(moment, batch_job=job, topic=name)
        yield metrics.LAG.of(max(0.0, (now - over).total_seconds()), batch_job=job, topic=name)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def late_numbers(plans: Sequence[JobPlan], manifest: Manifest, latest: date) -> Iterator[Sample]:
    """How many events this run added to days before the newest of the batch before; ``latest``: days behind it are of the future."""
    for plan in plans:
        for topic in plan.topics:
            record = plan.last.topics.get(topic.topic.name) if plan.last else None
            before = record.days if record else {}
            newest = max((day for day, counts in before.items() if counts.events and day <= latest), default=date.min)
            made = manifest.jobs[plan.job.name].topics.get(topic.topic.name)
            now = made.days if made else {}
            added = [now[day].events - (before[day].events if day in before else 0) for day in now if day < newest]
            late = sum(count for count in added if count > 0)
            yield metrics.LATE_EVENTS.of(late, batch_job=plan.job.name, topic=topic.topic.name)


def pending_numbers(plans: Sequence[JobPlan]) -> Iterator[Sample]:
    """What a run that failed leaves to the next one."""
    for plan in plans:
        for topic in plan.topics:
            labels = {"batch_job": plan.job.name, "topic": topic.topic.name}
            files = len(topic.changed) + len(topic.removed)
            yield metrics.PENDING_FOLDS.of(0 if topic.idle else topic.days_to_fold, **labels)
            yield metrics.PENDING_FILES.of(files, **labels)


def check_numbers(plans: Sequence[JobPlan], error: CheckError) -> Iterator[Sample]:
    """The checks that a run broke."""
    for plan in plans:
        for view in plan.job.views:
            for check in error.broken.get(view.name, ()):
                yield metrics.CHECK_FAILED.of(1, batch_job=plan.job.name, view=view.name, check=check)


def phase_numbers(phases: Mapping[tuple[str, str], float], jobs: Sequence[str]) -> Iterator[Sample]:
    """How long each phase took; what all jobs shared counts for each."""
    for (of, phase), seconds in phases.items():
        for job in (of,) if of else jobs:
            yield metrics.PHASE_SECONDS.of(seconds, batch_job=job, phase=phase)


def place_numbers(out: Storage, jobs: Sequence[str]) -> Iterator[Sample]:
    """What lies below OUT."""
    sizes: dict[str, int] = {}
    batches = 0
    for folder in BATCH_FOLDERS:
        entries = list(out.list(folder))
        sizes[folder.removeprefix("_")] = sum(entry.size for entry in entries)
        batches += sum(batch_of_manifest(entry.path) is not None for entry in entries)
    for job in jobs:
        yield metrics.BATCHES_KEPT.of(batches, batch_job=job)
        for name, size in sizes.items():
            yield metrics.DISK_BYTES.of(size, batch_job=job, of=name)
