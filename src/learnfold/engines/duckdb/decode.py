"""Events as SQL: typed columns and a reason, from files of either shape.

For every file shape one SELECT with the same columns: ``_file`` (the file's place in the list), ``_row`` (in it),
``_partition`` and ``_offset`` (Kafka's, where the file has them), the topic's fields with their types, and ``_reason``: why the
event is invalid, NULL when it is valid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from learnfold.catalog import reasons, values
from learnfold.engines.duckdb.footers import ROTTEN
from learnfold.engines.duckdb.mended import rows_in
from learnfold.engines.duckdb.sql import quoted, quoted_name
from learnfold.master.path_values import source_in_path, values_in_path

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from learnfold.catalog import Field, Topic
    from learnfold.engines.duckdb.footers import FileSchema, Footers

EXTRA = "extra_fields"
"""The column of a file that ingestion wrote with what the topic had no field for, as JSON."""

_SOURCES = ("kafka_cluster", "kafka_generation")
"""Columns that say of which cluster and generation an offset is."""

_NUMERIC = {
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "FLOAT",
    "DOUBLE",
}
_FLOATING = {"FLOAT", "DOUBLE"}
_NAIVE = {"TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S", "DATE"}
_INSTANT = {"TIMESTAMP WITH TIME ZONE"}


@dataclass(frozen=True)
class Relation:
    """A relation of undecoded events, all of one schema, and by which SQL over it each is traced back."""

    sql: str  # what stands behind FROM
    file: str = "0"  # the number of an event's file
    row: str = "NULL"  # its row in the file; with ``_file`` it names the event
    source: str = "NULL"  # the cluster and generation of Kafka that its partition and offset are of
    given: Mapping[str, str] | None = None  # values, as SQL, of fields that aren't in the relation
    carried: Mapping[str, str] | None = None  # other columns of the result, by name


def select_files(topic: Topic, footers: Footers, wanted: Sequence[str]) -> str:
    """The SELECT over all readable files with the fields in ``wanted``; ``_file`` is a file's place in ``footers.readable``."""
    selects, first = [], 0
    for shape, files in footers.shapes.items():
        if files:
            selects.append(select_from(topic, shape, rows_of(topic, footers, shape, files, first), wanted))
            first += len(files)
    return " UNION ALL BY NAME ".join(selects) if selects else _select_nothing(topic, wanted)


def select_rows(topic: Topic, footers: Footers, wanted: Sequence[str], numbers: Collection[int], table: str) -> str:
    """The same of those events only that ``table`` names by ``_file`` and ``_row``, all in the files of these ``numbers``.

    No other event is decoded: taking a message apart is most of the work of reading it.
    """
    number = {file: place for place, file in enumerate(footers.readable)}
    selects = []
    for shape, files in footers.shapes.items():
        if chosen := [file for file in files if number[file] in numbers]:
            rows = rows_of(topic, footers, shape, chosen)
            file = f"CAST({[number[one] for one in chosen]} AS INTEGER[])[CAST(file_index AS BIGINT) + 1]"
            columns = "*" if shape.raw or shape.structured else "file_index, file_row_number, *"
            some = (
                f"(SELECT * FROM (SELECT {columns} FROM {rows.sql}) SEMI JOIN {table} AS chosen "
                f"ON chosen._file = {file} AND chosen._row = file_row_number)"
            )
            selects.append(select_from(topic, shape, replace(rows, sql=some, file=file), wanted))
    return " UNION ALL BY NAME ".join(selects) if selects else _select_nothing(topic, wanted)


def rows_of(topic: Topic, footers: Footers, shape: FileSchema, files: Sequence[str], first: int = 0) -> Relation:
    """The rows of ``files`` of one schema, which are numbered from ``first``, with what their paths say of them."""
    paths = [footers.paths.get(file, file) for file in files]
    sources = [source_in_path(path) for path in paths]
    names = [] if shape.envelope else [field.name for field in topic.sent if shape.type(field.name) is None]
    said = [values_in_path(path, names) for path in paths] if names else []
    fields = sorted({name for values_said in said for name in values_said})
    return Relation(
        rows_in(files, shape),
        f"file_index + {first}",
        "file_row_number",
        _by_file(sources) if any(sources) else "NULL",
        {name: _by_file([values_said.get(name) for values_said in said]) for name in fields},
    )


