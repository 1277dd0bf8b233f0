"""Whether a record that was read from JSON holds what its fields are declared to hold."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from datetime import date
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Callable

UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What is raised where JSON is none, or holds something else than it should."""

LARGEST = 2**63 - 1
"""Counts and sizes are never larger."""

_YEARS = range(2, 9999)
"""Days beside a day are worked with too, so the first and the last year of the calendar are out of the question."""


def check(record: Any) -> None:
    """Raises TypeError, naming the class and the field, where a dataclass (or one within it) holds something else."""
    found = _checker(record.__class__)(record)
    if found:
        raise TypeError(found)


@cache
def _dataclass(kind: type) -> Callable[[Any], str]:
    """Says what is wrong with a record of the kind; empty: nothing."""
    hints = get_type_hints(kind)
    checks = [(field.name, _checker(hints[field.name])) for field in fields(kind)]

    def wrong(record: Any) -> str:
        if type(record) is not kind:
            return f"no {kind.__name__}"
        for name, fits in checks:
            if found := fits(getattr(record, name)):
                return f"{kind.__name__}.{name}: {found}"
        return ""

    return wrong


@cache
def _checker(hint: Any) -> Callable[[Any], str]:
    """The same for a value of that type."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return lambda _: ""
    if origin is dict:
        key, value = map(_checker, inner)
        return lambda found: (
            next((why for pair in found.items() if (why := key(pair[0]) or value(pair[1]))), "")
            if isinstance(found, dict)
            else "no object"
        )
    if origin is list:
        item = _checker(inner[0])
        return lambda found: (
            next((why for one in found if (why := item(one))), "") if isinstance(found, list) else "no list"
        )
    if origin in {Union, UnionType}:
        other = [_checker(kind) for kind in inner if kind is not NoneType]
        return lambda found: "" if found is None or not all(fits(found) for fits in other) else other[0](found)
    if is_dataclass(hint):
        return _dataclass(hint)  # type: ignore[arg-type]
    return _LEAVES[hint]


def _text(found: Any) -> str:
    if not isinstance(found, str) or "\0" in found:
        return "no text"
    return "" if found.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in found) else "no text"


_LEAVES: dict[Any, Callable[[Any], str]] = {
    str: _text,
    bool: lambda found: "" if isinstance(found, bool) else "neither true nor false",
    int: lambda found: "" if type(found) is int and 0 <= found <= LARGEST else "no count",
    float: lambda found: "" if type(found) in {int, float} and math.isfinite(found) else "no number",
    date: lambda found: "" if isinstance(found, date) and found.year in _YEARS else "no day",
}
