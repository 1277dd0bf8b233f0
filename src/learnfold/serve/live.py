"""The seam between serving and what comes since a batch: what a speed layer must give, and how its numbers are answered with.

Serving knows nothing of Kafka or of how live rows are kept. It is given a ``Following``, whose tables lie in its own database beside
the batch's, and asks them within one transaction a request, so that every answer is of one batch and one position.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from learnfold.errors import LearnfoldError
from learnfold.master.committed_offsets import BY_FILES
from learnfold.serve.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import duckdb

    from learnfold.batch.manifest import Manifest
    from learnfold.catalog import View
    from learnfold.serve.database import Database
    from learnfold.serve.forms import Form
    from learnfold.serve.rows import Rows

STALE_SECONDS = 5.0
"""Live numbers that know of nothing younger than this are said to be stale."""

HAND_OVER_SECONDS = 600.0
"""So long the batch before is answered from, with what came since, until the speed layer has caught up on the new one."""


class Progress(Protocol):
    """How far live numbers are."""

    @property
    def tick(self) -> int:
        """Grows with every change; 0: nothing came since the batch."""
        ...

    @property
    def positions(self) -> Mapping[str, Mapping[int, int]]:
        """By topic and Kafka partition, the offset before which everything is in, of the batch or live; or BY_FILES."""
        ...

    @property
    def watermark(self) -> int | None:
        """The latest time of an event, in microseconds since 1970; events of the future don't count."""
        ...

    @property
    def complete_until(self) -> float:
        """All that the source held at this time is in; seconds since 1970."""
        ...

    @property
    def waiting(self) -> int:
        """Messages that only the next batch can put in their place."""
        ...