def _by_file(texts: Sequence[str | None]) -> str:
    """The text of a row's file, as SQL."""
    listed = ", ".join("NULL" if text is None else quoted(text) for text in texts)
    return f"CAST([{listed}] AS VARCHAR[])[CAST(file_index AS BIGINT) + 1]"


def select_from(topic: Topic, shape: FileSchema, relation: Relation, wanted: Sequence[str]) -> str:
    """The same over any relation whose columns are as ``shape`` says; what is carried comes before the fields."""
    raw = _Envelope(topic, shape) if shape.envelope else _Flat(topic, shape, relation.given or {})
    checked = [f for f in topic.sent if f.name in wanted or f.required or f.type != "VARCHAR"]
    inner = [f"{raw.text(f)} AS {_raw(f)}" for f in checked]
    typed = [f"{raw.typed(f)} AS {_name(f)}" for f in checked]
    others = relation.carried or {}
    also = "".join(f"{name}, " for name in others)
    carried = "".join(f"{sql} AS {name}, " for name, sql in others.items())
    where = (
        f"(SELECT CAST({relation.file} AS INTEGER) AS _file, {relation.row} AS _row, "
        f"{raw.kafka('partition', 'INTEGER')} AS _partition, {raw.kafka('offset', 'BIGINT')} AS _offset, "
        f"{_source(shape, relation)} AS _source, {carried}"
        f"{raw.columns()} FROM {relation.sql})"
    )
    where = raw.settled(where)
    whole = "".join(f"{name}, " for name in raw.about)
    middle = f"(SELECT _file, _row, _partition, _offset, _source, {also}{whole}{', '.join(inner)} FROM {where})"
    for level in zip_longest(*(raw.steps(field) for field in checked)):
        middle = f"(SELECT *, {', '.join(filter(None, level))} FROM {middle})"
    keep = ", ".join(_name(f) for f in checked if f.name in wanted)
    raws = ", ".join(_raw(f) for f in checked)
    return (
        f"SELECT _file, _row, _partition, _offset, _source, {also}{keep}, {_reason(checked, raw)} AS _reason "
        f"FROM (SELECT _file, _row, _partition, _offset, _source, {also}{whole}{raws}, {', '.join(typed)} FROM {middle})"
    )


def _select_nothing(topic: Topic, wanted: Sequence[str]) -> str:
    """The same columns without a row."""
    fields = "".join(f"CAST(NULL AS {f.type}) AS {f.name}, " for f in topic.sent if f.name in wanted)
    return (
        "SELECT CAST(NULL AS INTEGER) AS _file, CAST(NULL AS BIGINT) AS _row, CAST(NULL AS INTEGER) AS _partition, "
        f"CAST(NULL AS BIGINT) AS _offset, CAST(NULL AS VARCHAR) AS _source, {fields}CAST(NULL AS VARCHAR) AS _reason WHERE false"
    )


def _source(shape: FileSchema, relation: Relation) -> str:
    """The cluster and generation that a row's offset is of, as its columns say, else its path; NULL where nothing says."""
    columns = [f"CAST({quoted_name(shape.name(name))} AS VARCHAR)" for name in _SOURCES if shape.type(name)]
    return (
        f"coalesce(nullif(concat_ws('/', {', '.join(columns)}), ''), {relation.source})"
        if columns
        else f"CAST({relation.source} AS VARCHAR)"
    )


