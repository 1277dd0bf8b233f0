"""The live state as other processes read it: one pair of base and live store at a time, each question on one tick of it."""

from __future__ import annotations

import itertools
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb

from learnfold.errors import LearnfoldError, StorageError
from learnfold.speed.base import read_about
from learnfold.speed.live import Live
from learnfold.speed.place import Place
from learnfold.speed.tables import LiveTables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from learnfold.catalog import View
    from learnfold.speed.base import About
    from learnfold.speed.live import Progress
    from learnfold.speed.place import Current
    from learnfold.speed.row import Layout

Cursor = duckdb.DuckDBPyConnection

_TRIES = 5


@dataclass
class OpenPair:
    """A pair, open for reading."""

    current: Current
    about: About
    live: Live
    tables: LiveTables
    mutex: threading.Lock = field(default_factory=threading.Lock)
    pins: int = 0
    closing: bool = False

    def answers(self, view: View) -> bool:
        """Whether the view is answered from here; else from the batch alone, for the reason in ``about.without``."""
        return view.name not in self.about.without

    @contextmanager
    def tick(self, cursor: Cursor, views: Sequence[View]) -> Iterator[tuple[Progress, int]]:
        """All that ``cursor`` reads of these views in the block is of one tick: its progress, and the tick that last changed one of them."""
        with self.mutex:
            cursor.execute("BEGIN")
            try:
                progress = self.tables.refresh(cursor, views)
                cursor.execute("COMMIT")
            except BaseException:
                self.tables.forget()
                cursor.execute("ROLLBACK")
                raise
            version = self.tables.version(views)
            cursor.execute("BEGIN")
            self.tables.touch(cursor, views)  # here the transaction's view of them begins
        try:
            yield progress, version
        finally:
            cursor.execute("ROLLBACK")


class LiveReader:
    """Follows the pair that a state folder says is to be answered from."""

    def __init__(self, folder: str, layout: Layout, cursor: Callable[[], Cursor], name: str = "live") -> None:
        """``cursor`` gives this thread's connection to the database that the tables are made in; ``name`` begins their names."""
        self._place, self._layout, self._cursor, self._name = Place(folder), layout, cursor, name
        self._mutex = threading.Lock()
        self._numbers = itertools.count()
        self._pair: OpenPair | None = None

    @contextmanager
    def pinned(self) -> Iterator[OpenPair | None]:
        """The pair that is answered from now, which stays while the block lasts; None where there is none yet.

        Raises StorageError where it can't be opened.
        """
        with self._mutex:
            current = self._place.current()
            if current is not None and (self._pair is None or self._pair.current != current):
                fresh = self._open(current)
                before, self._pair = self._pair, fresh
                if before is not None:
                    before.closing = True
                    if before.pins == 0:
                        self._shut(before)
            pair = self._pair
            if pair is not None:
                pair.pins += 1
        try:
            yield pair
        finally:
            if pair is not None:
                with self._mutex:
                    pair.pins -= 1
                    if pair.closing and pair.pins == 0:
                        self._shut(pair)

    def close(self) -> None:
        """Closes the live store; the tables go with their database."""
        with self._mutex:
            if self._pair is not None:
                self._pair.live.close()
                self._pair = None

    def _open(self, current: Current) -> OpenPair:
        for _ in range(_TRIES):
            try:
                return self._opened(current)
            except (LearnfoldError, duckdb.Error, OSError, ValueError) as error:
                why: Exception = error
                current = self._place.current() or current  # it may have been replaced a moment ago
        raise StorageError(f"the live state in {self._place.folder} can't be opened: {why}")

    def _opened(self, current: Current) -> OpenPair:
        about = read_about(self._place.folder / current.base)
        live = Live(self._place.folder / current.live, readonly=True)
        try:
            name = f"{self._name}{next(self._numbers)}"
            tables = LiveTables(name, self._place.folder / current.base, live, self._layout)
            tables.open(self._cursor())
        except BaseException:
            live.close()
            raise
        return OpenPair(current, about, live, tables)

    def _shut(self, pair: OpenPair) -> None:
        pair.tables.close(self._cursor())
        pair.live.close()


__all__ = ["LiveReader", "OpenPair"]
