"""A batch run, from the plan to the published views."""

from __future__ import annotations

import platform
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from learnfold import __version__
from learnfold.batch.check import check_nothing_shrank, check_views
from learnfold.batch.clean import clean
from learnfold.batch.context import BatchContext, Workspace
from learnfold.batch.damage import damaged_by_size, damaged_files
from learnfold.batch.fold import fold_topic
from learnfold.batch.history import batch_names
from learnfold.batch.manifest import JobRecord, Manifest, new_batch, read_current, read_replaceable
from learnfold.batch.numbers import latest_day
from learnfold.batch.plan import JobPlan, PlanInput, plan_job
from learnfold.batch.publish import publish, refresh_plain_paths
from learnfold.batch.refresh import refresh_views
from learnfold.batch.watch import RunWatch
from learnfold.engines import open_engine
from learnfold.errors import DamagedError, LearnfoldError, MissingDataError, UsageError
from learnfold.master.file_names import topic_of
from learnfold.master.layout import open_master
from learnfold.storage import open_storage, passed_over, same_place
from learnfold.storage.lease import held
from learnfold.storage.out_layout import BATCH_FOLDERS
from learnfold.telemetry.reporter import Reporter
from learnfold.utc import now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from learnfold.batch.request import RunRequest
    from learnfold.catalog import Catalog, Job
    from learnfold.engines import Engine
    from learnfold.master.layout import Master
    from learnfold.settings import Settings
    from learnfold.storage import Storage

SPARE_BATCHES = 5
"""Old batches are removed when there are so many more than are kept: finding what can go takes a while."""


@dataclass
class RunReport:
    """What a run did."""

    batch: str | None  # published; None: nothing was new
    manifest: Manifest  # the batch that readers see now
    jobs: tuple[str, ...]
    seconds: float
    unknown_topics: dict[str, int]  # files of topics that no subject reads, by topic
    from_future: dict[str, int] = field(default_factory=dict)  # events of days that aren't yet, by topic
    repaired: int = 0  # plain paths that didn't hold what the batch does


def run(request: RunRequest, catalog: Catalog, settings: Settings, reporter: Reporter | None = None) -> RunReport:
    """Publishes the views of the jobs as of the master dataset now; raises LearnfoldError, and then nothing was published."""
    reporter = reporter or Reporter()
    jobs = _jobs(request, catalog)
    watch = RunWatch(request, jobs, catalog, settings, reporter)
    try:
        master, out = _places(request, settings)
        watch.opened(out)
        done = _run(Workspace(out, catalog, settings, reporter), master, request, jobs, watch)
    except Exception as error:
        watch.failed(error)
        raise
    watch.succeeded(done.manifest, published=done.batch is not None)
    return done


def _run(
    workspace: Workspace, master: Master, request: RunRequest, jobs: tuple[str, ...], watch: RunWatch
) -> RunReport:
    began, started_at = time.perf_counter(), now()
    out, settings, reporter = workspace.out, workspace.settings, workspace.reporter
    engine = open_engine(settings, master.storage, out)
    try:
        with held(out, jobs, settings) as lease, watch.under_way():
            damaged: dict[str, str] = {}
            manifest = None
            while manifest is None:
                with reporter.phase("plan"):
                    plans, unknown_topics, current = _plans(workspace, master, request, jobs, damaged)
                watch.planned(plans)
                if all(plan.idle for plan in plans) and current is not None:
                    repaired = refresh_plain_paths(out, current, jobs, lease)
                    seconds, future = time.perf_counter() - began, _from_future(current, settings)
                    return RunReport(None, current, jobs, seconds, unknown_topics, future, repaired)
                manifest = Manifest(
                    new_batch(),
                    current.batch if current else None,
                    request.action,
                    started_at,
                    started_at,
                    versions(engine),
                    settings.shown(),
                )
                below = current.jobs if current else {}
                context = BatchContext(workspace, master, engine, manifest.batch, request, below)
                try:
                    with out.batched_writes():
                        manifest.jobs = _run_jobs(context, plans)
                except MissingDataError:
                    lease.check()  # whoever took over while this run slept may have cleaned its files away
                    raise
                except DamagedError as error:
                    engine.close()  # what a broken file does to a session isn't known
                    damaged |= _damage(workspace, current, jobs, error, damaged)
                    manifest = None
            manifest.ran, manifest.versions = list(manifest.jobs), versions(engine)
            reporter.step("publishing", manifest.batch)
            with reporter.phase("publish"):
                manifest = publish(out, manifest, lease)
                refresh_plain_paths(out, manifest, jobs, lease)
            with reporter.phase("clean"):
                _tidy(workspace, jobs)
        seconds = time.perf_counter() - began
        return RunReport(manifest.batch, manifest, jobs, seconds, unknown_topics, _from_future(manifest, settings))
    finally:
        reporter.done()
        engine.close()


