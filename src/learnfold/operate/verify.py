"""Recomputes the published views from scratch, beside them, and compares row by row.

What is compared is the same master listing: files that came since the batch are left out, and views of topics whose files changed
or went since are called unverified rather than different.
"""

from __future__ import annotations

import dataclasses
import secrets
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from learnfold.batch.fold import fold_topic
from learnfold.batch.history import find_batch
from learnfold.batch.manifest import new_batch
from learnfold.batch.plan import Scope, plan_job, view_fingerprint
from learnfold.batch.refresh import refresh_views
from learnfold.engines import open_engine, runs_in_process
from learnfold.engines.duckdb.difference import compare
from learnfold.engines.duckdb.session import DuckDBSession
from learnfold.errors import DataError, UsageError
from learnfold.master.layout import Listing, open_master
from learnfold.operate.difference import ViewDifference
from learnfold.storage import open_storage, same_place
from learnfold.storage.lease import held
from learnfold.storage.scratch import scratch
from learnfold.telemetry.reporter import Reporter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from learnfold.batch.manifest import JobRecord, TopicRecord, ViewRecord
    from learnfold.catalog import Catalog, Job
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
    new_files: int = 0  # that came since the batch, and were left out

    @property
    def right(self) -> bool:
        """Whether every view was compared and is the same."""
        return not self.facts and not self.unverified and all(view.rows.same for view in self.views)


def verify(
    master_url: str,
    out_url: str,
    jobs: Sequence[str],
    catalog: Catalog,
    settings: Settings,
    reporter: Reporter | None = None,
    examples: int = _SHOWN,
) -> Verification:
    """Compares the published views of ``jobs`` (none: of all that are published) with what the events say.

    Publishes nothing and changes nothing below ``out_url``. The zones are those that the batch was made with. Raises UsageError for
    a job that isn't published or was made from another input.
    """
    reporter = reporter or Reporter()
    out, master = open_storage(out_url, settings), open_master(master_url, settings)
    current = find_batch(out, "current")
    zones = {name: current.settings.get(name, getattr(settings, name)) for name in ("platform_zone", "reporting_zone")}
    settings = dataclasses.replace(settings, **zones)
    chosen = [catalog.job(name).name for name in jobs] or [name for name in current.jobs if name in catalog.jobs]
    for name in chosen:
        if name not in current.jobs:
            raise UsageError(f"{name} isn't published at {out.url}; 'learnfold run' does that")
        if not same_place(current.jobs[name].input, master.shown):
            raise UsageError(f"{name} at {out.url} is made from {current.jobs[name].input}, not from {master.shown}")
    found = Verification(current.batch, chosen)
    try:
        for name in chosen:
            _verify(found, catalog.jobs[name], current.jobs[name], master, out, catalog, settings, reporter, examples)
    finally:
        reporter.done()
    return found


def _verify(
    found: Verification,
    job: Job,
    record: JobRecord,
    master: Master,
    out: Storage,
    catalog: Catalog,
    settings: Settings,
    reporter: Reporter,
    examples: int,
) -> None:
    listing, changed = _as_of(record, job, master, catalog, found)
    with _beside(out, settings) as beside:
        engine = open_engine(settings, master.storage, beside)
        try:
            plan = plan_job(job, listing, None, Scope(full=True), settings, set())
            batch, topics = new_batch(), {}
            for topic in plan.topics:
                rollups = [rollup for rollup in job.rollups if rollup.topic.name == topic.topic.name]
                topics[topic.topic.name] = fold_topic(topic, rollups, engine, beside, settings, batch, reporter)
            asked = refresh_views(job, topics, None, None, engine, settings, batch, reporter)
        finally:
            engine.close()
        for name, folded in topics.items():
            if name not in changed and name in record.topics:
                found.facts += _facts(name, record.topics[name], folded.record)
        found.facts += [
            f"{view}: the right rows break {check}" for view, checks in asked.broken.items() for check in checks
        ]
        with DuckDBSession(settings) as session:
            for view in job.views:
                reporter.step("comparing", view.name)
                published, right = record.views.get(view.name), asked.views.get(view.name)
                gone = [why for topic in view.topics if (why := changed.get(topic.name))]
                if published is None or published.fingerprint != view_fingerprint(view.fingerprint, settings):
                    found.unverified[view.name] = "its definition or a zone changed since; 'learnfold run' asks it anew"
                elif gone:
                    found.unverified[view.name] = gone[0]
                elif right is not None:
                    _compare(found, view.name, view.key, (published, right), (out, beside), session, examples)


def _compare(
    found: Verification,
    name: str,
    key: Sequence[str],
    views: tuple[ViewRecord, ViewRecord],
    places: tuple[Storage, Storage],
    session: DuckDBSession,
    examples: int,
) -> None:
    """Looks at the rows themselves: what a manifest says of them is part of what is to be verified."""
    try:
        with places[0].local(views[0].paths) as published, places[1].local(views[1].paths) as right:
            found.views.append(ViewDifference(name, compare(session, key, published, right, examples)))
    except DataError as error:
        found.unverified[name] = f"{error}; 'learnfold run --full' makes it anew"


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
        other = sorted(path for path in read if path not in same)
        if other:
            listed = ", ".join(other[:_SHOWN]) + (" and others" if len(other) > _SHOWN else "")
            changed[topic] = (
                f"{len(other)} of the files that it was made from changed or went since: {listed}; 'learnfold run' first"
            )
        found.new_files += len(files.keys() - read.keys())
        as_of.files[topic] = {path: entry for path, entry in same.items() if path not in unreadable}
        as_of.days[topic] = {path: listing.days[topic][path] for path in as_of.files[topic]}
    return as_of, changed


def _facts(topic: str, published: TopicRecord, right: TopicRecord) -> list[str]:
    """Counts of events that the manifest has wrong."""
    lines = []
    for day in sorted(published.days.keys() | right.days.keys()):
        told, true = (record.days.get(day, [0, 0]) for record in (published, right))
        if told != true:
            lines.append(
                f"{topic} {day}: {told[0]} events and {told[1]} copies in the batch, {true[0]} and {true[1]} in its files"
            )
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
    beside = open_storage(f"{out.url}/_verify/{secrets.token_hex(4)}", settings)
    with held(out, ["verify"], settings):  # so that nobody cleans it away
        try:
            yield beside
        finally:
            beside.delete([entry.path for entry in beside.list()])
