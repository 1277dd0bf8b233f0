"""A batch's views as tables: fetched, sorted by key, shared by the batches that have the same files, gone with the last of them."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from learnfold.errors import DataError
from learnfold.serve.forms import PLAIN, Form
from learnfold.serve.problems import Problem
from learnfold.storage.intact import IntactFiles

if TYPE_CHECKING:
    from learnfold.batch.manifest import ViewRecord
    from learnfold.catalog import View
    from learnfold.serve.database import Database
    from learnfold.storage import Storage


@dataclass(frozen=True)
class Wanted:
    """A view as of one content of it."""

    view: str
    paths: tuple[str, ...]
    form: Form = PLAIN


@dataclass
class _Table:
    name: str
    used: int = 0  # by so many batches


class Tables:
    """Every table that is there, each in a file of its own, so that nothing of it is left once it is dropped."""

    def __init__(self, database: Database, out: Storage) -> None:
        self.database, self.out = database, out
        self._tables: dict[Wanted, _Table] = {}
        self._locks: defaultdict[Wanted, threading.Lock] = defaultdict(threading.Lock)
        self._mutex = threading.Lock()
        self._made = 0

    def take(self, view: View, record: ViewRecord, form: Form = PLAIN) -> tuple[Wanted, str]:
        """The table of the view's rows in that form, made if there is none yet; to be given back.

        Raises Problem where the files hold other columns than the view has, DataError where they can't be read or are gone.
        """
        wanted = Wanted(view.name, tuple(record.paths), form)
        with self._locks[wanted]:
            with self._mutex:
                table = self._tables.get(wanted)
            if table is None:
                table = _Table(self._made_of(view, record, form))
            with self._mutex:
                self._tables[wanted] = table
                table.used += 1
        return wanted, f"{table.name}.rows"

    def give_back(self, wanted: Wanted) -> None:
        """Drops the table when no batch uses it any more."""
        with self._locks[wanted]:
            with self._mutex:
                table = self._tables[wanted]
                table.used -= 1
                if table.used:
                    return
                del self._tables[wanted]
            self._drop(table.name)

    def _made_of(self, view: View, record: ViewRecord, form: Form) -> str:
        with self._mutex:
            self._made += 1
            name = f"t{self._made}"
        self.database.execute(f"ATTACH '{_quoted(self._file(name))}' AS {name}")
        try:
            if form.plain:
                try:
                    self._load(view, record, name)
                except duckdb.Error as error:
                    raise DataError(f"a file of {view.name} can't be read: {', '.join(record.paths)}") from error
            else:
                wanted, plain = self.take(view, record)
                try:
                    form.make(view, plain, f"{name}.rows", self.database)
                finally:
                    self.give_back(wanted)
        except BaseException:
            self._drop(name)
            raise
        return name

    def _load(self, view: View, record: ViewRecord, name: str) -> None:
        with IntactFiles(self.out).local(record.digests) as files:
            source = f"read_parquet([{', '.join(_text(file) for file in files)}], hive_partitioning = false)"
            self._same_columns(view, source)
            columns = ", ".join(column.name for column in view.columns)
            order = ", ".join(f"{key} NULLS FIRST" for key in view.key)
            self.database.execute(
                f"CREATE TABLE {name}.rows AS SELECT {columns} FROM {view.all_columns(source)} ORDER BY {order}"
            )

    def _same_columns(self, view: View, source: str) -> None:
        found = {str(row[0]): str(row[1]) for row in self.database.rows(f"DESCRIBE FROM {source}", [], 60)}
        wanted = {column.name: column.type for column in view.columns}
        if not (
            found.keys() >= set(view.key) and found.items() <= wanted.items()
        ):  # an earlier version had fewer columns
            raise Problem(
                "outdated",
                f"{view.name} was computed by another definition than this server's",
                "run the batch with the learnfold that serves, or serve with the one that ran",
            )

    def _drop(self, name: str) -> None:
        self.database.execute(f"DETACH {name}")
        Path(self._file(name)).unlink(missing_ok=True)
        Path(f"{self._file(name)}.wal").unlink(missing_ok=True)

    def _file(self, name: str) -> str:
        return str(self.database.folder / f"{name}.duckdb")


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _text(value: str) -> str:
    return f"'{_quoted(value)}'"