class _Flat:
    """A column a field.

    A field that isn't in the file is in its path, or, where it was declared after the file was written, in its ``extra_fields``.
    """

    def __init__(self, topic: Topic, shape: FileSchema, given: Mapping[str, str]) -> None:
        self.topic, self.shape, self.given = topic, shape, given
        self.whole: list[tuple[str, str]] = []
        self.about = (ROTTEN,) if shape.raw else ()
        extra = shape.type(EXTRA) == "VARCHAR"
        self.types = {
            f.name: shape.type(f.name) or ("VARCHAR" if extra or f.name in given else None) for f in topic.sent
        }

    def columns(self) -> str:
        there = [f'"{self.shape.name(name)}" AS "{name}"' for name in self.types if self.shape.type(name)]
        later = [name for name, kind in self.types.items() if kind and not self.shape.type(name)]
        fields = {field.name: field for field in self.topic.sent}
        there += [f'{self.given.get(name) or self._extra(fields[name])} AS "{name}"' for name in later]
        return ", ".join([*there, *self.about]) or "NULL AS nothing"

    def settled(self, rows: str) -> str:
        """``rows`` as they are."""
        return rows

    def _extra(self, field: Field) -> str:
        document = f"CASE WHEN json_valid({self.shape.name(EXTRA)}) THEN {self.shape.name(EXTRA)} END"
        text = f"json_extract_string({document}, '$.{field.name}')"
        if not values.is_id(field):
            return text
        number = _other_number(text, document, field)
        return f"CASE WHEN {number} THEN coalesce(plain_id({text}), {text}) ELSE {text} END"

    def kafka(self, what: str, kind: str) -> str:
        for name in (f"kafka_{what}", what):
            found = self.shape.type(name)
            if found in _NUMERIC:
                return f'try_cast("{self.shape.name(name)}" AS {kind})'
        return f"CAST(NULL AS {kind})"

    def text(self, field: Field) -> str:
        """The field as it is in the file, or as text where the file has no useful type."""
        kind = self.types[field.name]
        column = f'"{field.name}"'
        if kind is None:
            return f"CAST(NULL AS {field.type})"
        if kind == "BLOB":
            return f"coalesce(try(decode({column})), '\\x' || hex({column}))"
        if field.type == "VARCHAR":
            if kind == "VARCHAR":
                return column
            nested = kind.endswith("]") or kind.startswith(("STRUCT", "MAP"))
            shown = f"CAST(to_json({column}) AS VARCHAR)" if nested else f"CAST({column} AS VARCHAR)"
            if values.is_id(field) and (kind in _FLOATING or kind.startswith("DECIMAL")):
                return f"coalesce(whole_decimal(try_cast({column} AS DECIMAL(38, 16))), {shown})"
            return shown
        return column

    def textual(self, field: Field) -> bool:
        """Whether the field is text in the file, which can be blank."""
        return self.types[field.name] in {"VARCHAR", "BLOB"}

    def there(self, field: Field) -> str:
        """SQL, ending in AND, that is true where the field has a value."""
        blank = f"NOT is_blank({_raw(field)}) AND " if self.textual(field) else ""
        return f"{_raw(field)} IS NOT NULL AND {blank}"

    def endless(self, field: Field) -> str | None:
        """SQL that is true where an id is a number that is none, as NaN; None where the file can't say one."""
        wrong = field.type == "VARCHAR" and values.is_id(field) and self.types[field.name] in _FLOATING
        return f"{_raw(field)} IN ('nan', 'inf', '-inf')" if wrong else None

    def rotten(self, field: Field) -> str | None:
        """SQL that isn't NULL where a value of the file can't be read; None where none is such."""
        return self.shape.rotten(field.name)

    def steps(self, field: Field) -> Sequence[str]:
        """Columns, each made of those before it, that the typed value is made of; so SQL that is used again is planned and run once."""
        kind = self.types[field.name]
        if field.type != "TIMESTAMP" or kind is None or kind in {"INT96", *_INSTANT, *_NAIVE}:
            return ()
        raw = _raw(field)
        return _steps_to_instant(field, raw if kind in {"VARCHAR", "BLOB"} else f"CAST({raw} AS VARCHAR)")

    def typed(self, field: Field) -> str:  # noqa: PLR0911 - one return a type
        kind, raw = self.types[field.name], _raw(field)
        if kind is None:
            return raw
        if field.type == "VARCHAR":
            return _read_text(field, raw)
        text = raw if kind in {"VARCHAR", "BLOB"} else f"CAST({raw} AS VARCHAR)"
        if field.type == "TIMESTAMP":
            if kind in _INSTANT:
                return f"in_calendar(make_timestamp(epoch_us({raw})))"
            if kind == "INT96":
                return f"in_calendar(CAST({raw} AS TIMESTAMP))"
            too_fine = kind == "TIMESTAMP_NS"  # its last digits; a cast would round
            naive = f"make_timestamp(epoch_us({raw}))" if too_fine else f"try_cast({raw} AS TIMESTAMP)"
            local = f"platform_instant(in_calendar({naive}))" if kind in _NAIVE else _instant(field)
            return f"in_calendar({local})"
        if field.type == "VARCHAR[]":
            nested = kind.endswith("]") and (kind.count("[") > 1 or "(" in kind)  # its elements are written as JSON
            listed = f"CAST(to_json({raw}) AS VARCHAR[])" if nested else f"CAST({raw} AS VARCHAR[])"
            return listed if kind.endswith("]") else f"read_array({text})"
        numeric = kind in _NUMERIC or kind.startswith("DECIMAL")
        number = f"CAST({raw} AS DOUBLE)" if numeric else f"read_number({text})"
        if field.type == "INTEGER" and kind in {"INTEGER", "SMALLINT", "TINYINT", "USMALLINT", "UTINYINT"}:
            return f"CAST({raw} AS INTEGER)"
        return _read_number(field, number)


