"""Asks the views whose rollups or definitions changed; the others stay as they are."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from learnfold.batch.manifest import BATCHES, ViewRecord
from learnfold.batch.plan import view_fingerprint
from learnfold.batch.rollup_rows import sources
from learnfold.batch.segments import merged_sources
from learnfold.engines import RefreshRequest

if TYPE_CHECKING:
    from datetime import date

    from learnfold.batch.fold import FoldedTopic
    from learnfold.batch.manifest import JobRecord, RollupRecord
    from learnfold.catalog import Job, View
    from learnfold.engines import Engine, Refreshed
    from learnfold.settings import Settings
    from learnfold.telemetry.reporter import Reporter

INCREMENTAL_SHARE = 0.5
"""Where more than this share of the days changed, asking the whole view is less work than asking slices of it."""

_NEAR = (-2, -1, 0, 1, 2)
"""A reporting date's events are of its UTC day or a neighbour's, and a neighbour's date of the next ones."""


@dataclass
class RefreshedViews:
    """The views of a job now, and the checks that some rows broke, by view and check, with example rows."""

    views: dict[str, ViewRecord] = field(default_factory=dict)
    broken: dict[str, dict[str, list[dict[str, object]]]] = field(default_factory=dict)


def refresh_views(
    job: Job,
    topics: dict[str, FoldedTopic],
    last: JobRecord | None,
    names: set[str] | None,
    engine: Engine,
    settings: Settings,
    batch: str,
    reporter: Reporter,
) -> RefreshedViews:
    """Asks the job's views that could have changed, and those in ``names`` in any case (None: all of them)."""
    refreshed = RefreshedViews()
    rollups = {name: record for topic in topics.values() for name, record in topic.record.rollups.items()}
    merged = {name: found for name, record in rollups.items() if (found := merged_sources(record)) is not None}
    touched = {name: days for topic in topics.values() for name, days in topic.touched.items()}
    requests = []
    for view in job.views:
        before = last.views.get(view.name) if last else None
        same = (
            before is not None
            and names is not None
            and view.name not in names
            and before.fingerprint == view_fingerprint(view.fingerprint, settings)
        )
        if before is not None and last is not None and same and not _rows_changed(view, rollups, touched, last):
            refreshed.views[view.name] = before
            continue
        request = RefreshRequest(
            view,
            {rollup.name: sources(rollups[rollup.name].parts) for rollup in view.rollups},
            f"{BATCHES}/{batch}/{view.name}/part-00000.parquet",
            merged=merged,
        )
        if before is not None and last is not None and same:
            request = _sliced(request, view, rollups, touched, last, before)
        requests.append(request)
    with engine.caching(), ThreadPoolExecutor(engine.max_concurrent_views, "learnfold-ask") as pool:
        reporter.step("asking", f"{len(requests)} views of {job.name}")
        for request, (answer, seconds) in zip(requests, pool.map(partial(_timed, engine), requests), strict=True):
            view = request.view
            reporter.step("asked", view.name)
            if answer.broken:
                refreshed.broken[view.name] = answer.broken
                continue
            refreshed.views[view.name] = ViewRecord(
                answer.paths,
                view_fingerprint(view.fingerprint, settings),
                answer.rows,
                answer.bytes,
                f"{engine.name}:{answer.digest}",
                seconds,
                "slices" if request.before else "whole",
                batch,
                [f"({', '.join(view.key)}) is unique", *view.checks],
            )
    refreshed.views = {view.name: refreshed.views[view.name] for view in job.views if view.name in refreshed.views}
    return refreshed


def _timed(engine: Engine, request: RefreshRequest) -> tuple[Refreshed, float]:
    began = time.perf_counter()
    return engine.refresh(request), round(time.perf_counter() - began, 3)


def _rows_changed(
    view: View, rollups: dict[str, RollupRecord], touched: dict[str, set[date] | None], last: JobRecord
) -> bool:
    """Whether any row of the view's rollups could have come or gone: days may have been folded that hold none for it."""
    if all(touched[rollup.name] == set() for rollup in view.rollups):
        return False
    old = {name: record for topic in last.topics.values() for name, record in topic.rollups.items()}
    for rollup in view.rollups:
        days = touched[rollup.name]
        if days is None or rollup.name not in old:
            return True
        if sources(old[rollup.name].parts, days) or sources(rollups[rollup.name].parts, days):
            return True
    return False


def _sliced(
    request: RefreshRequest,
    view: View,
    rollups: dict[str, RollupRecord],
    touched: dict[str, set[date] | None],
    last: JobRecord,
    before: ViewRecord,
) -> RefreshRequest:
    """The same request for the slices that changed, where that can be told and is less work."""
    if view.incremental is None:
        return request
    old = {name: record for topic in last.topics.values() for name, record in topic.rollups.items()}
    changed, near = {}, {}
    for rollup in view.rollups:
        days, now = touched[rollup.name], rollups[rollup.name].parts
        if days is None or rollup.name not in old:
            return request
        held = sum(len(part.days) for part in now)
        if len(days) > held * INCREMENTAL_SHARE:
            return request
        changed[rollup.name] = sources(old[rollup.name].parts, days) + sources(now, days)
        near[rollup.name] = sources(now, {day + timedelta(days=by) for day in days for by in _NEAR})
    return RefreshRequest(view, near, request.path, tuple(before.paths), changed)
