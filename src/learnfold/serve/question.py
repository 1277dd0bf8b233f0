"""What is asked of a view: which columns of which rows, in what order, and how many of them."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from learnfold.serve.problems import Problem
from learnfold.serve.values import read_value, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from learnfold.catalog import Column, View

OPERATORS = {
    "eq": "= ?",
    "ne": "IS DISTINCT FROM ?",
    "ge": ">= ?",
    "le": "<= ?",
    "in": "IN",
    "is_null": "IS NULL",
}
"""What a filter can ask of a column, in SQL. ``ne`` holds for rows without a value too."""

PARAMETERS = ("select", "order", "limit", "after", "count", "batch", "format", "as", "live", "at_least", "wait")
"""Parameters that are no filters; no view has a column that is called so."""

MOST_ROWS = 10_000
DEFAULT_ROWS = 100
MOST_FILTERS = 50
MOST_VALUES = 1_000


@dataclass(frozen=True)
class Filter:
    """A condition on one column."""

    column: str
    operator: str
    values: tuple[Any, ...]  # one; of ``in`` any number; of ``is_null`` whether it is to be

    def sql(self) -> tuple[str, list[Any]]:
        """The condition and its parameters."""
        if self.operator == "is_null":
            return f"{self.column} IS {'' if self.values[0] else 'NOT '}NULL", []
        if self.operator == "in":
            marks = ", ".join("?" for _ in self.values)
            return (f"{self.column} IN ({marks})" if marks else "false"), list(self.values)
        return f"{self.column} {OPERATORS[self.operator]}", list(self.values)


@dataclass(frozen=True)
class Question:
    """One question of one view."""

    view: View
    filters: tuple[Filter, ...] = ()
    select: tuple[str, ...] = ()  # empty: all columns
    order: tuple[str, ...] = ()  # ``-column``: largest first; the view's key follows
    limit: int = DEFAULT_ROWS
    after: str | None = None  # a cursor
    count: bool = False  # whether all rows are to be counted
    batch: str | None = None  # None: the published one
    role: str | None = None  # to ask as; None: the first that fits
    live: bool = True  # whether what came since the batch counts, where it is there
    at_least: tuple[str, int, int] | None = None  # a message that must be in: topic, partition, offset
    wait_seconds: float = 0.0  # for it

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns to show."""
        return self.select or tuple(column.name for column in self.view.columns)

    @property
    def ordered(self) -> tuple[tuple[str, bool], ...]:
        """By which columns rows are ordered, and whether the largest is first; no two rows are equal in all of them."""
        said = {term.lstrip("-"): term.startswith("-") for term in self.order}
        return tuple((said | {name: said.get(name, False) for name in self.view.key}).items())

    @property
    def digest(self) -> str:
        """What stands for the rows and their order: a cursor of one question is none of another."""
        asked = [
            self.view.name,
            [(f.column, f.operator, [shown(value) for value in f.values]) for f in self.filters],
            self.order,
            self.role,
        ]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]


@dataclass
class _Reader:
    view: View
    columns: dict[str, Column]
    filters: list[Filter] = field(default_factory=list)
    values: int = 0

    def filter(self, name: str, operator: str, texts: Sequence[str]) -> None:
        column = self.columns.get(name)
        if column is None or operator not in OPERATORS:
            raise self.unknown(name if column is None else f"{name}.{operator}")
        if operator != "in" and len(texts) != 1:
            raise Problem("bad_request", f"{name}.{operator} is given {len(texts)} times", f"use {name}.in for several")
        self.values += len(texts)
        if len(self.filters) >= MOST_FILTERS or self.values > MOST_VALUES:
            raise Problem("too_large", f"more than {MOST_FILTERS} filters or {MOST_VALUES} values", "ask in parts")
        if operator == "is_null":
            self.filters.append(Filter(name, operator, (read_flag(f"{name}.is_null", texts[0]),)))
        else:
            self.filters.append(Filter(name, operator, tuple(read_value(column, text) for text in texts)))

    def named(self, what: str, text: str, *, signed: bool = False) -> tuple[str, ...]:
        names = tuple(part for part in text.split(",") if part)
        bare = [name.removeprefix("-") if signed else name for name in names]
        for name in bare:
            if name not in self.columns:
                raise Problem(
                    "unknown_parameter", f"{what}: {self.view.name} has no column {name[:60]}", self.likely(name)
                )
        if len(set(bare)) != len(bare):
            raise Problem("bad_request", f"{what} names a column twice")
        return names

    def unknown(self, name: str) -> Problem:
        return Problem(
            "unknown_parameter", f"{name[:60]} is no column of {self.view.name} and no parameter", self.likely(name)
        )

    def likely(self, name: str) -> str:
        near = difflib.get_close_matches(name[:60], [*self.columns, *PARAMETERS], n=3)
        return f"did you mean {' or '.join(near)}?" if near else f"the columns are {', '.join(self.columns)}"


