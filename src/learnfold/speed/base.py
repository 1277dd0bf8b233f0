"""A published batch as the speed layer stands on it: its states, the tuples that its counts saw, its events' ids, and its border.

All of it is made from the batch's rollups and the files that it read, in a local folder that can be deleted at any time.
"""

from __future__ import annotations

import json
import shutil
import threading
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

import duckdb
import nanoarrow as na

from learnfold.batch.plan import reading_fingerprint, rollup_fingerprint, view_fingerprint
from learnfold.batch.rollup_rows import rows_of
from learnfold.catalog import digest, values
from learnfold.engines import DayCounts
from learnfold.engines.duckdb import decode, footers
from learnfold.engines.duckdb.events import drop_duplicates, drop_events, load_events
from learnfold.engines.duckdb.rollups import local_files, rows_by_day, sorting
from learnfold.engines.duckdb.session import DuckDBSession
from learnfold.engines.duckdb.sql import quoted
from learnfold.engines.event_source import EventSource
from learnfold.errors import MissingDataError, StorageError
from learnfold.master.file_names import kafka_range
from learnfold.master.layout import whole_dataset
from learnfold.speed.live import FORMAT
from learnfold.speed.seen import Identities, Tuples, write_whole
from learnfold.storage import same_place
from learnfold.storage.intact import IntactFiles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from learnfold.batch.manifest import Manifest, RollupRecord, TopicRecord
    from learnfold.catalog import Catalog, Topic, View
    from learnfold.settings import Settings
    from learnfold.speed.live import Positions
    from learnfold.speed.row import Layout
    from learnfold.storage import Storage

DATABASE = "base.duckdb"
_ABOUT = "base.json"
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class About:
    """What a base says of itself."""

    batch: str
    digest: str  # of all that its files depend on beside the batch
    border: Positions  # by topic that can be followed: the offset before which the batch holds everything
    generations: dict[str, dict[int, int]]  # of these offsets
    without: dict[str, str] = field(default_factory=dict)  # views that the batch answers for alone, and why


@dataclass(frozen=True)
class BaseRequest:
    """What a base is made from."""

    manifest: Manifest
    out: Storage
    master: Storage
    catalog: Catalog
    settings: Settings
    layout: Layout
    files: bool = False  # whether what comes since are files of the master dataset, not messages


class Base:
    """One base, open."""

    def __init__(self, folder: Path, request: BaseRequest, about: About) -> None:
        self.folder, self.request, self.about = folder, request, about
        self.known: list[Tuples | None] = [
            Tuples(file) if (file := folder / "sets" / f"{one.name}.u64").exists() else None
            for one in request.layout.sets
        ]
        self._identities: dict[tuple[str, int], Identities | None] = {}
        self._session = DuckDBSession(request.settings)
        self._mutex = threading.Lock()

    def identities(self, topic: str, day: int) -> Identities | None:
        """The events of a day (counted from 1970) that the batch holds; None where the files that it read are gone."""
        place = (topic, day)
        if place not in self._identities:
            with self._mutex:
                file = self.folder / "ids" / topic / f"{day}.u64"
                if not file.exists():
                    self._write_identities(self.request.catalog.topics[topic], _EPOCH + timedelta(days=day), file)
                self._identities[place] = Identities(file) if file.exists() else None
        return self._identities[place]

    def close(self) -> None:
        """Gives its memory back."""
        self._session.close()

    def _write_identities(self, topic: Topic, day: date, file: Path) -> None:
        record = _topic_record(self.request.manifest, topic.name)
        paths = sorted(path for path, read in record.files.items() if day in read.days) if record else []
        fields = self.request.layout.topics[topic.name].fields
        if not paths:
            write_whole(file, [])
            return
        with ExitStack() as held:
            try:
                local = held.enter_context(self.request.master.local(paths))
            except MissingDataError:
                return
            cursor = held.enter_context(self._session.cursor())
            found = footers.read(cursor, local)
            found.paths = dict(zip(local, paths, strict=True))
            if found.unreadable:
                return
            source = EventSource(topic, fields, lambda names: decode.select_files(topic, found, names))
            load_events(cursor, source)
            try:
                drop_duplicates(cursor, source, frozenset({day}), {day: DayCounts()})
                content = ", ".join(name for name in fields if name not in {values.EVENT_ID, values.TIMESTAMP})
                cursor.execute(
                    f"CREATE OR REPLACE TEMP TABLE ids AS SELECT hash({', '.join(values.IDENTITY)}) AS id, "
                    f"epoch_us(timestamp) AS moment, hash({content}) AS content FROM events "
                    f"WHERE _reason IS NULL AND _day = DATE {quoted(day.isoformat())} AND event_id IS NOT NULL"
                )
            finally:
                drop_events(cursor)
            write_whole(
                file, [words(cursor, f"SELECT {name} FROM ids ORDER BY id") for name in ("id", "moment", "content")]
            )
            cursor.execute("DROP TABLE ids")


