"""Pulls what a learning record store holds into the master dataset, page by page, and goes on the next time where it ended.

Pages are put together to files, each is taken in like one that a user names, and only then the cursor moves. So a kill costs what isn't
in a file yet, which is asked for again, and what was in one already is found there by its content, or counts once by its ids.

A walk through the pages begins behind what earlier walks saw. Its end moves that border to the latest ``stored`` that came, or to
where the store says that it is complete; until then it lies where the pages proved to come in order.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnfold.errors import DataError, UsageError
from learnfold.ingest.files.backfill import Backfill, FileReport
from learnfold.ingest.files.located import InputFile
from learnfold.ingest.lrs.cursor import MOST_KNOWN, before, known_as, moment, read_cursor, write_cursor, written
from learnfold.ingest.lrs.store import LinkLostError, Page, Store
from learnfold.storage.folder import FolderStorage
from learnfold.storage.scratch import scratch

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from learnfold.catalog import Catalog
    from learnfold.ingest.mapping.model import Mapping
    from learnfold.settings import Settings
    from learnfold.storage import Storage
    from learnfold.telemetry.reporter import Reporter

_FILE = "statements.jsonl"

_MOST_BEGINNINGS = 3
"""How often a walk begins again since the store forgot its pages."""

_MOST_EMPTY = 100
"""Pages without statements, one behind the other, after which it is no store that will end."""


@dataclass(frozen=True)
class PullContext:
    """What a pull works with."""

    master: Storage
    catalog: Catalog
    settings: Settings
    mapping: Mapping  # one that reads xAPI
    reporter: Reporter


def pull(context: PullContext, store: Store, since: str | None = None, overlap_hours: float = 1.0) -> FileReport:
    """Takes in what the store holds now, and what that gave.

    ``since``: only what was stored after it (ISO 8601); it counts where the store was never asked for earlier. ``overlap_hours``: what
    was stored so long before the border is asked for again, since some of it may not have been there yet.
    Raises StorageError where the store is away too long or refuses; DataError for what is no LRS; BusyError beside another pull of it.
    """
    if context.mapping.reads != "xapi":
        raise UsageError(f"an LRS holds xAPI statements; {context.mapping.name} reads {context.mapping.reads}")
    folder = scratch(context.settings.temporary_folder)
    pulling = _Pull(context, store, overlap_hours, folder.path)
    try:
        pulling.begin(since)
        pulling.walk()
    finally:
        pulling.close()
        folder.cleanup()
    return pulling.report


class _Pull:
    def __init__(self, context: PullContext, store: Store, overlap: float, folder: Path) -> None:
        self._context, self._store, self._overlap = context, store, overlap
        self._backfill = Backfill(context.master, context.catalog, context.settings, mapping=context.mapping)
        self._cursor, self._tag = read_cursor(context.master, store.url)
        self._known = set(self._cursor.known)
        self._seen: dict[str, datetime] = {}  # statements of this walk, by when they were stored
        self._path = folder / _FILE
        self._file = self._path.open("wb")
        self._held = 0  # statements in the file
        self.report = FileReport(store.url)

    def begin(self, since: str | None) -> None:
        """Where the walk begins; a ``since`` before all that was ever asked for makes it begin there."""
        cursor = self._cursor
        at = moment(since)
        if since is not None and at is None:
            raise UsageError(f"--since {since} is no time; one is 2026-03-01 or 2026-03-01T08:00:00Z")
        asked = moment(cursor.asked)
        if (self._tag is None and at is not None) or (at is not None and asked is not None and at < asked):
            cursor.asked = cursor.since = written(at)
            cursor.more = cursor.newest = ""

    def walk(self) -> None:
        """From the cursor to the store's end."""
        cursor = self._cursor
        first = self._store.first(self._border())
        link, last = cursor.more or first, moment(cursor.newest)
        visited, begun = set[str](), 0
        while link:
            if link in visited or len(visited) > _MOST_EMPTY:
                raise DataError(
                    f"the pages of {self._store.url} have no end; the address may be that of something else"
                )
            visited.add(link)
            try:
                page = self._store.page(link, further=link != first)
            except LinkLostError as error:
                begun += 1
                if begun > _MOST_BEGINNINGS:
                    raise
                self._context.reporter.problem(f"{error}; it is asked from the beginning of this walk again")
                link, last, visited = first, None, set()
                continue
            if page.statements:
                visited = {link}
            last = self._hold(page, last)
            link = page.more
            if not link or self._due():
                self._keep(link, page.through)

    def close(self) -> None:
        """Gives back what it holds."""
        self._file.close()
        self._store.close()
        self._backfill.close()

    def _border(self) -> str | None:
        """What the store is asked to begin behind; None: nothing."""
        cursor = self._cursor
        if not cursor.since or cursor.since == cursor.asked:
            return cursor.since or None
        return max(before(cursor.since, self._overlap), cursor.asked)

    def _hold(self, page: Page, last: datetime | None) -> datetime | None:
        """Puts a page's statements into the file, but for those that are in the master dataset; the latest that was stored."""
        times: list[datetime] = []
        for statement in page.statements:
            identity, at = known_as(statement), moment(statement.get("stored"))
            times += [at] if at is not None else []
            if identity is None or not (identity in self._known or identity in self._seen):
                self._file.write(json.dumps(statement).encode() + b"\n")
                self._held += 1
            if identity is not None and at is not None:
                self._seen[identity] = at
        if len(self._seen) > 2 * MOST_KNOWN:
            self._seen = dict(sorted(self._seen.items(), key=lambda one: one[1])[-MOST_KNOWN:])
        cursor = self._cursor
        if last is not None and times and min(times) >= last:  # the pages come in order: all up to the last one is here
            cursor.since = max(cursor.since, _complete(last, page.through))
        newest = max([*times, *([last] if last else [])], default=None)
        cursor.newest = max(cursor.newest, written(newest)) if newest else cursor.newest
        return newest

    def _due(self) -> bool:
        settings = self._context.settings
        return self._held >= settings.flush_events or self._file.tell() >= settings.flush_bytes

    def _keep(self, link: str, through: str | None) -> None:
        """Takes the file in, then moves the cursor."""
        cursor = self._cursor
        taken = self._held
        if taken:
            self._file.close()
            self._add(self._backfill.take(InputFile(FolderStorage(str(self._path.parent)), _FILE, self._store.url)))
            self._file, self._held = self._path.open("wb"), 0
        cursor.more, cursor.statements = link, cursor.statements + taken
        if not link:
            self._end(through)
        self._tag = write_cursor(self._context.master, cursor, self._tag)
        self._context.reporter.log("pull", statements=taken, all=cursor.statements, since=cursor.since or None)

    def _end(self, through: str | None) -> None:
        """The walk is done: what it saw is behind the border, but for what the store may still add."""
        cursor = self._cursor
        newest = moment(cursor.newest)
        if newest is not None:
            cursor.since = max(cursor.since, _complete(newest, through))
        cursor.newest = ""
        if cursor.since:
            least = before(cursor.since, self._overlap)
            again = [(written(at), identity) for identity, at in self._seen.items() if written(at) > least]
            kept = {identity for _, identity in sorted(again)[-MOST_KNOWN:]}
            cursor.known = sorted(kept)

    def _add(self, one: FileReport) -> None:
        if one.known:  # a kill came between it and the cursor
            return
        report = self.report
        report.files += one.files
        for mine, theirs in ((report.events, one.events), (report.retracted, one.retracted)):
            for name, count in theirs.items():
                mine[name] = mine.get(name, 0) + count
        for name, reasons in one.quarantined.items():
            known = report.quarantined.setdefault(name, {})
            for reason, count in reasons.items():
                known[reason] = known.get(reason, 0) + count


def _complete(at: datetime, through: str | None) -> str:
    """The instant, or the earlier one up to which the store says that it is complete."""
    told = moment(through)
    return written(min(at, told) if told else at)
