"""Refreshes the views whose rollups or definitions changed: in full, or only what changed; the others stay as they are."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from learnfold.batch.manifest import FULL, INCREMENTAL, ViewRecord
from learnfold.batch.plan import view_fingerprint
from learnfold.batch.rollup_rows import rows_of
from learnfold.batch.segments import all_time_rows
from learnfold.batch.since import request_since, weekdays_since
from learnfold.batch.sources import Sources, is_composite, waves
from learnfold.batch.states import KeptStates, StateKeeper
from learnfold.engines import RefreshRequest, Size
from learnfold.storage.out_layout import view_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from learnfold.batch.context import BatchContext
    from learnfold.batch.fold import FoldedTopic
    from learnfold.batch.manifest import JobRecord, RollupRecord
    from learnfold.batch.sources import Published
    from learnfold.catalog import Job, View
    from learnfold.engines import Refreshed, RollupRows

INCREMENTAL_SHARE = 0.5
"""Where more than this share of the days changed, or of the rows is read, a full refresh is less work than an incremental one."""

_NEAR = (-2, -1, 0, 1, 2)
"""The events of a reporting date are of its UTC day or of one beside it; a date beside it may reach one day further."""


@dataclass
class RefreshedViews:
    """The views of a job now, and the checks that some rows broke, by view and check, with example rows."""

    views: dict[str, ViewRecord] = field(default_factory=dict)
    broken: dict[str, dict[str, list[dict[str, object]]]] = field(default_factory=dict)
    kept: KeptStates = field(default_factory=KeptStates)


@dataclass(frozen=True)
class _Changes:
    """A job's rollups now and as they were, and the days of each whose rows aren't what they were (None: all days)."""

    now: dict[str, RollupRecord]
    old: dict[str, RollupRecord]
    days: dict[str, set[date] | None]


def refresh_views(
    context: BatchContext, job: Job, topics: dict[str, FoldedTopic], published: Published | None, names: set[str] | None
) -> RefreshedViews:
    """The job's views, refreshed where they could have changed, and those in ``names`` in any case (None: all of them)."""
    last = published.job if published else None
    refreshed, changes, below = RefreshedViews(), _changes(topics, last), Sources.of(context.below.values())
    sources = Sources(below.rollups | changes.now, dict(below.views))
    work = _Refreshing(context, job, changes, sources, published.sources if published else Sources({}, {}))
    with work.caching() as pool:
        for wave in waves(job):
            requests = []
            for view in (view for view in wave if sources.holds(view)):
                before = last.views.get(view.name) if last and names is not None and view.name not in names else None
                request = work.request(view, before)
                if request is not None:
                    requests.append(request)
                elif before is not None:
                    refreshed.views[view.name] = before
            for request, answer, seconds in work.answers(pool, requests):
                if answer.broken:
                    refreshed.broken[request.view.name] = answer.broken
                else:
                    refreshed.views[request.view.name] = work.record(request, answer, seconds)
            sources.views.update(refreshed.views)
        if context.workspace.settings.states:
            keeper = StateKeeper(context, job, sources, work.merged, work.published, changes.days)
            refreshed.kept = keeper.keep(pool, None if names is None else last)
    refreshed.views = {view.name: refreshed.views[view.name] for view in job.views if view.name in refreshed.views}
    return refreshed