def open_base(folder: Path, request: BaseRequest) -> Base:
    """The base in ``folder``; it is made where it isn't there, or was made by another learnfold or of other definitions.

    Raises StorageError where the disk fails; then it is made the next time.
    """
    about = _about(request)
    try:
        stored = json.loads((folder / _ABOUT).read_text("utf-8"))
    except (OSError, ValueError):
        stored = None
    if stored != json.loads(_shown(about)):
        try:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            _make(folder, request, about)
            write_whole(folder / _ABOUT, [[_shown(about).encode()]])
        except OSError as error:
            raise StorageError(f"the base {folder} can't be written: {error}") from error
    return Base(folder, request, about)


def read_about(folder: Path) -> About:
    """What a base that is there says of itself; raises OSError or ValueError where there is none."""
    value = json.loads((folder / _ABOUT).read_text("utf-8"))
    for name in ("border", "generations"):
        value[name] = {topic: {int(p): offset for p, offset in its.items()} for topic, its in value[name].items()}
    return About(**value)


def made_of(layout: Layout, settings: Settings, *, files: bool) -> str:
    """The digest of all that stored states depend on beside the batch, and whether files are followed: who has neither can't read them."""
    states = [(state.name, state.select) for state in layout.states]
    sets = [(one.name, one.select) for one in layout.sets]
    rows = [(topic.quick, topic.whole, [s.select for s in topic.statements]) for topic in layout.topics.values()]
    by = ["files"] if files else []
    return digest([FORMAT, duckdb.__version__, states, sets, rows, settings.zones, *by])


def words(cursor: duckdb.DuckDBPyConnection, select: str) -> Iterator[memoryview]:
    """The one column of 64-bit words that a SELECT gives, piece by piece."""
    stream = na.c_array_stream(cursor.sql(select))
    for piece in stream:
        column = na.c_array(piece).child(0)
        data = memoryview(column.view().buffer(1)).cast("B")
        start = column.offset * 8
        yield data[start : start + len(column) * 8]


def _shown(about: About) -> str:
    return json.dumps(asdict(about), sort_keys=True)


def _about(request: BaseRequest) -> About:
    manifest, layout = request.manifest, request.layout
    followed: dict[str, tuple[dict[int, int], dict[int, int]]] = {}
    blocked: dict[str, str] = {}
    for name, topic in request.catalog.topics.items():
        why = _unfollowed(topic, request)
        record = _topic_record(manifest, name)
        if why is None and record is not None:
            border = {} if request.files else {int(p): o for p, o in record.offsets.items()}
            followed[name] = (border, _generations(record))
        else:
            blocked[name] = why or f"the batch doesn't hold {name}"
    without = dict(layout.whole)
    for name, view in request.catalog.views.items():
        why = _why_not(view, request, blocked)
        if why:
            without.setdefault(name, why)
    return About(
        manifest.batch,
        made_of(layout, request.settings, files=request.files),
        {name: border for name, (border, _) in followed.items()},
        {name: generations for name, (_, generations) in followed.items()},
        without,
    )


