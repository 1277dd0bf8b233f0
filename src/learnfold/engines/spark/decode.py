"""Events as SQL: typed columns and a reason, from files of any shapes, by the same rules as on DuckDB.

Each shape of file is brought to one form by a SELECT of its own, which does little: for every field its text, and beside it what the
file has already typed (one of them NULL). What is much work, taking JSON apart and reading texts, is written once for all shapes, so that
Spark plans and compiles it once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.catalog import reasons
from learnfold.catalog import values as rules
from learnfold.engines.spark import values
from learnfold.engines.spark.dialect import check
from learnfold.engines.spark.schema import named
from learnfold.engines.spark.values import quoted
from learnfold.master.path_values import SOURCES

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from learnfold.catalog import Field, Topic
    from learnfold.engines.spark.footers import FileSchema
    from learnfold.engines.spark.schema import Type

EXTRA = "extra_fields"
"""The column of a file that ingestion wrote with what the topic had no field for, as JSON."""

_TYPED = {"INTEGER": "DOUBLE", "DOUBLE": "DOUBLE", "TIMESTAMP": "TIMESTAMP_NTZ", "VARCHAR[]": "ARRAY<STRING>"}
"""By a field's type, in what type a file may have it already."""

_KINDS = {
    "INTEGER": {"whole", "number"},
    "DOUBLE": {"whole", "number"},
    "TIMESTAMP": {"instant", "local"},
    "VARCHAR[]": {"list"},
}
_PLACE = ("_file", "_row", "_partition", "_offset", "_source")
_SOURCES = ("kafka_cluster", "kafka_generation")
"""Columns that say of which cluster and generation an offset is."""

_CORRUPT = "not json"
_ESCAPE = "\\u"
_MAYBE_HALF = r"\\u[dD][89a-fA-F]"
_ESCAPED = r"(?<!\\)(?:\\\\)*"
_PAIR = _ESCAPED + r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_HALF = _ESCAPED + _MAYBE_HALF
"""Half of a surrogate pair, which no text can hold; an even number of backslashes before it are backslashes of the text."""


def columns_read(topic: Topic, shape: FileSchema) -> list[str]:
    """The columns of a file of this shape that its events are read from."""
    names = ["value", "partition", "offset", *_SOURCES]
    if not shape.envelope:
        places = ("kafka_partition", "kafka_offset", "partition", "offset", *_SOURCES, EXTRA)
        names = [*(field.name for field in topic.sent), *places]
    return [name for name in dict.fromkeys(names) if shape.type(name)]


def select(
    topic: Topic, sources: Mapping[str, FileSchema], wanted: Sequence[str], zone: str, folders: Collection[str] = ()
) -> str:
    """The SELECT over views of files by their shapes, with the fields in ``wanted``; ``zone`` is the platform's.

    ``folders``: the names before ``=`` in the files' paths, which may say fields that the files lack.

    Columns: ``_file`` (as Spark names it), ``_row`` (in it), ``_partition`` and ``_offset`` (Kafka's, where the file has them), the
    wanted fields with their types, and ``_reason``: why the event is invalid, NULL when it is valid. Fields that aren't wanted are
    still checked, if they can be wrong.
    """
    checked = [field for field in topic.sent if field.name in wanted or field.required or field.type != "VARCHAR"]
    flat = [_flat(view, shape, checked, zone, folders) for view, shape in sources.items() if not shape.envelope]
    packed = [_packed(view, shape, folders) for view, shape in sources.items() if shape.envelope]
    if packed:
        flat.append(_unpacked(" UNION ALL ".join(packed), topic, checked))
    if not flat:
        nothing = [f"CAST(NULL AS {kind}) AS {name}" for name, kind in _form(checked)]
        flat = [f"SELECT {', '.join(nothing)} WHERE false"]
    texts, read = [_text(field) for field in checked], [named(field.name) for field in checked]
    typed = [field for field in checked if field.type in _TYPED]
    about = [*_PLACE, "_whole", *texts, *map(_typed, typed)]
    return _steps(
        " UNION ALL ".join(flat),
        ["*", *(f"{sql} AS {name}" for field in checked for name, sql in _begun(field).items())],
        [*about, *(f"{_read(field, zone)} AS {named(field.name)}" for field in checked)],
        [*about, *(f"{_bounded(field)} AS {named(field.name)}" for field in checked)],
        [
            *_PLACE,
            *(name for field, name in zip(checked, read, strict=True) if field.name in wanted),
            f"{_reason(checked)} AS _reason",
        ],
    )


