"""The tables that are answered from: one DuckDB database in a folder of its own, which this process alone opens."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import duckdb

from learnfold.engines.duckdb.session import connect
from learnfold.errors import StorageError, UsageError
from learnfold.serve.problems import Problem
from learnfold.storage.scratch import scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from learnfold.settings import Settings

_MEMORY = 10**9
"""Bytes, where no setting says so."""

_WATCH_SECONDS = 0.05


class Database:
    """Tables and questions of them; each thread has a cursor of its own, and every statement its time limit."""

    def __init__(self, settings: Settings) -> None:
        self._scratch = scratch(settings.temporary_folder)
        self.folder: Path = self._scratch.path
        try:
            self._connection = connect(settings, str(self.folder / "views.duckdb"), _MEMORY)
        except UsageError:
            self._scratch.cleanup()
            raise
        self._local = threading.local()
        self._mutex = threading.Lock()
        self._running: dict[int, tuple[float, duckdb.DuckDBPyConnection]] = {}
        self._closing = threading.Event()
        self._watch = threading.Thread(target=self._interrupt_late, name="learnfold-time-limit", daemon=True)
        self._watch.start()

    def rows(self, sql: str, parameters: Sequence[Any], seconds: float) -> list[tuple[Any, ...]]:
        """The rows; raises Problem after so many seconds."""
        with self._limited(seconds) as cursor:
            return cursor.execute(sql, list(parameters)).fetchall()

    def execute(self, sql: str, parameters: Sequence[Any] = (), seconds: float = 3600) -> None:
        """Runs a statement to its end."""
        with self._limited(seconds) as cursor:
            cursor.execute(sql, list(parameters)).fetchall()

    @contextmanager
    def relation(self, sql: str, parameters: Sequence[Any], seconds: float) -> Iterator[duckdb.DuckDBPyRelation]:
        """The rows as a relation, which hands out Arrow, while the block lasts."""
        with self._limited(seconds) as cursor:
            yield cursor.sql(sql, params=list(parameters))

    @contextmanager
    def transaction(self) -> Iterator[Callable[[str], object]]:
        """While the block lasts, all that this thread reads is of the moment of its first statement, which what it gives runs."""
        cursor = self._cursor()
        cursor.execute("BEGIN")
        try:
            yield lambda sql: cursor.execute(sql).fetchall()
        finally:
            with suppress(duckdb.Error):  # it was given up already, by a time limit
                cursor.execute("ROLLBACK")

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor of its own, for whoever changes tables."""
        with self._mutex:
            cursor = self._connection.cursor()
        with cursor:
            cursor.execute("SET TimeZone = 'UTC'")
            yield cursor

    def close(self) -> None:
        """Closes the database and removes its file."""
        self._closing.set()
        self._watch.join()
        self._connection.close()
        self._scratch.cleanup()

    @contextmanager
    def _limited(self, seconds: float) -> Iterator[duckdb.DuckDBPyConnection]:
        cursor = self._cursor()
        with self._mutex:
            self._running[id(cursor)] = (time.monotonic() + seconds, cursor)
        try:
            yield cursor
        except duckdb.InterruptException as error:
            raise Problem(
                "timeout", f"the answer took longer than {seconds:g} s", "ask for less, or for an export"
            ) from error
        except duckdb.IOException as error:
            raise StorageError(f"DuckDB couldn't read or write below {self.folder}") from error
        finally:
            with self._mutex:
                self._running.pop(id(cursor), None)

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        cursor: duckdb.DuckDBPyConnection | None = getattr(self._local, "cursor", None)
        if cursor is None:
            with self._mutex:
                cursor = self._connection.cursor()
            cursor.execute("SET TimeZone = 'UTC'")
            self._local.cursor = cursor
        return cursor

    def _interrupt_late(self) -> None:
        while not self._closing.wait(_WATCH_SECONDS):
            now = time.monotonic()
            with self._mutex:
                for deadline, cursor in self._running.values():
                    if deadline < now:
                        cursor.interrupt()
