"""What the routes need, and who asks them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request

    from learnfold.catalog import View
    from learnfold.serve.access import Access, Grant
    from learnfold.serve.bases import Bases
    from learnfold.serve.callers import Caller
    from learnfold.serve.database import Database
    from learnfold.serve.events import Listeners
    from learnfold.serve.sign_in import SignIn
    from learnfold.serve.workers import Workers


@dataclass(frozen=True)
class Api:
    """What the routes need."""

    bases: Bases
    database: Database
    access: Access
    sign_in: SignIn
    small: Workers
    whole: Workers
    listeners: Listeners

    async def caller(self, request: Request, route: str) -> Caller:
        """Who asks; said to the audit log too. Raises Problem where nobody may be let in."""
        request.state.route = route
        caller = await self.sign_in.caller(request)
        request.state.caller, request.state.frames = caller.label, caller.frames
        return caller

    def visible(self, caller: Caller, role: str | None) -> list[tuple[View, Grant]]:
        """The views that the caller may see something of, as ``role`` if one is named."""
        granted = [(view, self.access.grant(caller, view, role)) for view in self.access.catalog.views.values()]
        return [(view, grant) for view, grant in granted if grant is not None]
