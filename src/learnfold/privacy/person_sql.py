"""SQL about one person over single values of any type: whether they name the person, and what they are without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duckdb.sqltypes import DuckDBPyType

from learnfold.engines.duckdb.sql import quoted, quoted_name
from learnfold.privacy.person import ERASED, SPECIAL_MARKS

if TYPE_CHECKING:
    import duckdb

    from learnfold.privacy.person import Person

_BEFORE, _AFTER = "chr(1) || 'x'", "'x' || chr(1)"
"""What makes an id that isn't to be found a part of something longer for the moment."""

SPACE = r"e' \t\n\r'"
"""White space around an id, as an SQL string."""


def define_functions(connection: duckdb.DuckDBPyConnection, person: Person) -> None:
    """Defines the functions that the rules are made of, about this person, for this connection alone."""
    fields = ", ".join(f"'$.{field}'" for field in person.owners)
    name, maybe = quoted(person.id), _maybe(person)
    for macro, body in {
        "erase_maybe(t)": maybe,
        "erase_plain(t)": f"CASE WHEN erase_maybe(t) THEN {_found(person)} ELSE false END",
        **_packed(person),
        "erase_names(t)": "erase_found(t)",
        "erase_equal(t)": f"coalesce(trim(t, {SPACE}) = {name}, false)",
        "erase_is(t)": f"(erase_equal(t) OR CASE WHEN erase_maybe(t) THEN "
        rf"regexp_full_match(t, {quoted(person.whole)}) OR (regexp_matches(t, '^\s*[\[{{]') AND erase_found(t)) ELSE false END)",
        "erase_is_number(t)": f"CASE WHEN json_type(t) NOT IN ('VARCHAR', 'OBJECT', 'ARRAY') THEN plain_id(t ->> '$') = {name} END",
        "erase_object(t)": "CASE WHEN json_valid(t) THEN json_type(t) = 'OBJECT' ELSE false END",
        "erase_is_event(t)": "CASE WHEN erase_maybe(t) THEN CASE WHEN erase_object(t) THEN "
        f"len(list_filter(json_extract(t, [{fields}]), lambda x: coalesce(erase_is(x ->> '$') OR erase_is_number(x), false))) > 0 END END",
        "erase_has_owner(t)": f"CASE WHEN erase_object(t) THEN trim(json_extract_string(t, '$.user_id'), {SPACE}) <> '' END",
        "erase_is_unowned(t)": "CASE WHEN erase_maybe(t) THEN NOT coalesce(erase_has_owner(t), false) AND erase_found(t) END",
        "erase_blank(t)": f"list_reduce(list_prepend({_blanked(person)}, erase_packed(t)), lambda a, x: replace(a, x, '{ERASED}'))",
    }.items():
        connection.execute(f"CREATE OR REPLACE TEMP MACRO {macro} AS {body}")


def _maybe(person: Person) -> str:
    """A quick test that every text passes that can name the person; few others do."""
    tests = [f"contains(t, {quoted(text)})" for text in (person.id, *SPECIAL_MARKS)]
    if person.any_case:
        tests[0] = f"contains(lower(t), {quoted(person.id.lower())})"
    if not person.id.isascii():
        tests += ["strlen(t) <> length(t)", r"regexp_matches(t, '[\x01-\x1f]')"]  # the latter of UTF-16
    if " " in person.id:
        tests.append("contains(t, '+')")
    if person.id.isdecimal():  # a number may be the id without its digits
        tests.append("regexp_matches(t, '[0-9][eE]')")
    if person.packed_core is not None:
        tests.append(f"regexp_matches(t, {quoted(person.packed_core)})")
    return f"({' OR '.join(tests)})"


def _packed(person: Person) -> dict[str, str]:
    """Functions for runs of base64 that hold the id: which there are in a text, and whether there is any or the id as it is."""
    if person.packed is None or person.packed_core is None:
        return {"erase_packed(t)": "CAST([] AS VARCHAR[])", "erase_found(t)": "erase_plain(t)"}
    plain = "substr(translate(rtrim(r, '='), '-_', '+/'), k)"
    return {
        "erase_quads(s)": "CASE WHEN length(s) % 4 = 1 THEN left(s, length(s) - 1) ELSE s END",
        "erase_data(s)": "try(from_base64(rpad(s, CAST(4 * ceil(length(s) / 4) AS INTEGER), '=')))",
        "erase_text(b)": "coalesce(replace(try(decode(b)), chr(0), ''), replace(CAST(b AS VARCHAR), '\\x00', ''))",
        "erase_unpacked(r)": f"list_transform([1, 2, 3, 4], lambda k: erase_text(erase_data(erase_quads({plain}))))",
        "erase_in_run(r)": "len(list_filter(flatten(list_transform(list_prepend(r, string_split(r, '/')), lambda p: erase_unpacked(p))), "
        "lambda d: coalesce(erase_plain(d), false))) > 0",
        "erase_packed(t)": f"list_filter(regexp_extract_all(t, {quoted(person.packed)}), lambda r: erase_in_run(r))",
        "erase_found(t)": f"(erase_plain(t) OR CASE WHEN regexp_matches(t, {quoted(person.packed_core)}) THEN len(erase_packed(t)) > 0 ELSE false END)",
    }