def read_question(view: View, parameters: Iterable[tuple[str, str]]) -> Question:
    """The question that an address's parameters ask of the view; raises Problem naming what can't be read."""
    reader = _Reader(view, {column.name: column for column in view.columns})
    said: dict[str, str] = {}
    asked: dict[tuple[str, str], list[str]] = {}
    for name, text in parameters:
        if name in PARAMETERS:
            if name in said:
                raise Problem("bad_request", f"{name} is given twice")
            said[name] = text
        else:
            column, _, operator = name.partition(".")
            asked.setdefault((column, operator or "eq"), []).append(text)
    for (column, operator), texts in asked.items():
        reader.filter(column, operator, texts)
    return _question(reader, said)


def read_json_question(view: View, body: Mapping[str, Any]) -> Question:
    """The question that a JSON object asks: ``where``, and the parameters by their names."""
    reader = _Reader(view, {column.name: column for column in view.columns})
    said: dict[str, str] = {}
    for name, value in body.items():
        if name in {"select", "order"} and isinstance(value, list) and all(isinstance(one, str) for one in value):
            said[name] = ",".join(value)
        elif name in {"limit", "count", "after", "as"} and isinstance(value, str | int):
            said[name] = _text(value)
        elif name not in {"view", "where"}:
            raise Problem(
                "unknown_parameter",
                f"{name[:60]} can't be asked so",
                "view, where, select, order, limit, after, count, as",
            )
    where = body.get("where", {})
    if not isinstance(where, dict):
        raise Problem("bad_request", "where isn't an object of columns")
    for column, condition in where.items():
        conditions = condition if isinstance(condition, dict) else {"eq": condition}
        for operator, value in conditions.items():
            if value is None and operator == "eq":
                operator, value = "is_null", True  # noqa: PLW2901 - the same question
            values = value if operator == "in" and isinstance(value, list) else [value]
            if not values or any(not isinstance(one, str | int | float) for one in values):
                raise Problem("bad_value", f"{column[:60]}.{operator[:20]} needs a text or number", "in takes a list")
            reader.filter(column, operator, [_text(one) for one in values])
    return _question(reader, said)


def read_flag(name: str, text: str) -> bool:
    """``true`` or ``false``."""
    if text not in {"true", "false"}:
        raise Problem("bad_value", f"{name} is {text[:60]!r}", "it can be true or false")
    return text == "true"


_MESSAGE = re.compile(r"([\w.-]{1,249}):(\d{1,6}):(\d{1,18})", re.ASCII)
_WAIT = re.compile(r"(\d{1,5})(ms|s)", re.ASCII)
MOST_WAIT_SECONDS = 10.0


def _at_least(text: str | None) -> tuple[str, int, int] | None:
    if not text:
        return None
    found = _MESSAGE.fullmatch(text)
    if found is None:
        raise Problem("bad_value", f"at_least is {text[:60]!r}", "it is topic:partition:offset")
    return found[1], int(found[2]), int(found[3])


def _wait_seconds(text: str) -> float:
    found = _WAIT.fullmatch(text)
    seconds = int(found[1]) / (1000 if found[2] == "ms" else 1) if found else -1.0
    if not 0 <= seconds <= MOST_WAIT_SECONDS:
        raise Problem("bad_value", f"wait is {text[:60]!r}", f"it is 500ms or 2s, at most {MOST_WAIT_SECONDS:g}s")
    return seconds


def _live(text: str) -> bool:
    if text not in {"on", "off"}:
        raise Problem("bad_value", f"live is {text[:60]!r}", "it can be on or off")
    return text == "on"


def _question(reader: _Reader, said: Mapping[str, str]) -> Question:
    limit = said.get("limit", str(DEFAULT_ROWS))
    if not (limit.isascii() and limit.isdigit() and len(limit) < 10 and 1 <= int(limit) <= MOST_ROWS):  # noqa: PLR2004
        raise Problem("bad_value", f"limit is {limit[:60]!r}", f"it can be 1 to {MOST_ROWS}; /export gives all rows")
    return Question(
        reader.view,
        tuple(sorted(reader.filters, key=lambda one: (one.column, one.operator))),
        reader.named("select", said.get("select", "")),
        reader.named("order", said.get("order", ""), signed=True),
        int(limit),
        said.get("after") or None,
        read_flag("count", said.get("count", "false")),
        said.get("batch") or None,
        said.get("as") or None,
        _live(said.get("live", "on")),
        _at_least(said.get("at_least")),
        _wait_seconds(said.get("wait", "0s")),
    )


def _text(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)