class LiveTables(Protocol):
    """The states of one batch and of what came since, in a database: cursors of it are given. Not for several threads at once."""

    def open(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Makes the tables."""
        ...

    def close(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Lets go of them; nobody reads them any more."""
        ...

    def refresh(self, cursor: duckdb.DuckDBPyConnection, views: Iterable[View]) -> Progress:
        """Brings what these views read to one tick, in the cursor's transaction; how far that is."""
        ...

    def select(self, view: View) -> str:
        """The SELECT of the view's rows, of batch and live together."""
        ...


class LiveBatch(Protocol):
    """What came since one batch; the same object until the next hand-over."""

    @property
    def batch(self) -> str:
        """The batch that it is added to."""
        ...

    @property
    def without(self) -> Mapping[str, str]:
        """By view that the batch answers for alone: why."""
        ...

    def tables(self, name: str) -> LiveTables:
        """Its tables for one database, all of whose names begin so."""
        ...


class Following(Protocol):
    """A speed layer, seen from a process that reads."""

    def now(self) -> LiveBatch | None:
        """What readers should answer from now: it moves to a new batch once it has caught up there. None: nothing is there yet."""
        ...

    def close(self) -> None:
        """Lets go of its files."""
        ...


@dataclass
class _Open:
    live: LiveBatch
    tables: LiveTables
    pins: int = 0
    closing: bool = False


class Live:
    """Live numbers of the batches that are open, in the database that is answered from."""

    def __init__(self, following: Following, database: Database, say: Callable[[str], None]) -> None:
        self._following, self._database, self._say = following, database, say
        self._mutex = threading.Lock()  # of whoever changes live tables, and until a reader's transaction has begun
        self._open: dict[str, _Open] = {}
        self._made = 0
        self._trouble = ""
        self._waiting: tuple[str, float] = ("", 0.0)  # the batch that is waited for, and since when

    def look(self, current: str | None, published: Manifest | None) -> bool:
        """Opens what the speed layer offers now; whether the published batch should wait for it.

        ``current``: the batch that is answered from. An erasure waits for nothing.
        """
        try:
            offered = self._following.now()
            if offered is not None and offered.batch not in self._open:
                self._add(offered)
        except LearnfoldError as error:
            if str(error) != self._trouble:  # once, not at each look
                self._trouble = str(error)
                self._say(f"live numbers can't be read: {error}")
            return False
        self._trouble = ""
        held = {current, offered.batch if offered else None}
        self._let_go([batch for batch in list(self._open) if batch not in held])
        if published is None or published.batch == current or offered is None:
            return False
        if offered.batch != current or published.action == "erase":
            return False
        if self._waiting[0] != published.batch:
            self._waiting = (published.batch, time.monotonic())
        return time.monotonic() - self._waiting[1] < HAND_OVER_SECONDS

    def answers(self, base: Rows, view: View, form: Form) -> bool:
        """Whether live numbers are there for a view of this batch; small groups are never told live, since every event would show."""
        held = self._open.get(base.batch)
        return held is not None and form.plain and view.name not in held.live.without

    @contextmanager
    def pinned(self, base: Rows, views: Sequence[View]) -> Iterator[LiveBase]:
        """The batch with what came since, at one position, in a transaction of this thread's cursor.

        Raises Problem where it is no more.
        """
        with self._mutex:
            held = self._open.get(base.batch)
            if held is None:
                raise Problem("not_ready", "live numbers of this batch are gone", "ask again")
            held.pins += 1
        try:
            with self._database.transaction() as begin:
                with self._mutex:
                    progress = self._refreshed(held, views)
                    for view in views:
                        begin(f"SELECT count(*) FROM ({held.tables.select(view)} LIMIT 0) AS rows")
                yield LiveBase(base, progress, {view.name: held.tables.select(view) for view in views})
        finally:
            with self._mutex:
                held.pins -= 1
                if held.closing and not held.pins:
                    self._close(held)

    def holds(self, batch: str, message: tuple[str, int, int]) -> bool:
        """Whether a message (topic, partition, offset) is in: of the batch or live; raises Problem without live numbers."""
        topic, partition, offset = message
        progress = self.progress(batch)
        if progress is None:
            raise Problem("bad_request", "at_least needs live numbers, and there are none", "leave it out")
        its = progress.positions.get(topic, {})
        if BY_FILES in its:
            raise Problem(
                "bad_request", f"at_least can't be asked of {topic}: it comes by files, not by Kafka", "leave it out"
            )
        return its.get(partition, -1) > offset

    def progress(self, batch: str) -> Progress | None:
        """How far the live numbers of a batch are; None without any."""
        with self._mutex:
            held = self._open.get(batch)
            return self._refreshed(held, []) if held else None

    def without(self, batch: str) -> Mapping[str, str]:
        """By view that the batch answers for alone: why."""
        held = self._open.get(batch)
        return held.live.without if held else {}

    def close(self) -> None:
        """Lets go of all."""
        self._let_go(list(self._open))
        self._following.close()

    def _add(self, offered: LiveBatch) -> None:
        self._made += 1
        tables = offered.tables(f"live{self._made}")
        with self._database.cursor() as cursor:
            tables.open(cursor)
        with self._mutex:
            self._open[offered.batch] = _Open(offered, tables)
        self._say(f"what came since batch {offered.batch} is added to it")

    def _refreshed(self, held: _Open, views: Sequence[View]) -> Progress:
        with self._database.cursor() as cursor:
            cursor.execute("BEGIN")
            try:
                progress = held.tables.refresh(cursor, views)
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")
            return progress

    def _let_go(self, batches: Iterable[str]) -> None:
        with self._mutex:
            for batch in batches:
                held = self._open.pop(batch, None)
                if held is not None:
                    held.closing = True
                    if not held.pins:
                        self._close(held)

    def _close(self, held: _Open) -> None:
        with self._database.cursor() as cursor:
            held.tables.close(cursor)


@dataclass(frozen=True)
class LiveBase:
    """A batch with what came since, as answers read it."""

    base: Rows
    progress: Progress
    selects: Mapping[str, str]

    @property
    def batch(self) -> str:
        """The batch's name."""
        return self.base.batch

    @property
    def manifest(self) -> Manifest:
        """The batch's manifest."""
        return self.base.manifest

    def table(self, view: View, _form: Form | None = None) -> str:
        """The relation of the view's rows."""
        return f"({self.selects[view.name]}) AS {view.name}"


def shown(progress: Progress, topics: Iterable[str] | None = None) -> dict[str, Any]:
    """How far live numbers are, as JSON shows it; ``topics``: of these alone."""
    wanted = None if topics is None else set(topics)
    offsets = {
        topic: {str(partition): offset for partition, offset in sorted(its.items()) if partition != BY_FILES}
        for topic, its in sorted(progress.positions.items())
        if wanted is None or topic in wanted
    }
    files = {topic: progress.positions[topic][BY_FILES] for topic in offsets if BY_FILES in progress.positions[topic]}
    return {
        "offsets": offsets,
        **({"files": files} if files else {}),
        "newest_event": _moment(progress.watermark / 1e6) if progress.watermark is not None else None,
        "complete_until": _moment(progress.complete_until),
        "waiting_for_the_next_batch": progress.waiting,
    }


def headers(progress: Progress) -> dict[str, str]:
    """The same for formats without room for it: what stands for the offsets, and how old the numbers are, where that is long."""
    said = shown(progress)
    about = json.dumps([said["offsets"], said["files"]] if "files" in said else said["offsets"], sort_keys=True)
    found = {"Learnfold-Offsets": hashlib.sha256(about.encode()).hexdigest()[:16]}
    age = time.time() - progress.complete_until
    return found | ({"Learnfold-Stale": str(int(age))} if age > STALE_SECONDS else {})


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
