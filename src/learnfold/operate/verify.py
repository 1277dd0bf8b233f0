"""Recomputes the published views from scratch, beside them, and compares row by row.

What is compared is the same master listing: files that came since the batch are left out, and views of topics whose files changed
or went since are called unverified rather than different.
"""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from learnfold.batch.context import BatchContext
from learnfold.batch.fold import fold_topic
from learnfold.batch.history import as_made, find_batch
from learnfold.batch.manifest import JobRecord, new_batch
from learnfold.batch.plan import PlanInput, plan_job, view_fingerprint
from learnfold.batch.publish import wrong_plain_paths
from learnfold.batch.refresh import refresh_views
from learnfold.batch.request import RunRequest, Scope
from learnfold.batch.sources import Sources
from learnfold.engines import DayCounts, open_engine, runs_in_process
from learnfold.engines.duckdb.difference import compare
from learnfold.engines.duckdb.session import DuckDBSession
from learnfold.errors import DataError, MissingDataError, UsageError
from learnfold.master.layout import Listing, open_master
from learnfold.operate.difference import ViewDifference
from learnfold.operate.kept import KeptFiles, differences
from learnfold.storage import open_storage, same_place
from learnfold.storage.lease import held
from learnfold.storage.out_layout import new_verification_folder
from learnfold.storage.scratch import scratch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from learnfold.batch.context import Workspace
    from learnfold.batch.fold import FoldedTopic
    from learnfold.batch.manifest import TopicRecord, ViewRecord
    from learnfold.batch.refresh import RefreshedViews
    from learnfold.catalog import Catalog, Job, View
    from learnfold.master.layout import Master
    from learnfold.settings import Settings
    from learnfold.storage import Storage

_SHOWN = 3


@dataclass
class Verification:
    """What recomputing showed."""

    batch: str
    jobs: list[str]
    views: list[ViewDifference] = field(
        default_factory=list
    )  # compared: before is what is published, after what is right
    facts: list[str] = field(default_factory=list)  # counts of events that differ, and checks that the right rows break
    unverified: dict[str, str] = field(default_factory=dict)  # by view, why it couldn't be compared
    plain: list[str] = field(default_factory=list)  # what is wrong at plain paths
    new_files: int = 0  # that came since the batch, and were left out

    @property
    def right(self) -> bool:
        """Whether every view was compared and is the same."""
        return not (self.facts or self.plain or self.unverified) and all(view.rows.same for view in self.views)


def verify(workspace: Workspace, master_url: str, jobs: Sequence[str] = (), examples: int = _SHOWN) -> Verification:
    """Compares the published views of ``jobs`` (none: of all that are published) with what the events give.

    Publishes nothing and changes nothing of what is published. The zones are those that the batch was made with. Raises UsageError for
    a job that isn't published or was made from another input.
    """
    out, catalog, settings = workspace.out, workspace.catalog, workspace.settings
    master = open_master(master_url, settings)
    current = find_batch(out, "current")
    chosen = [catalog.job(name).name for name in jobs] or [name for name in current.jobs if name in catalog.jobs]
    for name in chosen:
        if name not in current.jobs:
            raise UsageError(f"{name} isn't published at {out.url}; 'learnfold run' does that")
        if not same_place(current.jobs[name].input, master.shown):
            raise UsageError(f"{name} at {out.url} is made from {current.jobs[name].input}, not from {master.shown}")
    found = Verification(current.batch, chosen)
    made_with = dataclasses.replace(workspace, settings=as_made(current, settings))
    try:
        for name in chosen:
            _Verifying(made_with, master, found, examples).job(catalog.jobs[name], current.jobs)
            found.plain += plain_path_problems(out, current.jobs[name])
    finally:
        workspace.reporter.done()
    return found


