"""What views of views, and views of other jobs' rollups, are made from, and whether that is what it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnfold.catalog import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from learnfold.batch.manifest import JobRecord, RollupRecord, ViewRecord
    from learnfold.catalog import Job, View


@dataclass(frozen=True)
class Sources:
    """All rollups and views that the views of a job may read, by name."""

    rollups: dict[str, RollupRecord]
    views: dict[str, ViewRecord]

    @classmethod
    def of(cls, jobs: Iterable[JobRecord]) -> Sources:
        """What these jobs hold."""
        held = list(jobs)
        topics = [topic for job in held for topic in job.topics.values()]
        return cls(
            {name: record for topic in topics for name, record in topic.rollups.items()},
            {name: record for job in held for name, record in job.views.items()},
        )

    def holds(self, view: View) -> bool:
        """Whether all is there that the view reads."""
        return all(rollup.name in self.rollups for rollup in view.rollups) and all(
            read.name in self.views for read in view.views
        )

    def digest(self, rollup: str) -> str:
        """What changes whenever the rollup does."""
        return digest([(file.path, file.days) for file in self.rollups[rollup].files])

    def digests(self, view: View) -> dict[str, str]:
        """By rollup and view that the view reads, what changes whenever that does."""
        files = {rollup.name: self.digest(rollup.name) for rollup in view.rollups}
        return files | {read.name: self.views[read.name].digest for read in view.views}


@dataclass(frozen=True)
class Published:
    """What the last batch holds of a job, and of all that its views read."""

    job: JobRecord
    sources: Sources


def is_composite(view: View, job: Job) -> bool:
    """Whether a view of the job reads more than rollups of the job's own topics."""
    return bool(view.views) or any(rollup.topic not in job.topics for rollup in view.rollups)


def waves(job: Job) -> list[list[View]]:
    """The job's views, those that read others of it behind these."""
    depth: dict[str, int] = {}
    for view in job.views:
        depth[view.name] = max((depth[read.name] + 1 for read in view.views if read.job == job.name), default=0)
    return [[view for view in job.views if depth[view.name] == at] for at in sorted(set(depth.values()))]


def missing_jobs(job: Job, present: Mapping[str, object]) -> list[str]:
    """The jobs that a job reads and that aren't there."""
    return [name for name in job.after if name not in present]
