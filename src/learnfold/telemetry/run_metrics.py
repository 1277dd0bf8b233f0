"""The numbers of the last runs as Prometheus reads them: a file for node_exporter, or a Pushgateway.

Each sample has the label ``batch_job``; what a run says replaces what was said of its jobs before, and of no other. So the five
jobs that Oozie forks may share one file, and a failure leaves the last success in sight.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from learnfold.batch.manifest import JobRecord
    from learnfold.batch.run import RunReport
    from learnfold.settings import Settings

PUSH_SECONDS = 10.0

METRICS = {
    "last_success_timestamp_seconds": "when the job's last run succeeded",
    "last_failure_timestamp_seconds": "when the job's last failed run did",
    "last_run_succeeded": "1: the job's last run succeeded, 0: it failed",
    "last_run_duration_seconds": "how long the run took that the job was part of",
    "published_timestamp_seconds": "when the job's views were last published; a run that finds nothing new publishes nothing",
    "days_folded": "UTC days that the batch folded, counted by topic",
    "events": "valid events, each once",
    "duplicates": "copies of events that were dropped",
    "quarantined": "invalid events by reason",
    "unreadable_files": "files that were left out since they can't be read",
    "newest_day_timestamp_seconds": "when the newest UTC day began that has events",
    "lag_seconds": "how long ago the newest UTC day with events had ended when the run did; 0: it goes on",
    "view_rows": "rows of a view",
    "view_bytes": "bytes of a view's files",
}
"""Every metric, without the prefix ``learnfold_``, and what it tells; all are gauges."""


@dataclass(frozen=True)
class Sample:
    """One number; ``labels`` begin with ``batch_job``."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float

    def __str__(self) -> str:
        """The line of it."""
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in self.labels)
        return f"learnfold_{self.name}{{{labels}}} {self.value:.15g}"


def record(report: RunReport, settings: Settings) -> list[str]:
    """Records a run that succeeded, where the settings say; what went wrong with that, which is no reason to fail."""
    if not (settings.metrics_file or settings.push_gateway):
        return []
    now = time.time()
    samples = []
    for name in report.jobs:
        samples += [
            _sample("last_success_timestamp_seconds", now, name),
            _sample("last_run_succeeded", 1, name),
            _sample("last_run_duration_seconds", report.seconds, name),
            *_job_samples(name, report.manifest.jobs[name], folded=report.batch is not None, now=now),
        ]
    return _tell(samples, report.jobs, settings)


def record_failure(jobs: Sequence[str], seconds: float, settings: Settings) -> list[str]:
    """Records a run of ``jobs`` that failed after ``seconds``; the numbers of the last success stay."""
    if not (settings.metrics_file or settings.push_gateway):
        return []
    now, samples = time.time(), []
    for name in jobs:
        samples += [
            _sample("last_failure_timestamp_seconds", now, name),
            _sample("last_run_succeeded", 0, name),
            _sample("last_run_duration_seconds", seconds, name),
        ]
    return _tell(samples, jobs, settings)


def _job_samples(job: str, record: JobRecord, *, folded: bool, now: float) -> Iterator[Sample]:
    published = datetime.strptime(record.batch.partition("-")[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    yield _sample("published_timestamp_seconds", published.timestamp(), job)
    yield _sample("days_folded", record.folded_days if folded else 0, job)
    for name, topic in record.topics.items():
        yield _sample("events", topic.events, job, topic=name)
        yield _sample("duplicates", topic.duplicates, job, topic=name)
        yield _sample("unreadable_files", len(topic.unreadable), job, topic=name)
        for reason, count in topic.quarantined.items():
            yield _sample("quarantined", count, job, topic=name, reason=reason)
        if days := [day for day, (events, _) in topic.days.items() if events]:
            newest = datetime.combine(date.fromisoformat(max(days)), datetime.min.time(), UTC)
            yield _sample("newest_day_timestamp_seconds", newest.timestamp(), job, topic=name)
            yield _sample("lag_seconds", max(0.0, now - (newest + timedelta(days=1)).timestamp()), job, topic=name)
    for name, view in record.views.items():
        yield _sample("view_rows", view.rows, job, view=name)
        yield _sample("view_bytes", view.bytes, job, view=name)


def _sample(name: str, value: float, job: str, **labels: str) -> Sample:
    return Sample(name, (("batch_job", job), *labels.items()), value)


def _tell(samples: list[Sample], jobs: Sequence[str], settings: Settings) -> list[str]:
    problems = []
    if settings.metrics_file:
        try:
            _write(Path(settings.metrics_file), samples)
        except OSError as error:
            problems.append(f"the run's numbers can't be written to {settings.metrics_file}: {error}")
    if settings.push_gateway:
        problems += [problem for job in jobs if (problem := _push(settings.push_gateway, job, samples))]
    return problems


def text(samples: Sequence[str]) -> str:
    """The samples' lines as one text: each metric's together, behind what it tells."""
    lines = []
    for name, meaning in METRICS.items():
        found = [line for line in samples if _named(line)[0] == name]
        if found:
            lines += [f"# HELP learnfold_{name} {meaning}", f"# TYPE learnfold_{name} gauge", *found]
    return "\n".join([*lines, ""])


def _write(file: Path, samples: list[Sample]) -> None:
    """Replaces the file at once; readers see the old numbers or the new."""
    said = {(sample.name, sample.labels[0][1]) for sample in samples}
    jobs = {job for _, job in said}
    succeeded = {job for name, job in said if name == "last_success_timestamp_seconds"}
    with _alone(file):
        old = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        kept = []
        for line in old:
            name, job = _named(line)
            replaced = (name, job) in said or (job in succeeded and name != "last_failure_timestamp_seconds")
            if name in METRICS and not (job in jobs and replaced):
                kept.append(line)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=file.parent, prefix=f".{file.name}.", suffix=".new", delete=False
        ) as new:
            try:
                new.write(text([*kept, *map(str, samples)]))
                new.flush()
                Path(new.name).chmod(0o644)  # node_exporter is another user
                Path(new.name).replace(file)
            except BaseException:
                Path(new.name).unlink(missing_ok=True)
                raise


@contextlib.contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Nobody else on this machine replaces the file meanwhile, where the system can promise it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # Windows: the last one wins
        yield
        return
    descriptor = os.open(file.with_name(f".{file.name}.lock"), os.O_CREAT | os.O_RDWR, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _push(gateway: str, job: str, samples: list[Sample]) -> str | None:
    """POST: it replaces the metrics of the same name in the job's group, and no other."""
    import urllib.error
    import urllib.parse
    import urllib.request

    url = f"{gateway.rstrip('/')}/metrics/job/learnfold/batch_job/{urllib.parse.quote(job, safe='')}"
    content = text([str(sample) for sample in samples if sample.labels[0][1] == job]).encode()
    try:
        request = urllib.request.Request(url, content, {"Content-Type": "text/plain; version=0.0.4"}, method="POST")  # noqa: S310
        with urllib.request.urlopen(request, timeout=PUSH_SECONDS):  # noqa: S310 - the address is the user's
            return None
    except (OSError, ValueError) as error:
        said = f": {error.read().decode(errors='replace')[:500]}" if isinstance(error, urllib.error.HTTPError) else ""
        return f"the run's numbers can't be pushed to {url}: {error}{said}"


def _named(line: str) -> tuple[str, str]:
    """A sample's name without prefix, and its job; empty for other lines."""
    match = re.match(r'learnfold_(\w+)\{batch_job="([^"]*)"', line)
    return (match[1], match[2]) if match else ("", "")


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
