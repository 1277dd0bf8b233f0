"""The engine itself: a session, made when it is first needed, and what it keeps at hand."""

from __future__ import annotations

import contextlib
from threading import RLock
from typing import TYPE_CHECKING

import pyspark

from learnfold.engines.spark.errors import translated
from learnfold.engines.spark.fold import Fold
from learnfold.engines.spark.footers import Footers, Prober
from learnfold.engines.spark.refresh import Shelf, ask, merge
from learnfold.engines.spark.s3a import place
from learnfold.engines.spark.session import Held, hold
from learnfold.engines.spark.writing import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from learnfold.catalog import Rollup
    from learnfold.engines import Asked, AskRequest, Folded, FoldRequest, Part, Source
    from learnfold.settings import Settings
    from learnfold.storage import Storage


class SparkEngine:
    """SQL on a cluster, or on all cores of this machine; what it reads and writes never passes through this process."""

    name = "spark"
    version = pyspark.__version__
    fold_rows: int | None = None
    jobs_at_once = 2
    asks_at_once = 4  # most views are small: a cluster has room for several
    merges_dates = False  # it reads a year of days side by side, and every block would be a job of its own

    def __init__(self, settings: Settings, master: Storage, out: Storage) -> None:
        self.settings, self.master, self.out = settings, master, out
        self._mutex = RLock()
        self._held: Held | None = None
        self._footers = Footers()
        self._shelf: Shelf | None = None
        self._askers = 0

    def _session(self) -> Held:
        """The session, made when it is first needed."""
        with self._mutex:
            if self._held is None:
                self._held = hold(self.settings, [self.master.url, self.out.url])
            return self._held

    def _writer(self) -> Writer:
        return Writer(self._session(), self.out)

    def rows(self, files: Sequence[str]) -> tuple[dict[str, int], dict[str, str]]:
        """The rows of each file by its footer, and the files that can't be read."""
        with translated():
            footers = self._probed(files)
        where = {file: place(self.master.url, file) for file in files}
        return (
            {file: footers.found[at].rows for file, at in where.items() if at in footers.found},
            {file: footers.unreadable[at] for file, at in where.items() if at in footers.unreadable},
        )

    def _probed(self, files: Sequence[str]) -> Footers:
        """The footers of these files, which are read once: a file that changes is another run's."""
        wanted = [place(self.master.url, file) for file in files]
        new = Prober(self._session()).footers([at for at in wanted if at not in self._footers.found])
        with self._mutex:
            self._footers.found |= new.found
            return Footers({at: self._footers.found[at] for at in wanted if at in self._footers.found}, new.unreadable)

    def fold(self, request: FoldRequest) -> Folded:
        """Reads the events of some files once, and writes files of each rollup."""
        with translated():
            footers = self._probed(request.files)
            fold = Fold(self._session().sibling(), request, footers, self.master, self.settings)
            try:
                return fold.run(self._writer())
            finally:
                fold.close()

    def merge(
        self, rollup: Rollup, sources: tuple[Source, ...], path: str, *, dateless: bool = False, by_key: bool = False
    ) -> Part:
        """One file of the rows of several; ``dateless``: merged over their dates."""
        with translated():
            return merge(self._session().spark, rollup, sources, path, self._writer(), dateless=dateless, by_key=by_key)

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        """Keeps the rollups that are read in the executors' memory, as far as it goes, then on their disks."""
        with self._mutex, translated():
            self._askers += 1
            self._shelf = self._shelf or Shelf(self._session().spark, self.out)
        try:
            yield
        finally:
            with self._mutex:
                self._askers -= 1
                if not self._askers and self._shelf:
                    self._shelf.clear()
                    self._shelf = None

    def ask(self, request: AskRequest) -> Asked:
        """Writes one view."""
        shelf = self._shelf
        if shelf is None:
            with self.asking():
                return self.ask(request)
        with translated():
            return ask(self._session().spark, request, shelf, self._writer())

    def close(self) -> None:
        """Stops Spark, if it was started for this engine."""
        with self._mutex:
            if self._held is not None:
                self._held.close()
                self._held = None