class _Envelope:
    """The JSON text in ``value``; extracted in one go, since each extraction reads the whole text."""

    def __init__(self, topic: Topic, shape: FileSchema) -> None:
        self.topic, self.shape = topic, shape
        self.paths = {field.name: place for place, field in enumerate(topic.sent, 1)}
        nothing = " AND ".join(f"{_raw(field)} IS NULL" for field in topic.sent if field.required)
        self.whole = [
            (reasons.EMPTY, "_empty"),
            (reasons.NOT_UTF8, "_text IS NULL"),
            (reasons.NOT_JSON, "_broken"),
            # an array or number has no fields: only where all required ones are missing is it worth a second check
            (reasons.NOT_OBJECT, f"CASE WHEN {nothing} THEN try(json_type(_text)) <> 'OBJECT' END"),
        ]
        self.about = ("_empty", "_text", "_broken")

    def columns(self) -> str:
        text = "try(decode(value))" if self.shape.type("value") == "BLOB" else "CAST(value AS VARCHAR)"
        rotten = self.shape.rotten("value")
        empty = f"value IS NULL AND {rotten} IS NULL" if rotten else "value IS NULL"
        return (
            f"{empty} AS _empty, {text} AS _text, NOT is_json({text}) AS _broken, "
            f"CASE WHEN json_valid({text}) THEN {self._taken(text)} END AS _fields, "
            f"CASE WHEN json_valid({text}) THEN json_keys({text}) END AS _names"
        )

    def _taken(self, text: str) -> str:
        paths = ", ".join(f"'$.{field.name}'" for field in self.topic.sent)
        return f"json_extract_string({text}, [{paths}])"

    def settled(self, rows: str) -> str:
        """``rows`` with the last value of a name that is given twice, where DuckDB takes the first.

        An object that has as many names as fields with values has each once, which is quick to see.
        """
        names = ", ".join(quoted(field.name) for field in self.topic.sent)
        known = f"list_filter(_names, lambda n: n IN ({names}))"
        twice = (
            "CASE WHEN len(_names) = list_count(_fields) THEN false "
            f"WHEN len({known}) = list_count(_fields) THEN false ELSE some_twice({known}) END"
        )
        return (
            "(SELECT * REPLACE (CASE WHEN _twice THEN single_names(_text) ELSE _text END AS _text, "
            f"CASE WHEN _twice THEN {self._taken('single_names(_text)')} ELSE _fields END AS _fields) "
            f"FROM (SELECT *, {twice} AS _twice FROM {rows}))"
        )

    def kafka(self, what: str, kind: str) -> str:
        found = self.shape.type(what)
        return f'try_cast("{what}" AS {kind})' if found in _NUMERIC else f"CAST(NULL AS {kind})"

    def text(self, field: Field) -> str:
        return f"_fields[{self.paths[field.name]}]"

    def textual(self, field: Field) -> bool:  # noqa: ARG002 - the same call as of a flat file
        """JSON gives everything as text."""
        return True

    def there(self, field: Field) -> str:
        """SQL, ending in AND, that is true where the field has a value."""
        return f"{_raw(field)} IS NOT NULL AND NOT is_blank({_raw(field)}) AND "

    def endless(self, field: Field) -> str | None:  # noqa: ARG002 - the same call as of a flat file
        """JSON has no such numbers."""
        return None

    def rotten(self, field: Field) -> str | None:  # noqa: ARG002 - the same call as of a flat file
        """A text is whole or isn't."""
        return None

    def steps(self, field: Field) -> Sequence[str]:
        """The same as of a flat file."""
        raw = _raw(field)
        if field.type == "TIMESTAMP":
            return _steps_to_instant(field, raw)
        if not values.is_id(field):
            return ()
        number = _other_number(raw, "_text", field)
        return (f"CASE WHEN {number} THEN coalesce(plain_id({raw}), {raw}) ELSE {raw} END AS {_step('id', field)}",)

    def typed(self, field: Field) -> str:
        raw = _raw(field)
        if field.type == "VARCHAR":
            return _read_text(field, _step("id", field) if values.is_id(field) else raw)
        read = {"TIMESTAMP": f"in_calendar({_instant(field)})", "VARCHAR[]": f"read_array({raw})"}
        return read.get(field.type) or _read_number(field, f"read_number({raw})")