def _steps(query: str, *steps: Sequence[str]) -> str:
    """Each step reads what the one before it names, so that Spark works nothing out twice."""
    for step in steps:
        query = f"SELECT {', '.join(step)} FROM ({query})"
    return query


def _form(fields: Sequence[Field]) -> list[tuple[str, str]]:
    """The one form of all shapes: its columns with their types; ``_whole`` is what is wrong with the event as a whole."""
    place = [
        ("_file", "STRING"),
        ("_row", "BIGINT"),
        ("_partition", "INT"),
        ("_offset", "BIGINT"),
        ("_source", "STRING"),
        ("_whole", "STRING"),
    ]
    texts = [(_text(field), "STRING") for field in fields]
    return [*place, *texts, *((_typed(field), _TYPED[field.type]) for field in fields if field.type in _TYPED)]


def _flat(view: str, shape: FileSchema, fields: Sequence[Field], zone: str, folders: Collection[str]) -> str:
    """A column a field.

    A field that isn't in the file is in its path, or, where it was declared after the file was written, in its ``extra_fields``.
    """
    also = shape.type(EXTRA)
    missing = [field for field in fields if shape.type(field.name) is None]
    extra = missing if also and also.kind == "text" else []
    if extra:
        schema = quoted(", ".join(f"{named(field.name)} STRING" for field in extra))
        parsed = f"from_json({EXTRA}, {schema}, {values.json_options(_CORRUPT)})"
        view = f"(SELECT *, {parsed} AS _fields, {EXTRA} RLIKE {values.MAYBE_EXPONENT} AS _exponents FROM {view})"
    found = {
        "_file": "_file",
        "_row": "_row",
        "_partition": _kafka(shape, ("kafka_partition", "partition"), "INT"),
        "_offset": _kafka(shape, ("kafka_offset", "offset"), "BIGINT"),
        "_source": _source(shape, folders),
    }
    wrong = []
    for field in fields:
        kind, column = shape.type(field.name), named(field.name)
        if kind is None:
            choices = [values.value_in_path("_file", field.name)] if field.name in folders else []
            choices += [_of_json(field, EXTRA)] if field in extra else []
            if choices:
                found[_text(field)] = f"coalesce({', '.join(choices)})"
            continue
        wrong += [(condition, reasons.unreadable(field)) for condition in _rotten(field, column, kind)]
        if kind.kind not in _KINDS.get(field.type, ()):
            text = values.shown(column, kind)
            if rules.is_id(field) and kind.kind == "number":
                text = values.plain_id(text)
            found[_text(field)] = text
        elif field.type == "TIMESTAMP":
            naive = f"CAST({values.naive_time(column, kind)} AS TIMESTAMP_NTZ)"
            local = (
                naive
                if zone == "UTC"
                else f"if({values.in_calendar(naive)}, {values.local_instant(naive, zone)}, {naive})"
            )
            found[_typed(field)] = naive if kind.kind == "instant" else local
        elif kind.kind == "list":
            found[_typed(field)] = values.listed(column, kind)
        else:
            found[_typed(field)] = f"CAST({values.plain_number(column, kind)} AS DOUBLE)"
    if wrong:
        found["_whole"] = _first(wrong)
    columns = [f"{found.get(name, f'CAST(NULL AS {kind})')} AS {name}" for name, kind in _form(fields)]
    return f"SELECT {', '.join(columns)} FROM {view}"


