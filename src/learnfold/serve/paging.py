"""Pages by key: a cursor says after which row the next page begins, so that pages put together are the whole, each row once.

A cursor belongs to one batch and one question. It holds values of rows that its reader was shown, and opens nothing: what a
reader may see is asked again for every page.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from learnfold.serve.problems import Problem
from learnfold.serve.values import read_value, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learnfold.serve.question import Question

_LONGEST = 8192


def cursor(question: Question, batch: str, row: Sequence[Any]) -> str:
    """The cursor behind ``row``, which holds the values of ``question.ordered``."""
    payload = json.dumps([batch, question.digest, [shown(value) for value in row]], separators=(",", ":"))
    return base64.urlsafe_b64encode(payload.encode()).decode().rstrip("=")


def read_cursor(question: Question) -> tuple[str, list[Any]]:
    """The batch and the values that ``question.after`` names; raises Problem where it is no cursor of this question."""
    try:
        return _read(question, question.after or "")
    except (ValueError, TypeError, Problem, RecursionError) as error:
        hint = "take it from the page before, with all else as it was there"
        raise Problem("bad_cursor", "after is no cursor of this question", hint) from error


def _read(question: Question, text: str) -> tuple[str, list[Any]]:
    columns = {column.name: column for column in question.view.columns}
    if len(text) > _LONGEST:
        raise ValueError(text)
    batch, digest, row = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True))
    if not isinstance(batch, str) or digest != question.digest or len(row) != len(question.ordered):
        raise ValueError(text)
    if not all(value is None or isinstance(value, str | int | float) for value in row):
        raise ValueError(text)
    values = [
        None if value is None else read_value(columns[name], value if isinstance(value, str) else repr(value))
        for (name, _), value in zip(question.ordered, row, strict=True)
    ]
    return batch, values


def order_sql(question: Question) -> str:
    """ORDER BY: rows without a value come before the least."""
    return ", ".join(
        f"{name} DESC NULLS LAST" if largest_first else f"{name} NULLS FIRST"
        for name, largest_first in question.ordered
    )


def behind_sql(question: Question, row: Sequence[Any]) -> tuple[str, list[Any]]:
    """The condition of rows that come after ``row`` in the question's order, and its parameters."""
    choices: list[str] = []
    parameters: list[Any] = []
    same: list[str] = []
    given: list[Any] = []
    for (name, largest_first), value in zip(question.ordered, row, strict=True):
        later, values = _later(name, value, largest_first=largest_first)
        if later:
            choices.append(" AND ".join([*same, later]))
            parameters += [*given, *values]
        same.append(f"{name} IS NULL" if value is None else f"{name} = ?")
        given += [] if value is None else [value]
    if not choices:
        return "false", []
    (first, largest_first), value = question.ordered[0], row[0]
    bound = "" if value is None or largest_first else f"{first} >= ? AND "  # so that most of the table isn't read
    return f"{bound}(({') OR ('.join(choices)}))", [*([value] if bound else []), *parameters]


def _later(name: str, value: Any, *, largest_first: bool) -> tuple[str, list[Any]]:
    """Which values of one column come after ``value``; empty: none."""
    if value is None:
        return ("", []) if largest_first else (f"{name} IS NOT NULL", [])
    return (f"({name} < ? OR {name} IS NULL)" if largest_first else f"{name} > ?"), [value]
