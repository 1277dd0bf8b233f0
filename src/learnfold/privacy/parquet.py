"""Finds a person in Parquet files, and writes the files without them.

Both go by the same SQL over a file's columns: which rows are the person's, and which columns of others' rows mention them.
"""

from __future__ import annotations

import base64
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb
from duckdb.sqltypes import DuckDBPyType

from learnfold.engines.duckdb import footers
from learnfold.engines.duckdb.sql import parquet, quoted, quoted_name
from learnfold.errors import BugError, DataError
from learnfold.privacy.person import ERASED, MESSAGE_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from learnfold.engines.duckdb.footers import FileSchema
    from learnfold.engines.duckdb.session import DuckDBSession
    from learnfold.privacy.person import Person

METADATA = "(metadata)"
"""Stands for the column of a mention in a file's key-value metadata."""

_SPACE = r"e' \t\n\r'"
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
            text = _text(column, kind)
            if lowered in person.owners:
                theirs.append(f"erase_is({text})")
                others.append(f"trim({text}, {_SPACE}) <> ''")
            elif lowered in MESSAGE_KEYS:
                rules.mentions[name] = f"coalesce(erase_is({text}) OR erase_names({text}), false)"
                rules.blanked[name] = f"CASE WHEN {rules.mentions[name]} THEN NULL ELSE {column} END"
            elif lowered not in person.named and _searched(kind):
                if lowered not in person.searched and kind.id in {"varchar", "blob"}:
                    event = not flat and (whole is None or name == whole)
                    theirs.append(
                        f"erase_is_event({text})" + (f" OR erase_is_unowned({_anyhow(column, kind)})" if event else "")
                    )
                if person.distinctive:
                    rules.mentions[name] = f"coalesce({_names(column, kind)}, false)"
                    rules.blanked[name] = (
                        f"CASE WHEN {rules.mentions[name]} THEN {_blank(column, kind)} ELSE {column} END"
                    )
        if whole is not None and not flat:
            value = _text(quoted_name(whole), kinds[whole])
            others.append(f"erase_has_owner({value})")
        keys = [rules.mentions[name] for name in kinds if name.lower() in MESSAGE_KEYS]
        if keys:
            theirs.append(f"(({' OR '.join(keys)}) AND NOT coalesce({' OR '.join(others) or 'false'}, false))")
        rules.theirs = f"coalesce({' OR '.join(f'coalesce({test}, false)' for test in theirs)}, false)"
        return rules


def define_functions(connection: duckdb.DuckDBPyConnection, person: Person) -> None:
    """Defines the functions that the rules are made of, about this person, for this connection alone."""
    name, pattern = quoted(person.id), quoted(person.pattern)
    plain = f"regexp_replace(t, {quoted(person.coincidence)}, '\\1\\2', 'g')"
    hidden = f"regexp_replace(t, {quoted(person.coincidence)}, '\\1' || chr(1) || '\\2', 'g')"
    for _ in range(2):  # two that share what stands between them
        hidden = f"regexp_replace({hidden}, {pattern}, '\\1{ERASED}\\2', 'g')"
    maybe = f"(contains(t, {name}) OR contains(t, '\\'))"
    fields = ", ".join(f"'$.{field}'" for field in person.owners)
    found = f"CASE WHEN {maybe} THEN regexp_matches({plain}, {pattern}) ELSE false END"
    for macro, body in {
        "erase_found(t)": found,
        "erase_names(t)": "erase_found(t)" if person.distinctive else "false",
        "erase_is(t)": f"(trim(t, {_SPACE}) = {name} OR (regexp_matches(t, '^\\s*[\\[{{]') AND erase_found(t)))",
        "erase_object(t)": "CASE WHEN json_valid(t) THEN json_type(t) = 'OBJECT' ELSE false END",
        "erase_is_event(t)": f"CASE WHEN {maybe} THEN CASE WHEN erase_object(t) THEN "
        f"len(list_filter(json_extract_string(t, [{fields}]), lambda x: coalesce(erase_is(x), false))) > 0 END END",
        "erase_has_owner(t)": f"CASE WHEN erase_object(t) THEN trim(json_extract_string(t, '$.user_id'), {_SPACE}) <> '' END",
        "erase_is_unowned(t)": f"CASE WHEN {maybe} THEN NOT coalesce(erase_has_owner(t), false) AND erase_found(t) END",
        "erase_blank(t)": f"replace({hidden}, chr(1), {quoted(person.in_json)})",
    }.items():
        connection.execute(f"CREATE OR REPLACE TEMP MACRO {macro} AS {body}")


