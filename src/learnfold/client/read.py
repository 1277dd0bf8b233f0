"""``learnfold.read``: one view's rows, by the same question from files or from a server."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from learnfold.batch.history import find_batch
from learnfold.catalog import load
from learnfold.client.remote import Server
from learnfold.client.rows import Rows
from learnfold.errors import DataError, MissingDataError, UsageError
from learnfold.serve.paging import order_sql
from learnfold.serve.problems import Problem
from learnfold.serve.question import Question, read_json_question
from learnfold.serve.values import shown
from learnfold.settings import Settings
from learnfold.storage import open_storage
from learnfold.storage.intact import IntactFiles
from learnfold.storage.scratch import scratch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def read(  # noqa: PLR0913 - a question's parts are named by who asks it
    place: str | os.PathLike[str],
    view: str,
    *,
    where: Mapping[str, Any] | None = None,
    select: Sequence[str] = (),
    order: Sequence[str] = (),
    limit: int | None = None,
    batch: str | None = None,
    token: str | None = None,
) -> Rows:
    """The view's rows at ``place``: where a run published them (a folder, ``s3://bucket/path``), or a server (``http://…``).

    ``where``: by column a value (None: without one), or an object of operators (``eq``, ``ne``, ``ge``, ``le``, ``in``, ``is_null``).
    ``order``: columns, ``-column`` for the largest first; then by the key. ``limit``: at most so many rows; None: all. ``batch``: an
    older one rather than the published one. ``token``: for a server that asks for one.

    Raises:
        UsageError: there is no such view or column, a value can't be of its column, or a server refuses.
        MissingDataError: nothing is published there, or no such batch is.
        StorageError: the place can't be read, or the server can't be asked.

    """
    url = os.fspath(place)
    known = load().view(view)
    asked = {"where": _plain(where or {}), "select": list(select), "order": list(order)}
    try:
        question = read_json_question(known, asked)
    except Problem as problem:
        raise UsageError(f"{problem.detail}; {problem.hint}" if problem.hint else problem.detail) from problem
    if limit is not None and (isinstance(limit, bool) or limit < 0):
        raise UsageError(f"limit is {limit}; it can be 0 or more")
    with ExitStack() as held:
        if url.startswith(("http://", "https://")):
            folder = scratch(Settings.read(os.environ).temporary_folder)
            held.callback(folder.cleanup)
            file = Path(folder.name) / "answer.parquet"
            named = Server(url, token).fetch(
                view, [*_parameters(question), *([("batch", batch)] if batch else [])], file
            )
            return _rows(question, named, [str(file)], limit, filtered=True)
        out = open_storage(url, Settings.read(os.environ))
        manifest = find_batch(out, batch or "current")
        record = manifest.views.get(view)
        if record is None:
            raise MissingDataError(f"batch {manifest.batch} at {out.url} holds no {view}; 'learnfold run' makes it")
        return _rows(
            question, manifest.batch, held.enter_context(IntactFiles(out).local(record.digests)), limit, filtered=False
        )


def _rows(question: Question, batch: str, files: Sequence[str], limit: int | None, *, filtered: bool) -> Rows:
    """The rows of local files; ``filtered``: they are the question's already, in order, and have its columns."""
    conditions, parameters = [], []
    for one in () if filtered else question.filters:
        sql, values = one.sql()
        conditions.append(sql)
        parameters += values
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    columns = "*" if filtered else ", ".join(question.columns)
    order = "" if filtered else f" ORDER BY {order_sql(question)}"
    most = f" LIMIT {limit}" if limit is not None else ""
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    connection.execute("SET TimeZone = 'UTC'")
    listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    source = f"read_parquet([{listed}], hive_partitioning = false)"
    source = source if filtered else question.view.all_columns(source)
    try:
        connection.execute(f"CREATE TABLE answer AS SELECT {columns} FROM {source}{where}{order}{most}", parameters)
    except duckdb.Error as error:
        raise DataError(f"{question.view.name} of batch {batch} can't be read: {str(error).splitlines()[0]}") from error
    return Rows(question.view.name, batch, connection)


def _parameters(question: Question) -> list[tuple[str, str]]:
    """The question as an address asks it."""
    found = []
    for one in question.filters:
        name = one.column if one.operator == "eq" else f"{one.column}.{one.operator}"
        found += [(name, _text(value)) for value in one.values]
    found += [
        (name, ",".join(terms)) for name, terms in (("select", question.select), ("order", question.order)) if terms
    ]
    return found


def _text(value: Any) -> str:
    return (
        str(value).lower()
        if isinstance(value, bool)
        else repr(value)
        if isinstance(value, float)
        else str(shown(value))
    )


def _plain(value: Any) -> Any:
    """Dates and times as a question writes them."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, str | int | float | bool) else shown(value)
