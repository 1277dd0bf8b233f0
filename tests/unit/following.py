"""A speed layer that reads another folder's rollups: what tests of live answers, and of live pages, add to a batch."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from learnfold import catalog
from learnfold.batch.manifest import read_current
from learnfold.batch.rollup_rows import rows_of
from learnfold.catalog.thresholds import written_out
from learnfold.engines import FileRows
from learnfold.engines.duckdb.rollups import rows_by_day
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import duckdb

    from learnfold.catalog import View

VIEWS = catalog.load().views


@dataclass
class Reached:
    """How far the live numbers of these tests are."""

    tick: int = 0
    positions: dict[str, dict[int, int]] = field(default_factory=dict)
    watermark: int | None = 1_764_547_200_000_000
    complete_until: float = field(default_factory=time.time)
    waiting: int = 0


@dataclass
class Since:
    """What came since a batch: all that is in ``out``'s batch, the batch's own events among it."""

    batch: str
    out: Path
    reached: Reached = field(default_factory=Reached)
    without: Mapping[str, str] = field(default_factory=dict)
    views: tuple[View, ...] = ()

    def tables(self, name: str) -> Tables:
        return Tables(name, self)


@dataclass
class Tables:
    """States of the rollups of ``since.out``, made again at each tick."""

    name: str
    since: Since
    tick: int = -1

    def open(self, cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.execute(f"ATTACH ':memory:' AS {self.name}")

    def close(self, cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.execute(f"DETACH {self.name}")

    def refresh(self, cursor: duckdb.DuckDBPyConnection, _views: Iterable[View]) -> Reached:
        reached = Reached(**vars(self.since.reached))
        if self.tick == reached.tick:
            return reached
        manifest, _ = read_current(FolderStorage(str(self.since.out)))
        assert manifest is not None
        for job in manifest.jobs.values():
            for name, record in (item for topic in job.topics.values() for item in topic.rollups.items()):
                rows = [source for source in rows_of(record.files) if isinstance(source, FileRows)]
                files = {source.path: str(self.since.out / source.path) for source in rows}
                select = rows_by_day(catalog.load().rollups[name], rows, files)
                cursor.execute(f"CREATE TEMP VIEW {name} AS {select}")
        for view in VIEWS.values():
            if view.job in manifest.jobs:
                for state in view.plan.states:
                    select = written_out(state.select, Settings(), "current_date")
                    cursor.execute(f"CREATE OR REPLACE TABLE {self.name}.{state.name} AS {select}")
        self.tick = reached.tick
        return reached

    def select(self, view: View) -> str:
        states = ", ".join(f"{state.name} AS (FROM {self.name}.{state.name})" for state in view.plan.states)
        return written_out(f"WITH {states} {view.plan.query}", Settings(), "current_date")


@dataclass
class Speed:
    """A speed layer that is told what to say."""

    since: Since | None = None
    closed: bool = False

    def now(self) -> Since | None:
        return self.since

    def close(self) -> None:
        self.closed = True


def batch_of(out: Path) -> str:
    """The batch that is published there."""
    manifest, _ = read_current(FolderStorage(str(out)))
    assert manifest is not None
    return manifest.batch
