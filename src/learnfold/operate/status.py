"""What the last batches did, what is published, who is at work, what is pending and what a crash left behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

from learnfold.batch.erasure_receipt import unfinished
from learnfold.batch.history import published
from learnfold.batch.numbers import latest_day
from learnfold.batch.request import RunRequest
from learnfold.batch.run import plan
from learnfold.errors import LearnfoldError, MissingDataError
from learnfold.storage.lease import holders
from learnfold.storage.out_layout import RUN_FOLDERS, is_run_file

if TYPE_CHECKING:
    from learnfold.batch.context import Workspace
    from learnfold.batch.manifest import JobRecord, Manifest
    from learnfold.batch.plan import JobPlan


@dataclass
class BatchLine:
    """One published batch: what it did, for the jobs that it ran. The names are those of the command's JSON."""

    batch: str
    action: str
    of: str | None  # the batch that a rollback published again
    published_at: str
    seconds: float
    jobs: list[str]
    days_folded: int  # UTC days, counted by topic
    days_reused: int
    events: int  # valid, each once, that its topics held then
    copies: int  # duplicates that were dropped
    quarantined: dict[str, dict[str, int]]  # by topic and reason
    left_out: dict[str, str]  # files that couldn't be read, and why
    views_asked: int  # refreshed
    views: int
    conflicting: dict[str, int]  # duplicates that say something else than the event that counts, by topic
    retracted: dict[str, int]  # events that were taken back, and so don't count, by topic
    from_future: dict[str, int]  # events that count, of days that aren't yet, by topic


@dataclass
class JobLine:
    """What is published of one job."""

    job: str
    batch: str  # that published it last
    input: str
    events: int
    first_day: date | None  # UTC; None without events
    last_day: date | None
    views: int
    rows: int


@dataclass
class LeaseLine:
    """Who is writing a job's views, or died doing so."""

    job: str
    alive: bool
    host: str | None
    process: int | None
    since: str | None


@dataclass
class PendingLine:
    """What a run would do for one topic, or why that isn't known (then there are no numbers)."""

    input: str
    topic: str | None
    days: int
    files: int
    bytes: int
    new_files: int
    gone_files: int
    why: str


@dataclass
class Status:
    """The state of one place."""

    output: str
    current: str | None  # the batch that readers see
    batches: list[BatchLine] = field(default_factory=list)  # newest first
    jobs: list[JobLine] = field(default_factory=list)
    leases: list[LeaseLine] = field(default_factory=list)
    pending: list[PendingLine] | None = None  # what isn't idle; None: not known
    without_subject: dict[str, int] = field(default_factory=dict)  # files of topics that no subject reads, by topic
    unfinished_erasures: list[str] = field(default_factory=list)  # when they began, and by whom
    leftover_files: int = 0  # that no batch needs: of a crash, or of a run under way
    leftover_bytes: int = 0


def status(workspace: Workspace, master: str | None = None, most: int = 5) -> Status:
    """The state of the workspace's OUT with its last ``most`` batches; what is pending is compared with ``master``, or each job's own input.

    Reads manifests, leases and lists of files, and no data. Raises MissingDataError where there is no such place.
    """
    out = workspace.out
    if not out.exists():
        raise MissingDataError(f"there is nothing at {out.url}; is the path right? 'learnfold run' makes views")
    entries = [entry for folder in RUN_FOLDERS for entry in out.list(folder)]
    leases = holders(out, workspace.settings)
    batches = published(out)
    found = Status(out.url, batches[0].batch if batches else None)
    latest = latest_day(workspace.settings)
    found.batches = [batch_line(manifest, latest) for manifest in batches[:most]]
    found.jobs = [_job(name, job) for name, job in batches[0].jobs.items()] if batches else []
    found.leases = [LeaseLine(h.name, h.alive, h.who.get("host"), h.who.get("pid"), h.who.get("since")) for h in leases]
    found.unfinished_erasures = [f"{receipt.started_at} by {receipt.by}" for receipt in unfinished(out)]
    needed = {path for manifest in batches for path in manifest.files()}
    loose = [entry for entry in entries if is_run_file(entry.path) and entry.path not in needed]
    found.leftover_files, found.leftover_bytes = len(loose), sum(entry.size for entry in loose)
    inputs = _inputs(batches[0] if batches else None, master)
    if inputs:
        found.pending = []
        for place, jobs in inputs.items():
            known = tuple(job for job in jobs if job in workspace.catalog.jobs)
            found.pending += _pending(found, workspace, RunRequest(place, out.url, known))
    return found


