"""Keeps what answers beside the views: the states that no view lists, and the sets of tuples that counts of distinct values are made of.

From them what came since a batch is added to its views without a look at its rollups. What is unchanged stays as it is, and tuples of
days that weren't there before are merged into their set as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from learnfold.batch.manifest import KeptRecord
from learnfold.batch.rollup_rows import rows_of
from learnfold.batch.since import changed_days
from learnfold.catalog import digest
from learnfold.catalog.hashes import NAME
from learnfold.catalog.plans import State, TupleSet
from learnfold.engines import RefreshRequest, size_of
from learnfold.storage.out_layout import set_path, state_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import ThreadPoolExecutor
    from datetime import date

    from learnfold.batch.context import BatchContext
    from learnfold.batch.manifest import JobRecord
    from learnfold.batch.sources import Sources
    from learnfold.catalog import Job, View
    from learnfold.engines import OutputFile, RollupRows

MERGING_SHARE = 0.2
"""Where the new days hold more than this share of the rows, making a set whole is less work than merging."""

NOTHING_HERE = "this engine has no DuckDB beside it, which makes them"


@dataclass
class KeptStates:
    """The states and sets of a job now."""

    states: dict[str, KeptRecord] = field(default_factory=dict)
    sets: dict[str, KeptRecord] = field(default_factory=dict)
    without: str = ""  # why there are none


@dataclass(frozen=True)
class StateKeeper:
    """The states and sets of one job while its views' rollups are cached: ``merged`` are rollups' rows over all time.

    ``was`` is what the last batch held, ``touched`` the days of the job's own rollups that aren't what they were then (None: all).
    """

    context: BatchContext
    job: Job
    sources: Sources
    merged: Mapping[str, tuple[RollupRows, ...]]
    was: Sources
    touched: Mapping[str, set[date] | None]

    def keep(self, pool: ThreadPoolExecutor, last: JobRecord | None) -> KeptStates:
        """What there is of them in ``last`` as far as nothing that it is made of changed, and else new files."""
        wanted = {what.name: (view, what) for view, what in owned(self.job, self.context.workspace.catalog.jobs)}
        old = last.kept if last else {}
        records = {name: old[name] for name, (_, what) in wanted.items() if self._stands(old.get(name), what)}
        missing = [pair for name, pair in wanted.items() if name not in records and self._holds(pair[1])]
        if missing:
            self.context.workspace.reporter.step("keeping", f"{len(missing)} states of {self.job.name}")
        made = list(
            pool.map(lambda pair: self.context.engine.keep(self._request(pair[0], pair[1], old), pair[1]), missing)
        )
        if None in made:
            return KeptStates(without=NOTHING_HERE)
        for (_, what), file in zip(missing, made, strict=True):
            if file is not None:
                records[what.name] = self._record(what, file)
        kept = KeptStates()
        for name, (_, what) in wanted.items():
            if name in records:
                (kept.states if isinstance(what, State) else kept.sets)[name] = records[name]
        return kept

    def _holds(self, what: State | TupleSet) -> bool:
        return all(name in self.sources.rollups for name in what.rollups)

    def _stands(self, record: KeptRecord | None, what: State | TupleSet) -> bool:
        return (
            record is not None
            and self._holds(what)
            and record.fingerprint == self._fingerprint(what)
            and record.read == self._read(what)
        )

    def _fingerprint(self, what: State | TupleSet) -> str:
        made_by = [what.select] if isinstance(what, State) else [NAME, what.columns, what.types, what.select]
        return digest([*made_by, [self.sources.rollups[name].fingerprint for name in what.rollups]])

    def _read(self, what: State | TupleSet) -> dict[str, str]:
        return {name: self.sources.digest(name) for name in what.rollups}

    def _request(self, view: View, what: State | TupleSet, old: Mapping[str, KeptRecord]) -> RefreshRequest:
        path = (state_path if isinstance(what, State) else set_path)(self.context.batch, what.name)
        if isinstance(what, TupleSet) and (merging := self._merging(view, what, path, old.get(what.name))) is not None:
            return merging
        rows = {name: rows_of(self.sources.rollups[name].files) for name in what.rollups}
        merged = {name: self.merged[name] for name in what.rollups if name in self.merged}
        return RefreshRequest(view, rows, path, merged=merged)

    def _merging(self, view: View, what: TupleSet, path: str, record: KeptRecord | None) -> RefreshRequest | None:
        """The request to add new days to a set as it was; None where days changed that it is made of, or that is more work."""
        if record is None or not self._is_of_last(record, what):
            return None
        rows = {}
        for name in what.rollups:
            days = self._new_days(name)
            if days is None:
                return None
            rows[name] = rows_of(self.sources.rollups[name].files, days)
        everything = size_of(found for name in what.rollups for found in rows_of(self.sources.rollups[name].files))
        if size_of(found for some in rows.values() for found in some).rows > everything.rows * MERGING_SHARE:
            return None
        return RefreshRequest(view, rows, path, (record.path,), digests={record.path: record.sha256})

    def _is_of_last(self, record: KeptRecord, what: TupleSet) -> bool:
        """Whether a file is what its definition of today makes of the rollups of the last batch, and can be checked."""
        return (
            bool(record.sha256)
            and self.was.rollups.keys() >= set(what.rollups)
            and record.fingerprint == self._fingerprint(what)
            and record.read == {name: self.was.digest(name) for name in what.rollups}
        )

    def _new_days(self, rollup: str) -> set[date] | None:
        """The days that came to a rollup since the last batch; None if others changed."""
        was = self.was.rollups[rollup]
        own = rollup in self.touched
        touched = self.touched[rollup] if own else changed_days(was, self.sources.rollups[rollup])
        return None if touched is None or touched & was.days else touched

    def _record(self, what: State | TupleSet, file: OutputFile) -> KeptRecord:
        made = (self._fingerprint(what), self.context.batch, self._read(what))
        return KeptRecord(file.path, file.rows, file.bytes, *made, file.sha256)


def owned(job: Job, jobs: Mapping[str, Job]) -> list[tuple[View, State | TupleSet]]:
    """The states and sets that a job keeps, each with a view that it is made by: those that no job before it does, and no view lists.

    A set is best made by a view that reads its rollups merged over all time.
    """
    before: set[str] = set()
    for name, other in jobs.items():
        if name == job.name:
            break
        before |= {what.name for view in other.views for what in _kept_of(view)}
    found: dict[str, tuple[View, State | TupleSet]] = {}
    for view in job.views:
        own = {rollup.name for rollup in view.rollups}
        for what in _kept_of(view):
            if what.name in before or not own.issuperset(what.rollups):
                continue
            better = what.name not in found or (
                view.all_time.issuperset(what.rollups) and not found[what.name][0].all_time.issuperset(what.rollups)
            )
            if better and not (isinstance(what, State) and what.shown):
                found[what.name] = (view, what)
    return list(found.values())


def _kept_of(view: View) -> list[State | TupleSet]:
    return [*view.plan.states, *view.plan.sets]
