"""Whether the files below OUT are those that learnfold wrote, byte by byte: every file of every batch, and the plain paths."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from learnfold.batch.damage import damaged_files
from learnfold.batch.history import batch_names, find_batch
from learnfold.batch.manifest import read_manifest
from learnfold.errors import DataError, UsageError
from learnfold.operate.verify import plain_path_problems
from learnfold.storage.out_layout import BATCH_FOLDERS, manifest_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learnfold.batch.context import Workspace
    from learnfold.batch.manifest import Manifest, StoredFile


@dataclass
class FilesVerification:
    """What reading all files showed."""

    batch: str  # the published one
    batches: list[str] = field(default_factory=list)  # whose files were read, the published one first
    files: int = 0
    bytes: int = 0
    damaged: dict[str, str] = field(default_factory=dict)  # by path below OUT, what is wrong with it
    published: list[str] = field(default_factory=list)  # of these, the ones that the published batch needs
    unknown: int = 0  # files without a digest, of which only the size was compared, as far as it is known
    plain: list[str] = field(default_factory=list)  # what is wrong at plain paths

    @property
    def right(self) -> bool:
        """Whether nothing is damaged."""
        return not self.damaged and not self.plain


def verify_files(workspace: Workspace, jobs: Sequence[str] = ()) -> FilesVerification:
    """Reads every file of ``jobs`` (none: of all) that a batch needs, and compares its digest with what was written.

    Changes nothing. Raises UsageError for a job that isn't published.
    """
    out = workspace.out
    current = find_batch(out, "current")
    for name in jobs:
        if name not in current.jobs:
            raise UsageError(f"{name} isn't published at {out.url}; 'learnfold run' does that")
    found = FilesVerification(current.batch, [current.batch])
    stored = _stored(current, jobs)
    needed = set(stored)
    for name in reversed(batch_names(out)):
        if name != current.batch:
            try:
                other = read_manifest(out, name)
            except DataError:
                found.damaged[manifest_path(name)] = "it is no manifest of a batch"
                continue
            if other is not None:
                found.batches.append(name)
                stored = _stored(other, jobs) | stored
    sizes = {entry.path: entry.size for folder in BATCH_FOLDERS for entry in out.list(folder)}
    found.damaged |= damaged_files(out, stored.values(), sizes)
    found.published = sorted(needed & found.damaged.keys())
    found.files, found.bytes = len(stored), sum(sizes.get(path, 0) for path in stored)
    found.unknown = sum(not file.sha256 for file in stored.values())
    for name, job in current.jobs.items():
        if name in (jobs or current.jobs):
            found.plain += plain_path_problems(out, job)
    return found


def _stored(manifest: Manifest, jobs: Sequence[str]) -> dict[str, StoredFile]:
    """The files that a batch needs for some jobs (none: for all), by path."""
    chosen = [job for name, job in manifest.jobs.items() if name in (jobs or manifest.jobs)]
    return {file.path: file for job in chosen for file in job.stored()}