def _found(person: Person) -> str:
    """Whether ``t`` names the person, where it passes the quick test."""
    plain = f"regexp_replace(t, {quoted(person.coincidence)}, '\\1\\3', 'g')"
    first, *loose = (
        f"CASE WHEN regexp_matches(t, {quoted(p)}) THEN regexp_matches({plain}, {quoted(p)}) ELSE false END"
        for p in person.patterns
    )
    number = [] if person.number is None else [f"regexp_matches(t, {quoted(person.number)})"]
    return " OR ".join([f"({first})", *number, *(f"(NOT json_valid(t) AND {more})" for more in loose)])


def _blanked(person: Person) -> str:
    """``t`` with the person's name blanked; where a field that names something else has the same value, that stays."""
    text = f"regexp_replace(t, {quoted(person.coincidence)}, '\\1' || {_BEFORE} || '\\2' || {_AFTER} || '\\3', 'g')"
    if person.number is not None:
        text = f"regexp_replace({text}, {quoted(person.number)}, '\\1null\\2', 'g')"
    strict, *loose = (_without(text, pattern) for pattern in person.patterns)
    found = f"CASE WHEN json_valid(t) THEN {strict} ELSE {loose[0]} END" if loose else strict
    return f"replace(replace({found}, {_BEFORE}, ''), {_AFTER}, '')"


def _without(text: str, pattern: str) -> str:
    for _ in range(2):  # two that share what stands between them
        text = f"regexp_replace({text}, {quoted(pattern)}, '\\1{ERASED}\\2', 'g')"
    return text


def holds_words(kind: DuckDBPyType) -> bool:
    """Whether a column of that type can hold words."""
    if kind.id in {"list", "array", "struct", "map"}:
        return any(holds_words(child) for _, child in _children(kind))
    return kind.id in {"varchar", "blob", "enum", "uuid"}


def _children(kind: DuckDBPyType) -> list[tuple[str, DuckDBPyType]]:
    return [(name, child) for name, child in kind.children if isinstance(child, DuckDBPyType)]


def as_text(column: str, kind: DuckDBPyType) -> str:
    """The column as text; NULL where bytes are no text."""
    if kind.id == "blob":
        return f"try(decode({column}))"
    if kind.id in {"list", "array", "struct", "map"}:
        return f"CAST(to_json({column}) AS VARCHAR)"
    if kind.id in {"float", "double", "decimal"}:  # an id is its digits alone
        return f"coalesce(whole_decimal(try_cast({column} AS DECIMAL(38, 16))), CAST({column} AS VARCHAR))"
    return column if kind.id == "varchar" else f"CAST({column} AS VARCHAR)"


def as_any_text(column: str, kind: DuckDBPyType) -> str:
    r"""The column as text; bytes that are none as ``\xE9``, and without those that are 0, of which UTF-16 is full."""
    if kind.id != "blob":
        return as_text(column, kind)
    shown = f"replace(CAST({column} AS VARCHAR), '\\x00', '')"
    return f"coalesce(replace(try(decode({column})), chr(0), ''), {shown})"


def names_person(value: str, kind: DuckDBPyType, depth: int = 0) -> str:
    """Whether a value of any type names the person, at any depth."""
    if kind.id in {"list", "array"}:
        inner = names_person(f"x{depth}", _children(kind)[0][1], depth + 1)
        return f"(len(list_filter({value}, lambda x{depth}: coalesce({inner}, false))) > 0)"
    if kind.id == "map":
        tests = [
            names_person(f"x{depth}.{name}", child, depth + 1) for name, child in _children(kind) if holds_words(child)
        ]
        return f"(len(list_filter(map_entries({value}), lambda x{depth}: coalesce({' OR '.join(tests)}, false))) > 0)"
    if kind.id == "struct":
        tests = [
            names_person(f"{value}.{quoted_name(name)}", child, depth)
            for name, child in _children(kind)
            if holds_words(child)
        ]
        return f"({' OR '.join(f'coalesce({test}, false)' for test in tests)})"
    return f"erase_names({as_any_text(value, kind)})"


def without_person(value: str, kind: DuckDBPyType, depth: int = 0) -> str:
    """The value with the person's name blanked, of the same type."""
    if not holds_words(kind):
        return value
    if kind.id in {"list", "array"}:
        inner = without_person(f"x{depth}", _children(kind)[0][1], depth + 1)
        return f"CAST(list_transform({value}, lambda x{depth}: {inner}) AS {kind})"
    if kind.id == "map":
        pairs = ", ".join(
            f"'{name}': {without_person(f'x{depth}.{name}', child, depth + 1)}" for name, child in _children(kind)
        )
        return f"CASE WHEN {value} IS NOT NULL THEN map_from_entries(list_transform(map_entries({value}), lambda x{depth}: {{{pairs}}})) END"
    if kind.id == "struct":
        parts = ", ".join(
            f"{quoted_name(n)} := {without_person(f'{value}.{quoted_name(n)}', child, depth)}"
            for n, child in _children(kind)
        )
        return f"CASE WHEN {value} IS NOT NULL THEN struct_pack({parts}) END"
    if kind.id == "varchar":
        return f"erase_blank({value})"
    named = f"coalesce({names_person(value, kind, depth)}, false)"
    text = f"try(decode({value}))"
    clean = f"CASE WHEN erase_names({text}) THEN encode(erase_blank({text})) END" if kind.id == "blob" else "NULL"
    return f"CASE WHEN {named} THEN {clean} ELSE {value} END"
