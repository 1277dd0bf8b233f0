"""Where answers read rows: a batch, or a batch with what came since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from learnfold.serve.forms import PLAIN

if TYPE_CHECKING:
    from learnfold.batch.manifest import Manifest
    from learnfold.catalog import View
    from learnfold.serve.forms import Form


class Rows(Protocol):
    """Where answers read rows: a batch, with or without what came since."""

    @property
    def batch(self) -> str:
        """The batch's name."""
        ...

    @property
    def manifest(self) -> Manifest:
        """The batch's manifest."""
        ...

    def table(self, view: View, form: Form = PLAIN) -> str:
        """The relation of the view's rows in that form, in SQL."""
        ...