def batch_line(manifest: Manifest, latest: date = date.max) -> BatchLine:
    """One published batch, in numbers; days behind ``latest`` (UTC) are of the future."""
    jobs = {name: manifest.jobs[name] for name in manifest.ran if name in manifest.jobs}
    topics = {name: topic for job in jobs.values() for name, topic in job.topics.items()}
    views = [view for job in jobs.values() for view in job.views.values()]
    return BatchLine(
        manifest.batch,
        manifest.action,
        manifest.of,
        manifest.ended_at,
        _seconds(manifest.started_at, manifest.ended_at),
        list(jobs),
        sum(job.folded_days for job in jobs.values()),
        sum(job.reused_days for job in jobs.values()),
        sum(topic.events for topic in topics.values()),
        sum(topic.duplicates for topic in topics.values()),
        {name: topic.quarantined for name, topic in topics.items() if topic.quarantined},
        {path: why for topic in topics.values() for path, why in topic.unreadable.items()},
        sum(view.batch == manifest.batch for view in views),
        len(views),
        _some({name: topic.conflicting for name, topic in topics.items()}),
        _some({name: topic.retracted for name, topic in topics.items()}),
        _some({name: topic.events_after(latest) for name, topic in topics.items()}),
    )


def _some(counts: dict[str, int]) -> dict[str, int]:
    """The counts that aren't 0."""
    return {name: count for name, count in counts.items() if count}


def _job(name: str, job: JobRecord) -> JobLine:
    days = sorted(day for topic in job.topics.values() for day in topic.days)
    return JobLine(
        name,
        job.batch,
        job.input,
        sum(topic.events for topic in job.topics.values()),
        days[0] if days else None,
        days[-1] if days else None,
        len(job.views),
        sum(view.rows for view in job.views.values()),
    )


def _inputs(current: Manifest | None, master: str | None) -> dict[str, list[str]]:
    """By input, the jobs whose views were made from it (none: all jobs)."""
    if master is not None:
        return {master: list(current.jobs) if current else []}
    found: dict[str, list[str]] = {}
    for name, job in current.jobs.items() if current else ():
        found.setdefault(job.input, []).append(name)
    return found


def _pending(found: Status, workspace: Workspace, request: RunRequest) -> list[PendingLine]:
    """What a run of ``request`` would do; the files that it would leave out are added to ``found``."""
    try:
        plans, unknown_topics = plan(request, workspace.catalog, workspace.settings)
    except LearnfoldError as error:
        return [PendingLine(request.input, None, 0, 0, 0, 0, 0, f"not known: {error}")]
    found.without_subject |= unknown_topics
    pending: list[PendingLine] = []
    for job in plans:
        pending += _topics(job, request.input)
        if job.views and all(topic.idle for topic in job.topics):
            why = f"{len(job.views)} views of {job.job.name} to refresh"
            pending.append(PendingLine(request.input, None, 0, 0, 0, 0, 0, why))
    return pending


def _topics(plan: JobPlan, place: str) -> list[PendingLine]:
    lines = []
    for topic in plan.topics:
        if topic.idle:
            continue
        read = topic.to_read(None if topic.stale else topic.dirty)
        why = topic.why or ("definition or zone changed" if topic.stale else "files changed")
        size = sum(topic.entries[path].size for path in read)
        lines.append(
            PendingLine(
                place,
                topic.topic.name,
                topic.days_to_fold,
                len(read),
                size,
                len(topic.changed),
                len(topic.removed),
                why,
            )
        )
    return lines


def _seconds(began: str, ended: str) -> float:
    try:
        return round((datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds(), 3)
    except ValueError:
        return 0.0
