"""Quick reading: the messages whose every value is plain are read at a tenth of the cost; all others are left to the whole reading.

What it accepts, it reads as the whole reading does: that is a law, and the reason why every condition here is stricter than need be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.catalog import values
from learnfold.engines.duckdb.sql import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learnfold.catalog import Field, Topic

UNSURE = "not surely plain"
"""Stands for the reason why a message isn't valid, of those that quick reading leaves."""

_USUAL = r"\d{4}-\d{2}-\d{2}[T ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?Z?"
_DIGITS = "0123456789"
_CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LONGEST_INTEGER, _LONGEST_NUMBER = 9, 15
_UUID_LENGTH = 36


def quick_select(topic: Topic, wanted: Sequence[str], source: str) -> str:
    """The SELECT of the messages of ``source``: ``_partition``, ``_offset``, ``_reason`` and the wanted fields.

    ``_reason`` is NULL where a message is surely plain; of the others nothing else is to be believed. They stay in: a condition
    would be worked out with the whole of what it is about pasted into each of its parts.
    """
    fields = [f for f in topic.sent if f.name in wanted or f.required or f.type != "VARCHAR"]
    paths = ", ".join(f"'$.{field.name}'" for field in fields)
    text = {field.name: f"_f[{place}]" for place, field in enumerate(fields, 1)}
    sure = " AND ".join(_sure(field, text[field.name]) for field in fields)
    named = ", ".join(f"{_value(field, text[field.name])} AS {_name(field)}" for field in fields)
    typed = f"SELECT _partition, _offset, _f, {sure} AS _plain, {named} FROM ({_extracted(source, paths)})"
    valid = " AND ".join(["_plain", *(one for field in fields for one in _valid(field, text[field.name]))])
    kept = ", ".join(_name(field) for field in fields if field.name in wanted)
    return (
        f"SELECT _partition, _offset, CASE WHEN coalesce({valid}, false) THEN NULL ELSE {quoted(UNSURE)} END AS _reason, {kept} "
        f"FROM ({typed})"
    )


def _extracted(source: str, paths: str) -> str:
    text = f'SELECT partition AS _partition, "offset" AS _offset, try(decode(value)) AS _s FROM {source}'
    # what may be lax in any place isn't sure: no look at whether it is within a string; nor is an object with a name given twice
    sure = "json_valid(_s) AND NOT looks_lax(_s) AND NOT coalesce(some_twice(CASE WHEN json_valid(_s) THEN json_keys(_s) END), true)"
    return (
        f"SELECT _partition, _offset, CASE WHEN {sure} THEN json_extract_string(_s, [{paths}]) END AS _f FROM ({text})"
    )


def _sure(field: Field, text: str) -> str:
    """SQL that is true, not NULL, only of texts that need no second look."""
    plain = _plain(field, text)
    return f"({plain})" if field.required else f"({text} IS NULL OR ({plain}))"


def _plain(field: Field, text: str) -> str:
    """The same of texts that are there."""
    if field.type == "VARCHAR":
        return _sure_text(field, text)
    if field.type == "TIMESTAMP":
        return f"regexp_full_match({text}, {quoted(_USUAL)})"
    if field.type == "INTEGER":
        return f"length({text}) BETWEEN 1 AND {_LONGEST_INTEGER} AND {_only(text, _DIGITS)}"
    if field.type == "DOUBLE":
        return f"length({text}) BETWEEN 1 AND {_LONGEST_NUMBER} AND unicode({text}) BETWEEN 48 AND 57 AND {_only(text, _DIGITS + '.')}"
    return "false"


def _sure_text(field: Field, text: str) -> str:
    if field.name == values.EVENT_TYPE:
        return f"unicode({text}) BETWEEN 65 AND 90 AND {_only(text, _CAPITALS + _DIGITS + '_')}"
    if field.name == values.ROLE:
        return f"{text} IN ({', '.join(map(quoted, values.ROLES))})"
    plain = f"unicode({text}) BETWEEN 33 AND 126"
    if values.is_id(field):  # a number may be written in several ways
        plain += f" AND ({_only(text, _DIGITS + '-')} OR NOT {_only(text, _DIGITS + '-.+eE')})"
    if field.name == values.EVENT_ID:
        none = ", ".join(map(quoted, values.NO_IDS))
        plain += f" AND lower({text}) NOT IN ({none}) AND (length({text}) <> {_UUID_LENGTH} OR {text} = lower({text}))"
    return plain


def _value(field: Field, text: str) -> str:
    if field.type == "VARCHAR":
        return text
    if field.type == "TIMESTAMP":
        return f"CASE WHEN NOT {_plain(field, text)} THEN NULL WHEN right({text}, 1) = 'Z' THEN try_cast({text} AS TIMESTAMP) ELSE platform_instant(try_cast({text} AS TIMESTAMP)) END"
    if field.type in {"INTEGER", "DOUBLE"}:
        return f"CASE WHEN {_plain(field, text)} THEN try_cast({text} AS {field.type}) END"
    return f"CAST(NULL AS {field.type})"


def _valid(field: Field, text: str) -> list[str]:
    """What must be true of the value."""
    name, found = _name(field), []
    if field.name == values.TIMESTAMP:
        found.append(
            f"{name} >= TIMESTAMP '{values.FIRST_YEAR}-01-01' AND {name} < TIMESTAMP '{values.LAST_YEAR + 1}-01-01'"
        )
    elif field.type == "TIMESTAMP":
        found.append(f"({name} >= TIMESTAMP '0001-01-02' OR {name} IS NULL)")
    if field.type in {"INTEGER", "DOUBLE", "TIMESTAMP"}:  # what was given must have been read
        found.append(f"(({name} IS NULL) = ({text} IS NULL))")
    if field.check:
        found.append(f"({str(field.check).replace(field.name, name)}) IS NOT FALSE")
    return found


def _only(text: str, letters: str) -> str:
    """Whether all letters of the text are among these."""
    return f"translate({text}, {quoted(letters)}, '') = ''"


def _name(field: Field) -> str:
    return f'"{field.name}"'