def _reason(fields: Sequence[Field], raw: _Flat | _Envelope) -> str:
    """The first thing that is wrong with an event, in the fields' order."""
    cases = [(condition, reason) for reason, condition in raw.whole]
    cases += [(f"{value} IS NOT NULL", reasons.unreadable(field)) for field in fields if (value := raw.rotten(field))]
    for field in fields:
        name, text = _name(field), _raw(field)
        if field.required:
            cases.append((f"{text} IS NULL", reasons.missing(field)))
            if raw.textual(field):
                cases.append((f"is_blank({text})", reasons.blank(field)))
        if field.type != "VARCHAR":
            there = "" if field.required else raw.there(field)
            cases.append((f"{there}{name} IS NULL", reasons.unreadable(field)))
        elif endless := raw.endless(field):
            cases.append((endless, reasons.unreadable(field)))
        if field.name == values.TIMESTAMP:
            years = f"TIMESTAMP '{values.FIRST_YEAR}-01-01' AND {name} < TIMESTAMP '{values.LAST_YEAR + 1}-01-01'"
            cases.append((f"NOT ({name} >= {years})", reasons.implausible(field)))
        if field.check:
            cases.append((f"NOT ({_over(field)})", reasons.out_of_range(field)))
    return "CASE " + " ".join(f"WHEN {condition} THEN {quoted(reason)}" for condition, reason in cases) + " END"


def _other_number(text: str, document: str, field: Field) -> str:
    """SQL that is true where a field's ``text`` is a number of the JSON document, and not just digits."""
    return (
        f"unicode({text}) BETWEEN 45 AND 57 AND NOT regexp_full_match({text}, '[-0-9]*') "
        f"AND regexp_full_match({text}, '-?{values.NUMBER}') AND json_type({document}, '$.{field.name}') <> 'VARCHAR'"
    )


def _steps_to_instant(field: Field, text: str) -> Sequence[str]:
    """The columns by which a text is read as a time: in the usual ways, then by what is left, which is taken apart."""
    quick, parts = _step("quick", field), _step("parts", field)
    return (
        f"quick_instant({text}) AS {quick}",
        f"CASE WHEN {text} IS NOT NULL AND {quick} IS NULL THEN iso_parts({text}) END AS {parts}",
        f"CASE WHEN {quick} IS NOT NULL THEN {quick} WHEN {parts} IS NOT NULL THEN iso_instant({parts}) END AS {_instant(field)}",
    )


def _read_text(field: Field, text: str) -> str:
    """The value of a field that is text; a blank one is none."""
    read = {values.EVENT_ID: "read_event_id", values.EVENT_TYPE: "read_event_type", values.ROLE: "read_role"}
    return f"{read.get(field.name, 'read_text')}({text})"


def _read_number(field: Field, number: str) -> str:
    """The value of a field that is a number, from a DOUBLE."""
    if field.type == "DOUBLE":
        return f"finite({number})"
    return f"rounded_number({number})" if values.is_duration(field) else f"whole_number({number})"


def _over(field: Field) -> str:
    """The field's CHECK over the typed column."""
    return str(field.check).replace(field.name, _name(field))


def _raw(field: Field) -> str:
    return f'"raw {field.name}"'


def _step(step: str, field: Field) -> str:
    return f'"{step} {field.name}"'


def _instant(field: Field) -> str:
    """The last of the steps to a time."""
    return _step("instant", field)


def _name(field: Field) -> str:
    return f'"{field.name}"'
