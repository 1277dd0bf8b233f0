"""Two engines as one: what is bounded is DuckDB's in this process, what isn't is Spark's.

A day's events and the views' questions to merged rollups are small even where all events together aren't, and a cluster takes longer
to begin than DuckDB to end. How much a piece of work reads is known from the manifest and the footers before it is begun. Spark
isn't started while nothing is beyond the bounds.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from threading import RLock
from typing import TYPE_CHECKING

from learnfold.engines import size_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from learnfold.catalog import Rollup, Topic
    from learnfold.catalog.plans import State, TupleSet
    from learnfold.engines import Engine, Folded, FoldRequest, OutputFile, Refreshed, RefreshRequest, RollupRows, Size
    from learnfold.settings import Settings


class TwoEngines:
    """``near`` for work within the bounds of the settings, ``far`` for the rest."""

    def __init__(self, settings: Settings, near: Engine, far: Engine) -> None:
        self.name, self.near, self.far = settings.engine, near, far
        self._events, self._rows, self._bytes = settings.driver_events, settings.driver_rows, settings.driver_bytes
        self.max_concurrent_jobs = max(near.max_concurrent_jobs, far.max_concurrent_jobs)
        self.max_concurrent_views = near.max_concurrent_views
        self._mutex = RLock()
        self._readers = 0
        self._far_cache = contextlib.ExitStack()
        self._far_caches = False
        self._worked: Counter[str] = Counter()

    @property
    def versions(self) -> dict[str, str]:
        """Those of both, as far as they have worked; of the near one where none has."""
        worked = [engine for engine in (self.near, self.far) if self._worked[engine.name]]
        return {name: version for engine in worked or [self.near] for name, version in engine.versions.items()}

    def _engine(self, size: Size, rows: int) -> Engine:
        """Whose a piece of work is that reads so much, where DuckDB may have ``rows`` of it."""
        engine = self.near if size.rows <= rows and size.bytes <= self._bytes and rows else self.far
        with self._mutex:
            self._worked[engine.name] += 1
        return engine

    def fold_limit(self, size: Size) -> int | None:
        """As the engine has it that would fold all of it."""
        near = size.rows <= self._events and size.bytes <= self._bytes
        return (self.near if near else self.far).fold_limit(size)

    def merges_all_time(self, size: Size) -> bool:
        """Within the bounds: views that read what was merged stay within them longest."""
        return size.rows <= self._rows and size.bytes <= self._bytes and self.near.merges_all_time(size)

    def rows(self, files: Sequence[str]) -> tuple[dict[str, int], dict[str, str]]:
        """The rows of each file by its footer, and the files that can't be read; a footer at a time is no work for a cluster."""
        return self.near.rows(files)

    def fold(self, request: FoldRequest) -> Folded:
        """By the engine whose work it is."""
        return self._engine(request.size, self._events).fold(request)

    def days_retracted(
        self, topic: Topic, files: Sequence[str], retractions: Sequence[str], size: Size
    ) -> set[date] | None:
        """By the engine whose work it is."""
        return self._engine(size, self._events).days_retracted(topic, files, retractions, size)

    def merge(
        self,
        rollup: Rollup,
        sources: tuple[RollupRows, ...],
        path: str,
        *,
        all_time: bool = False,
        by_key: bool = False,
    ) -> OutputFile:
        """By the engine whose work it is."""
        engine = self._engine(size_of(sources), self._rows)
        return engine.merge(rollup, sources, path, all_time=all_time, by_key=by_key)

    @contextlib.contextmanager
    def caching(self) -> Iterator[None]:
        """What each engine reads is cached by it; Spark begins with its first view."""
        with self._mutex:
            self._readers += 1
        try:
            with self.near.caching():
                yield
        finally:
            with self._mutex:
                self._readers -= 1
                if not self._readers:
                    self._far_cache.close()
                    self._far_caches = False

    def refresh(self, request: RefreshRequest) -> Refreshed:
        """By the engine whose work it is."""
        engine = self._engine(request.size, self._rows)
        if engine is self.far:
            with self._mutex:
                if self._readers and not self._far_caches:
                    self._far_cache.enter_context(self.far.caching())
                    self._far_caches = True
        return engine.refresh(request)

    def keep(self, request: RefreshRequest, what: State | TupleSet) -> OutputFile | None:
        """By the near engine: what answers in milliseconds fits one machine."""
        return self.near.keep(request, what)

    def close(self) -> None:
        """Closes both."""
        try:
            self.near.close()
        finally:
            self.far.close()
