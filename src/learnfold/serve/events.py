"""Tells who listens which views changed: at each new batch, and, where live numbers are, at most once a second between.

It is a stream of server-sent events, of the views that the listener may see. Numbers aren't in it: who wants them asks.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from learnfold.batch.manifest import read_manifest
from learnfold.errors import LearnfoldError
from learnfold.serve import live
from learnfold.serve.problems import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from learnfold.batch.manifest import Manifest
    from learnfold.catalog import View
    from learnfold.serve.access import Grant
    from learnfold.serve.bases import Bases
    from learnfold.serve.workers import Workers

MOST_LISTENERS = 200
LOOK_SECONDS = 1.0
BEAT_SECONDS = 15.0
"""A line is sent so often at least, so that whoever went away is noticed, and no proxy hangs up."""

MEDIA_TYPE = "text/event-stream"
STREAM_SECONDS = 600.0
"""Then a stream ends, so that who may no longer listen doesn't; browsers begin another by themselves, where this one ended."""


@dataclass
class Listener:
    """What one listener was told."""

    bases: Bases
    visible: Callable[[], Sequence[tuple[View, Grant]]]  # the views that it may see now
    batch: str | None = None  # that it knows of
    _views: dict[str, str] | None = None  # as of that batch: what stands for a view's rows
    _positions: dict[str, dict[int, int]] = field(default_factory=dict)

    def news(self) -> list[dict[str, Any]]:
        """What happened since it was last asked: events, oldest first."""
        current = self.bases.current
        if current is None:
            return []
        with self.bases.pinned(current.batch) as base:
            found: list[dict[str, Any]] = []
            if base.batch != self.batch:
                before = self._before()
                now = _rows(base.manifest)
                if before is not None:
                    changed = {name for name in now.keys() | before.keys() if now.get(name) != before.get(name)}
                    found.append(self._batch(base.manifest, changed))
                else:  # nothing is known of what it knows: all may have changed
                    found.append(self._batch(base.manifest, set(now) if self.batch else set()))
                self.batch, self._views, self._positions = base.batch, now, {}
            if self.bases.live is not None:
                found += self._live(base.batch, self.bases.live)
            return found

    def _before(self) -> dict[str, str] | None:
        if self._views is None and self.batch is not None:
            try:
                manifest = read_manifest(self.bases.out, self.batch)
            except LearnfoldError:
                return None
            return None if manifest is None else _rows(manifest)
        return self._views

    def _batch(self, manifest: Manifest, changed: set[str]) -> dict[str, Any]:
        # of small groups every view is named: that one changed could tell of one person
        views = [view.name for view, grant in self.visible() if view.name in changed or grant.form.least_people]
        data = {"batch": manifest.batch, "published_at": manifest.ended_at, "views": views}
        return {"event": "batch", "id": manifest.batch, "data": data}

    def _live(self, batch: str, numbers: live.Live) -> list[dict[str, Any]]:
        progress = numbers.progress(batch)
        if progress is None:
            return []
        positions = {topic: dict(its) for topic, its in progress.positions.items()}
        before, self._positions = self._positions, positions
        moved = {topic for topic, its in positions.items() if before and its != before.get(topic)}
        without = numbers.without(batch)
        views = [
            view
            for view, grant in self.visible()
            if grant.form.plain and view.name not in without and not moved.isdisjoint(t.name for t in view.topics)
        ]
        if not views:
            return []
        about = live.shown(progress, {topic.name for view in views for topic in view.topics})
        return [{"event": "live", "data": {"batch": batch, "views": [view.name for view in views], "live": about}}]


class Listeners:
    """Everyone who listens; they are told to come back when the server stops."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._stopping = threading.Event()
        self._count = 0

    def stop(self) -> None:
        """Ends all streams."""
        self._stopping.set()

    def enter(self) -> None:
        """Counts one more listener; raises Problem where there are too many."""
        if self._count >= MOST_LISTENERS:
            raise Problem("busy", "too many listen at once", "ask again later", {"Retry-After": "30"})
        self._count += 1

    async def stream(self, listener: Listener) -> AsyncIterator[bytes]:
        """The events as they are sent, until the listener leaves or the server stops; for one who ``enter``ed."""
        said, until = 0.0, time.monotonic() + STREAM_SECONDS
        try:
            while not self._stopping.is_set() and time.monotonic() < until:
                try:
                    news = await self._workers.do(listener.news)
                except (Problem, LearnfoldError):  # too much is being asked, or a batch just went: it is looked again
                    news = []
                for event in news:
                    yield _written(event)
                if not news and time.monotonic() - said >= BEAT_SECONDS:
                    yield b": still here\n\n"
                    said = time.monotonic()
                elif news:
                    said = time.monotonic()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._count -= 1


def _rows(manifest: Manifest) -> dict[str, str]:
    """By view what stands for its rows: a digest of them, and its columns' definition."""
    return {name: f"{record.digest} {record.fingerprint}" for name, record in manifest.views.items()}


def _written(event: dict[str, Any]) -> bytes:
    lines = [f"{name}: {event[name]}" for name in ("id", "event") if name in event]
    data = json.dumps(event["data"], ensure_ascii=False, separators=(",", ":"))
    return ("\n".join([*lines, f"data: {data}"]) + "\n\n").encode()
