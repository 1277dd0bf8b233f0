"""Rows for a page: through the serving layer's rules and forms, all of one batch, and of one moment of what came since."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from learnfold.serve.answer import page
from learnfold.serve.problems import Problem
from learnfold.serve.question import Filter, Question

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from learnfold.catalog import View
    from learnfold.serve.access import Access, Grant
    from learnfold.serve.answer import Page
    from learnfold.serve.bases import Base
    from learnfold.serve.callers import Caller
    from learnfold.serve.database import Database
    from learnfold.serve.live import LiveBase
    from learnfold.serve.rows import Rows

Row = dict[str, Any]

MOST = 10_000
"""Rows that a page works on at once; lists that can be longer are asked for a page at a time."""


class UnforeseenError(Exception):
    """A page asks a view that wasn't read of its moment: the page is made again, with this view too."""

    def __init__(self, view: str) -> None:
        super().__init__(view)
        self.view = view


@dataclass
class Ask:
    """What one request may ask, and what it asked."""

    access: Access
    database: Database
    base: Base
    caller: Caller
    role: str | None = None  # to ask as; None: the first rule that fits
    older: bool = False  # whether an older batch was named
    both: LiveBase | None = None  # the batch with what came since, of the views that can be live
    foreseen: frozenset[str] | None = None  # the views that may be asked of that moment; None: any, of the batch alone
    asked: dict[str, Grant] = field(default_factory=dict)  # by view, for the audit log
    _answers: dict[str, list[Row] | None] = field(default_factory=dict)  # of the same questions, asked again

    def view(self, name: str) -> tuple[View, Grant] | None:
        """The view and what may be seen of it; None where it isn't in the catalogue or the batch, or isn't for who asks."""
        view = self.access.catalog.views.get(name)
        if view is None or name not in self.base.manifest.views:
            return None
        grant = self.access.grant(self.caller, view, self.role)
        if grant is None or (self.older and not grant.older_batches):
            return None
        if self.foreseen is not None and name not in self.foreseen:
            raise UnforeseenError(name)
        try:
            self.base.table(view, grant.form)
        except Problem as problem:
            if problem.code != "outdated":
                raise
            return None
        self.asked[name] = grant
        return view, grant

    def of(self, view: View) -> Rows:
        """What the view's rows are read from: the batch with what came since, or the batch alone."""
        return self.both if self.both is not None and view.name in self.both.selects else self.base

    @property
    def live(self) -> list[str]:
        """The views that were asked, and count what came since the batch."""
        return [] if self.both is None else [name for name in self.asked if name in self.both.selects]

    def rows(
        self, name: str, where: Mapping[str, Any] | None = None, order: Sequence[str] = (), limit: int = MOST
    ) -> list[Row] | None:
        """The rows with these values, in order; None where the view isn't there for who asks.

        A value may be a list, for any of it, or a pair such as ``("ge", value)``. Numbers of a withheld row are None.
        """
        question = repr((name, where, order, limit))
        if question not in self._answers:
            self._answers[question] = self._rows(name, where, order, limit)
        return self._answers[question]

    def _rows(self, name: str, where: Mapping[str, Any] | None, order: Sequence[str], limit: int) -> list[Row] | None:
        found = self.view(name)
        if found is None:
            return None
        view, grant = found
        filters = tuple(_filter(column, value) for column, value in (where or {}).items())
        question = Question(view, filters, order=tuple(order), limit=limit)
        return records(page(question, self.of(view), self.database, grant))

    def first(self, name: str, where: Mapping[str, Any]) -> Row | None:
        """The only row with these values; None where there is none."""
        rows = self.rows(name, where, limit=1)
        return rows[0] if rows else None

    def values(self, name: str, column: str) -> tuple[Any, ...] | None:
        """The values of a column that who asks is confined to; None: to none, or the view isn't there."""
        found = self.view(name)
        if found is None:
            return None
        return next((one.values for one in found[1].rows if one.column == column), None)

    @property
    def least_people(self) -> int:
        """The least group that is told, of what was asked; 0: any."""
        return max((grant.form.least_people for grant in self.asked.values()), default=0)

    @property
    def pseudonyms(self) -> bool:
        """Whether people have pseudonyms in something that was asked."""
        return any(grant.form.pseudonym_key is not None for grant in self.asked.values())


def records(found: Page) -> list[Row]:
    """A page's rows by column."""
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def _filter(column: str, value: Any) -> Filter:
    if isinstance(value, tuple):
        return Filter(column, value[0], (value[1],))
    if isinstance(value, list):
        return Filter(column, "in", tuple(value))
    return Filter(column, "is_null", (True,)) if value is None else Filter(column, "eq", (value,))