class _Verifying:
    """The work, whose results go into ``found``."""

    def __init__(self, workspace: Workspace, master: Master, found: Verification, examples: int) -> None:
        self.workspace, self.master, self.found, self.examples = workspace, master, found, examples

    def job(self, job: Job, published: Mapping[str, JobRecord]) -> None:
        """Recomputes and compares one job; of the jobs that it reads, what they make is made again too."""
        record = published[job.name]
        listing, changed = _as_of(record, job, self.master, self.workspace.catalog, self.found)
        with _beside(self.workspace.out, self.workspace.settings) as out:
            keeps = bool(record.kept) or any(topic.ids for topic in record.topics.values())
            settings = dataclasses.replace(self.workspace.settings, states=keeps)
            beside = dataclasses.replace(self.workspace, out=out, settings=settings)
            below = self._below(beside, job, published, changed)
            topics, refreshed = self._recompute(beside, job, listing, below)
            for name, folded in topics.items():
                if name not in changed and name in record.topics:
                    self.found.facts += _facts(name, record.topics[name], folded.record)
            self.found.facts += [
                f"{view}: the right rows break {check}" for view, checks in refreshed.broken.items() for check in checks
            ]
            with DuckDBSession(self.workspace.settings) as session:
                now = Sources.of(published.values())
                for view in job.views:
                    held, right = record.views.get(view.name), refreshed.views.get(view.name)
                    why = self._incomparable(view, held, changed)
                    if why is None and held is not None and held.read and held.read != now.digests(view):
                        why = "what it reads was refreshed since; 'learnfold run' refreshes it too"
                    if why is not None:
                        self.found.unverified[view.name] = why
                    elif held is not None and right is not None:
                        self._compare(view, held, session, (out, right))
                if not changed:
                    right_topics = {name: topic.record for name, topic in topics.items()}
                    kept = KeptFiles(self.workspace.out, record.kept, record.topics)
                    beside_it = KeptFiles(out, refreshed.kept.states | refreshed.kept.sets, right_topics)
                    self.found.facts += differences(session, kept, beside_it)

    def _below(
        self, beside: Workspace, job: Job, published: Mapping[str, JobRecord], changed: dict[str, str]
    ) -> dict[str, JobRecord]:
        """The jobs that a job reads, made again; what is wrong with their files is added to ``changed``."""
        below: dict[str, JobRecord] = {}
        catalog = self.workspace.catalog
        for name in (name for name in catalog.jobs if name in _all_before(job, catalog)):
            aside = Verification(self.found.batch, [name])  # that job's own verification tells of its files
            listing, wrong = _as_of(published[name], catalog.jobs[name], self.master, catalog, aside)
            changed |= wrong
            folded, made = self._recompute(beside, catalog.jobs[name], listing, below)
            topics = {topic: fold.record for topic, fold in folded.items()}
            below[name] = JobRecord(self.found.batch, self.master.shown, whole=True, topics=topics, views=made.views)
        return below

    def _recompute(
        self, beside: Workspace, job: Job, listing: Listing, below: Mapping[str, JobRecord]
    ) -> tuple[dict[str, FoldedTopic], RefreshedViews]:
        """The job's topics and views of the files in ``listing``, all of them made again."""
        engine = open_engine(beside.settings, self.master.storage, beside.out)
        request = RunRequest(self.master.shown, beside.out.url, (job.name,), Scope(full=True), action="verify")
        context = BatchContext(beside, self.master, engine, new_batch(), request, below)
        try:
            plan = plan_job(job, None, PlanInput(listing, request.scope, beside.settings, frozenset()))
            topics = {
                topic.topic.name: fold_topic(
                    context, topic, [r for r in job.rollups if r.topic.name == topic.topic.name]
                )
                for topic in plan.topics
            }
            return topics, refresh_views(context, job, topics, None, None)
        finally:
            engine.close()

    def _incomparable(self, view: View, published: ViewRecord | None, changed: dict[str, str]) -> str | None:
        """Why the view can't be compared; None where it can."""
        self.workspace.reporter.step("comparing", view.name)
        settings = self.workspace.settings
        if published is None or published.fingerprint != view_fingerprint(view, settings):
            return "its definition or a zone changed since; 'learnfold run' refreshes it"
        return next((changed[topic.name] for topic in view.topics if topic.name in changed), None)

    def _compare(
        self, view: View, published: ViewRecord, session: DuckDBSession, right: tuple[Storage, ViewRecord]
    ) -> None:
        """Compares the rows themselves: what a manifest records of them is part of what is to be verified."""
        beside, record = right
        try:
            with self.workspace.out.local(published.paths) as before, beside.local(record.paths) as after:
                rows = compare(session, view.key, before, after, self.examples)
        except DataError as error:
            self.found.unverified[view.name] = f"{error}; 'learnfold run --full' makes it again"
        else:
            self.found.views.append(ViewDifference(view.name, rows))


