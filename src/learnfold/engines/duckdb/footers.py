"""What Parquet files look like: their columns and rows, found from their footers alone."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_OF_DUCKDB = ("filename", "file_index", "file_row_number")
"""Columns that DuckDB gives every file; a column of the file's own by one of these names would hide it."""

ROTTEN = "_rotten"
"""The column that holds what can't be read of those that are read raw."""


@dataclass(frozen=True)
class FileSchema:
    """The top-level columns of a file with their DuckDB types; ``INT96`` is kept apart, since it is always an instant."""

    columns: tuple[tuple[str, str], ...]
    raw: tuple[
        tuple[int, tuple[str | None, ...]], ...
    ] = ()  # columns that are read as they lie in the file, by number, and how each leaf does: see ``mended``

    def type(self, column: str) -> str | None:
        """The type of a column; None where there is none."""
        return dict(self.columns).get(column)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What DuckDB calls each column: to it user_id and USER_ID are one name, so the second to come is ``…_1``."""
        return self._distinct((ROTTEN,) if self.raw else ())

    @cached_property
    def aliases(self) -> tuple[str, ...]:
        """What ``foreign_parquet`` calls each column: the same, and different from the columns that DuckDB adds."""
        return self._distinct(("", *_OF_DUCKDB, ROTTEN) if self.raw else ("", *_OF_DUCKDB))

    def _distinct(self, taken: Sequence[str]) -> tuple[str, ...]:
        names: list[str] = []
        for name, _ in self.columns:
            used, found, number = {other.encode().lower() for other in (*taken, *names)}, name, 0
            while found.encode().lower() in used:  # of bytes: only a to z have a case
                number += 1
                found = f"{name}_{number}"
            names.append(found)
        return tuple(names)

    def name(self, column: str) -> str:
        """What DuckDB calls a column."""
        return dict(zip((name for name, _ in self.columns), self.names, strict=True))[column]

    def rotten(self, column: str) -> str | None:
        """SQL for what a column's value is that can't be read, as text, NULL where it can; None where it isn't read raw."""
        number = next((number for number, _ in self.raw if self.columns[number][0] == column), None)
        return None if number is None else f"{ROTTEN}.c{number}"

    @property
    def rewritable(self) -> bool:
        """Whether DuckDB can write a file of the same columns: names that differ by nothing but case are one to it, INT96 it doesn't write."""
        return all(
            kind != "INT96" and name == called for (name, kind), called in zip(self.columns, self.names, strict=True)
        )

    @property
    def envelope(self) -> bool:
        """Whether the events are JSON in ``value``, as a Kafka sink writes them."""
        return self.type("value") is not None and self.type("event_type") is None and self.type("user_id") is None

    @property
    def structured(self) -> bool:
        """Whether ``value`` of an envelope is a struct or map, of which the JSON is meant."""
        return self.envelope and (self.type("value") or "").startswith(("STRUCT(", "MAP("))


@dataclass
class Footers:
    """Local files by shape, rows by file, and by file that can't be read why not."""

    shapes: dict[FileSchema, list[str]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    paths: Mapping[str, str] = field(
        default_factory=dict
    )  # where a local copy lies in the master dataset; else it is its own

    @property
    def readable(self) -> list[str]:
        """The files that can be read; ``_file`` of an event is a place in this list."""
        return [file for files in self.shapes.values() for file in files]

    def replace(self, file: str, copy: str, shape: FileSchema) -> None:
        """Puts a copy of that shape in a file's place."""
        for files in self.shapes.values():
            if file in files:
                files.remove(file)
        self.shapes.setdefault(shape, []).append(copy)
        self.rows[copy] = self.rows[file]
        self.paths = {**self.paths, copy: self.paths.get(file, file)}

    def leave_out(self, broken: Mapping[str, str]) -> None:
        """Moves files to the unreadable ones; ``broken`` says why by file."""
        for shape, files in self.shapes.items():
            self.shapes[shape] = [file for file in files if file not in broken]
        self.unreadable |= broken


def read(cursor: duckdb.DuckDBPyConnection, files: Sequence[str]) -> Footers:
    """The shapes and rows of local files, and why some can't be read."""
    found = Footers()
    good = _readable(cursor, list(files), found)
    columns: dict[str, list[tuple[str, str]]] = {name: [] for name in good}
    skip: dict[str, int] = dict.fromkeys(good, 0)
    for batch in _batches(good):
        for name, column, kind, physical, children in cursor.execute(
            "SELECT file_name, name, duckdb_type, type, num_children FROM parquet_schema(?) ORDER BY file_name, column_id",
            [batch],
        ).fetchall():
            if not columns[name] and not skip[name]:
                skip[name] = -1  # the root
                continue
            if skip[name] > 0:  # below a nested column
                skip[name] += (children or 0) - 1
                continue
            columns[name].append((column, "INT96" if physical == "INT96" else kind))
            skip[name] = children or -1
    for name in good:
        found.shapes.setdefault(FileSchema(tuple(columns[name])), []).append(name)
    return found


def rows(cursor: duckdb.DuckDBPyConnection, files: Sequence[str]) -> tuple[dict[str, int], dict[str, str]]:
    """The rows of local files, and the files that aren't readable Parquet, with why."""
    found = Footers()
    _readable(cursor, list(files), found)
    return found.rows, found.unreadable


def _readable(cursor: duckdb.DuckDBPyConnection, files: list[str], found: Footers) -> list[str]:
    good: list[str] = []
    for batch in _batches(files):
        good += _read_batch(cursor, batch, found)
    return good


def _read_batch(cursor: duckdb.DuckDBPyConnection, files: list[str], found: Footers) -> list[str]:
    """The files whose footers can be read, halving the list around those that can't."""
    try:
        counts = cursor.execute("SELECT file_name, num_rows FROM parquet_file_metadata(?)", [files]).fetchall()
    except DUCKDB_ERRORS as error:
        if len(files) == 1:
            found.unreadable[files[0]] = brief(error, files[0])
            return []
        half = len(files) // 2
        return _read_batch(cursor, files[:half], found) + _read_batch(cursor, files[half:], found)
    found.rows |= dict(counts)
    return files


def _batches(files: list[str], size: int = 2000) -> list[list[str]]:
    return [files[start : start + size] for start in range(0, len(files), size)]


DUCKDB_ERRORS = (duckdb.Error, UnicodeDecodeError)
"""What DuckDB raises; the second where its message quotes bytes of a broken file that are no text."""


def brief(error: Exception, file: str = "") -> str:
    """DuckDB's message in one line, without the file's name."""
    text = (
        str(error).split("\n")[0].replace(f"'{file}'", "it").replace(f'"{file}"', "it")
        if file
        else str(error).split("\n")[0]
    )
    return re.sub(r"^(\w+ )*Error: ", "", text).strip()
