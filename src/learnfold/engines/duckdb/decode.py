"""Events as SQL: typed columns and a reason, from files of either shape.

For every file shape one SELECT with the same columns: ``_file`` (the file's place in the list), ``_row`` (in it),
``_partition`` and ``_offset`` (Kafka's, where the file has them), the topic's fields with their types, and ``_reason``: why the
event is invalid, NULL when it is valid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.catalog import reasons

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from learnfold.catalog import Field, Topic
    from learnfold.engines.duckdb.footers import FileSchema
    from learnfold.settings import Zones

IDENTITY = "event_id"
"""The field that tells events apart."""

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

_ISO = (
    r"\s*(\d{4})-?(\d{2})-?(\d{2})(?:[Tt ]([01]\d|2[0-3])(?::?([0-5]\d)(?::?([0-5]\d)(?:[.,](\d{1,18}))?)?)?"
    r"\s*([Zz]|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?)?\s*"
)
"""ISO 8601 calendar forms, extended or basic, with T or a space, down to days; seconds' fractions and an offset may follow."""

_USUAL = r"\d{4}-\d{2}-\d{2}[T ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?"
_OFFSET = r"[+-](?:[01]\d|2[0-3]):[0-5]\d"
"""The part of it that DuckDB's own cast reads; the cast passes over an offset."""

_DAY_US = 24 * 3600 * 1_000_000

_SPACES = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
"""All white space there is."""


_LAX_NUMBER = "-?(?:[nN][aA][nN]|[iI][nN][fF])"
_LAX_JSON = (rf",\s*(?:[}}\]]|{_LAX_NUMBER})", rf":\s*{_LAX_NUMBER}", rf"\[\s*{_LAX_NUMBER}")
"""What is no JSON although ``json_valid`` lets it pass. Each begins with one certain letter, which is searched for three times as fast."""


def macros(zones: Zones) -> list[str]:
    """The statements that make the functions which the SELECTs and the subjects' derived columns use."""
    zone, report = quoted(zones.platform), quoted(zones.reporting)
    if zones.platform == "UTC":
        instant = "naive"
    else:  # a local time that the clocks show twice is the first of the two: by the offset of the day before
        later = f"epoch_us(timezone({zone}, naive))"
        day_before = f"({later} - {_DAY_US})"
        first = f"(epoch_us(naive) - (epoch_us(timezone({zone}, make_timestamptz({day_before}))) - {day_before}))"
        shown_twice = f"{first} < {later} AND epoch_us(timezone({zone}, make_timestamptz({first}))) = epoch_us(naive)"
        instant = f"make_timestamp(CASE WHEN {shown_twice} THEN {first} ELSE {later} END)"
    shown = "t" if zones.reporting == "UTC" else f"timezone({report}, timezone('UTC', t))"
    return [
        # nearly every text begins with a letter or digit, which is told at once
        f"CREATE OR REPLACE MACRO is_blank(s) AS CASE WHEN unicode(s) BETWEEN 33 AND 127 THEN false ELSE trim(s, '{_SPACES}') = '' END",
        f"CREATE OR REPLACE MACRO reporting_time(t) AS {shown}",
        f"CREATE OR REPLACE MACRO platform_instant(naive) AS {instant}",
        r"CREATE OR REPLACE MACRO read_number(s) AS CASE WHEN regexp_full_match(s, "
        r"'\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*') THEN try_cast(s AS DOUBLE) END",
        "CREATE OR REPLACE MACRO whole_number(d) AS CASE WHEN d = trunc(d) AND d BETWEEN -2147483648 AND 2147483647 "
        "THEN CAST(d AS INTEGER) END",
        # where a text might hold a comma too many or a number like NaN, it is looked for once more outside strings
        f"CREATE OR REPLACE MACRO looks_lax(s) AS {' OR '.join(f'regexp_matches(s, {quoted(lax)})' for lax in _LAX_JSON)}",
        "CREATE OR REPLACE MACRO is_json(s) AS json_valid(s) AND CASE WHEN looks_lax(s) "
        r"""THEN NOT looks_lax(regexp_replace(s, '"(?:[^"\\]|\\.)*"', '""', 'g')) ELSE true END""",
        "CREATE OR REPLACE MACRO read_array(s) AS CASE WHEN is_json(s) THEN CASE WHEN json_type(s) = 'ARRAY' "
        "THEN CAST(CAST(s AS JSON) AS VARCHAR[]) END END",
        f"CREATE OR REPLACE MACRO iso_parts(s) AS regexp_extract(s, '^{_ISO}$', ['y','mo','d','h','mi','s','f','z'])",
        "CREATE OR REPLACE MACRO offset_minutes(z) AS CASE WHEN z IN ('', 'Z', 'z') THEN 0 ELSE "
        "(CASE WHEN z[1] = '-' THEN -1 ELSE 1 END) * (CAST(z[2:3] AS INTEGER) * 60 + "
        "CASE WHEN length(z) > 3 THEN CAST(right(z, 2) AS INTEGER) ELSE 0 END) END",
        "CREATE OR REPLACE MACRO iso_naive(p) AS CASE WHEN p.y <> '' THEN try_cast(concat(p.y, '-', p.mo, '-', p.d, ' ', "
        "CASE WHEN p.h = '' THEN '00' ELSE p.h END, ':', CASE WHEN p.mi = '' THEN '00' ELSE p.mi END, ':', "
        "CASE WHEN p.s = '' THEN '00' ELSE p.s END, CASE WHEN p.f = '' THEN '' ELSE '.' || p.f[1:6] END) AS TIMESTAMP) END",
        "CREATE OR REPLACE MACRO iso_instant(p) AS CASE WHEN p.z = '' THEN platform_instant(iso_naive(p)) "
        "ELSE iso_naive(p) - to_minutes(offset_minutes(p.z)) END",
        "CREATE OR REPLACE MACRO in_calendar(t) AS CASE WHEN t BETWEEN TIMESTAMP '0001-01-01' "
        "AND TIMESTAMP '9999-12-31 23:59:59.999999' THEN t END",
        # nearly all are written in one of these ways, and a cast reads them ten times quicker
        "CREATE OR REPLACE MACRO read_instant(s) AS CASE WHEN s LIKE '____-__-__ __:__:__' AND s[12:13] < '24' "
        "THEN platform_instant(try_cast(s AS TIMESTAMP)) "
        f"WHEN regexp_full_match(s, '{_USUAL}Z') THEN try_cast(s AS TIMESTAMP) "
        f"WHEN regexp_full_match(s, '{_USUAL}{_OFFSET}') THEN try_cast(s AS TIMESTAMP) - to_minutes(offset_minutes(right(s, 6))) "
        f"WHEN regexp_full_match(s, '{_USUAL}') THEN platform_instant(try_cast(s AS TIMESTAMP)) "
        "ELSE iso_instant(iso_parts(s)) END",
    ]


