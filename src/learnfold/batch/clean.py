"""Removes old batches, and the files that no batch needs.

Nothing that is needed can go, since the order is: list the files, then see which runs live, then read which batches are published.
A run that was over before its files were listed has published them or never will. One that lives has written its own since its
lease began, and files that young stay; what it reuses is in the published batch, which stays, and so does the batch that was
published when it began, which it will need. One that starts later writes files that aren't on the list. Only quarantine files are
named after their content, and so could be written again under an old name: they go only while the lease of the job that would
write them is held.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from learnfold.batch.history import HISTORY, published
from learnfold.batch.manifest import read_current
from learnfold.errors import BusyError, MissingDataError
from learnfold.storage.folder import TORN
from learnfold.storage.lease import held, holders
from learnfold.storage.out_layout import (
    QUARANTINE,
    batch_of_manifest,
    folder_of,
    is_run_file,
    manifest_path,
    topic_of_quarantine,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from learnfold.batch.context import Workspace
    from learnfold.batch.manifest import Manifest
    from learnfold.storage import Entry

_CLOCKS = timedelta(minutes=1)
"""How far the clocks of machines may be apart."""


@dataclass
class CleanReport:
    """What went, or would go."""

    kept: list[str] = field(default_factory=list)  # batches, newest first
    removed: list[str] = field(default_factory=list)  # batches
    files: list[str] = field(default_factory=list)  # everything that went but leases, by path
    bytes: int = 0
    leases: list[str] = field(default_factory=list)  # of runs that died, by job
    waiting: int = 0  # files that no batch needs, but that are young or may be a live run's
    dry_run: bool = False


def clean(workspace: Workspace, *, dry_run: bool = False, holding: Collection[str] = ()) -> CleanReport:
    """Keeps the last ``settings.keep_batches`` batches and all they need, and those replaced within ``grace_minutes``.

    ``holding`` are the jobs whose leases the caller has, and for which it writes no more. Raises BusyError when someone else is cleaning or rolling back,
    MissingDataError where there is no such place.
    """
    out = workspace.out
    if not out.exists():
        raise MissingDataError(f"there is nothing at {out.url}; is the path right?")
    with nullcontext() if dry_run else held(out, [HISTORY], workspace.settings):
        return _Cleaning(workspace, holding, dry_run=dry_run).run()


class _Cleaning:
    def __init__(self, workspace: Workspace, holding: Collection[str], *, dry_run: bool) -> None:
        self.out, self.settings, self.holding = workspace.out, workspace.settings, holding
        catalog = workspace.catalog
        self.writers = {topic.name: job.name for job in catalog.jobs.values() for topic in job.topics}
        self.views = set(catalog.views)
        self.report = CleanReport(dry_run=dry_run)

    def run(self) -> CleanReport:
        entries = self.out.list()
        leases = [holder for holder in holders(self.out, self.settings) if holder.name != HISTORY]
        batches = published(self.out)
        old = datetime.now(UTC) - timedelta(minutes=self.settings.grace_minutes)
        alive = [holder for holder in leases if holder.alive and holder.name not in self.holding]
        before = min([old, *(_moment(str(holder.who.get("since"))) - _CLOCKS for holder in alive)])
        ages = {entry.path: entry.modified_at for entry in entries}
        kept, gone = self._divided(batches, before, {name for name in ages if ages[name] > before})
        needed = {path for manifest in kept for path in manifest.files()}
        loose = [entry for entry in entries if is_run_file(entry.path) and entry.path not in needed]
        ripe = [entry for entry in loose if entry.modified_at <= before]
        elsewhere = any(not holder.here for holder in alive)
        torn = [] if elsewhere else [e for e in entries if self._torn(e, batches) and e.modified_at <= old]
        self.report.kept = [manifest.batch for manifest in kept]
        self.report.removed = [manifest.batch for manifest in gone]
        manifests = [entry for entry in ripe if batch_of_manifest(entry.path) is not None]
        others = [entry for entry in ripe if batch_of_manifest(entry.path) is None]
        self._remove(manifests)  # first, so that no batch stays partially
        self._remove(entry for entry in others if folder_of(entry.path) != QUARANTINE)
        self._remove_quarantine([entry for entry in others if folder_of(entry.path) == QUARANTINE])
        self._remove(torn)
        for holder in leases:
            if not holder.alive and (self.report.dry_run or self.out.delete_if(holder.path, holder.tag)):
                self.report.leases.append(holder.name)
        self.report.waiting = len({entry.path for entry in loose} - set(self.report.files))
        self.report.files.sort()
        return self.report

    def _divided(
        self, batches: list[Manifest], before: datetime, young: Collection[str]
    ) -> tuple[list[Manifest], list[Manifest]]:
        """The batches that stay, and those that go: beyond the last few, replaced before that time and not themselves young."""
        kept: list[Manifest] = []
        gone: list[Manifest] = []
        for place, manifest in enumerate(batches):
            recent = place < self.settings.keep_batches or _moment(batches[place - 1].ended_at) > before
            (kept if recent or manifest_path(manifest.batch) in young else gone).append(manifest)
        return kept, gone

    def _torn(self, entry: Entry, batches: list[Manifest]) -> bool:
        """Whether it is what a writer that is no more was writing when it died."""
        match = TORN.search(entry.path)
        top = folder_of(entry.path)
        views = self.views.union(*(manifest.views for manifest in batches))
        return match is not None and (top.startswith("_") or top in views) and not is_running(int(match[1]))

    def _remove(self, entries: Iterable[Entry]) -> None:
        entries = list(entries)
        if not self.report.dry_run:
            self.out.delete(entry.path for entry in entries)
        self.report.files += [entry.path for entry in entries]
        self.report.bytes += sum(entry.size for entry in entries)

    def _remove_quarantine(self, entries: list[Entry]) -> None:
        """Removes quarantine files, each while no run can be writing it again."""
        by_job: dict[str | None, list[Entry]] = {}
        for entry in entries:
            by_job.setdefault(self.writers.get(topic_of_quarantine(entry.path)), []).append(entry)
        for job, some in by_job.items():
            if job is None or job in self.holding or self.report.dry_run:
                self._remove(some)
                continue
            try:
                with held(self.out, [job], replace(self.settings, wait_seconds=0)):
                    self._remove(self._unchanged(some))
            except BusyError:
                continue

    def _unchanged(self, entries: list[Entry]) -> list[Entry]:
        """Of ``entries``, those that nobody wrote or published since they were listed."""
        current, _ = read_current(self.out)
        needed = current.files() if current else set()
        now = {entry.path: entry.tag for entry in self.out.list(QUARANTINE)}
        return [entry for entry in entries if now.get(entry.path) == entry.tag and entry.path not in needed]


def is_running(process: int) -> bool:
    """Whether a process of that number lives on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _moment(text: str) -> datetime:
    """A time of a manifest or lease; what can't be read is long ago."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return datetime.min.replace(tzinfo=UTC) + _CLOCKS
