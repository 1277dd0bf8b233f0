"""Which batch is answered from: the published one, followed within a second, and a few before it for those who still read them.

A request pins one batch and sees no other. The new batch's tables are made beside the old ones, and both are there until
the last request that pinned the old one has let go.
"""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from learnfold.batch.history import published
from learnfold.batch.manifest import read_current, read_manifest
from learnfold.errors import LearnfoldError, MissingDataError
from learnfold.serve.forms import PLAIN
from learnfold.serve.problems import Problem
from learnfold.storage.out_layout import POINTER, manifest_path
from learnfold.telemetry.endpoint import Numbers
from learnfold.telemetry.metrics import SERVE_FOLLOWED, SERVE_PUBLISHED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from learnfold.batch.manifest import Manifest
    from learnfold.catalog import Catalog, View
    from learnfold.serve.forms import Form
    from learnfold.serve.live import Live
    from learnfold.serve.tables import Tables, Wanted
    from learnfold.storage import Storage

POLL_SECONDS = 0.5
OLDER = 3
"""Batches that stay open beside the published one."""

_LOOKS = 20
"""Polls between two looks at whether older batches are still there."""

BATCH = re.compile(r"\d{8}T\d{6}-[0-9a-f]{8}", re.ASCII)
"""What a batch is called."""


@dataclass
class Base:
    """One batch, open."""

    manifest: Manifest
    tables: Tables
    published: bool = False  # whether it was answered from as the published one
    _taken: dict[tuple[str, Form], tuple[Wanted, str]] = field(default_factory=dict)
    _mutex: threading.Lock = field(default_factory=threading.Lock)
    _making: threading.Lock = field(default_factory=threading.Lock)  # small groups of many views take seconds
    pins: int = 0
    closing: bool = False

    @property
    def batch(self) -> str:
        """Its name."""
        return self.manifest.batch

    def table(self, view: View, form: Form = PLAIN) -> str:
        """The table of the view's rows as of this batch, in that form; raises Problem where there is none."""
        return self._there(view, form) or self._made(view, form)

    def _there(self, view: View, form: Form) -> str | None:
        with self._mutex:
            found = self._taken.get((view.name, form))
            return None if found is None else found[1]

    def _made(self, view: View, form: Form) -> str:
        """One is made at a time; who reads those that are there doesn't wait for it."""
        with self._making:
            if (there := self._there(view, form)) is not None:
                return there
            if view.name not in self.manifest.views:
                hint = f"'learnfold run {view.job} …' makes it"
                raise Problem("not_found", f"batch {self.batch} has no {view.name}", hint)
            try:
                taken = self.tables.take(view, self.manifest.views, form)
            except MissingDataError as error:
                raise Problem("batch_gone", f"the files of batch {self.batch} were removed") from error
            with self._mutex:
                self._taken[view.name, form] = taken
            return taken[1]

    def close(self) -> None:
        """Gives its tables back."""
        with self._making, self._mutex:
            for wanted, _ in self._taken.values():
                self.tables.give_back(wanted)
            self._taken.clear()


