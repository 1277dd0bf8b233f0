"""What stays the same while views are made or maintained in one place: values that travel together, and no behaviour.

Engines, storages and the master dataset never see these; they are given what they need.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from learnfold.telemetry.reporter import Reporter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from learnfold.batch.manifest import JobRecord
    from learnfold.batch.request import RunRequest
    from learnfold.catalog import Catalog
    from learnfold.engines import Engine
    from learnfold.master.layout import Master
    from learnfold.settings import Settings
    from learnfold.storage import Storage


@dataclass(frozen=True)
class Workspace:
    """A place of views, and by what definitions and settings it is worked on."""

    out: Storage
    catalog: Catalog
    settings: Settings
    reporter: Reporter = field(default_factory=Reporter)


@dataclass(frozen=True)
class BatchContext:
    """One batch while it is made: where, from which events, by which engine, under which name, and what was requested."""

    workspace: Workspace
    master: Master
    engine: Engine
    batch: str
    request: RunRequest
    below: Mapping[str, JobRecord] = field(
        default_factory=dict
    )  # the jobs whose rollups and views may be read, as they are now
