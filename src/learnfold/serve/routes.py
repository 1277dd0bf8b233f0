"""Every address of the API, and the function that answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.serve.about import About
from learnfold.serve.asking import Asking

if TYPE_CHECKING:
    from starlette.routing import Route

    from learnfold.serve.api import Api


def routes(api: Api) -> list[Route]:
    """All of them."""
    return [*About(api).routes(), *Asking(api).routes()]