def plain_path_problems(out: Storage, job: JobRecord) -> list[str]:
    """What is wrong at the plain paths of a job's views, as far as these are there themselves."""
    wrong = []
    for name, view in job.views.items():
        try:
            wrong += wrong_plain_paths(out, name, view.digests)
        except MissingDataError:
            continue  # the view itself can't be compared, which is said already
    return wrong


def _all_before(job: Job, catalog: Catalog) -> set[str]:
    """The jobs whose rollups and views a job reads, and those that these read."""
    return {*job.after, *(name for other in job.after for name in _all_before(catalog.jobs[other], catalog))}


def _as_of(
    record: JobRecord, job: Job, master: Master, catalog: Catalog, found: Verification
) -> tuple[Listing, dict[str, str]]:
    """The files that the batch read, as far as they are what they were, and by topic what is wrong with the others."""
    listing = master.listing([topic.name for topic in job.topics], list(catalog.topics))
    as_of, changed = Listing(), {}
    for topic, files in listing.files.items():
        read = record.topics[topic].files if topic in record.topics else {}
        unreadable = record.topics[topic].unreadable if topic in record.topics else {}
        same = {
            path: entry
            for path, entry in files.items()
            if path in read and (read[path].size, read[path].tag) == (entry.size, entry.tag)
        }
        words = record.topics[topic].retractions if topic in record.topics else {}
        there = listing.retractions.get(topic, {})
        as_of.retractions[topic] = {
            path: there[path] for path, tag in words.items() if path in there and there[path].tag == tag
        }
        other = sorted(path for path in (*read, *words) if path not in same and path not in as_of.retractions[topic])
        if other:
            listed = ", ".join(other[:_SHOWN]) + (" and others" if len(other) > _SHOWN else "")
            changed[topic] = (
                f"{len(other)} of the files that it was made from changed or went since: {listed}; 'learnfold run' first"
            )
        found.new_files += len(files.keys() - read.keys())
        as_of.files[topic] = {path: entry for path, entry in same.items() if path not in unreadable}
        as_of.days[topic] = {path: listing.days[topic][path] for path in as_of.files[topic]}
    return as_of, changed


def _shown(counts: DayCounts) -> str:
    more = f", {counts.conflicting} of them conflicting" if counts.conflicting else ""
    back = f", {counts.retracted} taken back" if counts.retracted else ""
    return f"{counts.events} events and {counts.duplicates} duplicates{more}{back}"


def _facts(topic: str, published: TopicRecord, right: TopicRecord) -> list[str]:
    """Counts of events that the manifest has wrong."""
    lines = []
    for day in sorted(published.days.keys() | right.days.keys()):
        recorded, found = (record.days.get(day, DayCounts()) for record in (published, right))
        if recorded != found:
            lines.append(f"{topic} {day}: {_shown(recorded)} in the batch, {_shown(found)} in its files")
    if published.quarantined != right.quarantined:
        lines.append(f"{topic}: quarantined in the batch {published.quarantined}, in its files {right.quarantined}")
    return lines


@contextmanager
def _beside(out: Storage, settings: Settings) -> Iterator[Storage]:
    """A place for what is recomputed that goes away: a folder here, or below OUT where a cluster must reach it."""
    if runs_in_process(settings):
        folder = scratch(settings.temporary_folder)
        try:
            yield open_storage(folder.name, settings)
        finally:
            folder.cleanup()
        return
    beside = open_storage(f"{out.url}/{new_verification_folder()}", settings)
    with held(out, ["verify"], settings):  # so that nobody cleans it away
        try:
            yield beside
        finally:
            beside.delete([entry.path for entry in beside.list()])
