"""Why an event is invalid, in the words that the quarantine and the run's report use on every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from learnfold.catalog import Field

EMPTY = "the message is empty"
NOT_UTF8 = "not UTF-8"
NOT_JSON = "not JSON"
NOT_OBJECT = "not a JSON object"

_KINDS = {
    "INTEGER": "an integer",
    "DOUBLE": "a number",
    "TIMESTAMP": "a time",
    "VARCHAR[]": "an array",
    "VARCHAR": "text",
}


def missing(field: Field) -> str:
    """A required field isn't there."""
    return f"{field.name} is missing"


def blank(field: Field) -> str:
    """A required field holds nothing but white space."""
    return f"{field.name} is blank"


def unreadable(field: Field) -> str:
    """A field can't be read as its type."""
    return f"{field.name} can't be read as {_KINDS[field.type]}"


def out_of_range(field: Field) -> str:
    """A field breaks its CHECK."""
    return f"{field.name} breaks {field.check}"
