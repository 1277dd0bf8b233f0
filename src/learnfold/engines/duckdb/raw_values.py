"""Columns that are read as they lie in a file, as SQL: the value in the type that the file says, and what can't be one, as text.

A nested column is taken apart down to its leaves and put together again; where one of them can't be read, the whole value can't.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import duckdb

from learnfold.engines.duckdb.sql import quoted, quoted_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from duckdb.sqltypes import DuckDBPyType

    Leaf = Callable[[str, str, str], str]

BYTES = "bytes"
"""How texts lie in a file; times do as numbers, by their unit."""

_MILLIS = "(9223372036854775807 // 1000)"
_DAY_US = 24 * 3600 * 1_000_000
_MICROS = {"MILLIS": "CAST({} AS HUGEINT) * 1000", "MICROS": "{}", "NANOS": "{} // 1000"}
"""By unit of a time, its microseconds."""


def read(column: str, stored: Sequence[str | None], kind: str) -> tuple[str, str]:
    """A raw column's value in its type ``kind``, NULL where it can't be read; and what it is then, as text.

    ``stored`` says of each leaf, in the schema's order, how it lies in the file; None: as its type says.
    """
    wanted = duckdb.sqltype(kind)
    if wanted.id not in {"list", "struct", "map"}:
        return _leaf(column, str(stored[0]), kind)
    whole = _rebuilt(column, wanted, iter(stored), _strict)
    legible = _rebuilt(column, wanted, iter(stored), _legible)
    return f"try({whole})", f"CAST(to_json({legible}) AS VARCHAR)"


def as_json(column: str) -> str:
    """A struct or map as JSON text."""
    return f"CASE WHEN {column} IS NOT NULL THEN CAST(to_json({column}) AS VARCHAR) END"


def _rebuilt(sql: str, kind: DuckDBPyType, stored: Iterator[str | None], leaf: Leaf, depth: int = 0) -> str:
    """A value of a nested type with ``leaf`` of each of its leaves that lies raw."""
    if kind.id == "list":
        one = f"x{depth}"
        inner = _rebuilt(one, _within(kind)[0][1], stored, leaf, depth + 1)
        return sql if inner == one else f"list_transform({sql}, lambda {one}: {inner})"
    if kind.id == "map":
        one = f"x{depth}"
        parts = [
            f"{name} := {_rebuilt(f'{one}.{name}', inner, stored, leaf, depth + 1)}" for name, inner in _within(kind)
        ]
        entries = f"list_transform(map_entries({sql}), lambda {one}: struct_pack({', '.join(parts)}))"
        return f"CASE WHEN {sql} IS NOT NULL THEN map_from_entries({entries}) END"
    if kind.id == "struct":
        parts = [
            f"{quoted_name(name)} := {_rebuilt(f'struct_extract({sql}, {quoted(name)})', inner, stored, leaf, depth + 1)}"
            for name, inner in _within(kind)
        ]
        return f"CASE WHEN {sql} IS NOT NULL THEN struct_pack({', '.join(parts)}) END"
    how = next(stored)
    return sql if how is None else leaf(sql, how, str(kind))


def _within(kind: DuckDBPyType) -> list[tuple[str, DuckDBPyType]]:
    """The types within a nested one, by name."""
    return cast("list[tuple[str, DuckDBPyType]]", kind.children)


def _strict(sql: str, stored: str, kind: str) -> str:
    """A leaf's value; an error where it can't be read."""
    if stored != BYTES:
        value, shown = _leaf(sql, stored, kind)
        return f"CASE WHEN {sql} IS NOT NULL THEN coalesce({value}, CAST('no time: ' || {shown} AS {kind})) END"
    text = f"decode({sql})"
    if kind == "JSON":
        return f"CASE WHEN json_valid({text}) THEN CAST({text} AS JSON) ELSE to_json({text}) END"
    return text


def _legible(sql: str, stored: str, kind: str) -> str:
    """A leaf's value as text, whatever it is."""
    value, shown = _leaf(sql, stored, kind)
    return f"coalesce(CAST({value} AS VARCHAR), {shown})"


def _leaf(sql: str, stored: str, kind: str) -> tuple[str, str]:
    """A raw value that isn't nested, NULL where it can't be read; and what it is then, as text."""
    if stored == BYTES:
        return f"try(decode({sql}))", f"'\\x' || hex({sql})"
    micros = _MICROS[stored].format(sql)
    if not kind.startswith("TIMESTAMP"):
        within = f"CASE WHEN {micros} BETWEEN 0 AND {_DAY_US - 1} THEN {micros} END"
        return f"(TIME '00:00:00' + to_microseconds(CAST({within} AS BIGINT)))", f"CAST({sql} AS VARCHAR)"
    time = f"make_timestamp(CASE WHEN {sql} BETWEEN -{_MILLIS} AND {_MILLIS} THEN {sql} * 1000 END)"
    value = f"timezone('UTC', {time})" if kind.endswith("ZONE") else time
    return value, f"CAST({sql} AS VARCHAR)"
