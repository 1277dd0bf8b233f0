"""Two answers of one view, compared."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

TOLERANCE = 1e-9


def same(
    expected_rows: Iterable[Mapping[str, Any]], actual_rows: Iterable[Mapping[str, Any]], keys: Sequence[str]
) -> list[str]:
    """The differences, one a line, none if the answers are the same; rows may be in any order.

    Rows are matched by key. A number is compared with a double to 1e-9, relative or absolute, everything else exactly:
    a naive time isn't an aware one, a date isn't a time, true isn't 1. Whether a whole number is a BIGINT or a DOUBLE
    isn't looked at. Columns only the actual rows have are allowed, as the contract allows them.
    """
    expected, actual = _by_key(expected_rows, keys), _by_key(actual_rows, keys)
    differences = []
    for key in sorted(expected.keys() | actual.keys(), key=repr):
        name = ", ".join(f"{column}={value!r}" for column, value in zip(keys, key, strict=True))
        wanted, got = expected.get(key, []), actual.get(key, [])
        if len(wanted) > 1:
            differences.append(f"{name}: expected {len(wanted)} times, a key is unique")
        elif not got:
            differences.append(f"{name}: missing, expected {dict(wanted[0])!r}")
        elif not wanted:
            differences.append(f"{name}: not expected ({len(got)} times), the first is {dict(got[0])!r}")
        elif len(got) > 1:
            differences.append(f"{name}: there {len(got)} times")
        else:
            differences += [f"{name}: {line}" for line in _in_columns(wanted[0], got[0])]
    return differences


def _by_key(rows: Iterable[Mapping[str, Any]], keys: Sequence[str]) -> dict[tuple[Any, ...], list[Mapping[str, Any]]]:
    grouped = defaultdict(list)
    for row in rows:
        grouped[tuple(row.get(key, "<no such column>") for key in keys)].append(row)
    return grouped


def _in_columns(expected: Mapping[str, Any], actual: Mapping[str, Any]) -> Iterable[str]:
    for column, value in expected.items():
        if column not in actual:
            yield f"no column {column}"
        elif not _equal(value, actual[column]):
            yield f"{column} expected {value!r}, got {actual[column]!r}"


def _equal(expected: Any, actual: Any) -> bool:
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if not (isinstance(expected, int | float) and isinstance(actual, int | float)):
        return bool(expected == actual)
    if isinstance(expected, int) and isinstance(actual, int):
        return expected == actual
    return math.isclose(expected, actual, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
