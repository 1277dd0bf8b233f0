"""SQL about one person over single values of any type: whether they name the person, and what they are without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duckdb.sqltypes import DuckDBPyType

from learnfold.engines.duckdb.sql import quoted, quoted_name
from learnfold.privacy.person import ERASED

if TYPE_CHECKING:
    import duckdb

    from learnfold.privacy.person import Person

SPACE = r"e' \t\n\r'"
"""White space around an id, as an SQL string."""


def define_functions(connection: duckdb.DuckDBPyConnection, person: Person) -> None:
    """Defines the functions that the rules are made of, about this person, for this connection alone."""
    name, pattern = quoted(person.id), quoted(person.pattern)
    plain = f"regexp_replace(t, {quoted(person.coincidence)}, '\\1\\2', 'g')"
    hidden = f"regexp_replace(t, {quoted(person.coincidence)}, '\\1' || chr(1) || '\\2', 'g')"
    for _ in range(2):  # two that share what stands between them
        hidden = f"regexp_replace({hidden}, {pattern}, '\\1{ERASED}\\2', 'g')"
    exponent = (
        " OR regexp_matches(t, '[0-9][eE]')" if person.id.isdigit() else ""
    )  # a number may be the id without its digits
    maybe = f"(contains(t, {name}) OR contains(t, '\\'){exponent})"
    fields = ", ".join(f"'$.{field}'" for field in person.owners)
    found = f"CASE WHEN {maybe} THEN regexp_matches({plain}, {pattern}) ELSE false END"
    for macro, body in {
        "erase_found(t)": found,
        "erase_names(t)": "erase_found(t)" if person.distinctive else "false",
        "erase_is(t)": f"(trim(t, {SPACE}) = {name} OR (regexp_matches(t, '^\\s*[\\[{{]') AND erase_found(t)))",
        "erase_is_number(t)": f"CASE WHEN json_type(t) NOT IN ('VARCHAR', 'OBJECT', 'ARRAY') THEN plain_id(t ->> '$') = {name} END",
        "erase_object(t)": "CASE WHEN json_valid(t) THEN json_type(t) = 'OBJECT' ELSE false END",
        "erase_is_event(t)": f"CASE WHEN {maybe} THEN CASE WHEN erase_object(t) THEN "
        f"len(list_filter(json_extract(t, [{fields}]), lambda x: coalesce(erase_is(x ->> '$') OR erase_is_number(x), false))) > 0 END END",
        "erase_has_owner(t)": f"CASE WHEN erase_object(t) THEN trim(json_extract_string(t, '$.user_id'), {SPACE}) <> '' END",
        "erase_is_unowned(t)": f"CASE WHEN {maybe} THEN NOT coalesce(erase_has_owner(t), false) AND erase_found(t) END",
        "erase_blank(t)": f"replace({hidden}, chr(1), {quoted(person.in_json)})",
    }.items():
        connection.execute(f"CREATE OR REPLACE TEMP MACRO {macro} AS {body}")


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
    """The column as text, bytes that are none as spaces between what is."""
    if kind.id != "blob":
        return as_text(column, kind)
    return f"coalesce(try(decode({column})), regexp_replace(CAST({column} AS VARCHAR), '\\\\x[0-9A-F]{{2}}', ' ', 'g'))"


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
    clean = f"encode(erase_blank(try(decode({value}))))" if kind.id == "blob" else "NULL"
    return f"CASE WHEN {named} THEN {clean} ELSE {value} END"
