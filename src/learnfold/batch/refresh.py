"""Refreshes the views whose rollups or definitions changed: in full, or only what changed; the others stay as they are."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from learnfold.batch.manifest import FULL, INCREMENTAL, ViewRecord
from learnfold.batch.plan import view_fingerprint
from learnfold.batch.rollup_rows import rows_of
from learnfold.batch.segments import all_time_rows
from learnfold.engines import RefreshRequest
from learnfold.storage.out_layout import view_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from learnfold.batch.context import BatchContext
    from learnfold.batch.fold import FoldedTopic
    from learnfold.batch.manifest import JobRecord, RollupRecord
    from learnfold.catalog import Job, View
    from learnfold.engines import Refreshed

INCREMENTAL_SHARE = 0.5
"""Where more than this share of the days changed, a full refresh is less work than an incremental one."""

_NEAR = (-2, -1, 0, 1, 2)
"""The events of a reporting date are of its UTC day or of one beside it; a date beside it may reach one day further."""


@dataclass
class RefreshedViews:
    """The views of a job now, and the checks that some rows broke, by view and check, with example rows."""

    views: dict[str, ViewRecord] = field(default_factory=dict)
    broken: dict[str, dict[str, list[dict[str, object]]]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Changes:
    """A job's rollups now and as they were, and the days of each whose rows aren't what they were (None: all days)."""

    now: dict[str, RollupRecord]
    old: dict[str, RollupRecord]
    days: dict[str, set[date] | None]


def refresh_views(
    context: BatchContext, job: Job, topics: dict[str, FoldedTopic], last: JobRecord | None, names: set[str] | None
) -> RefreshedViews:
    """The job's views, refreshed where they could have changed, and those in ``names`` in any case (None: all of them)."""
    settings, refreshed = context.workspace.settings, RefreshedViews()
    changes = _changes(topics, last)
    merged = {name: found for name, record in changes.now.items() if (found := all_time_rows(record)) is not None}
    requests = []
    for view in job.views:
        before = last.views.get(view.name) if last and names is not None and view.name not in names else None
        if before is not None and before.fingerprint != view_fingerprint(view.fingerprint, settings):
            before = None
        if before is not None and not _rows_changed(view, changes):
            refreshed.views[view.name] = before
            continue
        full = RefreshRequest(
            view,
            {rollup.name: rows_of(changes.now[rollup.name].files) for rollup in view.rollups},
            view_path(context.batch, view.name),
            merged=merged,
        )
        incremental = _incremental(view, full.path, before, changes) if before is not None else None
        requests.append(incremental or full)
    for request, answer, seconds in _answers(context, job, requests):
        if answer.broken:
            refreshed.broken[request.view.name] = answer.broken
        else:
            refreshed.views[request.view.name] = _record(context, request, answer, seconds)
    refreshed.views = {view.name: refreshed.views[view.name] for view in job.views if view.name in refreshed.views}
    return refreshed


def _answers(
    context: BatchContext, job: Job, requests: list[RefreshRequest]
) -> Iterator[tuple[RefreshRequest, Refreshed, float]]:
    """What the engine answers to each request, in their order, and the seconds it took."""
    engine, reporter = context.engine, context.workspace.reporter

    def timed(request: RefreshRequest) -> tuple[Refreshed, float]:
        began = time.perf_counter()
        return engine.refresh(request), round(time.perf_counter() - began, 3)

    with engine.caching(), ThreadPoolExecutor(engine.max_concurrent_views, "learnfold-refresh") as pool:
        reporter.step("refreshing", f"{len(requests)} views of {job.name}")
        for request, (answer, seconds) in zip(requests, pool.map(timed, requests), strict=True):
            reporter.step("refreshed", request.view.name)
            yield request, answer, seconds


def _record(context: BatchContext, request: RefreshRequest, answer: Refreshed, seconds: float) -> ViewRecord:
    view = request.view
    return ViewRecord(
        answer.paths,
        view_fingerprint(view.fingerprint, context.workspace.settings),
        answer.rows,
        answer.bytes,
        f"{context.engine.name}:{answer.digest}",
        seconds,
        INCREMENTAL if request.before else FULL,
        context.batch,
        [f"({', '.join(view.key)}) is unique", *view.checks],
    )


def _changes(topics: dict[str, FoldedTopic], last: JobRecord | None) -> _Changes:
    return _Changes(
        {name: record for topic in topics.values() for name, record in topic.record.rollups.items()},
        {name: record for topic in last.topics.values() for name, record in topic.rollups.items()} if last else {},
        {name: days for topic in topics.values() for name, days in topic.touched.items()},
    )


def _rows_changed(view: View, changes: _Changes) -> bool:
    """Whether any row of the view's rollups could have come or gone: days may have been folded that hold none for it."""
    if all(changes.days[rollup.name] == set() for rollup in view.rollups):
        return False
    for rollup in view.rollups:
        days = changes.days[rollup.name]
        if days is None or rollup.name not in changes.old:
            return True
        if rows_of(changes.old[rollup.name].files, days) or rows_of(changes.now[rollup.name].files, days):
            return True
    return False


def _incremental(view: View, path: str, before: ViewRecord, changes: _Changes) -> RefreshRequest | None:
    """The request to refresh only what changed; None where that isn't known or is more work than a full refresh."""
    if view.incremental is None:
        return None
    changed, near = {}, {}
    for rollup in view.rollups:
        days, now = changes.days[rollup.name], changes.now[rollup.name].files
        if days is None or rollup.name not in changes.old:
            return None
        held = sum(len(file.days) for file in now)
        if len(days) > held * INCREMENTAL_SHARE:
            return None
        changed[rollup.name] = rows_of(changes.old[rollup.name].files, days) + rows_of(now, days)
        near[rollup.name] = rows_of(now, {day + timedelta(days=by) for day in days for by in _NEAR})
    return RefreshRequest(view, near, path, tuple(before.paths), changed)
