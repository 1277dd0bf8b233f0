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
from learnfold.engines.duckdb.sql import parquet, quoted, quoted_name
from learnfold.errors import BugError, DataError
from learnfold.privacy.person import MESSAGE_KEYS
from learnfold.privacy.person_sql import (
    SPACE,
    as_any_text,
    as_text,
    define_functions,
    holds_words,
    names_person,
    without_person,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from duckdb.sqltypes import DuckDBPyType

    from learnfold.engines.duckdb.footers import FileSchema
    from learnfold.engines.duckdb.session import DuckDBSession
    from learnfold.privacy.person import Person

METADATA = "(metadata)"
"""Stands for the column of a mention in a file's key-value metadata."""

_CODECS = {"SNAPPY", "ZSTD", "GZIP", "UNCOMPRESSED", "BROTLI", "LZ4_RAW"}


@dataclass
class Traces:
    """What one Parquet file holds of a person."""

    rows: int = 0  # all rows of the file
    theirs: int = 0  # events that are the person's: these go
    mentions: dict[str, int] = field(
        default_factory=dict
    )  # by column, other events that name the person: the name goes

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
                try:
                    found |= _traces(cursor, self.person, shape, some)
                except duckdb.OutOfMemoryException:
                    raise
                except duckdb.Error:
                    for file in some:  # one of them is broken inside
                        try:
                            found |= _traces(cursor, self.person, shape, [file])
                        except duckdb.Error as error:
                            unreadable[file] = footers.brief(error, file)
            for file, entries in _metadata(cursor, list(found)).items():
                if any(self.person.named_in(_meaning(key, text)) for key, text in entries.items()):
                    found[file].mentions[METADATA] = 1
            return found, unreadable

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
        rules = _Rules.of(cursor, self.person, shape, [source])
        columns = [
            f"{rules.blanked[name] if name in known.mentions else _plain(name, kind)} AS {quoted_name(name)}"
            for name, kind in shape.columns
        ]
        theirs = rules.theirs if known.theirs else "false"
        return f"SELECT {', '.join(columns)} FROM {parquet([source])} WHERE NOT {theirs}"

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
    rules = _Rules.of(connection, person, shape, files)
    named = {f"_m{place}": (name, test) for place, (name, test) in enumerate(rules.mentions.items())}
    tests = "".join(f", {test} AS {mark}" for mark, (_, test) in named.items())
    counts = "".join(f", count(*) FILTER (NOT _theirs AND {mark})" for mark in named)
    found = {file: Traces() for file in files}
    for place, rows, theirs, *mentions in connection.execute(
        f"SELECT place, count(*), count(*) FILTER (_theirs){counts} "
        f"FROM (SELECT file_index AS place, {rules.theirs} AS _theirs{tests} FROM {parquet(files)}) GROUP BY ALL"
    ).fetchall():
        there = {name: count for (name, _), count in zip(named.values(), mentions, strict=True) if count}
        found[files[place]] = Traces(rows, theirs, there)
    return found


@dataclass
class _Rules:
    """SQL over the columns of one shape of file."""

    theirs: str  # whether a row is the person's; never NULL
    mentions: dict[str, str]  # by column, whether it names the person; never NULL
    blanked: dict[str, str]  # by column, its value without the person

    @classmethod
    def of(
        cls, connection: duckdb.DuckDBPyConnection, person: Person, shape: FileSchema, files: Sequence[str]
    ) -> _Rules:
        cursor = connection.execute(f"SELECT * FROM {parquet(files[:1])} LIMIT 0")
        kinds: dict[str, DuckDBPyType] = {name: kind for name, kind, *_ in cursor.description or []}
        if list(kinds) != [name for name, _ in shape.columns]:
            raise DataError(
                f"{files[0]} has columns whose names differ by nothing but case; it can't be written again as it is"
            )
        flat = any(name.lower() in person.owners for name in kinds)
        whole = next((name for name in kinds if name.lower() == "value"), None)
        theirs, others = ["false"], []
        rules = cls("", {}, {})
        for name, kind in kinds.items():
            column, lowered = quoted_name(name), name.lower()
            text = as_text(column, kind)
            if lowered in person.owners:
                theirs.append(f"erase_is({text})")
                others.append(f"trim({text}, {SPACE}) <> ''")
            elif lowered in MESSAGE_KEYS:
                rules.mentions[name] = f"coalesce(erase_is({text}) OR erase_names({text}), false)"
                rules.blanked[name] = f"CASE WHEN {rules.mentions[name]} THEN NULL ELSE {column} END"
            elif lowered not in person.named and holds_words(kind):
                if lowered not in person.searched and kind.id in {"varchar", "blob"}:
                    event = not flat and (whole is None or name == whole)
                    theirs.append(
                        f"erase_is_event({text})"
                        + (f" OR erase_is_unowned({as_any_text(column, kind)})" if event else "")
                    )
                if person.distinctive:
                    rules.mentions[name] = f"coalesce({names_person(column, kind)}, false)"
                    rules.blanked[name] = (
                        f"CASE WHEN {rules.mentions[name]} THEN {without_person(column, kind)} ELSE {column} END"
                    )
        if whole is not None and not flat:
            value = as_text(quoted_name(whole), kinds[whole])
            others.append(f"erase_has_owner({value})")
        keys = [rules.mentions[name] for name in kinds if name.lower() in MESSAGE_KEYS]
        if keys:
            theirs.append(f"(({' OR '.join(keys)}) AND NOT coalesce({' OR '.join(others) or 'false'}, false))")
        rules.theirs = f"coalesce({' OR '.join(f'coalesce({test}, false)' for test in theirs)}, false)"
        return rules


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