def _damage(
    workspace: Workspace, current: Manifest | None, jobs: Sequence[str], found: DamagedError, known: Mapping[str, str]
) -> dict[str, str]:
    """All files of the jobs that are damaged, where one was found to be; raises that again where it was known already."""
    if found.paths.keys() <= known.keys():
        raise found
    wrong = dict(found.paths)
    if current is not None:
        sizes = _sizes(workspace.out)
        files = [file for name in jobs if name in current.jobs for file in current.jobs[name].stored()]
        wrong |= damaged_files(workspace.out, files, sizes)
    for path, why in wrong.items():
        workspace.reporter.problem(f"{workspace.out.url}/{path}: {why}; what it held is made again from the events")
    return wrong


def _from_future(manifest: Manifest, settings: Settings) -> dict[str, int]:
    topics = {name: topic for job in manifest.jobs.values() for name, topic in job.topics.items()}
    found = {name: topic.events_after(latest_day(settings)) for name, topic in topics.items()}
    return {name: count for name, count in found.items() if count}


def plan(request: RunRequest, catalog: Catalog, settings: Settings) -> tuple[list[JobPlan], dict[str, int]]:
    """What ``run`` would do, and the files of topics that no subject reads; writes nothing and waits for nobody."""
    jobs = _jobs(request, catalog)
    master, out = _places(request, settings)
    plans, unknown_topics, _ = _plans(Workspace(out, catalog, settings), master, request, jobs)
    return plans, unknown_topics


def versions(engine: Engine) -> dict[str, str]:
    """What ran: learnfold, the engines that worked and Python."""
    return {"learnfold": __version__, **engine.versions, "python": platform.python_version()}


def _jobs(request: RunRequest, catalog: Catalog) -> tuple[str, ...]:
    chosen = {catalog.job(name).name for name in request.jobs or catalog.jobs}
    return tuple(name for name in catalog.jobs if name in chosen)  # one that reads another behind it


def _places(request: RunRequest, settings: Settings) -> tuple[Master, Storage]:
    if same_place(request.input, request.output):
        raise UsageError(
            f"the output is the input: {request.output}; views don't belong among events, name another place"
        )
    if topic_of(request.output) is not None:
        raise UsageError(f"the output {request.output} is within a topic of a master dataset; name another place")
    master = open_master(request.input, settings)
    if same_place(master.storage.url, request.output):
        raise UsageError(
            f"the output {request.output} is the master dataset; views don't belong among events, name another place"
        )
    return master, open_storage(request.output, settings)


def _plans(
    workspace: Workspace,
    master: Master,
    request: RunRequest,
    jobs: Sequence[str],
    damaged: Mapping[str, str] = MappingProxyType({}),
) -> tuple[list[JobPlan], dict[str, int], Manifest | None]:
    """The plans of the jobs, the files of topics that no subject reads, and the published batch; ``damaged`` files aren't reused."""
    out, catalog = workspace.out, workspace.catalog
    workspace.reporter.step("listing", master.shown)
    topics = [topic.name for job in jobs for topic in catalog.jobs[job].topics]
    listing = master.listing(topics, list(catalog.topics))
    for link in passed_over(master.storage):
        workspace.reporter.problem(link)
    out.exists()
    current, _ = (read_replaceable if request.scope.full else read_current)(out)
    present = _present(out, current, damaged) if current else frozenset()
    published = current.jobs if current else {}
    given = PlanInput(listing, request.scope, workspace.settings, present, published)
    plans: list[JobPlan] = []
    for name in jobs:
        _check_below(catalog.jobs[name], jobs, published, master, out)
        last = current.jobs.get(name) if current else None
        if last is not None and not same_place(last.input, master.shown):
            last = _other_input(last, master, request, out)
        plans.append(plan_job(catalog.jobs[name], last, given, plans))
    return plans, listing.unknown_topics, current


def _check_below(
    job: Job, chosen: Sequence[str], published: Mapping[str, JobRecord], master: Master, out: Storage
) -> None:
    """Raises UsageError where a job reads what no other job has made yet, or has made from another input."""
    for name in (name for name in job.after if name not in chosen):
        if name not in published:
            raise UsageError(
                f"{job.name} reads what {name} makes, which isn't at {out.url} yet; run {name} first, or all jobs together"
            )
        if not same_place(published[name].input, master.shown):
            raise UsageError(
                f"{job.name} reads what {name} makes, which at {out.url} is made from {published[name].input}, not from {master.shown}"
            )


def _present(out: Storage, current: Manifest, damaged: Mapping[str, str]) -> frozenset[str]:
    """The files that are there and have the size that was written."""
    sizes = _sizes(out)
    stored = (file for job in current.jobs.values() for file in job.stored())
    return frozenset(sizes.keys() - damaged_by_size(stored, sizes).keys() - damaged.keys())


def _sizes(out: Storage) -> dict[str, int]:
    return {entry.path: entry.size for folder in BATCH_FOLDERS for entry in out.list(folder)}


