"""The ways in which an event can be no valid event, and how each looks."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

from learnfold import catalog
from learnfold.catalog.schema import json_schema

if TYPE_CHECKING:
    from learnfold.catalog import Topic

UNPARSED = ("not JSON", "not a JSON object")
"""Flaws of the whole message: only where events are JSON."""

_EVERYWHERE = (
    "event_type missing",
    "event_type blank",
    "user_id missing",
    "user_id blank",
    "timestamp missing",
    "timestamp blank",
    "timestamp unreadable",
)

_LOOKS = {
    "missing": "NULL",
    "blank": "pick(h, 'blank', ['', ' ', '   '])",
    "unreadable": "pick(h, 'time', ['yesterday', '31/12/2025 08:00', '2025-02-30 10:00:00', '2025-13-01T00:00:00Z', "
    "'2025-09-01 25:00:00', 'null'])",
    "negative": "pick(h, 'negative', ['-1', '-5', '-120'])",
    "not a number": "pick(h, 'word', ['abc', 'ten', '12 minutes', '1,5', 'NaN'])",
    "not an array": """pick(h, 'no array', ['{"bio": true}', '7', 'true', '["bio"'])""",
}

MESSAGE = """CASE flaw
  WHEN 'not JSON' THEN pick(h, 'no json', ['not json', '{"event_type": "LOGIN", ', '{''event_type'': ''LOGIN''}', '<event/>', '{"user_id": }'])
  WHEN 'not a JSON object' THEN pick(h, 'no object', ['[]', '["LOGIN", "SV00001"]', '42', '"LOGIN"', 'null', 'true'])
END"""
"""SQL: the text of a message whose flaw is one of UNPARSED, else NULL."""


def of(topic: str, *, json: bool) -> tuple[str, ...]:
    """The flaws that events of ``topic`` can have; with ``json`` also UNPARSED. Each is '<field> <what>' but those two."""
    return (*_EVERYWHERE, *_of_fields(catalog.load().topic(topic)), *(UNPARSED if json else ()))


@cache
def _of_fields(topic: Topic) -> tuple[str, ...]:
    """What the types of a topic's optional fields don't let pass, by type."""
    found: list[str] = []
    schema = json_schema(topic)["properties"]
    for field in sorted(topic.sent, key=lambda field: field.type):
        least = schema[field.name].get("minimum", schema[field.name].get("exclusiveMinimum", -math.inf))
        if field.type in {"DOUBLE", "INTEGER"}:
            found += [f"{field.name} {what}" for what in (["negative"] if least >= 0 else []) + ["not a number"]]
        elif field.type == "VARCHAR[]":
            found.append(f"{field.name} not an array")
        elif field.type == "TIMESTAMP" and not field.required:
            found.append(f"{field.name} unreadable")
    return tuple(found)


def broken(topic: str, field: str, sound: str) -> str:
    """SQL for the text of a field: ``sound``, or what the row's flaw makes of it."""
    cases = [
        f"WHEN '{flaw}' THEN {_LOOKS[flaw.removeprefix(field).strip()]}"
        for flaw in of(topic, json=False)
        if flaw.startswith(f"{field} ")
    ]
    return f"CASE flaw {' '.join(cases)} ELSE {sound} END" if cases else sound
