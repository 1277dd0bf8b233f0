"""Finds a person in Parquet files, and writes the files without them.

Both go by the same SQL over a file's columns: which rows are the person's, and which columns of others' rows mention them.
"""

from __future__ import annotations

import base64
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb

from learnfold.engines.duckdb import footers
from learnfold.engines.duckdb.sql import foreign_parquet, quoted, quoted_name
from learnfold.errors import BugError, DataError
from learnfold.privacy.person_sql import define_functions
from learnfold.privacy.rules import Rules, quick_tests, rules_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from duckdb.sqltypes import DuckDBPyType

    from learnfold.engines.duckdb.footers import FileSchema
    from learnfold.engines.duckdb.session import DuckDBSession
    from learnfold.privacy.person import Person

METADATA = "(metadata)"
"""Stands for the column of a mention in a file's key-value metadata."""

_LONG_TEXT = 1 << 16

_CODECS = {"SNAPPY", "ZSTD", "GZIP", "UNCOMPRESSED", "BROTLI", "LZ4_RAW"}


@dataclass
class Traces:
    """What one Parquet file holds of a person."""

    rows: int = 0  # all rows of the file
    theirs: int = 0  # events that are the person's: these go
    mentions: dict[str, int] = field(
        default_factory=dict
    )  # by column, other events that name the person: the name goes
    maybe: frozenset[str] = frozenset()  # the columns in which some row may name them, by a quick test

    @property
    def any(self) -> bool:
        """Whether there is anything."""
        return bool(self.theirs or self.mentions)


class PersonQueries:
    """Queries about one person over local Parquet files, in the caller's session."""

    def __init__(self, session: DuckDBSession, person: Person) -> None:
        self.session, self.person = session, person

    def find(self, files: Sequence[str]) -> tuple[dict[str, Traces], dict[str, str]]:
        """By file what it holds of the person, and by file that can't be read as Parquet why not."""
        with self._cursor() as cursor:
            schemas = footers.read(cursor, files)
            found: dict[str, Traces] = {}
            unreadable = dict(schemas.unreadable)
            for shape, some in schemas.shapes.items():
                traces, broken = self._find(cursor, shape, some)
                found |= traces
                unreadable |= broken
            for file, entries in _metadata(cursor, list(found)).items():
                if any(self.person.named_in(_meaning(key, text)) for key, text in entries.items()):
                    found[file].mentions[METADATA] = 1
            return found, unreadable

    def _find(
        self, cursor: duckdb.DuckDBPyConnection, shape: FileSchema, files: Sequence[str]
    ) -> tuple[dict[str, Traces], dict[str, str]]:
        """The same of files of one shape, without their metadata."""
        if self.person.distinctive and any(self.person.named_in(f"{name} {kind}") for name, kind in shape.columns):
            return {}, dict.fromkeys(files, "a column in it is called after the person")
        found, unreadable = dict[str, Traces](), dict[str, str]()
        try:
            found |= _traces(cursor, self.person, shape, files)
        except duckdb.OutOfMemoryException:
            raise
        except footers.DUCKDB_ERRORS as error:
            if len(files) == 1:
                return {}, {files[0]: footers.brief(error, files[0])}
            for file in files:  # one of them is broken inside
                traces, broken = self._find(cursor, shape, [file])
                found |= traces
                unreadable |= broken
        if any(name != called for (name, _), called in zip(shape.columns, shape.names, strict=True)):
            why = "it holds the person, and columns whose names differ by nothing but case: it can't be written again as it is"
            unreadable |= {file: why for file, traces in found.items() if traces.any}
        return {file: traces for file, traces in found.items() if file not in unreadable}, unreadable

    def named_in(self, text: str) -> bool:
        """Whether a text of any length names the person; a long one is searched by DuckDB, which is quicker."""
        if len(text) < _LONG_TEXT or not self.person.may_name(text):
            return self.person.named_in(text)
        with self._cursor() as cursor:
            (found,) = cursor.execute("SELECT erase_found(?)", [text]).fetchone() or (False,)
        return bool(found)

    def rewrite(self, source: str, target: Path, known: Traces, keep: Sequence[str] | None = None) -> int:
        """Writes ``source``, of which ``known`` was found, without the person to ``target``; returns the rows written.

        All else stays: the other rows in their order, columns, types, key-value metadata and codec. ``keep``: of a quarantine
        file, only rows whose ``file`` is one of these.

        Raises:
            DataError: the file can't be read, or can't be written again with the same columns and types.

        """
        with self._cursor() as cursor:
            schemas = footers.read(cursor, [source])
            if schemas.unreadable:
                raise DataError(f"{source} can't be read as Parquet: {schemas.unreadable[source]}")
            (shape,) = schemas.shapes
            select = self._without(cursor, source, shape, known)
            chosen = f" AND file IN ({', '.join(map(quoted, keep))})" if keep is not None else ""
            options = f"FORMAT parquet, COMPRESSION {_codec(cursor, source)}{self._metadata_option(cursor, source)}"
            cursor.execute("SET GLOBAL preserve_insertion_order = true")
            try:
                cursor.execute(f"COPY ({select}{chosen}) TO {quoted(str(target))} ({options})")
            finally:
                cursor.execute("SET GLOBAL preserve_insertion_order = false")
            written = footers.read(cursor, [str(target)])
        rows, expected = written.rows[str(target)], known.rows - known.theirs
        if keep is None and rows != expected:
            raise BugError(f"{source} would hold {rows} rows, not {expected}; it was left as it is")
        if _kinds(next(iter(written.shapes))) != _kinds(shape):
            raise DataError(f"{source} can't be written again with the same columns and types; it was left as it is")
        return rows

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor with the functions that the rules are made of."""
        with self.session.cursor() as cursor:
            define_functions(cursor, self.person)
            yield cursor

    def _without(self, cursor: duckdb.DuckDBPyConnection, source: str, shape: FileSchema, known: Traces) -> str:
        """The SELECT of the rows of ``source`` without the person."""
        rules = rules_of(self.person, _kinds_of(cursor, shape, [source]), known.maybe)
        columns = [
            f"{rules.blanked[alias] if alias in known.mentions else _plain(alias, kind)} AS {quoted_name(name)}"
            for (name, kind), alias in zip(shape.columns, shape.aliases, strict=True)
        ]
        theirs = rules.theirs if known.theirs else "false"
        return f"SELECT {', '.join(columns)} FROM {foreign_parquet([source], shape.aliases)} WHERE NOT {theirs}"

    def _metadata_option(self, cursor: duckdb.DuckDBPyConnection, source: str) -> str:
        """The option of COPY that keeps the file's key-value metadata, without entries that name the person."""
        entries = _metadata(cursor, [source]).get(source, {})
        kept = {key: text for key, text in entries.items() if not self.person.named_in(_meaning(key, text))}
        pairs = ", ".join(f"{quoted(key)}: {quoted(text)}" for key, text in kept.items())
        return f", KV_METADATA {{{pairs}}}" if kept else ""


