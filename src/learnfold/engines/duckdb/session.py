"""A DuckDB session: one database in this process, with its limits, its time zones and the functions that the SQL uses.

It knows no storage: batch, ingestion and erasure each open their own; serving, whose tables are sorted, opens a file by ``connect``.
"""

from __future__ import annotations

import contextlib
import os
from threading import RLock
from typing import TYPE_CHECKING, Self

import duckdb

from learnfold.engines.duckdb import footers
from learnfold.engines.duckdb.functions import macros, thresholds
from learnfold.errors import DataError, LearnfoldError, StorageError, UsageError
from learnfold.settings import memory_size
from learnfold.storage.scratch import Scratch, scratch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from learnfold.settings import Settings

_MOST_MEMORY = 5 * 1024**3 // 2
_LEAST_MEMORY = 256 * 1024**2


class DuckDBSession:
    """A database in memory, opened when it is first needed; beyond the memory limit it spills to the temporary folder.

    Threads may share a session, each by cursors of its own. Tables are seen by all cursors, temporary tables and views by the one
    that made them. Leaving it as a context manager closes it.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._mutex = RLock()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._scratch: Scratch | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection that the others are cursors of. It isn't for several threads, and its errors are DuckDB's: see ``translate_errors``.

        Raises UsageError for limits that DuckDB refuses, StorageError without a temporary folder.
        """
        with self._mutex:
            if self._connection is None:
                self._scratch = scratch(self.settings.temporary_folder)
                self._connection = _connect(self.settings, self._scratch.name)
            return self._connection

    @contextlib.contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of its own to the same database, for one thread; its errors are translated, see ``translate_errors``."""
        with self._mutex:
            cursor = self.connection.cursor()
        with translate_errors(), cursor:
            cursor.execute("SET TimeZone = 'UTC'")
            yield cursor

    def close(self) -> None:
        """Closes the database and removes what was spilled; the next use opens a new one."""
        with self._mutex:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            if self._scratch is not None:
                self._scratch.cleanup()
                self._scratch = None


@contextlib.contextmanager
def translate_errors() -> Iterator[None]:
    """Raises LearnfoldError where DuckDB lacks memory, StorageError where it can't read or write, DataError for a broken file; other errors pass."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise LearnfoldError(
            f"DuckDB needs more memory than it may use: raise LEARNFOLD_MEMORY, or put LEARNFOLD_TEMPORARY_FOLDER on a larger disk ({footers.brief(error)})"
        ) from error
    except duckdb.IOException as error:
        raise StorageError(f"DuckDB couldn't read or write: {footers.brief(error)}") from error
    except duckdb.InvalidInputException as error:
        if "Failed to read file" not in str(error):
            raise
        raise DataError(
            f"{footers.brief(error)}; a file of learnfold's own is made again by 'learnfold run --full'"
        ) from error


def connect(settings: Settings, path: str = ":memory:", usual: int | None = None) -> duckdb.DuckDBPyConnection:
    """A database that loads nothing from elsewhere, within the limits of the settings; without one of memory, within ``usual`` bytes.

    Raises UsageError for limits that DuckDB refuses.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    memory = memory_size(settings.memory) if settings.memory else usual or _default_memory()
    connection = duckdb.connect(path, config=config)
    try:
        connection.execute("SET memory_limit = ?", [f"{memory}B"])
        if settings.threads:
            connection.execute("SET threads = ?", [settings.threads])
    except duckdb.Error as error:
        connection.close()
        raise UsageError(
            f"memory is {settings.memory!r} and threads is {settings.threads}; DuckDB refuses them: {footers.brief(error)}"
        ) from error
    return connection


def _connect(settings: Settings, folder: str) -> duckdb.DuckDBPyConnection:
    connection = connect(settings)
    connection.execute("SET temp_directory = ?", [folder])
    for statement in (
        "SET GLOBAL preserve_insertion_order = false",
        "SET TimeZone = 'UTC'",
        "SET enable_progress_bar = false",
        *macros(settings.zones),
        *thresholds(settings),
    ):
        connection.execute(statement)
    return connection


def _default_memory() -> int:
    """Bytes: half of what is free, at most 2.5 GiB, so that the process stays below 3 GB: a batch shares its machine."""
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(_LEAST_MEMORY, min(free // 2, _MOST_MEMORY))
