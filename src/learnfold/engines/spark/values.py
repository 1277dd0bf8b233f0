"""How values are read and shown, as Spark SQL over one column: the same as on DuckDB, to the letter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.catalog import values as rules
from learnfold.engines.spark.schema import named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from learnfold.engines.spark.schema import Type

_ALL_SPACES = "'" + "".join(f"\\u{ord(space):04X}" for space in rules.SPACES) + "'"
_SPACE = r"[ \t\n\f\r]*"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_PLAIN = rf"\A{_DAY} {_TIME}\z"
_WITH_OFFSET = rf"\A{_DAY}[T ]{_TIME}(?:\.[0-9]{{1,6}})?(?:Z|[+-](?:0[0-9]|1[0-7]):[0-5][0-9])\z"
_ISO = (
    rf"\A{_SPACE}([0-9]{{4}})-?([0-9]{{2}})-?([0-9]{{2}})"
    r"(?:[Tt ]([01][0-9]|2[0-3])(?::?([0-5][0-9])(?::?([0-5][0-9])(?:[.,]([0-9]{1,18}))?)?)?"
    rf"{_SPACE}([Zz]|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)?)?{_SPACE}\z"
)
_NUMBER = rf"\A{_SPACE}[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?{_SPACE}\z"
_EPOCH = rf"\A{_SPACE}{rules.NUMBER}{_SPACE}\z"
_UUID = rf"\A{rules.UUID}\z"
_EVENT_TYPE = r"\A[A-Z][A-Z0-9_]*\z"
_DIGITS = r"\A-?[0-9]+\z"
_SMALL, _LARGE = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MOST_MILLIS = 2**63 // 1000 - 1
_JAVA_EXPONENT = r"\A-?[0-9]\.[0-9]+E-?[0-9]+\z"

SPACES = "' \\t\\n\\u000C\\r'"
"""White space as an SQL string."""


def quoted(text: str) -> str:
    """``text`` as an SQL string."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def blank(text: str) -> str:
    """Whether a text holds nothing but white space, of whatever script."""
    return f"((ascii({text}) < 33 OR ascii({text}) > 126) AND trim(BOTH {_ALL_SPACES} FROM {text}) = '')"


def number(text: str) -> str:
    """A DOUBLE from text; NULL where it is no decimal number."""
    read = f"try_cast(trim(BOTH {SPACES} FROM {text}) AS DOUBLE)"
    endless = f"""WHEN {text} = '"Infinity"' THEN DOUBLE('Infinity')"""  # what Spark's parser makes of 1e400
    return f"CASE WHEN {text} RLIKE {quoted(_NUMBER)} THEN {read} {endless} END"


def whole(double: str) -> str:
    """An INT from a DOUBLE; NULL where it isn't whole or doesn't fit."""
    return f"CASE WHEN {double} BETWEEN -2147483648 AND 2147483647 AND {double} = rint({double}) THEN CAST({double} AS INT) END"


def rounded(double: str) -> str:
    """A DOUBLE rounded half up; below zero away from it, so that it stays below zero; NULL where it fits no INT by far."""
    number = f"CAST(CASE WHEN {double} < 0 THEN floor({double}) ELSE floor({double} + 0.5D) END AS DOUBLE)"
    return f"CASE WHEN abs({double}) < 1e10 THEN {number} END"  # NaN is above all numbers


def finite(double: str) -> str:
    """A DOUBLE; NULL for NaN and the infinities."""
    return f"CASE WHEN abs({double}) < DOUBLE('Infinity') THEN {double} END"


def text_value(text: str) -> str:
    """A text; a blank one is none."""
    return f"CASE WHEN {blank(text)} THEN NULL ELSE {text} END"


def event_type_letters(text: str) -> str:
    """An event type trimmed, in upper case."""
    upper = f"translate(trim(BOTH {_ALL_SPACES} FROM {text}), '{_SMALL}', '{_LARGE}')"
    return f"CASE WHEN {text} RLIKE {quoted(_EVENT_TYPE)} THEN {text} ELSE {upper} END"


def event_type(letters: str) -> str:
    """An event type, from its ``event_type_letters``; a blank one is none."""
    return f"CASE WHEN {letters} <> '' THEN {letters} END"


def role_letters(text: str) -> str:
    """A role trimmed, in lower case."""
    lower = f"translate(trim(BOTH {_ALL_SPACES} FROM {text}), '{_LARGE}', '{_SMALL}')"
    return f"CASE WHEN {_in(text, rules.ROLES)} THEN {text} ELSE {lower} END"


