"""One statement or event of a learning platform, taken out of the document it came in."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Item:
    """What the mapping's places are looked up in, and what came."""

    source: dict[str, Any]
    original: object
    problem: str | None = None  # why it can't be asked at all
    part: str = ""  # tells apart the items of one original, such as the members of a group


_KINDS = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "an array",
    dict: "an object",
}


_FOREIGN = re.compile(
    r".* is no (?:xAPI statement|Caliper event|record)|an xAPI statement has .*|a Caliper event has .*|no rule for (?:\w+ none(?:, )?)+",
    re.DOTALL,
)


def is_foreign(reason: str) -> bool:
    """Whether a refusal says that something isn't what the mapping reads at all, rather than why there is no event of it."""
    return _FOREIGN.fullmatch(reason) is not None


def kind_of(value: object) -> str:
    """What ``value`` is in JSON's words, for a message."""
    return _KINDS.get(type(value), "something that isn't JSON")


def unpacked(element: object, keys: Sequence[str]) -> object:
    """``element`` with the JSON that it, or one of its ``keys``, holds as text in place of the text; other text stays."""
    if isinstance(element, str):
        return _parsed(element)
    if not isinstance(element, dict) or element.keys().isdisjoint(keys):
        return element
    packed = {key: element[key] for key in keys if isinstance(element.get(key), str)}
    return element | {key: _parsed(text) for key, text in packed.items()} if packed else element


def held(element: dict[str, Any], keys: Sequence[str], mark: str) -> dict[str, Any]:
    """The object with a ``mark`` that ``element`` holds under one of ``keys``, for a store exports records around it; else itself."""
    if mark in element:
        return element
    inside = (element.get(key) for key in keys)
    return next((one for one in inside if isinstance(one, dict) and mark in one), element)


def _parsed(text: str) -> object:
    if text.lstrip()[:1] not in {"{", "["}:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
