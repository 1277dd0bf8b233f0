"""The formats of an answer: which one is asked for, and rows written in it."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from learnfold.serve.problems import Problem
from learnfold.serve.values import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from learnfold.catalog import Column
    from learnfold.serve.answer import Statement
    from learnfold.serve.database import Database


@dataclass(frozen=True)
class Format:
    """One format."""

    name: str
    media_type: str
    compressible: bool


FORMATS = {
    one.name: one
    for one in (
        Format("json", "application/json", compressible=True),
        Format("ndjson", "application/x-ndjson", compressible=True),
        Format("csv", "text/csv", compressible=True),
        Format("parquet", "application/vnd.apache.parquet", compressible=False),
        Format("arrow", "application/vnd.apache.arrow.stream", compressible=False),
    )
}
"""By the name that ``?format=`` takes; the first is the default."""

_FORMULA = r"^[=+\-@\t\r]"


def chosen(accept: str, named: str | None, known: Sequence[str] = tuple(FORMATS)) -> Format:
    """The format that ``?format=`` names, else the best of ``Accept``; raises Problem where there is none."""
    hint = f"the formats are {', '.join(known)}"
    if named is not None:
        if named not in known:
            raise Problem("not_acceptable", f"format is {named[:60]!r}", hint)
        return FORMATS[named]
    best: tuple[float, int, str] | None = None
    for wanted, quality, exactness in _preferences(accept):
        for place, name in enumerate(known):
            kind = FORMATS[name].media_type
            fits = wanted in {"*/*", kind, f"{kind.partition('/')[0]}/*"}
            found = (quality + exactness, -place, name)
            if fits and quality > 0 and (best is None or found[:2] > best[:2]):
                best = found
    if best is None:
        raise Problem("not_acceptable", "none of the formats in Accept is known", hint)
    return FORMATS[best[2]]


def _preferences(accept: str) -> Iterable[tuple[str, float, float]]:
    """What Accept names, how much it is wanted (0 to 1), and a little for being exact."""
    for part in (accept or "*/*").split(",")[:50]:
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name == "q":
                quality = float(value) if re.fullmatch(r"[01](\.\d{1,3})?", value) else 0.0
        yield kind, quality, 0.0 if kind == "*/*" else 0.0001 if kind.endswith("/*") else 0.0002


def as_json(value: Any) -> bytes:
    """JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=shown).encode("utf-8", "replace")


def objects(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows as JSON shows them."""
    return [dict(zip(columns, map(shown, row), strict=True)) for row in rows]


def as_text(format_: Format, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    """Rows as NDJSON or CSV."""
    if format_.name == "ndjson":
        return b"".join(as_json(row) + b"\n" for row in objects(columns, rows))
    lines = [",".join(columns), *(",".join(map(_cell, row)) for row in rows)]
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")


def _cell(value: Any) -> str:
    """A value in CSV: NULL is nothing, an empty text is ``""``; what a spreadsheet would take for a formula has ``'`` before it."""
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(shown(value))
    if not isinstance(value, str):
        return text
    if re.match(_FORMULA, text):
        text = f"'{text}"
    return '"' + text.replace('"', '""') + '"' if text == "" or re.search(r'[",\r\n]', text) else text


def write_file(  # noqa: PLR0913 - one file: of which rows, as what, where, within what time
    database: Database, statement: Statement, columns: Sequence[Column], format_: Format, path: Path, seconds: float
) -> None:
    """Writes the statement's rows to a file, without a row of Python each."""
    if format_.name == "arrow":
        from nanoarrow.ipc import StreamWriter

        with (
            database.relation(statement.sql, statement.parameters, seconds) as relation,
            StreamWriter.from_path(path) as writer,
        ):
            writer.write_stream(relation)
        return
    options = {
        "parquet": "FORMAT parquet, COMPRESSION zstd",
        "csv": "FORMAT csv, HEADER",
        "ndjson": "FORMAT json",
        "json": "FORMAT json, ARRAY true",
    }[format_.name]
    shown_as = ", ".join(f"{_written(column, format_)} AS {column.name}" for column in columns)
    sql = statement.sql if format_.name == "parquet" else f"SELECT {shown_as} FROM ({statement.sql}) AS rows"
    target = str(path).replace("'", "''")
    database.execute(f"COPY ({sql}) TO '{target}' ({options})", statement.parameters, seconds)


def _written(column: Column, format_: Format) -> str:
    """A column as text formats show it, in SQL."""
    if column.type == "TIMESTAMP":
        return f"strftime({column.name}, '%Y-%m-%dT%H:%M:%S.%fZ')"
    if column.type == "VARCHAR" and format_.name == "csv":
        return (
            f"CASE WHEN regexp_matches({column.name}, '{_FORMULA}') THEN '''' || {column.name} ELSE {column.name} END"
        )
    return column.name


def as_binary(
    database: Database, statement: Statement, columns: Sequence[Column], format_: Format, seconds: float
) -> bytes:
    """The statement's rows as Parquet or an Arrow stream."""
    path = database.folder / f"page-{uuid.uuid4().hex}"
    try:
        write_file(database, statement, columns, format_, path, seconds)
        return path.read_bytes()
    finally:
        path.unlink(missing_ok=True)