def role(letters: str) -> str:
    """A role by its one spelling, from its ``role_letters``; a blank one is none."""
    cases = " ".join(f"WHEN {_in(letters, (one, *others))} THEN {quoted(one)}" for one, others in rules.ROLES.items())
    return f"CASE {cases} WHEN {letters} <> '' THEN {letters} END"


def event_id(text: str) -> str:
    """An id of an event; NULL where it can't tell events apart."""
    return (
        f"CASE WHEN {_in(f'lower({text})', rules.NO_IDS)} THEN NULL "
        f"WHEN {text} RLIKE {quoted(_UUID)} THEN lower({text}) ELSE {text_value(text)} END"
    )


def plain_id(text: str) -> str:
    """An id from the text of a number: without a fraction where it is whole."""
    number = f"try_cast({text} AS DECIMAL(38, 16))"
    is_whole = f"{number} = floor({number}) AND abs({number}) < {rules.MOST_ID}"
    return f"CASE WHEN {is_whole} THEN CAST(CAST({number} AS BIGINT) AS STRING) ELSE {text} END"


def json_id(text: str, document: str, name: str) -> str:
    """An id taken from JSON: where it is a number there, as ``plain_id``."""
    form = quoted(rf"\A-?{rules.NUMBER}\z")
    maybe = f"{text} < ':' AND {text} RLIKE {form} AND NOT {text} RLIKE {quoted(_DIGITS)}"
    return (
        f"CASE WHEN {maybe} AND coalesce({_number_there(document, name)}, false) THEN {plain_id(text)} ELSE {text} END"
    )


def is_plausible(time: str) -> str:
    """Whether an event can be of this time."""
    end = f"TIMESTAMP_NTZ'{rules.LAST_YEAR + 1}-01-01 00:00:00'"
    return f"{time} >= TIMESTAMP_NTZ'{rules.FIRST_YEAR}-01-01 00:00:00' AND {time} < {end}"


def source_in_path(place: str, folders: Iterable[str]) -> str:
    """The cluster and generation that the folders of a file's name say; NULL where they say none."""
    folder = f"/((?:{'|'.join(folders)})=[^/]+)(?=/)"
    found = f"regexp_extract_all({decoded(place)}, {quoted(folder)}, 1)"
    return f"nullif(array_join({found}, '/'), '')"


def value_in_path(place: str, name: str) -> str:
    """The value of a field that a folder of a file's name says; NULL where none does."""
    found = f"regexp_extract({decoded(place)}, {quoted(f'/{name}=([^/]*)/')}, 1)"
    return f"CASE WHEN {found} NOT IN ('', '__HIVE_DEFAULT_PARTITION__') THEN url_decode({found}) END"


def epoch_number(text: str) -> str:
    """A DECIMAL(29, 9) from a text that may count since 1970; NULL where it is no number."""
    number = f"try_cast(trim(BOTH {SPACES} FROM {text}) AS DECIMAL(29, 9))"
    return f"CASE WHEN NOT contains({text}, '-') AND {text} RLIKE {quoted(_EPOCH)} THEN {number} END"


def _epoch(number: str) -> str:
    """A time from a number that counts since 1970; NULL where its size says no unit."""
    ends = [size for size, _ in rules.EPOCHS[1:]] + [rules.EPOCHS[-1][0] * 1000]
    cases = []
    for (size, per_second), end in zip(rules.EPOCHS, ends, strict=True):
        micros = f"CAST({number} * {10**6 // per_second} AS BIGINT)"
        if per_second > 10**6:
            micros = f"(CAST({number} AS BIGINT) DIV {per_second // 10**6}L)"
        cases.append(
            f"WHEN {number} >= {size} AND {number} < {end} THEN CAST(timestamp_micros({micros}) AS TIMESTAMP_NTZ)"
        )
    return f"CASE {' '.join(cases)} END"


def _in(text: str, words: Iterable[str]) -> str:
    return f"{text} IN ({', '.join(map(quoted, words))})"


def iso_parts(text: str) -> str:
    """The parts of an ISO 8601 time that isn't in one of the common forms, which ``instant`` reads quicker; else NULL.

    They are the year, month, day, hour, minute, second, its fraction and the offset, each empty where it isn't given.
    """
    common = f"{text} RLIKE {quoted(_PLAIN)} OR {text} RLIKE {quoted(_WITH_OFFSET)}"
    parts = f"split(regexp_replace({text}, {quoted(_ISO)}, '$1|$2|$3|$4|$5|$6|$7|$8'), '[|]', -1)"
    return f"CASE WHEN {common} THEN NULL WHEN {text} RLIKE {quoted(_ISO)} THEN {parts} END"