@dataclass(frozen=True)
class _Refreshing:
    """The views of one job while they are refreshed."""

    context: BatchContext
    job: Job
    changes: _Changes
    sources: Sources
    published: Sources  # those of the last batch

    @contextmanager
    def caching(self) -> Iterator[ThreadPoolExecutor]:
        """The threads that refresh views, which share what the engine reads."""
        engine = self.context.engine
        with engine.caching(), ThreadPoolExecutor(engine.max_concurrent_views, "learnfold-refresh") as pool:
            yield pool

    @cached_property
    def merged(self) -> dict[str, tuple[RollupRows, ...]]:
        """By rollup, its rows merged over all time as far as that was done already."""
        rows = {name: all_time_rows(record) for name, record in self.sources.rollups.items()}
        return {name: found for name, found in rows.items() if found is not None}

    def request(self, view: View, before: ViewRecord | None) -> RefreshRequest | None:
        """What the engine has to do; None: nothing, ``before`` is what it would make."""
        composite = is_composite(view, self.job)
        if before is not None and before.fingerprint != view_fingerprint(view, self.context.workspace.settings):
            before = None
        if before is not None:
            same = before.read == self.sources.digests(view) if composite else not _rows_changed(view, self.changes)
            if same:
                return None
        path = view_path(self.context.batch, view.name)
        return self._incremental(view, path, before) or RefreshRequest(
            view,
            {rollup.name: rows_of(self.sources.rollups[rollup.name].files) for rollup in view.rollups},
            path,
            merged={rollup.name: self.merged[rollup.name] for rollup in view.rollups if rollup.name in self.merged},
            views={read.name: tuple(self.sources.views[read.name].paths) for read in view.views},
            digests={path: one for read in view.views for path, one in self.sources.views[read.name].digests.items()},
            views_size=Size(
                sum(self.sources.views[read.name].rows for read in view.views),
                sum(self.sources.views[read.name].bytes for read in view.views),
            ),
        )

    def _incremental(self, view: View, path: str, before: ViewRecord | None) -> RefreshRequest | None:
        """The request to refresh only what may have changed; None where that isn't known or is more work than a full refresh."""
        if before is None:
            return None
        composite = is_composite(view, self.job)
        if view.looks_back is None:
            return None if composite else _incremental(view, path, before, self.changes)
        if not self.published.holds(view) or (composite and before.read != self.published.digests(view)):
            return None  # it was made from what another batch held
        if view.looks_back.column == "weekday":
            return self._of_weekdays(view, path, before)
        return request_since(view, path, before, (self.published.rollups, self.sources.rollups), INCREMENTAL_SHARE)

    def _of_weekdays(self, view: View, path: str, before: ViewRecord) -> RefreshRequest | None:
        utc = self.context.workspace.settings.reporting_zone == "UTC"
        weekdays = weekdays_since(view, self.published.rollups, self.sources.rollups, utc=utc)
        if not weekdays or len(weekdays) > INCREMENTAL_SHARE * 7:
            return None
        sources = {rollup.name: rows_of(self.sources.rollups[rollup.name].files) for rollup in view.rollups}
        return RefreshRequest(view, sources, path, tuple(before.paths), digests=before.digests, weekdays=weekdays)

    def answers(
        self, pool: ThreadPoolExecutor, requests: list[RefreshRequest]
    ) -> Iterator[tuple[RefreshRequest, Refreshed, float]]:
        """What the engine answers to each request, in their order, and the seconds it took."""
        engine, reporter = self.context.engine, self.context.workspace.reporter

        def timed(request: RefreshRequest) -> tuple[Refreshed, float]:
            began = time.perf_counter()
            return engine.refresh(request), round(time.perf_counter() - began, 3)

        if requests:
            reporter.step("refreshing", f"{len(requests)} views of {self.job.name}")
        for request, (answer, seconds) in zip(requests, pool.map(timed, requests), strict=True):
            reporter.step("refreshed", request.view.name)
            yield request, answer, seconds

    def record(self, request: RefreshRequest, answer: Refreshed, seconds: float) -> ViewRecord:
        """What the manifest holds of a view that was refreshed."""
        view, context = request.view, self.context
        return ViewRecord(
            answer.paths,
            view_fingerprint(view, context.workspace.settings),
            answer.rows,
            answer.bytes,
            answer.digest,
            seconds,
            INCREMENTAL if request.before else FULL,
            context.batch,
            [f"({', '.join(view.key)}) is unique", *view.checks],
            self.sources.digests(view) if is_composite(view, self.job) else {},
            answer.sha256,
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
    return RefreshRequest(view, near, path, tuple(before.paths), changed, digests=before.digests)
