"""The batches of one place: which were published, in what order, and how they are named."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from learnfold.batch.manifest import Manifest, read_current, read_manifest
from learnfold.errors import DataError, MissingDataError, UsageError
from learnfold.storage.out_layout import BATCHES, batch_of_manifest, folder_of, manifest_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnfold.settings import Settings
    from learnfold.storage import Storage

HISTORY = "history"
"""The lease of whoever removes old batches or publishes one again, so that neither removes what the other needs."""


def batch_names(out: Storage) -> list[str]:
    """Every batch that has a manifest, whether it was ever published or not, by name."""
    return sorted(batch for entry in out.list(BATCHES) if (batch := batch_of_manifest(entry.path)) is not None)


def published(out: Storage, most: int | None = None) -> list[Manifest]:
    """The published batches, newest first, at most ``most``; empty where nothing was published yet.

    Where one of them was removed (by an erasure), the ones before it follow all the same.
    """
    found = []
    for manifest in _walk(out):
        found.append(manifest)
        if most is not None and len(found) >= most:
            break
    return found


def _walk(out: Storage) -> Iterator[Manifest]:
    manifest, _ = read_current(out)
    seen: set[str] = set()
    others: dict[str, Manifest] | None = None
    while manifest is not None:
        yield manifest
        seen.add(manifest.batch)
        below = _readable(out, manifest.parent) if manifest.parent and manifest.parent not in seen else None
        if below is None:
            if others is None:
                read = (_readable(out, name) for name in batch_names(out) if name not in seen)
                others = {other.batch: other for other in read if other is not None}
            older = [
                other for other in others.values() if other.batch not in seen and other.ended_at < manifest.ended_at
            ]
            below = max(older, key=lambda other: other.ended_at, default=None)
        manifest = below


def _readable(out: Storage, name: str) -> Manifest | None:
    try:
        return read_manifest(out, name)
    except DataError:
        return None


def newest_readable(out: Storage) -> Manifest:
    """The newest batch whose manifest can be read, for whoever can't read what is published; raises MissingDataError without any."""
    read = (_readable(out, name) for name in reversed(batch_names(out)))
    found = next((manifest for manifest in read if manifest is not None), None)
    if found is None:
        raise MissingDataError(f"no batch at {out.url} can be read; 'learnfold run --full' makes one")
    return found


def find_batch(out: Storage, name: str) -> Manifest:
    """The batch called ``name``: its whole name, a beginning that no other has, ``current`` or ``previous``.

    Raises UsageError where several begin so, MissingDataError where none does.
    """
    if name == "current":
        manifest, _ = read_current(out)
        if manifest is None:
            raise MissingDataError(f"nothing is published at {out.url}; 'learnfold run' makes a first batch")
        return manifest
    if name == "previous":
        return previous(out)
    names = batch_names(out)
    chosen = [name] if name in names else [other for other in names if name and other.startswith(name)]
    if len(chosen) > 1:
        raise UsageError(f"{len(chosen)} batches begin with {name!r}: {', '.join(chosen[:5])}; give more of the name")
    manifest = read_manifest(out, chosen[0]) if chosen else None
    if manifest is None:
        there = f"it holds {', '.join(names[-5:])}" if names else "it holds none"
        raise MissingDataError(f"there is no batch {name!r} at {out.url}; {there}")
    return manifest


def previous(out: Storage) -> Manifest:
    """The batch before the published one; before what it published again, if that was a rollback."""
    base = find_batch(out, "current")
    while base.of is not None:
        base = find_batch(out, base.of)
    chain = published(out)
    places = [place for place, manifest in enumerate(chain) if manifest.batch == base.batch]
    if not places or places[0] + 1 >= len(chain):
        raise MissingDataError(
            f"there is no batch before {base.batch} at {out.url}; 'learnfold status' lists the batches, and a name of one may be given"
        )
    return chain[places[0] + 1]


def as_made(manifest: Manifest, settings: Settings) -> Settings:
    """``settings`` with the zones that a batch was made with, whatever is set today."""
    made = manifest.settings
    return replace(
        settings,
        platform_zone=made.get("platform_zone", settings.platform_zone),
        reporting_zone=made.get("reporting_zone", settings.reporting_zone),
    )


def missing_files(out: Storage, manifest: Manifest) -> list[str]:
    """The files that the batch needs and that are gone, by path."""
    folders = {folder_of(path) for path in manifest.files()} | {BATCHES}
    there = {entry.path for folder in folders for entry in out.list(folder)}
    return sorted(manifest.files() - there - {manifest_path(manifest.batch)})