def instant(text: str, parts: str, epoch: str, zone: str) -> str:
    """A UTC TIMESTAMP_NTZ from a text, its ``iso_parts`` and its ``epoch_number``; without an offset it is in ``zone``; NULL where it is no time."""

    def clock(place: int) -> str:
        return f"if({parts}[{place}] = '', '00', {parts}[{place}])"

    fraction = f"if({parts}[6] = '', '0', left({parts}[6], 6))"
    joined = f"concat({parts}[0], '-', {parts}[1], '-', {parts}[2], ' ', {clock(3)}, ':', {clock(4)}, ':', {clock(5)}, '.', {fraction})"
    naive, offset = f"try_cast({joined} AS TIMESTAMP_NTZ)", f"{parts}[7]"
    minutes = f"CAST(substr({offset}, 2, 2) AS INT) * 60 + if(length({offset}) > 3, CAST(right({offset}, 2) AS INT), 0)"
    return (
        f"CASE WHEN {parts} IS NULL THEN CASE WHEN {text} RLIKE {quoted(_PLAIN)} THEN {local_instant(f'try_cast({text} AS TIMESTAMP_NTZ)', zone)} "
        f"WHEN {text} RLIKE {quoted(_WITH_OFFSET)} THEN CAST(try_cast({text} AS TIMESTAMP) AS TIMESTAMP_NTZ) "
        f"ELSE {_epoch(epoch)} END "
        f"WHEN {offset} = '' THEN {local_instant(naive, zone)} WHEN {offset} IN ('Z', 'z') THEN {naive} "
        f"ELSE {naive} - make_dt_interval(0, 0, if(left({offset}, 1) = '-', -1, 1) * ({minutes})) END"
    )


def local_instant(naive: str, zone: str) -> str:
    """UTC from the local time of ``zone``: the earlier where the clocks show it twice, as before the change where never."""
    return naive if zone == "UTC" else f"convert_timezone({quoted(zone)}, 'UTC', {naive})"


def reporting_time(naive: str, zone: str) -> str:
    """The local time of ``zone`` from UTC."""
    return naive if zone == "UTC" else f"convert_timezone('UTC', {quoted(zone)}, {naive})"


def in_calendar(naive: str) -> str:
    """Whether a time is of the years 1 to 9999."""
    return f"{naive} BETWEEN TIMESTAMP_NTZ'0001-01-01 00:00:00' AND TIMESTAMP_NTZ'9999-12-31 23:59:59.999999'"


def strings(text: str) -> str:
    """An ARRAY<STRING> from the JSON text of an array; NULL where it is none."""
    array = f"from_json({text}, 'ARRAY<STRING>', {json_options('_broken')})"
    return f"CASE WHEN startswith(trim(LEADING {SPACES} FROM {text}), '[') AND {one_json(text)} THEN {array} END"


def json_options(broken: str) -> str:
    """What makes ``from_json`` as strict as JSON is; what it can't read goes to the member ``broken``."""
    return f"map('allowSingleQuotes', 'false', 'allowNonNumericNumbers', 'false', 'columnNameOfCorruptRecord', {quoted(broken)})"


def one_json(text: str) -> str:
    """Whether the text is one JSON value and nothing else: Spark's parser looks at the first value alone.

    What could follow it can close a bracket or a brace that is put around all, but not both.
    """
    listed = f"from_json(concat('[', {text}, ']'), 'ARRAY<STRING>', {json_options('_broken')})"
    member = f"from_json(concat('{{\"v\":', {text}, '}}'), 'v STRING, _broken STRING', {json_options('_broken')})"
    return f"(coalesce(size({listed}) = 1, false) AND coalesce({member}._broken IS NULL, false))"


