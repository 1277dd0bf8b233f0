"""Events as SQL: typed columns and a reason, from files of either shape.

For every file shape one SELECT with the same columns: ``_file`` (the file's place in the list), ``_row`` (in it),
``_partition`` and ``_offset`` (Kafka's, where the file has them), the topic's fields with their types, and ``_reason``: why the
event is invalid, NULL when it is valid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnfold.catalog import reasons
from learnfold.engines.duckdb.sql import parquet, quoted
from learnfold.engines.event_source import IDENTITY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from learnfold.catalog import Field, Topic
    from learnfold.engines.duckdb.footers import FileSchema, Footers

EXTRA = "extra_fields"
"""The column of a file that ingestion wrote with what the topic had no field for, as JSON."""

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
_NAIVE = {"TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S", "DATE"}
_INSTANT = {"TIMESTAMP WITH TIME ZONE"}


@dataclass(frozen=True)
class Relation:
    """A relation of undecoded events, all of one schema, and by which SQL over it each is traced back."""

    sql: str  # what stands behind FROM
    file: str = "0"  # the number of an event's file
    row: str = "NULL"  # its row in the file; with ``_file`` it names the event
    carried: Mapping[str, str] | None = None  # other columns of the result, by name


def select_files(topic: Topic, footers: Footers, wanted: Sequence[str]) -> str:
    """The SELECT over all readable files with the fields in ``wanted``; ``_file`` is a file's place in ``footers.readable``."""
    selects, first = [], 0
    for shape, files in footers.shapes.items():
        if files:
            selects.append(select(topic, shape, files, first, wanted))
            first += len(files)
    return " UNION ALL BY NAME ".join(selects) if selects else _select_nothing(topic, wanted)


def select(topic: Topic, shape: FileSchema, files: Sequence[str], first: int, wanted: Sequence[str]) -> str:
    """The SELECT over ``files`` of one schema, which are numbered from ``first``, with the fields in ``wanted``.

    Fields that aren't wanted are still checked, if they can be wrong.
    """
    source = parquet(files)
    return select_from(topic, shape, Relation(source, f"file_index + {first}", "file_row_number"), wanted)


def select_from(topic: Topic, shape: FileSchema, relation: Relation, wanted: Sequence[str]) -> str:
    """The same over any relation whose columns are as ``shape`` says; what is carried comes before the fields."""
    raw = _Envelope(topic, shape) if shape.envelope else _Flat(topic, shape)
    checked = [f for f in topic.sent if f.name in wanted or f.required or f.type != "VARCHAR"]
    inner = [f"{raw.text(f)} AS {_raw(f)}" for f in checked]
    typed = [f"{raw.typed(f)} AS {_name(f)}" for f in checked]
    others = relation.carried or {}
    also = "".join(f"{name}, " for name in others)
    carried = "".join(f"{sql} AS {name}, " for name, sql in others.items())
    where = (
        f"(SELECT CAST({relation.file} AS INTEGER) AS _file, {relation.row} AS _row, "
        f"{raw.kafka('partition', 'INTEGER')} AS _partition, {raw.kafka('offset', 'BIGINT')} AS _offset, {carried}"
        f"{raw.columns()} FROM {relation.sql})"
    )
    whole = "".join(f"{name}, " for name in raw.about)
    middle = f"(SELECT _file, _row, _partition, _offset, {also}{whole}{', '.join(inner)} FROM {where})"
    keep = ", ".join(_name(f) for f in checked if f.name in wanted)
    raws = ", ".join(_raw(f) for f in checked)
    return (
        f"SELECT _file, _row, _partition, _offset, {also}{keep}, {_reason(checked, raw)} AS _reason "
        f"FROM (SELECT _file, _row, _partition, _offset, {also}{whole}{raws}, {', '.join(typed)} FROM {middle})"
    )


def _select_nothing(topic: Topic, wanted: Sequence[str]) -> str:
    """The same columns without a row."""
    fields = "".join(f"CAST(NULL AS {f.type}) AS {f.name}, " for f in topic.sent if f.name in wanted)
    return (
        "SELECT CAST(NULL AS INTEGER) AS _file, CAST(NULL AS BIGINT) AS _row, CAST(NULL AS INTEGER) AS _partition, "
        f"CAST(NULL AS BIGINT) AS _offset, {fields}CAST(NULL AS VARCHAR) AS _reason WHERE false"
    )


