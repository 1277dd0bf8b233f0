"""One statement or event of a learning platform, taken out of the document it came in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Item:
    """What the mapping's places are looked up in, and what came."""

    source: dict[str, Any]
    original: object
    problem: str | None = None  # why it can't be asked at all


_KINDS = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "an array",
    dict: "an object",
}


def kind_of(value: object) -> str:
    """What ``value`` is in JSON's words, for a message."""
    return _KINDS.get(type(value), "something that isn't JSON")
