"""What who asks may see of a view: all that isn't granted is denied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnfold.serve.forms import PLAIN, Form
from learnfold.serve.problems import Problem
from learnfold.serve.question import Filter
from learnfold.serve.values import read_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from learnfold.catalog import Catalog, View
    from learnfold.serve.callers import Caller
    from learnfold.serve.rules import Rule


@dataclass(frozen=True)
class Grant:
    """What may be seen of one view."""

    rows: tuple[Filter, ...] = ()  # true of every row that may be seen
    form: Form = PLAIN
    older_batches: bool = True
    role: str | None = None  # by which it is granted

    @property
    def digest(self) -> str:
        """What stands for it: two who may see the same get the same answer."""
        rows = [(one.column, one.operator, one.values) for one in self.rows]
        return repr([rows, self.form.pseudonym_key is not None, self.form.least_people])


@dataclass(frozen=True)
class Access:
    """Who may see what."""

    catalog: Catalog
    rules: tuple[Rule, ...] = ()
    operators: frozenset[str] = frozenset()  # the roles that may see how the platform runs

    def operates(self, caller: Caller) -> bool:
        """Whether the caller may see what was run, what came and what was left out: counts of all topics, and no rows."""
        if caller.within:
            return False
        return caller.unconfined if not caller.roles else not self.operators.isdisjoint(caller.roles)

    def grant(self, caller: Caller, view: View, role: str | None = None) -> Grant | None:
        """What the caller may see of the view, as ``role`` if one is named, else by the first rule that fits; None: nothing."""
        if not caller.confined_to(view.name) or not caller.within.keys() <= {column.name for column in view.columns}:
            return None
        if not caller.roles:
            return Grant(_rows(caller.within, view)) if role is None else None
        for rule in self.rules:
            if rule.role in caller.roles and role in {None, rule.role} and rule.fits(view):
                return _granted(rule, caller, view)
        return None

    def view(self, caller: Caller, name: str, role: str | None = None) -> tuple[View, Grant]:
        """The view of that name and what may be seen of it; raises Problem where there is none, or nothing."""
        view = self.catalog.views.get(name)
        if view is None:
            raise Problem("not_found", f"there is no view {name[:60]!r}", "/v1/views lists them")
        grant = self.grant(caller, view, role)
        if grant is None:
            raise Problem("forbidden", f"{view.name} isn't for who asks", "/v1/views lists what is")
        return view, grant


def _granted(rule: Rule, caller: Caller, view: View) -> Grant:
    allowed = dict(caller.within)
    if rule.column is not None:
        values = rule.values(caller)
        confined = caller.within.get(rule.column, values)
        allowed[rule.column] = tuple(value for value in values if value in confined)
    return Grant(_rows(allowed, view), rule.form, rule.older_batches, rule.role)


def _rows(allowed: Mapping[str, tuple[str, ...]], view: View) -> tuple[Filter, ...]:
    """True of rows whose columns have one of these values each."""
    found = []
    for column in view.columns:
        if column.name in allowed:
            values = tuple(sorted({read_value(column, text) for text in allowed[column.name]}))
            found.append(Filter(column.name, "in", values))
    return tuple(found)