def _other_input(last: JobRecord, master: Master, request: RunRequest, out: Storage) -> JobRecord | None:
    """Nothing is reused for another input; refuses to replace the views of a whole dataset by those of something else."""
    if not last.whole or request.scope.full:
        return None
    if not master.narrowing.whole and same_place(last.input, master.storage.url):
        days = master.days()
        how = (
            f"learnfold run {last.input} {out.url} --from {days[0]} --to {days[1]}"
            if days
            else f"learnfold run {last.input} {out.url} --full"
        )
        raise UsageError(
            f"{out.url} holds the views of the whole of {last.input}; views of {master.shown} alone would replace them. "
            f"To recompute those days:\n  {how}\nTo have views of those days alone, name another output"
        )
    raise UsageError(
        f"{out.url} holds the views of {last.input}, not of {master.shown}; name another output, or replace them by --full"
    )


def _run_jobs(context: BatchContext, plans: Sequence[JobPlan]) -> dict[str, JobRecord]:
    """The records of the jobs that have something to do; raises what the first of them that failed raised."""
    busy = [plan for plan in plans if not plan.idle or plan.last is None]
    first = [plan for plan in busy if not plan.job.after]
    records = _side_by_side(context, first)
    for plan in (plan for plan in busy if plan.job.after):  # in the catalogue's order: each behind those that it reads
        records[plan.job.name] = _run_job(replace(context, below={**context.below, **records}), plan)
    return {plan.job.name: records[plan.job.name] for plan in busy}


def _side_by_side(context: BatchContext, plans: Sequence[JobPlan]) -> dict[str, JobRecord]:
    largest = sorted(plans, key=lambda plan: -plan.bytes)  # first, so that it isn't left alone at the end
    with ThreadPoolExecutor(context.engine.max_concurrent_jobs, "learnfold-job") as pool:
        runs = [pool.submit(_run_job, context, plan) for plan in largest]
        try:
            return {plan.job.name: run.result() for plan, run in zip(largest, runs, strict=True)}
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _run_job(context: BatchContext, plan: JobPlan) -> JobRecord:
    """What became of a job; raises ShrunkError, CheckError."""
    request, topics, reporter = context.request, {}, context.workspace.reporter
    views = context.workspace.catalog.views.values()
    all_time = {
        rollup.name: any(view.lists(rollup) for view in views)
        for rollup in plan.job.rollups
        if any(rollup.name in view.all_time for view in views)
    }
    with reporter.phase("fold", plan.job.name):
        for topic in plan.topics:
            rollups = [rollup for rollup in plan.job.rollups if rollup.topic.name == topic.topic.name]
            topics[topic.topic.name] = fold_topic(context, topic, rollups, all_time)
    records = {name: topic.record for name, topic in topics.items()}
    if not request.allow_shrink:
        check_nothing_shrank(plan.last, records, context.workspace.out)
    names = None if request.scope.full else plan.lost
    with reporter.phase("refresh", plan.job.name):
        refreshed = refresh_views(context, plan.job, topics, plan.published, names)
    check_views(refreshed.broken)
    reporter.log(
        "refreshed",
        job=plan.job.name,
        days=sum(topic.folded_days for topic in topics.values()),
        fold_seconds=reporter.phases[plan.job.name, "fold"],
        refresh_seconds=reporter.phases[plan.job.name, "refresh"],
    )
    return JobRecord(
        context.batch,
        context.master.shown,
        context.master.narrowing.whole,
        records,
        refreshed.views,
        sum(topic.folded_days for topic in topics.values()),
        sum(topic.reused_days for topic in topics.values()),
        refreshed.kept.states,
        refreshed.kept.sets,
        refreshed.kept.without,
    )


def _tidy(workspace: Workspace, jobs: Sequence[str]) -> None:
    """Removes old batches when they have become many; what can't be removed now is left to a later run."""
    if len(batch_names(workspace.out)) <= workspace.settings.keep_batches + SPARE_BATCHES:
        return
    workspace.reporter.step("cleaning", workspace.out.url)
    try:
        clean(workspace, holding=jobs)
    except LearnfoldError as error:
        workspace.reporter.problem(f"old batches stay for now: {error}")


def report(result: RunReport) -> dict[str, Any]:
    """The report as JSON shows it."""
    ran = [result.manifest.jobs[name] for name in result.jobs]
    return {
        "batch": result.manifest.batch,
        "published": result.batch is not None,
        "jobs": list(result.jobs),
        "seconds": round(result.seconds, 3),
        "days_folded": sum(job.folded_days for job in ran if job.batch == result.batch),
        "topics": {
            name: {
                "files": len(topic.files),
                "events": topic.events,
                "duplicates": topic.duplicates,
                "conflicting": topic.conflicting,
                "retracted": topic.retracted,
                "from_future": result.from_future.get(name, 0),
                "quarantined": topic.quarantined,
                "unreadable": topic.unreadable,
            }
            for job in ran
            for name, topic in job.topics.items()
        },
        "views": {
            name: {
                "rows": view.rows,
                "bytes": view.bytes,
                "seconds": view.seconds,
                "how": view.how if view.batch == result.batch else "reused",
                "paths": view.paths,
            }
            for job in ran
            for name, view in job.views.items()
        },
        "topics_without_subject": result.unknown_topics,
    }
