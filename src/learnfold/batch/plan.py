"""What a run has to do: which UTC days of which topics are dirty, and which files have to be read for them.

The law that everything here keeps: every day is folded from all files that hold events of it, in one fold.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from learnfold.batch.sources import Published, Sources, is_composite
from learnfold.catalog import digest
from learnfold.catalog.thresholds import value

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date

    from learnfold.batch.manifest import JobRecord, RollupRecord, TopicRecord, ViewRecord
    from learnfold.batch.request import Scope
    from learnfold.catalog import Job, Rollup, Topic, View
    from learnfold.master.layout import Listing
    from learnfold.settings import Settings
    from learnfold.storage import Entry

READING = 3
"""Raised when the rules of reading events change, so that everything is folded again."""


@dataclass
class TopicPlan:
    """What has to be done for a topic."""

    topic: Topic
    reading: str
    entries: dict[str, Entry]  # all files there are
    folder_days: dict[str, date | None]
    last: TopicRecord | None  # what can be reused; None: nothing
    changed: set[str] = field(default_factory=set)  # files that are new or have other content
    removed: set[str] = field(default_factory=set)
    retractions: dict[str, Entry] = field(default_factory=dict)  # files that take events back, all there are
    new_retractions: set[str] = field(default_factory=set)  # those of them whose days aren't among ``dirty`` yet
    dirty: set[date] | None = None  # days to fold for all rollups; None: all days
    stale: list[Rollup] = field(default_factory=list)  # rollups to fold for all days, since their definition changed
    damaged: set[str] = field(default_factory=set)  # rollups some of whose files are gone or aren't what was written
    why: str = ""
    offsets: dict[int, int] = field(default_factory=dict)  # by Kafka partition, what the files hold everything before
    generations: dict[int, int] = field(default_factory=dict)  # that these offsets count in

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        changed = self.stale or self.damaged or self.changed or self.removed or self.new_retractions
        return self.dirty == set() and not changed

    def to_read(self, days: set[date] | None) -> list[str]:
        """The files that have to be read to fold ``days`` (None: all), by path."""
        if days is None:
            return sorted(self.entries)
        known = self.last.files if self.last else {}
        return sorted(
            path
            for path, day in self.folder_days.items()
            if path in self.changed or day in days or (path in known and not days.isdisjoint(known[path].days))
        )

    @property
    def days_to_fold(self) -> int:
        """How many days will be folded, as far as is known before reading."""
        if self.dirty is None or self.stale:
            known = {day for day in self.folder_days.values() if day is not None}
            return len(known.union(self.last.days if self.last else ()))
        return len(self.dirty)


@dataclass
class JobPlan:
    """What has to be done for a job."""

    job: Job
    last: JobRecord | None
    topics: list[TopicPlan]
    views: list[str]  # to refresh, as far as is known before folding
    lost: set[str] = field(default_factory=set)  # views whose files are gone or damaged
    below: Sources = field(default_factory=lambda: Sources({}, {}))  # what the last batch holds for its views to read

    @property
    def published(self) -> Published | None:
        """What can be reused of the last batch; None: nothing."""
        return Published(self.last, self.below) if self.last else None

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return all(topic.idle for topic in self.topics) and not self.views

    @property
    def bytes(self) -> int:
        """The bytes of all its files."""
        return sum(entry.size for topic in self.topics for entry in topic.entries.values())


@dataclass(frozen=True)
class PlanInput:
    """What plans are made from, the same for all jobs."""

    listing: Listing
    scope: Scope
    settings: Settings
    present: frozenset[str]  # files below OUT that are what was written, as far as is known; no others are reused
    published: Mapping[str, JobRecord] = field(default_factory=dict)  # the jobs of the published batch


def plan_job(job: Job, last: JobRecord | None, given: PlanInput, before: Sequence[JobPlan] = ()) -> JobPlan:
    """The plan of one job, ``last`` being what can be reused of it; ``before`` are the plans of jobs that run before it."""
    last = _there(last, given.present) if last else None
    topics = [plan_topic(topic, job, last, given) for topic in job.topics]
    folding = [*topics, *(topic for plan in before for topic in plan.topics)]
    busy = {topic.topic.name for topic in folding if not topic.idle}
    stale = {rollup.name for topic in folding for rollup in topic.stale}
    refreshed = [name for plan in before for name in plan.views]
    below = Sources.of(
        [other for name, other in given.published.items() if name != job.name] + ([last] if last else [])
    )
    views: list[str] = []
    lost = set()
    for view in job.views:
        record = last.views.get(view.name) if last else None
        if record is not None and not given.present.issuperset(record.paths):
            lost.add(view.name)
        if (
            record is None
            or view.name in lost
            or record.fingerprint != view_fingerprint(view, given.settings)
            or any(rollup.topic.name in busy or rollup.name in stale for rollup in view.rollups)
            or (is_composite(view, job) and _changed_below(view, record, below, (*refreshed, *views)))
        ):
            views.append(view.name)
    return JobPlan(job, last, topics, views, lost, below)


def _there(last: JobRecord, present: Collection[str]) -> JobRecord:
    """The record without states, sets and files of ids that are gone: they are made again, or missed by nobody else."""
    states = {name: kept for name, kept in last.states.items() if kept.path in present}
    sets = {name: kept for name, kept in last.sets.items() if kept.path in present}
    gone = any(file.path not in present for topic in last.topics.values() for file in topic.ids)
    topics = {
        name: replace(topic, ids=[file for file in topic.ids if file.path in present]) if gone else topic
        for name, topic in last.topics.items()
    }
    return replace(last, topics=topics, states=states, sets=sets)


def _changed_below(view: View, record: ViewRecord, below: Sources, refreshed: Collection[str]) -> bool:
    """Whether what a view was made from isn't what it was, or may not be once the views in ``refreshed`` are."""
    if any(read.name in refreshed for read in view.views) or not below.holds(view):
        return True
    return record.read != below.digests(view)


