"""The live state as a process reads it that doesn't write it: always the pair that ``current.json`` names, a question of one tick.

What serving asks for (``serve.live.Following``): the same batch until the speed layer has changed to another. A repair exchanges
the live store of a batch; then all of its rows are read again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnfold.errors import DataError, LearnfoldError, StorageError
from learnfold.speed.base import made_of, read_about
from learnfold.speed.live import Live
from learnfold.speed.place import Place
from learnfold.speed.tables import LiveTables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import duckdb

    from learnfold.catalog import View
    from learnfold.settings import Settings
    from learnfold.speed.child import Child
    from learnfold.speed.live import Progress
    from learnfold.speed.place import Current
    from learnfold.speed.row import Layout

_TRIES = 5


class FolderTables(LiveTables):
    """The states of one batch and of what came since, wherever in the folder the latter is now."""

    def __init__(self, name: str, of: FolderBatch, current: Current) -> None:
        self._place, self._current = of.place, current
        live = Live(of.place.folder / current.live, readonly=True)
        super().__init__(name, of.place.folder / current.base, live, of.layout, of.settings)

    def refresh(self, cursor: duckdb.DuckDBPyConnection, views: Iterable[View]) -> Progress:
        """Brings the live states of these views to one tick, in the cursor's transaction; how far that is."""
        now = self._place.current()
        if now is not None and _of_one_base(now, self._current) and now.live != self._current.live:
            live, before = Live(self._place.folder / now.live, readonly=True), self._live
            self._live, self._current = live, now
            self.forget()
            before.close()
        return super().refresh(cursor, views)

    def close(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Lets go of all tables, and of the store."""
        super().close(cursor)
        self._live.close()


@dataclass(frozen=True)
class FolderBatch:
    """What came since one batch."""

    place: Place
    current: Current
    layout: Layout
    settings: Settings
    without: Mapping[str, str]  # views that the batch answers for alone, and why

    @property
    def batch(self) -> str:
        """The batch that it is added to."""
        return self.current.batch

    def tables(self, name: str) -> FolderTables:
        """Its tables for one database, all of whose names begin so."""
        for _ in range(_TRIES):  # a store may be exchanged between two looks
            current = self.place.current() or self.current
            if not _of_one_base(current, self.current):
                current = self.current
            try:
                return FolderTables(name, self, current)
            except LearnfoldError as error:
                why = error
        raise why


class FolderFollowing:
    """The live state of a folder, as whoever writes it leaves it."""

    def __init__(self, folder: str, layout: Layout, settings: Settings, child: Child | None = None) -> None:
        """``child``: the process that writes it, which is ended with this."""
        self._place, self._layout, self._settings, self._child = Place(folder), layout, settings, child
        self._batch: FolderBatch | None = None
        self._made_of = {made_of(layout, settings, files=files) for files in (False, True)}

    def now(self) -> FolderBatch | None:
        """What readers should answer from now; None: nothing is there yet.

        Raises StorageError where it can't be read, DataError where another learnfold made it, or for other zones.
        """
        current = self._place.current()
        if current is None:
            return None
        if current.digest not in self._made_of:
            raise DataError(
                f"the live state in {self._place.folder} was made by another learnfold, or for other zones; "
                "start 'learnfold speed' and 'learnfold serve' with the same"
            )
        if self._batch is None or not _of_one_base(self._batch.current, current):
            try:
                about = read_about(self._place.folder / current.base)
            except (OSError, ValueError, TypeError) as error:
                raise StorageError(f"the live state in {self._place.folder} can't be read: {error}") from error
            if (about.batch, about.digest) != (current.batch, current.digest):
                raise DataError(f"the live state in {self._place.folder} is of several batches")
            self._batch = FolderBatch(self._place, current, self._layout, self._settings, about.without)
        return self._batch

    def close(self) -> None:
        """Ends the process that follows, if it is this one's."""
        if self._child is not None:
            self._child.stop()


def _of_one_base(one: Current, other: Current) -> bool:
    """Whether two pairs stand on the same states: a base is made again in place where the definitions are others."""
    return (one.base, one.digest) == (other.base, other.digest)