def _kinds(shape: FileSchema) -> list[tuple[str, str]]:
    """The columns; an instant of Spark's old kind is written as one of the new kind."""
    return [(name, "TIMESTAMP WITH TIME ZONE" if kind == "INT96" else kind) for name, kind in shape.columns]


def _plain(name: str, kind: str) -> str:
    return f"timezone('UTC', CAST({quoted_name(name)} AS TIMESTAMP))" if kind == "INT96" else quoted_name(name)


def _traces(
    connection: duckdb.DuckDBPyConnection, person: Person, shape: FileSchema, files: Sequence[str]
) -> dict[str, Traces]:
    kinds = _kinds_of(connection, shape, files)
    equal, tests = quick_tests(person, kinds)
    quick = "".join(f", coalesce(bool_or({test}), false)" for test in (equal, *tests.values()))
    found, closer = {file: Traces() for file in files}, []
    for place, rows, same, *passed in connection.execute(
        f"SELECT file_index, count(*){quick} FROM {foreign_parquet(files, shape.aliases)} GROUP BY ALL"
    ).fetchall():
        maybe = frozenset(name for name, some in zip(tests, passed, strict=True) if some)
        found[files[place]] = Traces(rows, maybe=maybe)
        if same or maybe:
            closer.append(files[place])
    if closer:
        rules = rules_of(person, kinds, frozenset[str]().union(*(found[file].maybe for file in closer)))
        _look_closer(connection, rules, shape, {file: found[file] for file in closer})
    return found


def _look_closer(
    connection: duckdb.DuckDBPyConnection, rules: Rules, shape: FileSchema, found: dict[str, Traces]
) -> None:
    """Counts, in files that passed the quick tests, the rows that are the person's and the others that name them."""
    files = list(found)
    named = {f"_m{place}": (name, test) for place, (name, test) in enumerate(rules.mentions.items())}
    tests = "".join(f", {test} AS {mark}" for mark, (_, test) in named.items())
    counts = "".join(f", count(*) FILTER (NOT _theirs AND {mark})" for mark in named)
    for place, theirs, *mentions in connection.execute(
        f"SELECT place, count(*) FILTER (_theirs){counts} "
        f"FROM (SELECT file_index AS place, {rules.theirs} AS _theirs{tests} "
        f"FROM {foreign_parquet(files, shape.aliases)}) GROUP BY ALL"
    ).fetchall():
        traces = found[files[place]]
        traces.theirs = theirs
        traces.mentions = {name: count for (name, _), count in zip(named.values(), mentions, strict=True) if count}


def _kinds_of(
    connection: duckdb.DuckDBPyConnection, shape: FileSchema, files: Sequence[str]
) -> dict[str, DuckDBPyType]:
    """The types of the columns, by their aliases."""
    cursor = connection.execute(f"SELECT * FROM {foreign_parquet(files[:1], shape.aliases)} LIMIT 0")
    return {name: kind for name, kind, *_ in cursor.description or []}


def _metadata(connection: duckdb.DuckDBPyConnection, files: Sequence[str]) -> dict[str, dict[str, str]]:
    """The key-value metadata of files that have some, as far as it is text."""
    found: dict[str, dict[str, str]] = {}
    if files:
        query = "SELECT file_name, key, value FROM parquet_kv_metadata(?)"
        for file, key, value in connection.execute(query, [list(files)]).fetchall():
            with contextlib.suppress(UnicodeDecodeError):
                found.setdefault(file, {})[bytes(key).decode()] = bytes(value).decode()
    return found


def _meaning(key: str, text: str) -> str:
    """The text of an entry of the metadata; Arrow's own copy of the schema, and of the other entries, is packed."""
    try:
        return base64.b64decode(text).decode("utf-8", "replace") if key == "ARROW:schema" else text
    except ValueError:
        return text


def _codec(connection: duckdb.DuckDBPyConnection, file: str) -> str:
    found = connection.execute("SELECT compression FROM parquet_metadata(?) LIMIT 1", [file]).fetchone()
    return found[0] if found and found[0] in _CODECS else "ZSTD"
