"""The ways of signing in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnfold.serve.callers import ANYONE, Caller
from learnfold.serve.problems import Problem

if TYPE_CHECKING:
    from learnfold.serve.tokens import Tokens


@dataclass(frozen=True)
class SignIn:
    """The ways of signing in that a server was started with."""

    open: bool = False
    tokens: Tokens | None = None

    def caller(self, authorization: str | None) -> Caller:
        """Who asks; raises Problem where that can't be told."""
        if self.open:
            return ANYONE
        scheme, _, credentials = (authorization or "").partition(" ")
        if authorization is not None and scheme.lower() != "bearer":
            raise unauthenticated("Authorization isn't a bearer token")
        if authorization is None:
            raise unauthenticated("who asks isn't said")
        found = self.tokens.caller(credentials.strip()) if self.tokens else None
        if found is None:
            raise unauthenticated("the token is unknown, was taken back or has expired")
        return found


def unauthenticated(detail: str) -> Problem:
    """401, and how to sign in."""
    hint = "send 'Authorization: Bearer TOKEN'; 'learnfold serve token' makes one"
    return Problem("unauthenticated", detail, hint, {"WWW-Authenticate": 'Bearer realm="learnfold"'})
