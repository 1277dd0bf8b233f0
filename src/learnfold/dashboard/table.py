"""Lists that are sorted by links: the same with and without script."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from learnfold.dashboard.words import NONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

PAGE = 200
"""Rows of a list on one page."""


@dataclass(frozen=True)
class Sort:
    """By which column, and whether the largest is first."""

    key: str
    largest_first: bool

    @property
    def order(self) -> str:
        """The same as a question's ``order``."""
        return f"-{self.key}" if self.largest_first else self.key

    def rows(self, rows: Iterable[Any], value: Callable[[Any, str], Any]) -> list[Any]:
        """The rows in order, as they stood where they are equal; those without a value last."""
        known = list(rows)
        told = [row for row in known if value(row, self.key) is not None]
        untold = [row for row in known if value(row, self.key) is None]
        return sorted(told, key=lambda row: value(row, self.key), reverse=self.largest_first) + untold


@dataclass(frozen=True)
class Head:
    """A column: ``number`` stands right; ``key`` is what its link sorts by (empty: it can't be sorted by)."""

    label: str
    key: str = ""
    number: bool = False
    wide: bool = False
    explain: str = ""  # the address that says where its numbers come from


@dataclass(frozen=True)
class Table:
    """A list: the first cell of a row names it."""

    heads: Sequence[Head]
    rows: Sequence[Sequence[Any]]
    sort: Sort | None = None
    name: str = ""  # for those who can't see where it stands
    more: str | None = None  # the address of the rows that follow
    total: int | None = None
    classes: str = field(default="", kw_only=True)


def linked(address: str, text: object) -> Markup:
    """A link."""
    return Markup('<a href="{}">{}</a>').format(address, NONE if text is None else text)


def dim(text: object) -> Markup:
    """Text that matters less."""
    return Markup('<span class="dim">{}</span>').format(text)
