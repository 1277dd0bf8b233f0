"""The published batches as operators see them; read once for each batch, since what was published never changes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from learnfold.batch.history import published
from learnfold.operate.status import batch_line

if TYPE_CHECKING:
    from learnfold.operate.status import BatchLine
    from learnfold.storage import Storage

RUNS = 20
"""Batches that are shown."""


class History:
    """What the last batches did."""

    def __init__(self, out: Storage) -> None:
        self.out = out
        self._mutex = threading.Lock()
        self._of = ""
        self._lines: list[BatchLine] = []

    def lines(self, current: str) -> list[BatchLine]:
        """The last batches, the newest first, as of the one that is answered from."""
        with self._mutex:
            if self._of != current:
                self._lines = [batch_line(manifest) for manifest in published(self.out, RUNS)]
                self._of = current
            return self._lines
