"""What differs between two batches, view by view."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from learnfold.engines.duckdb.difference import RowDifference, compare
from learnfold.engines.duckdb.session import DuckDBSession
from learnfold.errors import UsageError

if TYPE_CHECKING:
    from learnfold.batch.context import Workspace
    from learnfold.batch.manifest import Manifest, ViewRecord


@dataclass
class ViewDifference:
    """One view in two batches."""

    view: str
    rows: RowDifference
    only_in: str | None = None  # the batch that alone has the view
    compared: bool = True  # False: the files or their digests are the same, so the rows were not read


@dataclass
class BatchDifference:
    """Two batches."""

    before: str
    after: str
    views: list[ViewDifference] = field(default_factory=list)

    @property
    def same(self) -> bool:
        """Whether every view is the same."""
        return all(view.rows.same and view.only_in is None for view in self.views)


def difference(
    workspace: Workspace, before: Manifest, after: Manifest, views: list[str] | None = None, examples: int = 3
) -> BatchDifference:
    """How the views of ``after`` differ from those of ``before``; only ``views``, if given.

    Raises UsageError for a view that neither has, MissingDataError where files of a batch are gone.
    """
    out, catalog = workspace.out, workspace.catalog
    known = [name for name in catalog.views if name in before.views or name in after.views]
    known += sorted((before.views.keys() | after.views.keys()) - set(known))
    for name in views or []:
        if name not in known:
            catalog.view(name)
            raise UsageError(f"neither {before.batch} nor {after.batch} has the view {name}; its job was not run")
    found = BatchDifference(before.batch, after.batch)
    with DuckDBSession(workspace.settings) as session:
        for name in known:
            if views and name not in views:
                continue
            one, other = before.views.get(name), after.views.get(name)
            if one is None or other is None:
                found.views.append(_one_sided(name, one, other, before, after))
            elif _alike(one, other):
                found.views.append(ViewDifference(name, RowDifference(one.rows, other.rows), compared=False))
            else:
                key = catalog.views[name].key if name in catalog.views else ()
                with out.local(one.paths) as earlier, out.local(other.paths) as later:
                    found.views.append(ViewDifference(name, compare(session, key, earlier, later, examples)))
    return found


def _alike(one: ViewRecord, other: ViewRecord) -> bool:
    """Whether they are known to hold the same rows: a digest counts the rows of one engine in any order."""
    if one.paths == other.paths:
        return True
    return (one.digest, one.rows, one.fingerprint) == (other.digest, other.rows, other.fingerprint)


def _one_sided(
    name: str, one: ViewRecord | None, other: ViewRecord | None, before: Manifest, after: Manifest
) -> ViewDifference:
    removed, added = (view.rows if view else 0 for view in (one, other))
    rows = RowDifference(removed, added, added=added, removed=removed)
    return ViewDifference(name, rows, only_in=before.batch if other is None else after.batch, compared=False)
