"""The ways of signing in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnfold.serve.callers import ANYONE, Caller
from learnfold.serve.problems import Problem
from learnfold.serve.sessions import COOKIES, Sessions
from learnfold.serve.tokens import PREFIX, Tokens

if TYPE_CHECKING:
    from starlette.requests import Request

    from learnfold.serve.code_flow import CodeFlow
    from learnfold.serve.launch import Launches
    from learnfold.serve.oidc import Oidc
    from learnfold.serve.proxy import Proxy


@dataclass(frozen=True)
class SignIn:
    """The ways that a server was started with."""

    open: bool = False
    tokens: Tokens | None = None
    oidc: Oidc | None = None
    proxy: Proxy | None = None
    flow: CodeFlow | None = None  # signing in at a provider with a browser
    launches: Launches | None = None  # opened from a learning platform
    sessions: Sessions | None = None  # None: browsers have none, since nobody could sign in with one

    async def caller(self, request: Request) -> Caller:
        """Who asks; raises Problem where that can't be told. What is said wrongly is refused, whatever else is said."""
        if self.open:
            return ANYONE
        given = request.headers.getlist("authorization")
        if not given:
            found = self._in_session(request)
            if found is None and self.proxy and request.client:
                found = self.proxy.caller(request.client.host, request.headers)
            if found is None:
                raise unauthenticated("who asks isn't said")
            return found
        scheme, _, credentials = given[0].partition(" ")
        if len(given) > 1 or scheme.lower() != "bearer":
            raise unauthenticated("Authorization isn't a bearer token")
        credentials = credentials.strip()
        if self.oidc is not None and not credentials.startswith(PREFIX):
            return await asyncio.to_thread(self.oidc.caller, credentials)
        found = self.tokens.caller(credentials) if self.tokens else None
        if found is None:
            raise unauthenticated("the token is unknown, was taken back or has expired")
        return found

    def _in_session(self, request: Request) -> Caller | None:
        if self.sessions is None:
            return None
        found = (self.sessions.caller(request.cookies.get(cookie, "")) for cookie in COOKIES)
        return next((caller for caller in found if caller is not None), None)


def unauthenticated(detail: str) -> Problem:
    """401, and how to sign in."""
    hint = "send 'Authorization: Bearer TOKEN'; 'learnfold serve token' makes one"
    return Problem("unauthenticated", detail, hint, {"WWW-Authenticate": 'Bearer realm="learnfold"'})