def _rotten(field: Field, column: str, kind: Type) -> list[str]:
    """By what a file's value of a field can't be read, where its type itself says so."""
    found = []
    if (field.type == "TIMESTAMP" or kind.sql != "DATE") and (rotten := values.rotten(column, kind)):
        found.append(rotten)
    if rules.is_id(field) and kind.kind == "number":
        number = f"CAST({values.plain_number(column, kind)} AS DOUBLE)"
        found.append(f"{column} IS NOT NULL AND {values.finite(number)} IS NULL")
    return found


def _source(shape: FileSchema, folders: Collection[str]) -> str:
    """The cluster and generation that a row's offset is of, as its columns say, else its path; NULL where nothing says."""
    columns = [f"CAST({named(name)} AS STRING)" for name in _SOURCES if shape.type(name)]
    places = [name for name in SOURCES if name in folders]
    said = values.source_in_path("_file", places) if places else "CAST(NULL AS STRING)"
    return f"coalesce(nullif(concat_ws('/', {', '.join(columns)}), ''), {said})" if columns else said


def _packed(view: str, shape: FileSchema, folders: Collection[str]) -> str:
    """The JSON text in ``value``; NULL where it isn't UTF-8."""
    kind = shape.type("value")
    text = "CAST(NULL AS STRING)"
    if kind is not None:
        wrong = values.rotten("value", kind) if kind.kind == "nested" else None
        text = (
            "try_validate_utf8(CAST(value AS STRING))"
            if kind.kind in {"bytes", "text"}
            else f"CASE WHEN NOT {wrong} THEN {values.shown('value', kind)} END"
            if wrong
            else values.shown("value", kind)
        )
    partition, offset = _kafka(shape, ("partition",), "INT"), _kafka(shape, ("offset",), "BIGINT")
    place = f"_file, _row, {partition} AS _partition, {offset} AS _offset, {_source(shape, folders)} AS _source"
    return f"SELECT {place}, value IS NULL AS _empty, {text} AS _text FROM {view}"


def _unpacked(packed: str, topic: Topic, fields: Sequence[Field]) -> str:
    """The fields' texts, taken from the JSON in one go."""
    schema = ", ".join(f"{named(field.name)} STRING" for field in topic.sent) + f", {named(_CORRUPT)} STRING"
    parsed = f"from_json(_text, {quoted(schema)}, {values.json_options(_CORRUPT)})"
    begins = f"startswith(trim(LEADING {values.SPACES} FROM _text), '{{')"
    only_brace = f"position('}}', _text) = length(trim(TRAILING {values.SPACES} FROM _text))"
    whole = f"({only_brace} OR {values.one_json('_text')})"  # what ends at its only closing brace is one value
    half = f"contains(_text, {quoted(_ESCAPE)}) AND _text RLIKE {quoted(_MAYBE_HALF)} AND regexp_replace(_text, {quoted(_PAIR)}, '') RLIKE {quoted(_HALF)}"
    wrong = [
        ("_empty", reasons.EMPTY),
        ("_text IS NULL", reasons.NOT_UTF8),
        (half, reasons.NOT_JSON),
        (f"_begins AND (_json IS NULL OR _json.{named(_CORRUPT)} IS NOT NULL OR NOT {whole})", reasons.NOT_JSON),
        (f"NOT _begins AND NOT {values.one_json('_text')}", reasons.NOT_JSON),
        ("NOT _begins", reasons.NOT_OBJECT),
    ]
    found = {name: name for name in (*_PLACE, "_whole")} | {_text(field): _of_json(field) for field in fields}
    return _steps(
        packed,
        ["*", f"{begins} AS _begins"],
        ["*", f"CASE WHEN _begins THEN {parsed} END AS _json"],
        ["*", f"{_first(wrong)} AS _whole", f"_text RLIKE {values.MAYBE_EXPONENT} AS _exponents"],
        ["*", "CASE WHEN _whole IS NULL THEN _json END AS _fields"],
        [f"{found.get(name, f'CAST(NULL AS {kind})')} AS {name}" for name, kind in _form(fields)],
    )


