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

_USUAL = r"\d{4}-\d{2}-\d{2}[T ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?Z?"
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
    sure = " AND ".join([_EACH_ONCE, *(_sure(field, text[field.name]) for field in fields)])
    named = ", ".join(f"{_value(field, text[field.name])} AS {_name(field)}" for field in fields)
    typed = f"SELECT _partition, _offset, _f, {sure} AS _plain, {named} FROM ({_extracted(source, paths)})"
    valid = " AND ".join(["_plain", *(one for field in fields for one in _valid(field, text[field.name]))])
    kept = ", ".join(_name(field) for field in fields if field.name in wanted)
    return (
        f"SELECT _partition, _offset, CASE WHEN coalesce({valid}, false) THEN NULL ELSE {quoted(UNSURE)} END AS _reason, {kept} "
        f"FROM ({typed})"
    )


_EACH_ONCE = "CASE WHEN len(_names) = list_count(_f) THEN true ELSE list_unique(_names) = len(_names) END"
"""Whether no name is given twice; an object with as many names as fields that were found has each once, which is quick to see."""


def _extracted(source: str, paths: str) -> str:
    texts = f'SELECT partition AS _partition, "offset" AS _offset, try(decode(value)) AS _text FROM {source}'
    # what may be lax in any place isn't sure: no look at whether it is within a string
    sound = "CASE WHEN json_valid(_text) AND NOT looks_lax(_text) THEN _text END AS _sound"
    taken = f"json_keys(_sound) AS _names, json_extract_string(_sound, [{paths}]) AS _f"
    return f"SELECT _partition, _offset, {taken} FROM (SELECT _partition, _offset, {sound} FROM ({texts}))"


def _sure(field: Field, text: str) -> str:
    """SQL that is true, not NULL, only of texts that need no second look, or that have been read."""
    if field.type in _READ:
        return "true"
    plain = _sure_text(field, text) if field.type == "VARCHAR" else "false"
    return f"({plain})" if field.required else f"({text} IS NULL OR ({plain}))"


_READ = {"TIMESTAMP", "INTEGER", "DOUBLE"}
"""Types whose texts give no value where they aren't plain; that what was given was read is then to be seen."""


def _plain(field: Field, text: str) -> str:
    """SQL that is true of texts of these types that need no second look."""
    if field.type == "TIMESTAMP":
        return f"regexp_full_match({text}, {quoted(_USUAL)})"
    if field.type == "INTEGER":
        return f"length({text}) BETWEEN 1 AND {_LONGEST_INTEGER} AND {_only(text, '0-9')}"
    return f"length({text}) BETWEEN 1 AND {_LONGEST_NUMBER} AND unicode({text}) BETWEEN 48 AND 57 AND {_only(text, '0-9.')}"


def _sure_text(field: Field, text: str) -> str:
    if field.name == values.EVENT_TYPE:
        return f"unicode({text}) BETWEEN 65 AND 90 AND {_only(text, 'A-Z0-9_')}"
    if field.name == values.ROLE:
        return f"{text} IN ({', '.join(map(quoted, values.ROLES))})"
    plain = f"unicode({text}) BETWEEN 33 AND 126"
    if values.is_id(field):  # a number may be written in several ways
        plain += f" AND ({_only(text, '0-9-')} OR NOT {_only(text, '0-9.+eE-')})"
    if field.name == values.EVENT_ID:
        none = ", ".join(map(quoted, values.NO_IDS))
        plain += f" AND lower({text}) NOT IN ({none}) AND (length({text}) <> {_UUID_LENGTH} OR {text} = lower({text}))"
    return plain


def _value(field: Field, text: str) -> str:
    if field.type == "VARCHAR":
        return text
    if field.type == "TIMESTAMP":
        instant = f"try_cast({text} AS TIMESTAMP)"
        shown = f"CASE WHEN right({text}, 1) = 'Z' THEN {instant} ELSE platform_instant({instant}) END"
        return f"CASE WHEN {_plain(field, text)} THEN {shown} END"
    if field.type in _READ:
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
    if field.type in _READ:  # what was given must have been read
        found.append(f"(({name} IS NULL) = ({text} IS NULL))")
    if field.check:
        found.append(f"({str(field.check).replace(field.name, name)}) IS NOT FALSE")
    return found


def _only(text: str, letters: str) -> str:
    """Whether all letters of the text are among these, which are written as GLOB has them: a ``-`` comes last."""
    return f"NOT {text} GLOB {quoted(f'*[!{letters}]*')}"


def _name(field: Field) -> str:
    return f'"{field.name}"'