class _Flat:
    """A column a field; a field that was declared after the file was written lies in the file's ``extra_fields``."""

    def __init__(self, topic: Topic, shape: FileSchema) -> None:
        self.topic, self.shape = topic, shape
        self.whole: list[tuple[str, str]] = []
        self.about: tuple[str, ...] = ()
        extra = shape.type(EXTRA) == "VARCHAR"
        self.types = {f.name: shape.type(f.name) or ("VARCHAR" if extra else None) for f in topic.sent}

    def columns(self) -> str:
        there = [f'"{self.shape.name(name)}" AS "{name}"' for name in self.types if self.shape.type(name)]
        later = [name for name, kind in self.types.items() if kind and not self.shape.type(name)]
        if later:
            extra = f"CASE WHEN json_valid({self.shape.name(EXTRA)}) THEN {self.shape.name(EXTRA)} END"
            there += [f"json_extract_string({extra}, '$.{name}') AS \"{name}\"" for name in later]
        return ", ".join(there) or "NULL AS nothing"

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
            nested = kind.endswith("]") or kind.startswith(("STRUCT", "MAP"))
            return (
                column
                if kind == "VARCHAR"
                else f"CAST(to_json({column}) AS VARCHAR)"
                if nested
                else f"CAST({column} AS VARCHAR)"
            )
        return column

    def textual(self, field: Field) -> bool:
        """Whether the field is text in the file, which can be blank."""
        return self.types[field.name] in {"VARCHAR", "BLOB"}

    def typed(self, field: Field) -> str:  # noqa: PLR0911 - one return a type
        kind, raw = self.types[field.name], _raw(field)
        if field.name == IDENTITY:
            return _no_blank(raw) if self.textual(field) else raw
        if kind is None or field.type == "VARCHAR":
            return raw
        text = raw if kind in {"VARCHAR", "BLOB"} else f"CAST({raw} AS VARCHAR)"
        if field.type == "TIMESTAMP":
            if kind in _INSTANT:
                return f"in_calendar(make_timestamp(epoch_us({raw})))"
            if kind == "INT96":
                return f"in_calendar(CAST({raw} AS TIMESTAMP))"
            too_fine = kind == "TIMESTAMP_NS"  # its last digits; a cast would round
            naive = f"make_timestamp(epoch_us({raw}))" if too_fine else f"CAST({raw} AS TIMESTAMP)"
            local = f"platform_instant(in_calendar({naive}))" if kind in _NAIVE else f"read_instant({text})"
            return f"in_calendar({local})"
        if field.type == "VARCHAR[]":
            nested = kind.endswith("]") and (kind.count("[") > 1 or "(" in kind)  # its elements are written as JSON
            listed = f"CAST(to_json({raw}) AS VARCHAR[])" if nested else f"CAST({raw} AS VARCHAR[])"
            return listed if kind.endswith("]") else f"read_array({text})"
        numeric = kind in _NUMERIC or kind.startswith("DECIMAL")
        if field.type == "INTEGER":
            if kind in {"INTEGER", "SMALLINT", "TINYINT", "USMALLINT", "UTINYINT"}:
                return f"CAST({raw} AS INTEGER)"
            return f"whole_number(CAST({raw} AS DOUBLE))" if numeric else f"whole_number(read_number({text}))"
        return f"CAST({raw} AS DOUBLE)" if numeric else f"read_number({text})"


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
        paths = ", ".join(f"'$.{field.name}'" for field in self.topic.sent)
        return (
            f"value IS NULL AS _empty, {text} AS _text, NOT is_json({text}) AS _broken, "
            f"CASE WHEN json_valid({text}) THEN json_extract_string({text}, [{paths}]) END AS _fields"
        )

    def kafka(self, what: str, kind: str) -> str:
        found = self.shape.type(what)
        return f'try_cast("{what}" AS {kind})' if found in _NUMERIC else f"CAST(NULL AS {kind})"

    def text(self, field: Field) -> str:
        return f"_fields[{self.paths[field.name]}]"

    def textual(self, field: Field) -> bool:  # noqa: ARG002 - the same call as of a flat file
        """JSON gives everything as text."""
        return True

    def typed(self, field: Field) -> str:
        raw = _raw(field)
        read = {
            "VARCHAR": _no_blank(raw) if field.name == IDENTITY else raw,
            "TIMESTAMP": f"in_calendar(read_instant({raw}))",
            "VARCHAR[]": f"read_array({raw})",
            "INTEGER": f"whole_number(read_number({raw}))",
            "DOUBLE": f"read_number({raw})",
        }
        return read[field.type]


def _reason(fields: Sequence[Field], raw: _Flat | _Envelope) -> str:
    """The first thing that is wrong with an event, in the fields' order."""
    cases = [(condition, reason) for reason, condition in raw.whole]
    for field in fields:
        name, text = _name(field), _raw(field)
        if field.required:
            cases.append((f"{text} IS NULL", reasons.missing(field)))
            if raw.textual(field):
                cases.append((f"is_blank({text})", reasons.blank(field)))
        if field.type != "VARCHAR":
            cases.append(
                (
                    f"{name} IS NULL" if field.required else f"{text} IS NOT NULL AND {name} IS NULL",
                    reasons.unreadable(field),
                )
            )
        if field.check:
            cases.append((f"NOT ({_over(field)})", reasons.out_of_range(field)))
    return "CASE " + " ".join(f"WHEN {condition} THEN {quoted(reason)}" for condition, reason in cases) + " END"


def _no_blank(text: str) -> str:
    """An id; a blank one is none."""
    return f"CASE WHEN is_blank({text}) THEN NULL ELSE {text} END"


def _over(field: Field) -> str:
    """The field's CHECK over the typed column."""
    return str(field.check).replace(field.name, _name(field))


def _raw(field: Field) -> str:
    return f'"raw {field.name}"'


def _name(field: Field) -> str:
    return f'"{field.name}"'
