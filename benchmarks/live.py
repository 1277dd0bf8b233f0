"""``learnfold serve --kafka`` as it is used, and what looks at it from outside: how far it is, and how long its answers take."""

from __future__ import annotations

import itertools
import threading
import time
from typing import TYPE_CHECKING, Any

import duckdb

from benchmarks.bench import WrongAnswerError
from benchmarks.serving import address
from learnfold import catalog
from learnfold.settings import Settings
from learnfold.speed.reading import FolderFollowing
from learnfold.speed.row import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchmarks.server import Server
    from benchmarks.serving import Asked
    from learnfold.speed.live import Positions
    from learnfold.speed.reading import FolderBatch

LOOK_SECONDS = 0.003
PATIENCE_SECONDS = 600.0


def following(state: Path) -> FolderFollowing:
    """The live state of a folder."""
    return FolderFollowing(str(state), layout(catalog.load()), Settings())


class Looking(threading.Thread):
    """Notes when each position was first seen, by a process that isn't the one which follows."""

    def __init__(self, state: Path) -> None:
        super().__init__(daemon=True)
        self._following = following(state)
        self._connection = duckdb.connect()
        self.seen: list[tuple[float, Positions]] = []
        self.ending = threading.Event()

    def run(self) -> None:
        """Looks until it is told to stop."""
        tables, last = batch_of(self._following).tables("looking"), None
        while not self.ending.wait(LOOK_SECONDS):
            positions = tables.refresh(self._connection, []).positions
            if positions != last:
                self.seen.append((time.time(), positions))
                last = positions

    def wait(self, acknowledged: Sequence[tuple[str, int, int, float]]) -> None:
        """Ends it once all of these messages were seen. Raises WrongAnswerError where they never are."""
        ends: Positions = {}
        for topic, partition, offset, _ in acknowledged:
            its = ends.setdefault(topic, {})
            its[partition] = max(its.get(partition, 0), offset + 1)

        def seen() -> bool:
            last = self.seen[-1][1] if self.seen else {}
            return all(last.get(t, {}).get(p, 0) >= end for t, its in ends.items() for p, end in its.items())

        wait_for(seen, "not every message was seen")
        self.ending.set()
        self.join()


class Reading(threading.Thread):
    """Reads rows by key all the time, so many a second, and notes what time the server says each took."""

    def __init__(self, server: Server, asked: Sequence[Asked], a_second: float) -> None:
        super().__init__(daemon=True)
        self._server, self._pause = server, 1 / a_second
        self._addresses = itertools.cycle([address(one, key) for one in asked for key in one.keys])
        self.times: list[tuple[float, float]] = []  # when it was answered, and milliseconds
        self.ending = threading.Event()
        self.failed: BaseException | None = None

    def run(self) -> None:
        """Reads until it is told to stop."""
        try:
            while not self.ending.wait(self._pause):
                self.times.append((time.time(), self._server.get(next(self._addresses)).ms))
        except BaseException as error:  # noqa: BLE001 - whoever ends it says so
            self.failed = error

    def stop(self) -> list[float]:
        """Ends it; milliseconds, ascending. Raises WrongAnswerError where a read failed."""
        self.ending.set()
        self.join()
        if self.failed is not None:
            raise WrongAnswerError(f"a read failed: {self.failed}")
        return sorted(ms for _, ms in self.times)


def batch_of(followed: FolderFollowing) -> FolderBatch:
    """What is answered from; waits until something is."""
    found: list[FolderBatch] = []

    def there() -> bool:
        batch = followed.now()
        found.extend([batch] if batch is not None else [])
        return bool(found)

    wait_for(there, "there is no live state")
    return found[-1]


def wait_for(true: Callable[[], bool], what: str, pause: float = 0.05) -> None:
    """Waits until it is so. Raises WrongAnswerError where it never is."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not true():
        if time.monotonic() > until:
            raise WrongAnswerError(what)
        time.sleep(pause)


def ages(acknowledged: Sequence[tuple[str, int, int, float]], seen: Sequence[tuple[float, Positions]]) -> list[float]:
    """Milliseconds from each message's acknowledgement until it was seen, ascending; all of them were."""
    found, place = [], {}
    for topic, partition, offset, at in sorted(acknowledged, key=lambda one: one[:3]):
        number = place.get((topic, partition), 0)
        while number < len(seen) and seen[number][1].get(topic, {}).get(partition, 0) <= offset:
            number += 1
        place[topic, partition] = number
        found.append((seen[number][0] - at) * 1e3)
    return sorted(found)


def write_views(tables: Any, folder: Path) -> None:
    """All views as these tables of a live state (``batch_of(…).tables``, ``LiveTables``) answer now, each a file in a folder of its name."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        tables.open(connection)
        views = catalog.load().views.values()
        tables.refresh(connection, list(views))
        for view in views:
            (folder / view.name).mkdir(parents=True)
            file = folder / view.name / "part-00000.parquet"
            names = ", ".join(column.name for column in view.columns)
            connection.execute(f"COPY (SELECT {names} FROM ({tables.select(view)})) TO '{file}' (FORMAT parquet)")