def shown(column: str, kind: Type) -> str:  # noqa: PLR0911 - one return a type
    """A column of a Parquet file as text."""
    if kind.kind == "text":
        return column
    if kind.kind == "bytes":
        return f"coalesce(try_validate_utf8(CAST({column} AS STRING)), concat('\\\\x', hex({column})))"
    if kind.kind == "uuid":
        dashes = "'(.{8})(.{4})(.{4})(.{4})(.{12})', '$1-$2-$3-$4-$5'"
        return f"regexp_replace(lower(hex({column})), {dashes})"
    if kind.kind in {"list", "nested"}:
        return f"to_json({as_json(column, kind)}, map('ignoreNullFields', 'false'))"
    if kind.sql in {"FLOAT", "DOUBLE"} or kind.coded.startswith(("half", "wide")):
        return shown_double(f"CAST({plain_number(column, kind)} AS STRING)")
    if kind.coded.startswith("time"):
        micros = f"CAST(CASE WHEN NOT ({rotten(column, kind)}) THEN {column} END * 1000000L DIV {kind.coded.split()[1]}L AS BIGINT)"
        return f"substr(CAST(CAST(timestamp_micros({micros}) AS TIMESTAMP_NTZ) AS STRING), 12)"
    if kind.kind in {"instant", "local"}:
        text = f"CAST({column if kind.sql == 'DATE' else naive_time(column, kind)} AS STRING)"
        return f"concat({text}, '+00')" if kind.kind == "instant" else text
    return f"CAST({column} AS STRING)"


def as_json(column: str, kind: Type) -> str:
    """A column as JSON has it: what JSON has no type for as text, also where it is in a list, struct or map."""
    if kind.kind in {"list", "nested"}:
        return _rebuilt(column, kind, as_json)
    plain = kind.kind in {"text", "whole"} or (kind.kind in {"number", "other"} and not kind.coded)
    return column if plain else plain_number(column, kind) if kind.kind == "number" else shown(column, kind)


def kept(column: str, kind: Type) -> str:
    """A column as JSON has it, whatever it holds."""
    if kind.kind in {"list", "nested"}:
        return _rebuilt(column, kind, kept)
    if kind.kind == "text":
        return f"coalesce(try_validate_utf8({column}), concat('\\\\x', hex(CAST({column} AS BINARY))))"
    wrong = rotten(column, kind)
    return as_json(column, kind) if wrong is None else f"if({wrong}, CAST({column} AS STRING), {as_json(column, kind)})"


def _rebuilt(column: str, kind: Type, leaf: Callable[[str, Type], str]) -> str:
    """A list, struct or map with ``leaf`` of what it holds; itself where that changes nothing."""
    if kind.element is not None:
        one = leaf("e", kind.element)
        return column if one == "e" else f"transform({column}, e -> {one})"
    if kind.entry is not None:
        key, value = (leaf("e", inner) for inner in kind.entry)
        keys = column if key == "e" else f"transform_keys({column}, (e, v) -> {key})"
        return keys if value == "e" else f"transform_values({keys}, (k, e) -> {value})"
    parts = [(name, f"{column}.{named(name)}", inner) for name, inner in kind.fields]
    if all(leaf(part, inner) == part for _, part, inner in parts):
        return column
    fields = ", ".join(f"{quoted(name)}, {leaf(part, inner)}" for name, part, inner in parts)
    return f"if({column} IS NULL, NULL, named_struct({fields}))"


def rotten(column: str, kind: Type) -> str | None:
    """Whether what a column of a Parquet file holds can't be a value of its type; None where it always is one.

    Of a list, struct or map: whether any text or time of day within can't be.
    """
    if kind.kind in {"list", "nested"}:
        return _any_rotten(column, kind)
    if kind.kind == "text":
        return f"NOT is_valid_utf8({column})"
    if kind.coded == "millis":
        return f"NOT {column} BETWEEN -{_MOST_MILLIS} AND {_MOST_MILLIS}"
    if kind.coded.startswith("time"):
        return f"NOT {column} BETWEEN 0 AND {24 * 3600 * int(kind.coded.split()[1]) - 1}"
    if kind.sql == "DATE":
        return f"NOT {column} BETWEEN DATE'0001-01-01' AND DATE'9999-12-31'"
    return None


def _any_rotten(column: str, kind: Type) -> str | None:
    if kind.element is not None:
        within = [(column, kind.element)]
    elif kind.entry is not None:
        within = [(f"map_keys({column})", kind.entry[0]), (f"map_values({column})", kind.entry[1])]
    else:
        within = [(f"array({column}.{named(name)})", inner) for name, inner in kind.fields]
    wrong = [(values, rotten("e", inner)) for values, inner in within if inner.sql != "DATE"]
    found = [f"coalesce(exists({values}, e -> coalesce({one}, false)), false)" for values, one in wrong if one]
    return f"({' OR '.join(found)})" if found else None


def listed(column: str, kind: Type) -> str:
    """A list as ARRAY<STRING>."""
    if kind.element is None or kind.element.kind == "text":
        return column
    return f"transform({column}, e -> {shown('e', kind.element)})"


