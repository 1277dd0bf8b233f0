"""Removes old batches, and the files that no batch needs.

Nothing that is needed can go, since the order is: list the files, then see which runs live, then read which batches are published.
A run that was over before its files were listed has published them or never will. One that lives has written its own since its
lease began, and files that young stay; what it reuses is in the published batch, which stays, and so does the batch that was
published when it began, which it will need. One that starts later writes files that aren't on the list: no name is given twice, and a
batch that is published again gets views of its own. So nothing that readers see can go even where a cleaning sleeps between looking
and removing. A run that seems to be dead is watched first; where it really is silent, it loses its lease, and the pointer is changed,
before anything of its goes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from learnfold.batch.history import HISTORY, published
from learnfold.errors import MissingDataError
from learnfold.storage.folder import TORN
from learnfold.storage.lease import held, holders, watched
from learnfold.storage.out_layout import (
    batch_of_manifest,
    folder_of,
    is_run_file,
    manifest_path,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from learnfold.batch.context import Workspace
    from learnfold.batch.manifest import Manifest
    from learnfold.storage import Entry
    from learnfold.storage.lease import Lease

_CLOCKS = timedelta(minutes=1)
"""How far the clocks of machines may be apart."""

_LONG_AGO = datetime.min.replace(tzinfo=UTC) + _CLOCKS

_AT_ONCE = 100
"""Files that are removed before the lease is looked at again."""

_STOPPED = "what is left stays for the next cleaning"


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
    if dry_run:
        return _Cleaning(workspace, holding, None).run()
    with held(out, [HISTORY], workspace.settings) as lease:
        return _Cleaning(workspace, holding, lease).run()


class _Cleaning:
    def __init__(self, workspace: Workspace, holding: Collection[str], lease: Lease | None) -> None:
        """``lease``: None in a dry run."""
        self.out, self.settings, self.holding, self.lease = workspace.out, workspace.settings, holding, lease
        self.views = set(workspace.catalog.views)
        self.report = CleanReport(dry_run=lease is None)

    def run(self) -> CleanReport:
        entries = self.out.list()
        leases = [holder for holder in holders(self.out, self.settings) if holder.name != HISTORY]
        if self.lease is not None:
            leases = watched(self.out, [one for one in leases if one.name not in self.holding], self.settings)
            self.report.leases += [holder.name for holder in leases if holder.silent and not holder.alive]
            leases = [holder for holder in leases if not holder.silent or holder.alive]
        batches = published(self.out)
        old = datetime.now(UTC) - timedelta(minutes=self.settings.grace_minutes)
        alive = [holder for holder in leases if holder.alive and holder.name not in self.holding]
        before = min([old, *((holder.since or _LONG_AGO) - _CLOCKS for holder in alive)])
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
        self._remove(others)
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
        if self.lease is not None:
            for start in range(0, len(entries), _AT_ONCE):
                self.lease.check(_STOPPED)
                self.out.delete(entry.path for entry in entries[start : start + _AT_ONCE])
            self.lease.check(_STOPPED)
        self.report.files += [entry.path for entry in entries]
        self.report.bytes += sum(entry.size for entry in entries)


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
        return _LONG_AGO