def plan_topic(topic: Topic, job: Job, last: JobRecord | None, given: PlanInput) -> TopicPlan:
    """The plan of one topic of a job."""
    listing, scope, settings, present = given.listing, given.scope, given.settings, given.present
    entries, folder_days = listing.files[topic.name], listing.days[topic.name]
    reading = reading_fingerprint(topic, settings)
    rollups = [rollup for rollup in job.rollups if rollup.topic.name == topic.name]
    record = last.topics.get(topic.name) if last else None
    offsets = listing.offsets.get(topic.name, {})
    retractions = listing.retractions.get(topic.name, {})
    everything = TopicPlan(
        topic, reading, entries, folder_days, None, changed=set(entries), retractions=retractions, offsets=offsets
    )
    everything.generations = listing.generations.get(topic.name, {})
    everything.why = _why_everything(record, reading, retractions, given)
    if everything.why:
        return everything
    assert record is not None  # noqa: S101
    plan = TopicPlan(
        topic, reading, entries, folder_days, record, dirty=set(), retractions=retractions, offsets=offsets
    )
    plan.generations = everything.generations
    plan.new_retractions = retractions.keys() - record.retractions.keys()
    plan.changed = {
        p
        for p, e in entries.items()
        if p not in record.files or (record.files[p].size, record.files[p].tag) != (e.size, e.tag)
    }
    if not settings.skip_unreadable:
        plan.changed |= record.unreadable.keys() & entries.keys()  # they may be fine today
    plan.removed = record.files.keys() - entries.keys()
    plan.stale = [
        rollup
        for rollup in rollups
        if rollup.name not in record.rollups
        or record.rollups[rollup.name].fingerprint != rollup_fingerprint(rollup, settings)
    ]
    known = {rollup.name: record.rollups[rollup.name] for rollup in rollups if rollup not in plan.stale}
    lost = _find_damage(plan, known, present)
    differing = plan.changed | plan.removed
    loose = any(day is None for day in folder_days.values())
    ranged = {day for day in record.days if day in scope}
    if plan.new_retractions and loose:
        everything.why = "events were taken back; files lie outside day folders, so the topic is one unit"
        return everything
    if differing and loose:
        everything.why = "files outside day folders changed, so the topic is one unit"
        return everything
    if (ranged or lost) and loose:
        everything.why = f"{plan.why or 'requested'}; files lie outside day folders, so the topic is one unit"
        return everything
    plan.dirty = {day for path in plan.changed if (day := folder_days[path]) is not None} | ranged | lost
    plan.dirty |= {day for day in folder_days.values() if day is not None and day in scope}
    plan.dirty |= {day for path in differing if path in record.files for day in record.files[path].days}
    return plan


def _find_damage(plan: TopicPlan, known: Mapping[str, RollupRecord], present: frozenset[str]) -> set[date]:
    """Notes which of the rollups lack files, and why the topic is then worked on; the days that are to be folded for it."""
    plan.damaged = {name for name, held in known.items() if not present.issuperset(held.paths)}
    if plan.damaged:
        plan.why = "files of its rollups are gone or damaged"
    return {day for held in known.values() for file in held.files if file.path not in present for day in file.days}


def _why_everything(
    record: TopicRecord | None, reading: str, retractions: Mapping[str, Entry], given: PlanInput
) -> str:
    """Why nothing can be reused of what the last batch found of a topic; empty where something can."""
    if record is None:
        return "never folded"
    if given.scope.full:
        return "requested"
    if record.reading != reading:
        return "the topic's definition or the platform's zone changed"
    if any(file.quarantine and file.quarantine not in given.present for file in record.files.values()):
        return "files of its quarantine are gone"
    if any(path not in retractions or retractions[path].tag != tag for path, tag in record.retractions.items()):
        return "a file that takes events back is gone or changed"
    return ""


def reading_fingerprint(topic: Topic, settings: Settings) -> str:
    """Stands for how the topic's events are read."""
    return digest([READING, topic.validity, settings.platform_zone])


def rollup_fingerprint(rollup: Rollup, settings: Settings) -> str:
    """Stands for how the rollup is folded."""
    return digest([READING, rollup.fingerprint, settings.platform_zone, settings.reporting_zone])


def view_fingerprint(view: View, settings: Settings) -> str:
    """Stands for what the view shows of the same events: its definition, the zones, and the settings that it asks for."""
    asked = [[(name, value(settings, name)) for name in view.settings]] if view.settings else []
    return digest([READING, view.fingerprint, settings.platform_zone, settings.reporting_zone, *asked])