def _of_json(field: Field, document: str = "_text") -> str:
    name = f"_fields.{named(field.name)}"
    if field.type != "VARCHAR":
        return name
    if rules.is_id(field):
        name = values.json_id(name, document, field.name)
    return f"CASE WHEN _exponents THEN {values.json_number(name, document, field.name)} ELSE {name} END"


def _kafka(shape: FileSchema, names: Sequence[str], kind: str) -> str:
    for name in names:
        found = shape.type(name)
        if found and found.kind in {"whole", "number"} and not found.coded:
            return f"try_cast({named(name)} AS {kind})"
    return f"CAST(NULL AS {kind})"


def _begun(field: Field) -> dict[str, str]:
    """What ``_read`` takes more than once, by name."""
    text = _text(field)
    if field.type in {"INTEGER", "DOUBLE"}:
        return {_number(field): f"coalesce({_typed(field)}, {values.number(text)})"}
    if field.type == "TIMESTAMP":
        return {_parts(field): values.iso_parts(text), _epoch(field): values.epoch_number(text)}
    letters = {rules.EVENT_TYPE: values.event_type_letters, rules.ROLE: values.role_letters}
    return {_letters(field): letters[field.name](text)} if field.name in letters else {}


def _read(field: Field, zone: str) -> str:  # noqa: PLR0911 - one return a type
    """The field in its type, a whole number still a DOUBLE: as the file has it, else read from its text."""
    text = _text(field)
    if field.name == rules.ROLE:
        return values.role(_letters(field))
    if field.name == rules.EVENT_TYPE:
        return values.event_type(_letters(field))
    if field.type == "VARCHAR":
        return values.event_id(text) if field.name == rules.EVENT_ID else values.text_value(text)
    if field.type == "INTEGER":
        return values.rounded(_number(field)) if rules.is_duration(field) else _number(field)
    if field.type == "DOUBLE":
        return values.finite(_number(field))
    if field.type == "TIMESTAMP":
        return f"coalesce({_typed(field)}, {values.instant(text, _parts(field), _epoch(field), zone)})"
    return f"coalesce({_typed(field)}, {values.strings(text)})"


def _bounded(field: Field) -> str:
    name = named(field.name)
    if field.type == "INTEGER":
        return values.whole(name)
    return f"CASE WHEN {values.in_calendar(name)} THEN {name} END" if field.type == "TIMESTAMP" else name


def _reason(fields: Sequence[Field]) -> str:
    """The first thing that is wrong with an event, in the fields' order."""
    cases = []
    for field in fields:
        name, text = named(field.name), _text(field)
        blank = "" if field.required else f" OR {values.blank(text)}"
        absent = f"({text} IS NULL{blank})" + (f" AND {_typed(field)} IS NULL" if field.type in _TYPED else "")
        if field.required:
            cases.append((absent, reasons.missing(field)))
            cases.append((values.blank(text), reasons.blank(field)))
        if field.type != "VARCHAR":
            cases.append(
                (
                    f"{name} IS NULL" if field.required else f"NOT ({absent}) AND {name} IS NULL",
                    reasons.unreadable(field),
                )
            )
        if field.name == rules.TIMESTAMP:
            cases.append((f"NOT ({values.is_plausible(name)})", reasons.implausible(field)))
        if field.check:
            cases.append((f"NOT ({check(field)})", reasons.out_of_range(field)))
    return f"CASE WHEN _whole IS NOT NULL THEN _whole ELSE {_first(cases)} END"


def _first(cases: Sequence[tuple[str, str]]) -> str:
    return "CASE " + " ".join(f"WHEN {condition} THEN {quoted(reason)}" for condition, reason in cases) + " END"


def _text(field: Field) -> str:
    return named(f"text of {field.name}")


def _typed(field: Field) -> str:
    return named(f"typed {field.name}")


def _parts(field: Field) -> str:
    return named(f"parts of {field.name}")


def _epoch(field: Field) -> str:
    return named(f"epoch of {field.name}")


def _number(field: Field) -> str:
    return named(f"number of {field.name}")


def _letters(field: Field) -> str:
    return named(f"letters of {field.name}")
