"""What the files of the master dataset look like: their columns, found from their footers alone."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class FileSchema:
    """The top-level columns of a file with their DuckDB types; ``INT96`` is kept apart, since it is always an instant."""

    columns: tuple[tuple[str, str], ...]

    def type(self, column: str) -> str | None:
        """The type of a column; None where there is none."""
        return dict(self.columns).get(column)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What DuckDB calls each column: to it user_id and USER_ID are one name, so the second to come is ``…_1``."""
        names: list[str] = []
        for name, _ in self.columns:
            taken, found, number = {other.encode().lower() for other in names}, name, 0
            while found.encode().lower() in taken:  # of bytes: only a to z have a case
                number += 1
                found = f"{name}_{number}"
            names.append(found)
        return tuple(names)

    def name(self, column: str) -> str:
        """What DuckDB calls a column."""
        return dict(zip((name for name, _ in self.columns), self.names, strict=True))[column]

    @property
    def rewritable(self) -> bool:
        """Whether DuckDB can write a file of the same columns: names that differ by nothing but case are one to it, INT96 it doesn't write."""
        return all(
            kind != "INT96" and name == told for (name, kind), told in zip(self.columns, self.names, strict=True)
        )

    @property
    def envelope(self) -> bool:
        """Whether the events are JSON in ``value``, as a Kafka sink writes them."""
        return self.type("value") is not None and self.type("event_type") is None and self.type("user_id") is None


@dataclass
class ProbedFiles:
    """Files by shape, rows by file, and what can't be read."""

    shapes: dict[FileSchema, list[str]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)


def probe(connection: duckdb.DuckDBPyConnection, files: Sequence[str]) -> ProbedFiles:
    """The shapes and rows of local files."""
    probed = ProbedFiles()
    good = _readable(connection, list(files), probed)
    columns: dict[str, list[tuple[str, str]]] = {name: [] for name in good}
    skip: dict[str, int] = dict.fromkeys(good, 0)
    for batch in _batches(good):
        for name, column, kind, physical, children in connection.execute(
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
        probed.shapes.setdefault(FileSchema(tuple(columns[name])), []).append(name)
    return probed


def rows(connection: duckdb.DuckDBPyConnection, files: Sequence[str]) -> tuple[dict[str, int], dict[str, str]]:
    """The rows of local files, and the files that aren't readable Parquet, with why."""
    probed = ProbedFiles()
    _readable(connection, list(files), probed)
    return probed.rows, probed.unreadable


def _readable(connection: duckdb.DuckDBPyConnection, files: list[str], probed: ProbedFiles) -> list[str]:
    good: list[str] = []
    for batch in _batches(files):
        good += _footers(connection, batch, probed)
    return good


def _footers(connection: duckdb.DuckDBPyConnection, files: list[str], probed: ProbedFiles) -> list[str]:
    """The files whose footers can be read, halving the list around those that can't."""
    try:
        found = connection.execute("SELECT file_name, num_rows FROM parquet_file_metadata(?)", [files]).fetchall()
    except duckdb.Error as error:
        if len(files) == 1:
            probed.unreadable[files[0]] = brief(error, files[0])
            return []
        half = len(files) // 2
        return _footers(connection, files[:half], probed) + _footers(connection, files[half:], probed)
    probed.rows |= dict(found)
    return files


def _batches(files: list[str], size: int = 2000) -> list[list[str]]:
    return [files[start : start + size] for start in range(0, len(files), size)]


def brief(error: Exception, file: str = "") -> str:
    """What DuckDB says in one line, without the file's name."""
    text = (
        str(error).split("\n")[0].replace(f"'{file}'", "it").replace(f'"{file}"', "it")
        if file
        else str(error).split("\n")[0]
    )
    return re.sub(r"^(\w+ )*Error: ", "", text).strip()
