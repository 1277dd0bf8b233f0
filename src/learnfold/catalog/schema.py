"""A topic's events as JSON Schema, for those who produce them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp

if TYPE_CHECKING:
    from learnfold.catalog.model import Field, Topic

_TYPES: dict[str, dict[str, Any]] = {
    "VARCHAR": {"type": ["string", "null"]},
    "INTEGER": {"type": ["integer", "null"]},
    "DOUBLE": {"type": ["number", "null"]},
    "TIMESTAMP": {"type": ["string", "null"]},  # no format: YYYY-MM-DD HH:MM:SS is welcome too
    "VARCHAR[]": {"type": ["array", "null"], "items": {"type": ["string", "null"]}},
}
_WORDS: dict[type[exp.Expr], str] = {
    exp.GTE: "minimum",
    exp.GT: "exclusiveMinimum",
    exp.LTE: "maximum",
    exp.LT: "exclusiveMaximum",
}
_LARGEST_INTEGER = 2**31 - 1


def json_schema(topic: Topic) -> dict[str, Any]:
    """JSON Schema (2020-12) of one event as a producer should write it; the reader takes more, such as numbers as text."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": topic.name,
        "description": topic.comment,
        "type": "object",
        "properties": {field.name: _property(field) for field in topic.sent},
        "required": [field.name for field in topic.sent if field.required],
        "additionalProperties": True,
    }


def _property(field: Field) -> dict[str, Any]:
    found = dict(_TYPES[field.type])
    if field.type == "TIMESTAMP":
        found["description"] = (
            f"{field.comment}; YYYY-MM-DD HH:MM:SS[.ffffff] or ISO 8601, with or without an offset; without one in the platform's zone"
        )
    else:
        found["description"] = field.comment
    if field.required:
        found["type"] = found["type"][0]
        if field.type == "VARCHAR":
            found["pattern"] = r"\S"
    if field.type == "INTEGER":
        found["maximum"] = _LARGEST_INTEGER
    if field.check:
        found |= _bounds(field.check) or {"description": f"{found['description']}; must satisfy {field.check}"}
    return found


def _bounds(check: str) -> dict[str, Any]:
    condition = sqlglot.parse_one(check, read="duckdb")
    if isinstance(condition, exp.Between):
        return {"minimum": _number(condition.args["low"].name), "maximum": _number(condition.args["high"].name)}
    for kind, word in _WORDS.items():
        if isinstance(condition, kind) and isinstance(condition.expression, exp.Literal):
            return {word: _number(condition.expression.name)}
    return {}


def _number(text: str) -> float | int:
    value = float(text)
    return int(value) if value.is_integer() else value