def select(topic: Topic, shape: FileSchema, files: Sequence[str], first: int, wanted: Sequence[str]) -> str:
    """The SELECT over ``files``, whose places in the whole list begin at ``first``, with the fields in ``wanted``.

    Fields that aren't wanted are still checked, if they can be wrong.
    """
    source = f"read_parquet({_list(files)}, hive_partitioning=false, union_by_name=false)"
    return select_from(topic, shape, source, wanted, place=f"file_index + {first}", row="file_row_number")


def select_from(
    topic: Topic,
    shape: FileSchema,
    source: str,
    wanted: Sequence[str],
    *,
    place: str,
    row: str,
    carried: Mapping[str, str] | None = None,
) -> str:
    """The same over any SQL relation of that shape; ``place`` and ``row`` are SQL over it, and so is what is ``carried`` along by name."""
    raw = _Envelope(topic, shape) if shape.envelope else _Flat(topic, shape)
    checked = [f for f in topic.sent if f.name in wanted or f.required or f.type != "VARCHAR"]
    inner = [f"{raw.text(f)} AS {_raw(f)}" for f in checked]
    typed = [f"{raw.typed(f)} AS {_name(f)}" for f in checked]
    also = "".join(f"{name}, " for name in carried or ())
    asked = "".join(f"{sql} AS {name}, " for name, sql in (carried or {}).items())
    where = (
        f"(SELECT CAST({place} AS INTEGER) AS _file, {row} AS _row, "
        f"{raw.kafka('partition', 'INTEGER')} AS _partition, {raw.kafka('offset', 'BIGINT')} AS _offset, {asked}"
        f"{raw.columns()} FROM {source})"
    )
    whole = "".join(f"{name}, " for name in raw.about)
    middle = f"(SELECT _file, _row, _partition, _offset, {also}{whole}{', '.join(inner)} FROM {where})"
    keep = ", ".join(_name(f) for f in checked if f.name in wanted)
    raws = ", ".join(_raw(f) for f in checked)
    return (
        f"SELECT _file, _row, _partition, _offset, {also}{keep}, {_reason(checked, raw)} AS _reason "
        f"FROM (SELECT _file, _row, _partition, _offset, {also}{whole}{raws}, {', '.join(typed)} FROM {middle})"
    )


class _Flat:
    """A column a field."""

    def __init__(self, topic: Topic, shape: FileSchema) -> None:
        self.topic, self.shape = topic, shape
        self.whole: list[tuple[str, str]] = []
        self.about: tuple[str, ...] = ()

    def columns(self) -> str:
        names = [f.name for f in self.topic.sent if self.shape.type(f.name)]
        return ", ".join(f'"{self.shape.name(name)}" AS "{name}"' for name in names) or "NULL AS nothing"

    def kafka(self, what: str, kind: str) -> str:
        for name in (f"kafka_{what}", what):
            found = self.shape.type(name)
            if found in _NUMERIC:
                return f'try_cast("{self.shape.name(name)}" AS {kind})'
        return f"CAST(NULL AS {kind})"

    def text(self, field: Field) -> str:
        """The field as it is in the file, or as text where its type there says nothing."""
        kind = self.shape.type(field.name)
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
        return self.shape.type(field.name) in {"VARCHAR", "BLOB"}

    def typed(self, field: Field) -> str:  # noqa: PLR0911 - one return a type
        kind, raw = self.shape.type(field.name), _raw(field)
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
            cut = kind == "TIMESTAMP_NS"  # its last digits; a cast would round
            naive = f"make_timestamp(epoch_us({raw}))" if cut else f"CAST({raw} AS TIMESTAMP)"
            local = f"platform_instant(in_calendar({naive}))" if kind in _NAIVE else f"read_instant({text})"
            return f"in_calendar({local})"
        if field.type == "VARCHAR[]":
            nested = kind.endswith("]") and (kind.count("[") > 1 or "(" in kind)  # its elements are told as JSON
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
            # an array or number has no fields: only where all required ones are missing is it worth another look
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

    def textual(self, field: Field) -> bool:  # noqa: ARG002 - the same question as of a flat file
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


def _list(files: Sequence[str]) -> str:
    return "[" + ", ".join(quoted(file) for file in files) + "]"


def quoted(text: str) -> str:
    """``text`` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"
