"""A batch's views as tables: fetched, sorted by key, shared by the batches that have the same files, gone with the last of them."""

from __future__ import annotations

import threading
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from learnfold.errors import DataError
from learnfold.serve.forms import PLAIN, Form, Made
from learnfold.serve.problems import Problem
from learnfold.storage.intact import IntactFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from learnfold.batch.manifest import ViewRecord
    from learnfold.catalog import View
    from learnfold.serve.database import Database
    from learnfold.storage import Storage


@dataclass(frozen=True)
class Wanted:
    """A view as of one content of it; several, where they are made together."""

    views: tuple[str, ...]
    paths: tuple[str, ...]
    form: Form = PLAIN


@dataclass
class _Table:
    name: str  # of its file; in it each view has a table of its own name
    outdated: dict[str, Problem] = field(default_factory=dict)  # by view that couldn't be made with the others
    used: int = 0  # by so many batches


class Tables:
    """Every table that is there, each in a file of its own, so that nothing of it is left once it is dropped."""

    def __init__(self, database: Database, out: Storage, views: Iterable[View]) -> None:
        self.database, self.out, self.views = database, out, tuple(views)
        self._tables: dict[Wanted, _Table] = {}
        self._locks: defaultdict[Wanted, threading.Lock] = defaultdict(threading.Lock)
        self._mutex = threading.Lock()
        self._made = 0

    def take(self, view: View, records: Mapping[str, ViewRecord], form: Form = PLAIN) -> tuple[Wanted, str]:
        """The table of the view's rows in that form, made if there is none yet; to be given back. ``records``: the batch's views.

        Raises Problem where the files hold other columns than the view has, DataError where they can't be read or are gone.
        """
        together = [one for one in form.together(view, self.views) if one.name in records]
        paths = tuple(path for one in together for path in records[one.name].paths)
        wanted = Wanted(tuple(one.name for one in together), paths, form)
        with self._locks[wanted]:
            with self._mutex:
                table = self._tables.get(wanted)
            if table is None:
                table = self._made_of(together, records, form)
            if view.name in table.outdated:
                if not table.used:
                    self._drop(table.name)
                raise table.outdated[view.name]
            with self._mutex:
                self._tables[wanted] = table
                table.used += 1
        return wanted, f"{table.name}.{view.name}"

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

    def _made_of(self, views: Sequence[View], records: Mapping[str, ViewRecord], form: Form) -> _Table:
        with self._mutex:
            self._made += 1
            table = _Table(f"t{self._made}")
        self.database.execute(f"ATTACH '{_quoted(self._file(table.name))}' AS {table.name}")
        try:
            if form.plain:
                self._load(views[0], records[views[0].name], table.name)
            else:
                self._form(views, records, form, table)
        except BaseException:
            self._drop(table.name)
            raise
        return table

    def _form(self, views: Sequence[View], records: Mapping[str, ViewRecord], form: Form, table: _Table) -> None:
        """Makes the form of the views of their plain tables, which are there meanwhile."""
        made: list[Made] = []
        with ExitStack() as taken:
            for view in views:
                try:
                    wanted, plain = self.take(view, records)
                except Problem as problem:
                    if problem.code != "outdated":
                        raise
                    table.outdated[view.name] = problem
                    continue
                taken.callback(self.give_back, wanted)
                made.append(Made(view, plain, f"{table.name}.{view.name}"))
            form.make(made, self.database)

    def _load(self, view: View, record: ViewRecord, name: str) -> None:
        try:
            with IntactFiles(self.out).local(record.digests) as files:
                source = f"read_parquet([{', '.join(_text(file) for file in files)}], hive_partitioning = false)"
                self._same_columns(view, source)
                columns = ", ".join(column.name for column in view.columns)
                order = ", ".join(f"{key} NULLS FIRST" for key in view.key)
                self.database.execute(
                    f"CREATE TABLE {name}.{view.name} AS SELECT {columns} FROM {view.all_columns(source)} ORDER BY {order}"
                )
        except duckdb.Error as error:
            raise DataError(f"a file of {view.name} can't be read: {', '.join(record.paths)}") from error

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
