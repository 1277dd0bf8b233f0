"""Files in which DuckDB can't read some value, made readable: a bad value costs its event, not its file.

DuckDB gives up a whole file for a text that isn't UTF-8 or JSON, a time of day that is none, and milliseconds that no microseconds
can hold. Such a file is read from a copy whose footer doesn't say what the columns mean: their bytes and numbers come as they lie
there, and SQL tells the good from the bad.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from learnfold.engines.duckdb.footers import ROTTEN, FileSchema
from learnfold.engines.duckdb.parquet_footer import without_meaning
from learnfold.engines.duckdb.sql import foreign_parquet, quoted_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

_MAGIC = b"PAR1"
_MILLIS = "(9223372036854775807 // 1000)"
_UNIT = re.compile(r"TIME(?:STAMP)?_(MILLIS|MICROS)|(MILLIS|MICROS|NANOS)=[A-Z]")
_DAY_US = 24 * 3600 * 1_000_000
_MICROS = {"MILLIS": "CAST({} AS HUGEINT) * 1000", "MICROS": "{}", "NANOS": "{} // 1000"}
"""By unit of a time, its microseconds."""


class _Element(NamedTuple):
    """An element of a file's schema."""

    place: int
    kind: str  # DuckDB's type
    children: int
    meaning: str


def mend(
    cursor: duckdb.DuckDBPyConnection, file: str, shape: FileSchema, folder: Path
) -> tuple[str, FileSchema] | None:
    """A copy of a local file in ``folder`` that is read raw, and its schema; None where no column could hold a bad value."""
    elements = [
        _Element(place, kind or "", children or 0, meaning)
        for place, (kind, children, meaning) in enumerate(
            cursor.execute(
                "SELECT duckdb_type, num_children, concat(converted_type, ' ', logical_type) FROM parquet_schema(?) ORDER BY column_id",
                [file],
            ).fetchall()
        )
    ]
    rest = iter(elements[1:])
    raw, plain, columns = {}, set(), list(shape.columns)
    for number, (name, kind) in enumerate(shape.columns):
        element = next(rest)
        leaves = list(_leaves(element, rest))
        stored = _stored(element)
        if stored is not None:
            plain |= set(leaves)
            columns[number] = (name, "VARCHAR" if kind == "JSON" else kind)
            if shape.envelope and name == "value":
                columns[number] = (name, "BLOB")  # which is read as it lies there anyway
            else:
                raw[number] = stored
    if not plain:
        return None
    copy = folder / f"{len(list(folder.iterdir()))}.parquet"
    _copy(Path(file), copy, plain)
    return str(copy), FileSchema(tuple(columns), tuple(sorted(raw.items())))


def rows_in(files: Sequence[str], shape: FileSchema) -> str:
    """The relation of the rows of local files of that schema, called by its aliases, with ``file_index`` and ``file_row_number``.

    Of columns that are read raw it has the values, and in ``_rotten`` as text what can't be one, by number of the column.
    """
    rows = foreign_parquet(files, shape.aliases)
    if not shape.raw:
        return rows
    raw, columns, rotten = dict(shape.raw), [], []
    for number, alias in enumerate(shape.aliases):
        column = quoted_name(alias)
        if number in raw:
            value, shown = _read(column, raw[number], shape.columns[number][1])
            columns.append(f"{value} AS {column}")
            rotten.append(f"c{number} := CASE WHEN {column} IS NOT NULL AND {value} IS NULL THEN {shown} END")
        else:
            columns.append(column)
    return f"(SELECT file_index, file_row_number, {', '.join(columns)}, struct_pack({', '.join(rotten)}) AS {ROTTEN} FROM {rows})"


def _leaves(element: _Element, rest: Iterator[_Element]) -> Iterator[int]:
    """The places of an element's leaves, or its own; takes those from ``rest``."""
    if not element.children:
        yield element.place
    for _ in range(element.children):
        yield from _leaves(next(rest), rest)


def _stored(element: _Element) -> str | None:
    """How a column's values lie in the file, where DuckDB could give the file up for one: bytes, or by its unit a time; else None."""
    if element.kind in {"VARCHAR", "JSON", "VARCHAR[]"}:
        return "bytes"
    found = _UNIT.search(element.meaning)
    if found is None or element.children or not element.kind.startswith("TIME"):
        return None
    unit = found[1] or found[2]
    return unit if unit == "MILLIS" or not element.kind.startswith("TIMESTAMP") else None


def _read(column: str, stored: str, kind: str) -> tuple[str, str]:
    """A raw column's value in the type that it has, NULL where it can't be read; and what it is then, as text."""
    if kind == "VARCHAR[]":
        texts = f"list_transform({column}, lambda x: try(decode(x)))"
        shown = f"list_transform({column}, lambda x: coalesce(try(decode(x)), '\\x' || hex(x)))"
        return (
            f"CASE WHEN list_count({texts}) = list_count({column}) THEN {texts} END",
            f"CAST(to_json({shown}) AS VARCHAR)",
        )
    if stored == "bytes":
        return f"try(decode({column}))", f"'\\x' || hex({column})"
    micros = _MICROS[stored].format(column)
    if not kind.startswith("TIMESTAMP"):
        within = f"CASE WHEN {micros} BETWEEN 0 AND {_DAY_US - 1} THEN {micros} END"
        return f"(TIME '00:00:00' + to_microseconds(CAST({within} AS BIGINT)))", f"CAST({column} AS VARCHAR)"
    time = f"make_timestamp(CASE WHEN {column} BETWEEN -{_MILLIS} AND {_MILLIS} THEN {column} * 1000 END)"
    value = f"timezone('UTC', {time})" if kind.endswith("ZONE") else time
    return value, f"CAST({column} AS VARCHAR)"


def _copy(file: Path, copy: Path, plain: set[int]) -> None:
    """Writes the file with a footer that says nothing of what these elements of its schema mean."""
    size = file.stat().st_size
    with file.open("rb") as source, copy.open("wb") as target:
        source.seek(size - 8)
        length = int.from_bytes(source.read(4), "little")
        source.seek(size - 8 - length)
        footer = without_meaning(source.read(length), plain)
        source.seek(0)
        shutil.copyfileobj(source, target, 1 << 20)
        target.truncate(size - 8 - length)
        target.seek(size - 8 - length)
        target.write(footer + len(footer).to_bytes(4, "little") + _MAGIC)
