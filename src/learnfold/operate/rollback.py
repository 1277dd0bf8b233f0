"""Publishes an earlier batch again, as a new one: what readers see is that batch's content, and history only grows."""

from __future__ import annotations

import platform
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnfold import __version__
from learnfold.batch.damage import damaged_files
from learnfold.batch.history import HISTORY, batch_names, find_batch, missing_files, newest_readable
from learnfold.batch.manifest import Manifest, new_batch, read_replaceable
from learnfold.batch.publish import publish, refresh_plain_paths
from learnfold.errors import MissingDataError, UsageError
from learnfold.storage.concurrency import map_concurrently
from learnfold.storage.intact import damaged
from learnfold.storage.lease import held
from learnfold.storage.out_layout import BATCHES, copied_view_path
from learnfold.utc import now

if TYPE_CHECKING:
    from learnfold.batch.context import Workspace
    from learnfold.storage import Storage

_SHOWN = 5


@dataclass
class RollbackReport:
    """What a rollback did."""

    manifest: Manifest  # the new batch, whose ``of`` is the one published again
    stayed: list[str]  # jobs that the earlier batch doesn't hold, and that stay as they were


def rollback(workspace: Workspace, name: str) -> RollbackReport:
    """Publishes the batch ``name`` (or ``previous``) again.

    Nobody else writes meanwhile: the leases of all jobs are held. The next run compares the master dataset with what that batch
    read, and so folds what came since. Where what is published can't be read, ``previous`` is the newest batch that can be.
    Raises MissingDataError where files of the batch are gone, UsageError where it is
    what readers see already.
    """
    started_at, out = now(), workspace.out
    jobs = {*workspace.catalog.jobs, *_published(out, name)[1].jobs}
    with held(out, sorted({*jobs, HISTORY}), workspace.settings) as lease:
        current, target = _published(out, name)
        if current is not None and target.batch == current.batch:
            raise UsageError(
                f"{target.batch} is what readers of {out.url} see already; 'learnfold status' lists the others"
            )
        gone = missing_files(out, target)
        if gone:
            raise MissingDataError(_missing(out, target.batch, gone))
        _check(out, target)
        batch = new_batch()
        manifest = Manifest(
            batch,
            current.batch if current else None,
            "rollback",
            started_at,
            started_at,
            {"learnfold": __version__, "python": platform.python_version()},
            target.settings,
            deepcopy(target.jobs),
            ran=list(target.jobs),
            of=target.of or target.batch,
        )
        for job in manifest.jobs.values():
            job.batch = batch
            job.reused_days += job.folded_days
            job.folded_days = 0
        _copy_views(out, manifest)
        manifest = publish(out, manifest, lease)
        refresh_plain_paths(out, manifest, manifest.jobs, lease)
    return RollbackReport(manifest, [job for job in manifest.jobs if job not in target.jobs])


def _copy_views(out: Storage, manifest: Manifest) -> None:
    """Gives the views files of the batch's own: a cleaning that slept may be about to remove those of the old batch."""
    copies: list[tuple[str, str]] = []
    for name, view in manifest.views.items():
        new = [copied_view_path(manifest.batch, name, path) for path in view.paths]
        copies += zip(view.paths, new, strict=True)
        view.paths = new
    map_concurrently(lambda copy: out.copy(*copy), copies, out.max_concurrency)


def _check(out: Storage, target: Manifest) -> None:
    """Raises DamagedError where a view of the batch isn't what was written; what else it needs, the next run checks and makes again."""
    sizes = {entry.path: entry.size for entry in out.list(BATCHES)}
    views = {path for view in target.views.values() for path in view.paths}
    files = [file for job in target.jobs.values() for file in job.stored() if file.path in views]
    wrong = damaged_files(out, files, sizes)
    if wrong:
        raise damaged(
            out.url, wrong, f"Batch {target.batch} can't be published again; nothing was changed. Name another"
        )


def _published(out: Storage, name: str) -> tuple[Manifest | None, Manifest]:
    """What is published (None: it can't be read), and the batch of that name."""
    current, tag = read_replaceable(out)
    if current is None and tag is not None and name == "previous":
        return None, newest_readable(out)
    return current, find_batch(out, name)


def _missing(out: Storage, batch: str, gone: list[str]) -> str:
    listed = "\n".join(f"  {path}" for path in gone[:_SHOWN])
    more = f"\n  and {len(gone) - _SHOWN} more" if len(gone) > _SHOWN else ""
    others = [other for other in batch_names(out) if other != batch]
    return (
        f"batch {batch} can't be published again, since files of it are gone from {out.url}; nothing was changed:\n{listed}{more}\n"
        f"Other batches there: {', '.join(others[-_SHOWN:]) or 'none'}"
    )
