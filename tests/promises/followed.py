"""A master dataset of files that come without Kafka, batches of it, and a speed layer that follows them; what it all must answer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

import oracle
from learnfold import catalog
from learnfold.batch.manifest import read_current
from learnfold.speed import file_source
from learnfold.speed.files import MOST_ROWS, ROW_BITS
from learnfold.speed.pair import Context, Pair
from learnfold.speed.place import Place
from learnfold.speed.row import layout
from learnfold.storage.folder import FolderStorage
from learnfold.telemetry.reporter import Reporter
from oracle import Message
from promises.streamed import answers_of
from promises.views import expected, run_job, views_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

    from learnfold.settings import Settings

LAYOUT = layout(catalog.load())

Item = dict[str, object] | bytes
At = tuple[int, int]
"""A Kafka partition and offset."""


@dataclass
class Followed:
    """All of it below one folder."""

    root: Path
    job: str | None
    settings: Settings
    rows: dict[str, tuple[str, list[Message]]] = field(default_factory=dict)  # by path the topic, and the file's rows
    weighed: dict[int, set[int]] = field(default_factory=dict)  # by a file's number, its rows that wait
    waiting: set[tuple[int, int]] = field(default_factory=set)  # copies that wait: a file's number, and the row
    written: int = 0

    @property
    def master(self) -> Path:
        """Where the files are."""
        return self.root / "master"

    def spy(self, patch: pytest.MonkeyPatch) -> None:
        """From now on it is known which rows of files are left to the next batch; and there is no pause between looks."""
        write = file_source.file_rows.write

        def spied(cursor: Any, topic: Any, numbers: Sequence[int], target: str, doubts: Any) -> Any:
            found = write(cursor, topic, numbers, target, doubts)
            for number, its in zip(numbers, found, strict=True):
                self.weighed.setdefault(number, set()).update(its.waiting)
            return found

        patch.setattr(file_source.file_rows, "write", spied)
        patch.setattr(file_source, "_LOOK_SECONDS", 0.0)
        patch.setattr(file_source, "_LOOK_SHARE", 0)
        patch.setattr(file_source, "_WAIT_SECONDS", 0.0)

    def add(self, topic: str, items: list[Item], places: list[At] | None = None, day: str = "") -> str:
        """A new file; ``places``: of its rows in Kafka; ``day``: the folders that say it."""
        self.written += 1
        bodies = [item if isinstance(item, bytes) else json.dumps(item).encode() for item in items]
        columns = {"value": pa.array(bodies, pa.binary())}
        if places is not None:
            columns["partition"] = pa.array([partition for partition, _ in places], pa.int32())
            columns["offset"] = pa.array([offset for _, offset in places], pa.int64())
        path = f"topic={topic}/{day}{self.written:05d}.parquet"
        (self.master / path).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), self.master / path)
        at: list[Any] = list(places) if places is not None else [(None, None)] * len(bodies)
        self.rows[path] = topic, [Message(body, *place) for body, place in zip(bodies, at, strict=True)]
        return path

    def batch(self) -> None:
        """Publishes all files that are there."""
        run_job(self.master, self.root / "out", self.job, self.settings)

    def pair(self, name: str = "", left_out: tuple[tuple[str, int, int], ...] = ()) -> Pair:
        """One over the published batch, new or gone on with."""
        out = FolderStorage(str(self.root / "out"))
        manifest, _ = read_current(out)
        assert manifest is not None
        (self.root / "state").mkdir(exist_ok=True)
        context = Context(
            Place(str(self.root / "state")), out, catalog.load(), self.settings, LAYOUT, Reporter(), files=True
        )
        pair = Pair(context, manifest, FolderStorage(str(self.master)), name, left_out)
        pair.ticks.waits = lambda _, __, offset: self.waiting.add((offset >> ROW_BITS, offset & (MOST_ROWS - 1)))
        return pair

    def again(self, pair: Pair) -> Pair:
        """The pair, closed and gone on with; what was found of rows that aren't in is found again."""
        name = pair.current.live
        pair.close()
        pair = self.pair(name)
        taken = {one.number: one.taken for its in pair.source._topics.values() for one in its.known.values()}  # type: ignore[union-attr]
        for number, rows in self.weighed.items():
            rows -= {row for row in rows if row >= taken.get(number, 0)}
        self.waiting -= {(number, row) for number, row in self.waiting if row >= taken.get(number, 0)}
        return pair

    def repaired(self, pair: Pair) -> Pair:
        """The pair, brought as far as it goes, made again as often as copies have to be exchanged."""
        bring(pair)
        while pair.live.progress.losers:
            progress = pair.live.progress
            pair.close()
            self.weighed.clear()
            self.waiting.clear()
            pair = self.pair(left_out=(*progress.left_out, *progress.losers))
            bring(pair)
        return pair

    def messages(self, pair: Pair) -> dict[str, list[Message]]:
        """What must be counted: all rows of the files but those that wait."""
        found: dict[str, list[Message]] = {}
        numbers = {path: one.number for its in pair.source._topics.values() for path, one in its.known.items()}  # type: ignore[union-attr]
        for path, (topic, rows) in self.rows.items():
            number = numbers.get(path, -1)
            without = self.weighed.get(number, set()) | {row for n, row in self.waiting if n == number}
            found.setdefault(topic, []).extend(row for place, row in enumerate(rows) if place not in without)
        return found

    def differences(self, pair: Pair) -> list[str]:
        """How batch and live together differ from a recompute of all that must be counted."""
        views = [view for view in views_of(self.job) if view not in pair.base.about.without]
        answers = answers_of(pair.base, pair.live, views, self.settings)
        wanted = expected(self.messages(pair), self.job, self.settings)
        known = catalog.load().views
        return [
            f"{view}: {text}" for view in views for text in oracle.same(wanted[view], answers[view], known[view].key)
        ]


def bring(pair: Pair) -> None:
    """Until all files are in that are there now."""
    targets = pair.source.targets()
    while not pair.has_reached(targets):
        pair.step(0.0)
