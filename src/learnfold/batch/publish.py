"""Makes a batch the one that readers see: its manifest, then one pointer swapped, then the plain paths.

Killed before the swap, nothing happened; killed after it, the next run refreshes the plain paths that are still the old ones.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from typing import TYPE_CHECKING, Any

from learnfold.batch.manifest import read_current, read_manifest, read_replaceable
from learnfold.errors import BusyError, ConflictError
from learnfold.storage.concurrency import map_concurrently
from learnfold.storage.intact import sha256_of
from learnfold.storage.out_layout import POINTER, is_hidden, manifest_path, plain_note_path, plain_paths
from learnfold.utc import now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from learnfold.batch.manifest import Manifest
    from learnfold.storage import Storage
    from learnfold.storage.lease import Lease

_TRIES = 50


def publish(out: Storage, manifest: Manifest, lease: Lease) -> Manifest:
    """Publishes the jobs that ``manifest.ran`` names, beside what others published meanwhile.

    Raises BusyError when another run published one of the same jobs since this one was planned: nothing is mixed then.
    """
    base = manifest.parent
    read = (
        read_current if base else read_replaceable
    )  # what was planned from nothing may take the place of what can't be read
    expected = {name: manifest.jobs[name] for name in manifest.ran}
    planned_from = {} if base is None else _job_batches(out, base)
    for tried in range(_TRIES):
        current, tag = read(out)
        batches = {name: job.batch for name, job in current.jobs.items()} if current else {}
        if tried and current and all(current.jobs.get(name) == job for name, job in expected.items()):
            return manifest  # the answer to an earlier try got lost, and others published since
        for name in manifest.ran:
            if batches.get(name) != planned_from.get(name):
                raise BusyError(
                    f"another run published {name} as batch {batches.get(name)} meanwhile; nothing was published. Run again"
                )
        before = out.read_tagged(POINTER)
        if (before[1] if before else None) != tag:
            continue
        manifest.jobs = {**(current.jobs if current else {}), **expected}
        manifest.parent = current.batch if current else None
        manifest.ended_at = now()
        lease.check()
        out.write(manifest_path(manifest.batch), manifest.sealed())
        pointer = json.dumps({"batch": manifest.batch, "published_at": manifest.ended_at}).encode()
        try:
            ours = out.swap(POINTER, pointer, tag)
        except ConflictError:
            continue
        try:
            lease.check()
        except BusyError:
            _take_back(out, ours, before[0] if before else None)
            raise
        return manifest
    raise BusyError(f"other runs keep publishing to {out.url}; nothing was published. Run again")


def _job_batches(out: Storage, batch: str) -> dict[str, str]:
    manifest = read_manifest(out, batch)
    return {name: job.batch for name, job in manifest.jobs.items()} if manifest else {}


def _take_back(out: Storage, ours: str, before: bytes | None) -> None:
    """Undoes a swap of the pointer, unless somebody published since."""
    if before is None:
        out.delete_if(POINTER, ours)
        return
    with contextlib.suppress(ConflictError):
        out.swap(POINTER, json.dumps({**json.loads(before), "fence": secrets.token_hex(8)}).encode(), ours)


def refresh_plain_paths(out: Storage, manifest: Manifest, jobs: Iterable[str], lease: Lease) -> int:
    """Puts the views of ``jobs`` at their plain paths, where other content is there; how many it replaced.

    Raises BusyError where the lease was lost meanwhile; then the views are those of the batch that is published.
    """
    chosen = tuple(jobs)
    try:
        return _put(out, manifest, chosen, lease.check)
    finally:  # also where something else failed: somebody may have removed what this run was writing
        try:
            lease.check("the views are as the batch has them that is published now")
        except BusyError:
            _put_right(out, chosen)
            raise


def _put_right(out: Storage, jobs: Sequence[str]) -> None:
    """Puts the views of the published batch at their plain paths, whoever publishes meanwhile."""
    for _ in range(_TRIES):
        now, tag = read_current(out)
        if now is not None:
            _put(out, now, [job for job in jobs if job in now.jobs], lambda: None)
        if read_current(out)[1] == tag:
            return


def _put(out: Storage, manifest: Manifest, jobs: Sequence[str], check: Callable[[], None]) -> int:
    """The views of ``jobs`` at their plain paths; ``check`` is called before everything that readers see.

    What is there is known from a note of what was put there last, and from the file's tag.
    """
    views = {view: record for job in jobs for view, record in manifest.jobs[job].views.items()}
    notes = {job: plain_note_path(job) for job in jobs}
    noted = dict(
        zip(jobs, map_concurrently(lambda job: _read_note(out, notes[job]), jobs, out.max_concurrency), strict=True)
    )
    listed = map_concurrently(out.list, views, out.max_concurrency)
    there = {name: {entry.path: entry.tag for entry in entries} for name, entries in zip(views, listed, strict=True)}

    def stands(job: str, name: str) -> bool:
        plain = plain_paths(name, views[name].paths)
        strays = [path for path in there[name] if path not in plain and not is_hidden(path)]
        return not strays and bool(
            noted[job].get(name) == [views[name].paths, [there[name].get(path) for path in plain]]
        )

    def refresh(job_and_name: tuple[str, str]) -> list[str | None]:
        name = job_and_name[1]
        plain = plain_paths(name, views[name].paths)
        for source, target in zip(views[name].paths, plain, strict=True):
            check()
            out.copy(source, target)
        strays = [path for path in there[name] if path not in plain]
        check()
        out.delete(strays)
        tags = {entry.path: entry.tag for entry in out.list(name)}
        return [tags.get(path) for path in plain]

    stale = [(job, name) for job in jobs for name in manifest.jobs[job].views if not stands(job, name)]
    for (job, name), tags in zip(stale, map_concurrently(refresh, stale, out.max_concurrency), strict=True):
        noted[job][name] = [views[name].paths, tags]
    changed = dict.fromkeys(job for job, _ in stale)
    check()
    map_concurrently(lambda job: out.write(notes[job], json.dumps(noted[job]).encode()), changed, out.max_concurrency)
    return len(stale)


def wrong_plain_paths(out: Storage, view: str, digests: Mapping[str, str]) -> list[str]:
    """What is wrong at a view's plain paths: a file that isn't the same, or is one too many.

    ``digests`` has its files in the batch with the SHA-256 of each; empty: that of the file as it is there.
    """
    paths = list(digests)
    there = {entry.path for entry in out.list(view)}
    plain = plain_paths(view, paths)
    wrong = [f"{path} is gone" for path in plain if path not in there]
    wrong += [
        f"{path} isn't what the batch holds"
        for source, path in zip(paths, plain, strict=True)
        if path in there and _digest(out, path) != (digests[source] or _digest(out, source))
    ]
    return wrong + [f"{path} doesn't belong there" for path in sorted(there.difference(plain)) if not is_hidden(path)]


def _digest(out: Storage, path: str) -> str:
    with out.local([path]) as (file,):
        return sha256_of(file)


def _read_note(out: Storage, path: str) -> dict[str, Any]:
    try:
        value = json.loads(out.read(path) or b"{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
