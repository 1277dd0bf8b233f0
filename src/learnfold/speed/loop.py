"""The speed layer as a process: it follows Kafka over the published batch, changes to the next batch, and repairs, beside going on.

A hand-over and a repair are one thing: a second pair is made beside the one that is answered from, brought at least as far, and put in
its place by one rename. So what is answered never goes back, and no event is in twice or missing.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnfold.batch.manifest import read_current, read_manifest
from learnfold.errors import DataError, LearnfoldError, MissingDataError, UsageError
from learnfold.master.layout import whole_dataset
from learnfold.speed import numbers as shown
from learnfold.speed.files import by_file, by_offset
from learnfold.speed.pair import Context, Pair
from learnfold.speed.place import Place
from learnfold.speed.reports import SpeedReport
from learnfold.speed.row import layout
from learnfold.storage import open_storage, same_place
from learnfold.storage.out_layout import POINTER

if TYPE_CHECKING:
    from learnfold.batch.manifest import Manifest
    from learnfold.catalog import Catalog
    from learnfold.settings import Settings
    from learnfold.speed.place import Current
    from learnfold.storage import Storage
    from learnfold.telemetry.endpoint import Numbers
    from learnfold.telemetry.reporter import Reporter

PACE_SECONDS = 0.04
"""A tick begins so long after the last began: more often would cost more and show nothing sooner."""

_LOOK_SECONDS = 1.0
_REPAIR_SECONDS = 5.0
_AGAIN_SECONDS = 10.0
_LOG_SECONDS = 30.0


@dataclass(frozen=True)
class SpeedRequest:
    """What is to be followed, and how long."""

    output: str
    state: str
    once: bool = False  # up to what is in Kafka now, then stop
    parent: int | None = None  # the process without which this one ends
    parts: str = ""  # where a job on Spark puts parts, which are taken in place of Kafka's messages
    follow: str = ""  # the master dataset, whose new files are taken in place of Kafka's messages


class Speed:
    """The speed layer of one state folder."""

    def __init__(  # noqa: PLR0913 - what a process is given
        self,
        request: SpeedRequest,
        catalog: Catalog,
        settings: Settings,
        reporter: Reporter,
        stop: threading.Event,
        numbers: Numbers,
    ) -> None:
        self.request, self.settings, self.reporter, self.stop, self.numbers = request, settings, reporter, stop, numbers
        place = Place(request.state)
        out = open_storage(request.output, settings)
        parts = open_storage(request.parts, settings) if request.parts else None
        self.context = Context(place, out, catalog, settings, layout(catalog), reporter, parts, bool(request.follow))
        self._pointer: bytes | None = None
        self._looked = self._repaired = self._logged = self._shown = 0.0
        self._next: _Successor | None = None

    def run(self) -> SpeedReport:
        """Follows until it is told to stop, or all that was there is in.

        Raises BusyError where another process has the folder, MissingDataError without a batch, StorageError where Kafka, the output or
        the disk are away at the start.
        """
        began = time.monotonic()
        self.reporter.run_id = str(uuid.uuid4())
        goes_on = self.context.place.claim()
        clean = False
        try:
            pair = self._first(goes_on=goes_on)
            try:
                pair = self._follow(pair)
                report = _report(pair, time.monotonic() - began)
                pair.live.flush()
                clean = True
            finally:
                if self._next is not None:
                    self._next.give_up()
                pair.close()
        finally:
            self.context.place.leave(clean=clean)
        return report

    def _first(self, *, goes_on: bool) -> Pair:
        """The pair to begin with: the one that was answered from last, if it is whole and of this learnfold, else a new one.

        A batch that was published meanwhile is then changed to as always. A new pair is answered from once it has everything that
        Kafka holds now, so that no number falls.
        """
        manifest, current = self._published(), self.context.place.current()
        if current is not None and goes_on:
            pair = self._again(current, manifest)
            if pair is not None:
                return pair
        pair = Pair(self.context, manifest, self._master(manifest))
        if current is not None:
            targets = pair.source.targets()
            while not pair.has_reached(targets) and not self._stopped():
                pair.step(PACE_SECONDS)
            if not pair.has_reached(targets) and manifest.action != "erase":
                return pair  # it was stopped before: the one of before stays
        self._answer_from(pair)
        return pair

    def _again(self, current: Current, published: Manifest) -> Pair | None:
        """The pair that was answered from; None where it can't be gone on with."""
        try:
            same = current.batch == published.batch
            manifest = published if same else read_manifest(self.context.out, current.batch)
            if manifest is None or published.action == "erase":
                return None
            pair = Pair(self.context, manifest, self._master(manifest), current.live)
        except DataError as error:
            self.reporter.log("torn", why=str(error))
            return None
        if pair.current != current:
            pair.close()
            return None
        self.reporter.log("goes_on", batch=manifest.batch, tick=pair.live.progress.tick)
        return pair

    def _stopped(self) -> bool:
        return self.stop.is_set() or self.request.parent not in {None, os.getppid()}

    def _follow(self, pair: Pair) -> Pair:
        targets = pair.source.targets() if self.request.once else {}
        while not self._stopped():
            began = time.monotonic()
            count = pair.step(PACE_SECONDS)
            shown.count_tick(self.numbers, pair, count, time.monotonic() - began)
            pair = self._replaced(pair)
            if self.request.once and pair.has_reached(targets) and not pair.live.progress.losers and self._next is None:
                break
            self._look(pair)
            self._say(pair)
            if not count:
                self.stop.wait(max(0.0, PACE_SECONDS - (time.monotonic() - began)))
        return pair

    def _replaced(self, pair: Pair) -> Pair:
        """The pair that comes next, once it is as far; else this one."""
        after = self._next
        if after is None or not after.ended():
            return pair
        self._next = None
        if after.pair is None:
            self._repaired = self._looked = time.monotonic() + _AGAIN_SECONDS  # not at once again
            self._pointer = None
            return pair
        following = after.pair
        worse = set(following.source.blocked) - set(pair.source.blocked)
        if worse and following.manifest.action == "run":
            self.reporter.log(
                "alarm",
                why="the next batch can't be gone on from; the one before stays",
                batch=following.manifest.batch,
            )
            following.close()
            return pair
        while not following.has_reached(pair.positions) and not self.stop.is_set():
            following.step(PACE_SECONDS)
        if not following.has_reached(pair.positions):
            following.close()
            return pair
        self._answer_from(following)
        self.reporter.log("handed_over", batch=following.manifest.batch, events=following.live.progress.events)
        shown.count_hand_over(self.numbers, time.monotonic() - after.began)
        pair.close()
        return following

    def _look(self, pair: Pair) -> None:
        """Begins a hand-over where there is a new batch, or a repair where copies have to be exchanged."""
        now = time.monotonic()
        if self._next is not None or now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        self.context.place.remove_others({pair.current.base, pair.current.live})
        try:
            pointer = self.context.out.read(POINTER)
            if pointer != self._pointer:
                manifest = self._published()
                self._pointer = pointer
                if manifest.batch != pair.manifest.batch:
                    self._next = _Successor(pair, manifest, self._master(manifest), ())
                    return
        except LearnfoldError as error:
            self.reporter.log_rarely("waiting", why=str(error))
            return
        progress = pair.live.progress
        if progress.losers and (now - self._repaired >= _REPAIR_SECONDS or self.request.once):
            self._repaired = now
            left_out = (*progress.left_out, *progress.losers)
            self._next = _Successor(pair, pair.manifest, pair.master, left_out)

    def _say(self, pair: Pair) -> None:
        now = time.monotonic()
        if now - self._shown >= 1:
            self._shown = now
            shown.show_pair(self.numbers, pair)
        if now - self._logged >= _LOG_SECONDS:
            self._logged = now
            progress = pair.live.progress
            self.reporter.log(
                "live",
                batch=pair.manifest.batch,
                events=progress.events,
                duplicates=progress.duplicates,
                invalid=progress.invalid,
                waiting=progress.waiting,
                repairs=len(progress.losers),
                blocked=len(progress.blocked),
                bytes=pair.live.size(),
            )

    def _answer_from(self, pair: Pair) -> None:
        self.context.place.swap(pair.current)

    def _published(self) -> Manifest:
        manifest, _ = read_current(self.context.out)
        if manifest is None:
            out = self.context.out.url
            raise MissingDataError(f"no batch is published at {out} yet; 'learnfold run MASTER {out}' publishes one")
        return manifest

    def _master(self, manifest: Manifest):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a Storage
        if self.request.follow:
            return _followed(self.request.follow, manifest, self.settings)
        inputs = [job.input for job in manifest.jobs.values() if job.topics] or [
            job.input for job in manifest.jobs.values()
        ]
        return open_storage(whole_dataset(inputs[0]), self.settings)


