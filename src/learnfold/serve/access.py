"""What who asks may see of a view: all that isn't granted is denied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnfold.serve.problems import Problem

if TYPE_CHECKING:
    from learnfold.catalog import Catalog, View
    from learnfold.serve.callers import Caller
    from learnfold.serve.question import Filter


@dataclass(frozen=True)
class Grant:
    """What may be seen of one view."""

    rows: tuple[Filter, ...] = ()  # true of every row that may be seen

    @property
    def digest(self) -> str:
        """What stands for it: two who may see the same get the same answer."""
        return repr([(one.column, one.operator, one.values) for one in self.rows])


@dataclass(frozen=True)
class Access:
    """Who may see what."""

    catalog: Catalog

    def grant(self, caller: Caller, view: View, role: str | None = None) -> Grant | None:
        """What the caller may see of the view, as ``role`` if one is named; None: nothing."""
        if not caller.confined_to(view.name) or role is not None or caller.roles:
            return None
        return Grant()

    def view(self, caller: Caller, name: str, role: str | None = None) -> tuple[View, Grant]:
        """The view of that name and what may be seen of it; raises Problem where there is none, or nothing."""
        view = self.catalog.views.get(name)
        if view is None:
            raise Problem("not_found", f"there is no view {name[:60]!r}", "/v1/views lists them")
        grant = self.grant(caller, view, role)
        if grant is None:
            raise Problem("forbidden", f"{view.name} isn't for who asks", "/v1/views lists what is")
        return view, grant
