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
from learnfold.engines.duckdb.raw_values import BYTES, as_json, read
from learnfold.engines.duckdb.sql import foreign_parquet, quoted_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

_MAGIC = b"PAR1"
_UNIT = re.compile(r"TIME(?:STAMP)?_(MILLIS|MICROS)|(MILLIS|MICROS|NANOS)=[A-Z]")


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
        leaves = list(_leaves(next(rest), rest))
        stored = tuple(map(_stored, leaves))
        if any(stored):
            plain |= {leaf.place for leaf, how in zip(leaves, stored, strict=True) if how}
            columns[number] = (name, "VARCHAR" if kind == "JSON" else kind)
            if shape.envelope and name == "value" and columns[number][1] == "VARCHAR":
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

    Of columns that are read raw it has the values, and in ``_rotten`` as text what can't be one, by number of the column. Of an
    envelope whose ``value`` is a struct or map it has the JSON of it.
    """
    rows = foreign_parquet(files, shape.aliases)
    if not shape.raw and not shape.structured:
        return rows
    raw, columns, rotten = dict(shape.raw), [], []
    for number, ((name, kind), alias) in enumerate(zip(shape.columns, shape.aliases, strict=True)):
        value = column = quoted_name(alias)
        if number in raw:
            value, shown = read(column, raw[number], kind)
            rotten.append(f"c{number} := CASE WHEN {column} IS NOT NULL AND {value} IS NULL THEN {shown} END")
        if shape.structured and name == "value":
            value = as_json(value)
        columns.append(column if value == column else f"{value} AS {column}")
    also = [f"struct_pack({', '.join(rotten)}) AS {ROTTEN}"] if rotten else []
    return f"(SELECT file_index, file_row_number, {', '.join([*columns, *also])} FROM {rows})"


def _leaves(element: _Element, rest: Iterator[_Element]) -> Iterator[_Element]:
    """The leaves of an element, or itself; takes those from ``rest``."""
    if not element.children:
        yield element
    for _ in range(element.children):
        yield from _leaves(next(rest), rest)


def _stored(leaf: _Element) -> str | None:
    """How a leaf's values lie in the file, where DuckDB could give the file up for one: bytes, or by its unit a time; else None."""
    kind = leaf.kind.removesuffix("[]")  # repeated as it is, without a list around it
    if kind in {"VARCHAR", "JSON"}:
        return BYTES
    found = _UNIT.search(leaf.meaning)
    if found is None or not kind.startswith("TIME"):
        return None
    unit = found[1] or found[2]
    return unit if unit == "MILLIS" or not kind.startswith("TIMESTAMP") else None


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