class Bases:
    """The batches of one place."""

    def __init__(
        self, out: Storage, catalog: Catalog, tables: Tables, say: Callable[[str], None], numbers: Numbers | None = None
    ) -> None:
        self.out, self.catalog, self.tables, self.say = out, catalog, tables, say
        self.numbers = numbers or Numbers()
        self.live: Live | None = None
        self._read: tuple[bytes, Manifest | None] = (b"", None)
        self._mutex = threading.Lock()
        self._current: Base | None = None
        self._older: dict[str, Base] = {}  # the newest last
        self._published: tuple[str, set[str]] = ("", set())
        self._pointer: bytes | None = None
        self._trouble = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="learnfold-follow", daemon=True)

    def start(self) -> None:
        """Opens the published batch, if there is one, and follows the pointer from now on."""
        self.look()
        self._thread.start()

    def stop(self) -> None:
        """Ends following, and closes all."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        with self._mutex:
            bases = [*self._older.values(), *([self._current] if self._current else [])]
            self._older.clear()
            self._current = None
        for base in bases:
            base.close()
        if self.live is not None:
            self.live.close()

    @property
    def current(self) -> Base | None:
        """The batch that is answered from now; None before the first."""
        return self._current

    @contextmanager
    def pinned(self, batch: str | None = None, *, older: bool = True) -> Iterator[Base]:
        """One batch, which stays while the block lasts; raises Problem where there is none of that name.

        ``older``: any that is kept may be named; else one that this server answered from as the published one, and still has open.
        """
        base = self._pin(batch, older=older)
        try:
            yield base
        finally:
            self._unpin(base)

    def look(self) -> None:
        """Opens the batch that the pointer names now; what fails is said once, and the batch before stays."""
        try:
            pointer = self.out.read(POINTER)
            manifest = self._new(pointer)
            current = self._current.batch if self._current else None
            waits = self.live is not None and self.live.look(current, manifest)
            if not waits:
                if manifest is not None and manifest.batch != current:
                    self._publish(self._opened(manifest))
                self._pointer = pointer if pointer is not None else self._pointer
            self._trouble = ""
            self.numbers.show(SERVE_FOLLOWED, [SERVE_FOLLOWED.of(time.time())])
        except (LearnfoldError, Problem) as error:
            if str(error) != self._trouble:
                self._trouble = str(error)
                self.say(f"the published batch can't be opened, the one before stays: {error}")

    def _new(self, pointer: bytes | None) -> Manifest | None:
        """The batch that the pointer names, read once; None where it isn't new."""
        if pointer is None or pointer == self._pointer:
            return None
        if self._read[0] != pointer:
            self._read = (pointer, read_current(self.out)[0])
        return self._read[1]

    def _follow(self) -> None:
        polls = 0
        while not self._stopping.wait(POLL_SECONDS):
            self.look()
            polls += 1
            if polls % _LOOKS == 0:
                self.forget_removed()

    def _opened(self, manifest: Manifest) -> Base:
        base = Base(manifest, self.tables)
        views = [view for name, view in self.catalog.views.items() if name in manifest.views]

        def load(view: View) -> None:
            try:
                base.table(view)
            except Problem as problem:
                if problem.code != "outdated":
                    raise
                self.say(str(problem))

        try:
            with ThreadPoolExecutor(2, "learnfold-open") as pool:
                list(pool.map(load, views))
        except BaseException:
            base.close()
            raise
        return base

    def _publish(self, base: Base) -> None:
        with self._mutex:
            before, self._current, base.published = self._current, base, True
            if before is not None:
                self._older[before.batch] = before
            self._older.pop(base.batch, None)
            # who was erased must not be read from a batch before
            kept = 0 if base.manifest.action == "erase" else OLDER
            gone = self._shortened(kept)
        self._close(gone)
        published_at = datetime.fromisoformat(base.manifest.ended_at)
        moment = (published_at if published_at.tzinfo else published_at.replace(tzinfo=UTC)).timestamp()
        self.numbers.show(SERVE_PUBLISHED, [SERVE_PUBLISHED.of(moment)])
        self.say(f"batch {base.batch} is answered from")

    def _shortened(self, kept: int) -> list[Base]:
        """Takes all but the newest from the older batches; those of them that nobody reads any more."""
        names = list(self._older)[: max(len(self._older) - kept, 0)]
        gone = [self._older.pop(name) for name in names]
        for base in gone:
            base.closing = True
        return [base for base in gone if base.pins == 0]

    def forget_removed(self) -> None:
        """Closes older batches that were removed from the storage."""
        try:
            removed = [name for name in list(self._older) if self.out.read(manifest_path(name)) is None]
        except LearnfoldError:
            return
        with self._mutex:
            gone = [self._older.pop(name) for name in removed if name in self._older]
            for base in gone:
                base.closing = True
            idle = [base for base in gone if base.pins == 0]
        self._close(idle)

    def _close(self, bases: list[Base]) -> None:
        for base in bases:
            base.close()

    def _pin(self, batch: str | None, *, older: bool) -> Base:
        with self._mutex:
            current = self._current
            if current is None:
                hint = f"'learnfold run MASTER {self.out.url}' publishes one"
                raise Problem("not_ready", "no batch is open yet", hint)
            base = current if batch in {None, current.batch} else self._older.get(batch or "")
            if base is not None and (older or base.published):
                base.pins += 1
                return base
        if not older:
            raise Problem("batch_gone", "the batch isn't open any more", "begin again with the published one")
        manifest = self._found(batch or "", current)
        with self._mutex:
            base = self._older.setdefault(manifest.batch, Base(manifest, self.tables))
            base.pins += 1
            gone = self._shortened(OLDER)
        self._close(gone)
        return base

    def _found(self, batch: str, current: Base) -> Manifest:
        """The manifest of a batch that was published once and is still there."""
        if self._published[0] != current.batch:
            self._published = (current.batch, {manifest.batch for manifest in published(self.out)})
        manifest = None
        if BATCH.fullmatch(batch) and batch in self._published[1]:
            manifest = read_manifest(self.out, batch)
        if manifest is None:
            hint = "leave batch out to read the published one; a page's cursor is good while its batch is there"
            raise Problem("batch_gone", "there is no such batch, or no more", hint)
        return manifest

    def _unpin(self, base: Base) -> None:
        with self._mutex:
            base.pins -= 1
            close = base.closing and base.pins == 0
        if close:
            base.close()
