"""What happens to a run, for metrics, lineage, alerts and log lines. What goes wrong with those is reported, and fails no run."""

from __future__ import annotations

import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

from learnfold.batch.lineage import Lineage
from learnfold.batch.numbers import (
    batch_numbers,
    check_numbers,
    late_numbers,
    latest_day,
    pending_numbers,
    phase_numbers,
    place_numbers,
)
from learnfold.errors import CheckError, LearnfoldError
from learnfold.telemetry import metrics
from learnfold.telemetry.alerts import Alerts, Work
from learnfold.telemetry.run_metrics import record, record_failure, record_lock, recorded
from learnfold.telemetry.usage import Usage, peak_memory_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from learnfold.batch.manifest import Manifest
    from learnfold.batch.plan import JobPlan
    from learnfold.batch.request import RunRequest
    from learnfold.catalog import Catalog
    from learnfold.settings import Settings
    from learnfold.storage import Storage
    from learnfold.telemetry.metrics import Sample
    from learnfold.telemetry.reporter import Reporter


class RunWatch:
    """Watches one run of ``jobs``, from before it is planned."""

    def __init__(
        self, request: RunRequest, jobs: Sequence[str], catalog: Catalog, settings: Settings, reporter: Reporter
    ) -> None:
        self._jobs, self._settings, self._reporter = jobs, settings, reporter
        self._work, self._alerts = Work(tuple(jobs), request.output), Alerts(settings)
        self._began, self._before = time.perf_counter(), Usage.now()
        self._plans: Sequence[JobPlan] = ()
        self._out: Storage | None = None
        self._recorded = recorded(settings)
        reporter.phases.clear()
        reporter.run_id = str(uuid.uuid4())
        self._lineage = Lineage(request, {job: _id(reporter.run_id, job) for job in jobs}, catalog, settings)
        self._report(self._lineage.started())

    def opened(self, out: Storage) -> None:
        """Where the run's views go."""
        self._out = out

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """The run holds its leases meanwhile."""
        if not self._recorded:
            yield
            return
        self._report(record_lock(self._jobs, time.time(), self._settings))
        try:
            yield
        finally:
            self._report(record_lock(self._jobs, 0, self._settings))

    def planned(self, plans: Sequence[JobPlan]) -> None:
        """What the run found to do."""
        self._plans = plans
        topics = [topic for plan in plans for topic in plan.topics if not topic.idle]
        days, files = sum(topic.days_to_fold for topic in topics), sum(len(topic.changed) for topic in topics)
        self._reporter.log("planned", jobs=", ".join(self._jobs), days=days, files=files)

    def succeeded(self, manifest: Manifest, *, published: bool) -> None:
        """It ended; ``manifest`` is what readers see now, ``published`` by this run or by one before."""
        if self._out is not None:
            self._report(self._alerts.well(self._work, self._out))
        self._report(self._lineage.completed(manifest))
        what = "published" if published else "nothing_new"
        self._reporter.log(what, batch=manifest.batch, jobs=", ".join(self._jobs), seconds=self._seconds())
        if self._recorded:
            samples = [
                *batch_numbers(manifest, self._jobs, self._settings, folded=published),
                *late_numbers(self._plans, manifest, latest_day(self._settings)),
                *self._place(),
                *self._cost(),
            ]
            self._report(record(self._jobs, self._seconds(), samples, self._settings))

    def failed(self, error: Exception) -> None:
        """It ended, and published nothing."""
        self._report(self._alerts.failed(self._work, error, self._out))
        self._report(self._lineage.failed(error))
        reason = (str(error).splitlines() or [""])[0]
        self._reporter.log("failed", jobs=", ".join(self._jobs), why=reason, seconds=self._seconds())
        if self._recorded:
            samples = [*pending_numbers(self._plans), *self._cost()]
            if isinstance(error, CheckError):
                samples += check_numbers(self._plans, error)
            self._report(record_failure(self._jobs, self._seconds(), samples, self._settings))

    def _seconds(self) -> float:
        return time.perf_counter() - self._began

    def _cost(self) -> Iterator[Sample]:
        yield from phase_numbers(self._reporter.phases, self._jobs)
        used, memory, interval = Usage.now(), peak_memory_bytes(), self._settings.run_interval_seconds
        for job in self._jobs:
            yield metrics.CPU.of(used.cpu_seconds - self._before.cpu_seconds, batch_job=job)
            if used.read_bytes is not None and self._before.read_bytes is not None:
                yield metrics.READ_BYTES.of(used.read_bytes - self._before.read_bytes, batch_job=job)
            if memory is not None:
                yield metrics.PEAK_MEMORY.of(memory, batch_job=job)
            if interval:
                yield metrics.RUN_INTERVAL.of(interval, batch_job=job)

    def _place(self) -> list[Sample]:
        try:
            return list(place_numbers(self._out, self._jobs)) if self._out is not None else []
        except LearnfoldError as error:
            self._reporter.problem(f"what lies below OUT can't be counted: {error}")
            return []

    def _report(self, problems: Sequence[str]) -> None:
        for problem in problems:
            self._reporter.problem(problem)


def _id(run_id: str, job: str) -> str:
    """The id of one job's part of a run; whoever knows the run's, as log lines show it, can work it out."""
    return str(uuid.uuid5(uuid.UUID(run_id), job))