def plain_number(column: str, kind: Type) -> str:
    """A number as a type that Spark counts with: those it doesn't know as a DOUBLE."""
    if kind.coded == "half":
        bits = f"CAST(conv(concat(hex(substr({column}, 2, 1)), hex(substr({column}, 1, 1))), 16, 10) AS INT)"
        exponent, rest = f"(shiftright({bits}, 10) & 31)", f"({bits} & 1023)"
        size = (
            f"CASE WHEN {exponent} = 31 THEN if({rest} = 0, DOUBLE('Infinity'), DOUBLE('NaN')) "
            f"WHEN {exponent} = 0 THEN {rest} * power(2, -24) ELSE (1 + {rest} / 1024D) * power(2, {exponent} - 15) END"
        )
        return f"(if({bits} >= 32768, -1D, 1D) * {size})"
    if kind.coded.startswith("wide"):
        negative = f"(hex(substr({column}, 1, 1)) >= '80')"
        byte = f"CAST(conv(hex(substr({column}, i, 1)), 16, 10) AS DOUBLE)"
        size = f"aggregate(sequence(1, length({column})), 0D, (a, i) -> a * 256 + if({negative}, 255 - {byte}, {byte}))"
        return f"(if({negative}, -1 - {size}, {size}) / power(10, {kind.coded.split()[1]}))"
    return column


def naive_time(column: str, kind: Type) -> str:
    """A time column as TIMESTAMP_NTZ: of an instant UTC, of a local time as it is; a date is its midnight, but stays a DATE."""
    if kind.coded == "nanos":
        return f"CAST(timestamp_micros({column} DIV 1000 - if({column} % 1000 < 0, 1, 0)) AS TIMESTAMP_NTZ)"
    if kind.coded == "millis":
        return f"CAST(CASE WHEN NOT ({rotten(column, kind)}) THEN timestamp_millis({column}) END AS TIMESTAMP_NTZ)"
    if kind.sql == "DATE":
        return f"CASE WHEN NOT ({rotten(column, kind)}) THEN {column} END"
    return f"CAST({column} AS TIMESTAMP_NTZ)"


def shown_double(text: str) -> str:
    """The shortest text of a double as Spark has it, in the form that DuckDB has."""
    plain = _without_exponent(text)
    exponent = f"CAST(split({text}, 'E')[1] AS INT)"
    mantissa = f"regexp_replace(split({text}, 'E')[0], '[.]0$', '')"
    scientific = f"concat({mantissa}, 'e', if({exponent} < 0, '-', '+'), lpad(abs({exponent}), greatest(2, length(abs({exponent}))), '0'))"
    return (
        f"CASE WHEN {text} = 'NaN' THEN 'nan' WHEN {text} = 'Infinity' THEN 'inf' WHEN {text} = '-Infinity' THEN '-inf' "
        f"WHEN NOT contains({text}, 'E') THEN {text} WHEN {exponent} BETWEEN -4 AND 15 THEN {plain} ELSE {scientific} END"
    )


def json_number(text: str, document: str, name: str) -> str:
    """A text from JSON: where it looks like what Spark's parser makes of a number with an exponent, and is one, as DuckDB has it."""
    exponent = f"CAST(split({text}, 'E')[1] AS INT)"
    mantissa = f"regexp_replace(split({text}, 'E')[0], '[.]0$', '')"
    number_there = _number_there(document, name)
    form = f"CASE WHEN {exponent} BETWEEN -6 AND 20 THEN {_without_exponent(text)} ELSE concat({mantissa}, 'e', {exponent}) END"
    return f"CASE WHEN {text} RLIKE {quoted(_JAVA_EXPONENT)} AND coalesce({number_there}, false) THEN {form} ELSE {text} END"


def _number_there(document: str, name: str) -> str:
    return f"schema_of_variant(variant_get(try_parse_json({document}), '$.{name}', 'variant')) <> 'STRING'"


MAYBE_EXPONENT = quoted(r"[0-9][eE]|[0-9]{8}\.|0\.000")
"""Where a JSON text doesn't match this, it has no number that Spark's parser would give an exponent."""


def _without_exponent(text: str) -> str:
    large = f"CAST(CAST({text} AS DECIMAL(38, 16)) AS STRING)"
    small = f"CAST(CAST({text} AS DECIMAL(38, 30)) AS STRING)"
    digits = f"if(contains({text}, 'E-'), {small}, {large})"
    return f"regexp_replace({digits}, '([.][0-9]+?)0+$', '$1')"


def decoded(place: str) -> str:
    """A file's name as the column ``_file`` has it, decoded: ``+`` is no space in it."""
    return f"url_decode(replace({place}, '+', '%2B'))"