def _searched(kind: DuckDBPyType) -> bool:
    """Whether a column of that type can hold words."""
    if kind.id in {"list", "array", "struct", "map"}:
        return any(_searched(child) for _, child in _children(kind))
    return kind.id in {"varchar", "blob", "enum", "uuid"}


def _children(kind: DuckDBPyType) -> list[tuple[str, DuckDBPyType]]:
    return [(name, child) for name, child in kind.children if isinstance(child, DuckDBPyType)]


def _text(column: str, kind: DuckDBPyType) -> str:
    """The column as text; NULL where bytes are no text."""
    if kind.id == "blob":
        return f"try(decode({column}))"
    if kind.id in {"list", "array", "struct", "map"}:
        return f"CAST(to_json({column}) AS VARCHAR)"
    return column if kind.id == "varchar" else f"CAST({column} AS VARCHAR)"


def _anyhow(column: str, kind: DuckDBPyType) -> str:
    """The column as text, bytes that are none as spaces between what is."""
    if kind.id != "blob":
        return _text(column, kind)
    return f"coalesce(try(decode({column})), regexp_replace(CAST({column} AS VARCHAR), '\\\\x[0-9A-F]{{2}}', ' ', 'g'))"


def _names(value: str, kind: DuckDBPyType, depth: int = 0) -> str:
    """Whether a value of any type names the person, at any depth."""
    if kind.id in {"list", "array"}:
        inner = _names(f"x{depth}", _children(kind)[0][1], depth + 1)
        return f"(len(list_filter({value}, lambda x{depth}: coalesce({inner}, false))) > 0)"
    if kind.id == "map":
        tests = [_names(f"x{depth}.{name}", child, depth + 1) for name, child in _children(kind) if _searched(child)]
        return f"(len(list_filter(map_entries({value}), lambda x{depth}: coalesce({' OR '.join(tests)}, false))) > 0)"
    if kind.id == "struct":
        tests = [
            _names(f"{value}.{quoted_name(name)}", child, depth) for name, child in _children(kind) if _searched(child)
        ]
        return f"({' OR '.join(f'coalesce({test}, false)' for test in tests)})"
    return f"erase_names({_anyhow(value, kind)})"


def _blank(value: str, kind: DuckDBPyType, depth: int = 0) -> str:
    """The value with the person's name blanked, of the same type."""
    if not _searched(kind):
        return value
    if kind.id in {"list", "array"}:
        inner = _blank(f"x{depth}", _children(kind)[0][1], depth + 1)
        return f"CAST(list_transform({value}, lambda x{depth}: {inner}) AS {kind})"
    if kind.id == "map":
        pairs = ", ".join(
            f"'{name}': {_blank(f'x{depth}.{name}', child, depth + 1)}" for name, child in _children(kind)
        )
        return f"CASE WHEN {value} IS NOT NULL THEN map_from_entries(list_transform(map_entries({value}), lambda x{depth}: {{{pairs}}})) END"
    if kind.id == "struct":
        parts = ", ".join(
            f"{quoted_name(n)} := {_blank(f'{value}.{quoted_name(n)}', child, depth)}" for n, child in _children(kind)
        )
        return f"CASE WHEN {value} IS NOT NULL THEN struct_pack({parts}) END"
    if kind.id == "varchar":
        return f"erase_blank({value})"
    named = f"coalesce({_names(value, kind, depth)}, false)"
    clean = f"encode(erase_blank(try(decode({value}))))" if kind.id == "blob" else "NULL"
    return f"CASE WHEN {named} THEN {clean} ELSE {value} END"


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