def _why_not(view: View, request: BaseRequest, blocked: dict[str, str]) -> str | None:
    """Why the batch alone answers for a view."""
    record = request.manifest.views.get(view.name)
    if record is None:
        return "the batch doesn't hold it"
    if record.fingerprint != view_fingerprint(view, request.settings):
        return "the batch computed it by another definition"
    for topic in view.topics:
        if topic.name in blocked:
            return blocked[topic.name]
    for rollup in view.all_rollups:
        held = _rollup_record(request.manifest, rollup.topic.name, rollup.name)
        if held is None or held.fingerprint != rollup_fingerprint(rollup, request.settings):
            return f"the batch folded {rollup.name} by another definition"
    return None


def _unfollowed(topic: Topic, request: BaseRequest) -> str | None:
    """Why messages of a topic can't be added to the batch."""
    record = _topic_record(request.manifest, topic.name)
    job = next((job for job in request.manifest.jobs.values() if topic.name in job.topics), None)
    if record is None or job is None:
        return f"the batch doesn't hold {topic.name}"
    if not same_place(whole_dataset(job.input), request.master.url):
        return f"the batch read {topic.name} from another master dataset"
    if not job.whole:
        return "the batch read a part of the master dataset"
    if record.reading != reading_fingerprint(topic, request.settings):
        return f"the batch read {topic.name} by other rules"
    unknown = {partition for read in record.files.values() for partition in read.offsets} - record.offsets.keys()
    if unknown and not request.files:
        return f"how far the batch holds partition {min(unknown)} of {topic.name} isn't known"
    return None


def _generations(record: TopicRecord) -> dict[int, int]:
    """By partition, the generation of the topic that its border counts in, as far as the batch or files tell it."""
    found = {int(partition): number for partition, number in record.generations.items()}
    for path in record.files:
        held = kafka_range(path)
        if held is not None:
            found[held.partition] = max(found.get(held.partition, 0), held.generation)
    return found


def _topic_record(manifest: Manifest, name: str) -> TopicRecord | None:
    return next((job.topics[name] for job in manifest.jobs.values() if name in job.topics), None)


def _rollup_record(manifest: Manifest, topic: str, name: str) -> RollupRecord | None:
    record = _topic_record(manifest, topic)
    return record.rollups.get(name) if record else None


def _make(folder: Path, request: BaseRequest, about: About) -> None:
    """Writes the states as tables of a database, and the sets as files."""
    kept = {view.name: view.plan for view in request.catalog.views.values() if view.name not in about.without}
    states = {state.name for plan in kept.values() for state in plan.states}
    sets = {one.name for plan in kept.values() for one in plan.sets}
    with ExitStack() as held, DuckDBSession(request.settings) as session, session.cursor() as cursor:
        for name, rollup in request.catalog.rollups.items():
            record = _rollup_record(request.manifest, rollup.topic.name, name)
            sources = rows_of(record.files) if record else ()
            files = held.enter_context(local_files(IntactFiles(request.out), sources))
            cursor.execute(f"CREATE TEMP VIEW {name} AS {rows_by_day(rollup, sources, files)}")
        cursor.execute(f"ATTACH {quoted(str(folder / DATABASE))} AS base")
        for state in request.layout.states:
            if state.name in states:
                order = f" ORDER BY {sorting(state.key)}" if state.key else ""
                cursor.execute(f"CREATE TABLE base.{state.name} AS SELECT * FROM ({state.select}){order}")
        cursor.execute("DETACH base")
        for one in request.layout.sets:
            if one.name in sets:
                typed = ", ".join(f"CAST({name} AS {kind})" for name, kind in zip(one.named, one.types, strict=True))
                select = f"SELECT DISTINCT hash({typed}) AS value FROM ({one.select}) ORDER BY value"
                write_whole(folder / "sets" / f"{one.name}.u64", [words(cursor, select)])
