"""Removes files that hold a person from one place: what the published batch needs is rewritten, all else is deleted.

A file of a rollup may hold rows of days that were folded again since, and a quarantine file those of events that are gone: the
published batch doesn't read them, but they are there.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from learnfold.batch.history import batch_names
from learnfold.batch.manifest import IdsFile, Manifest, RollupFile, WrittenFile, new_batch, read_manifest
from learnfold.batch.publish import publish
from learnfold.batch.rollup_rows import rows_of
from learnfold.catalog.hashes import BYTES
from learnfold.errors import DataError
from learnfold.storage.folder import TORN
from learnfold.storage.intact import sha256_of
from learnfold.storage.out_layout import (
    RECEIPTS,
    RUN_FOLDERS,
    batch_folder,
    folder_of,
    holds_hashes,
    ids_path,
    manifest_path,
    quarantine_path,
    rollup_path,
    topic_of_quarantine,
)
from learnfold.utc import now

if TYPE_CHECKING:
    from learnfold.batch.context import Workspace
    from learnfold.batch.manifest import RollupRecord, TopicRecord
    from learnfold.catalog import Rollup
    from learnfold.engines import Engine
    from learnfold.privacy.parquet import PersonQueries
    from learnfold.privacy.search import Findings
    from learnfold.storage.lease import Lease


@dataclass
class Removed:
    """What was deleted."""

    batches: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


class Purge:
    """The work on one place, whose leases its caller has."""

    def __init__(self, workspace: Workspace, engine: Engine, queries: PersonQueries, lease: Lease) -> None:
        self.out, self.catalog = workspace.out, workspace.catalog
        self.engine, self.queries = engine, queries
        self.lease = lease
        self._made = 0

    def republish(self, current: Manifest, found: Findings) -> Manifest:
        """Publishes ``current`` with other files in place of those that were ``found`` to hold the person; itself where none do.

        Only what the batch doesn't read is left out, so that no view changes. Files that hold the person in what it reads stay.
        """
        if not current.files() & found.holding and not _holds_old_ids(current):
            return current
        jobs = deepcopy(current.jobs)
        batch = new_batch()
        for job in jobs.values():
            for name_of_topic, topic in job.topics.items():
                for name, record in topic.rollups.items():
                    if name in self.catalog.rollups:
                        self._rollup(self.catalog.rollups[name], record, found.holding, batch)
                self._quarantine(topic, found, batch)
                self._ids(name_of_topic, topic, batch)
        if jobs == current.jobs:
            return current
        for job in jobs.values():
            job.batch = batch
        started_at = now()
        manifest = replace(
            current,
            batch=batch,
            parent=current.batch,
            action="erase",
            started_at=started_at,
            ended_at=started_at,
            jobs=jobs,
            ran=list(jobs),
            of=None,
        )
        return publish(self.out, manifest, self.lease)

    def _rollup(self, rollup: Rollup, record: RollupRecord, holding: set[str], batch: str) -> None:
        """Files with rows of days that others answer for are rewritten without those."""
        files = []
        for file in record.files:
            if file.path in holding and len(file.days) < file.held:
                path = rollup_path(rollup.name, f"{batch}-erased-{self._next()}")
                made = self.engine.merge(rollup, rows_of([file]), path)
                if made.rows:
                    files.append(RollupFile(made.path, made.rows, made.bytes, file.days, len(file.days), made.sha256))
            else:
                files.append(file)
        record.files = files

    def _quarantine(self, topic: TopicRecord, found: Findings, batch: str) -> None:
        """Quarantine files are rewritten with what they hold of files that are still there, and without the person."""
        for path in sorted({file.quarantine for file in topic.files.values() if file.quarantine} & found.traces.keys()):
            files = [name for name, file in topic.files.items() if file.quarantine == path]
            target = quarantine_path(topic_of_quarantine(path), f"{batch}-{self._next()}")
            with self.out.local([path]) as (source,), self.out.new(target) as place:
                self.queries.rewrite(source, place, found.traces[path], keep=files)
                written = WrittenFile(place.stat().st_size, sha256_of(place))
            topic.quarantines = {**topic.quarantines, target: written}
            topic.quarantines.pop(path, None)
            for name in files:
                topic.files[name].quarantine = target

    def _ids(self, name: str, topic: TopicRecord, batch: str) -> None:
        """Files with ids of days that were folded again are written without those: whose they were can't be read in them."""
        for place, file in enumerate(topic.ids):
            if _answered(file) < file.ids:
                data = self.out.read(file.path) or b""
                parts, days, held = [], {}, 0
                for day, (first, count) in sorted(file.days.items()):
                    parts.append(data[first * BYTES : (first + count) * BYTES])
                    days[day] = [held, count]
                    held += count
                path = ids_path(batch, name, f"erased-{self._next()}")
                self.out.write(path, b"".join(parts))
                topic.ids[place] = IdsFile(path, held, days)

    def _next(self) -> int:
        self._made += 1
        return self._made

    def remove(self, current: Manifest | None, holding: set[str]) -> Removed:
        """Deletes the other batches that need a file that is ``holding`` the person, and every such file that is a run's own.

        What writers left that died goes too: nobody writes here now, and it isn't known what such files hold.
        """
        stay = [current] if current else []
        gone: dict[str, Manifest | None] = {}
        for name in batch_names(self.out):
            if current is None or name != current.batch:
                manifest = self._readable(name)
                if manifest is None or manifest.files() & holding:
                    gone[name] = manifest
                else:
                    stay.append(manifest)
        needed = {path for manifest in stay for path in manifest.files()}
        there = {entry.path for entry in self.out.list()}
        own = {path for path in there if folder_of(path) in RUN_FOLDERS}
        hashes = {path for path in own if holds_hashes(path)}  # whose they are can't be read in them
        theirs = {path for name in gone for path in own if path.startswith(f"{batch_folder(name)}/")}
        theirs |= {path for manifest in gone.values() if manifest for path in manifest.files()}
        places = {*RUN_FOLDERS, RECEIPTS, *self.catalog.views}
        torn = {path for path in there if TORN.search(path) and folder_of(path) in places}
        files = ((own & (holding | theirs | hashes)) | torn) - needed
        manifests = sorted(files & {manifest_path(name) for name in gone})
        for some in (
            manifests,
            sorted(files - set(manifests)),
            [],
        ):  # manifests first, so that no batch stays partially
            self.lease.check("the erasure isn't finished: give its command again")
            self.out.delete(some)
        return Removed(sorted(gone), sorted(files))

    def _readable(self, name: str) -> Manifest | None:
        try:
            return read_manifest(self.out, name)
        except DataError:
            return None


def _holds_old_ids(current: Manifest) -> bool:
    """Whether a file of ids holds some of days that others answer for."""
    topics = (topic for job in current.jobs.values() for topic in job.topics.values())
    return any(_answered(file) < file.ids for topic in topics for file in topic.ids)


def _answered(file: IdsFile) -> int:
    return sum(count for _, count in file.days.values())