class _Successor(threading.Thread):
    """Makes the next pair, and brings it as far as the one that is answered from, in a thread of its own."""

    def __init__(
        self, before: Pair, manifest: Manifest, master: object, left_out: tuple[tuple[str, int, int], ...]
    ) -> None:
        super().__init__(name="learnfold-next", daemon=True)
        self._before, self._manifest, self._master, self._left_out = before, manifest, master, left_out
        self._stopping = threading.Event()
        self.pair: Pair | None = None
        self.began = time.monotonic()
        self.start()

    def run(self) -> None:
        """Ends when the pair is as far, or can't be."""
        context = self._before.context
        try:
            pair = Pair(context, self._manifest, self._master, left_out=self._left_out)  # type: ignore[arg-type]
        except LearnfoldError as error:
            context.reporter.log("alarm", why=f"the next batch can't be opened: {error}", batch=self._manifest.batch)
            return
        try:
            while not self._stopping.is_set() and pair.plan():
                pass
            while not self._stopping.is_set() and not pair.has_reached(self._before.positions):
                pair.step(0.1)
        except LearnfoldError as error:
            context.reporter.log("alarm", why=str(error), batch=self._manifest.batch)
            pair.close()
            return
        if self._stopping.is_set():
            pair.close()
        else:
            self.pair = pair

    def ended(self) -> bool:
        """Whether it is done."""
        return not self.is_alive()

    def give_up(self) -> None:
        """Ends it without a pair."""
        self._stopping.set()
        self.join()
        if self.pair is not None:
            self.pair.close()


def _followed(url: str, manifest: Manifest, settings: Settings) -> Storage:
    """The master dataset; raises UsageError where it isn't the one that the batch was made from."""
    if whole_dataset(url) != url.rstrip("/"):
        raise UsageError(f"{url} is a part of a master dataset; name the whole, {whole_dataset(url)}")
    inputs = sorted({whole_dataset(job.input) for job in manifest.jobs.values()})
    master = open_storage(url, settings)
    if not any(same_place(one, master.url) for one in inputs):
        raise UsageError(f"batch {manifest.batch} was made from {', '.join(inputs)}, not from {master.url}")
    return master


def _report(pair: Pair, seconds: float) -> SpeedReport:
    progress = pair.live.progress
    return SpeedReport(
        pair.manifest.batch,
        by_offset(progress.positions),
        progress.events,
        progress.duplicates,
        progress.invalid,
        progress.waiting,
        progress.blocked,
        pair.base.about.without,
        seconds,
        by_file(progress.positions),
    )


__all__ = ["Speed", "SpeedReport", "SpeedRequest"]
