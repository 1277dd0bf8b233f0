"""What a batch was made from and what it holds: the record that readers, the next run and operators use.

A manifest speaks for all jobs. A run of one job carries the others' records over, so that every batch is whole.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from learnfold.engines import DayCounts
from learnfold.errors import DataError
from learnfold.storage.out_layout import POINTER, manifest_path
from learnfold.storage.stored_types import UNREADABLE, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnfold.storage import Storage

FORMAT = 1
"""Raised when an older learnfold could misread what a newer one writes."""

FULL, INCREMENTAL = "whole", "slices"
"""How a view was refreshed, by the words that manifests hold."""


class NewerError(DataError):
    """Update learnfold: a newer one wrote this."""


@dataclass
class FileRecord:
    """One file of the master dataset as it was read."""

    size: int
    tag: str
    rows: int = 0
    days: dict[date, int] = field(default_factory=dict)  # valid events by UTC day, duplicates counted
    quarantined: dict[str, int] = field(default_factory=dict)  # invalid events by reason
    quarantine: str | None = None  # the file that holds them
    offsets: dict[str, list[int]] = field(default_factory=dict)  # least and greatest by Kafka partition


@dataclass
class RollupFile:
    """A file of a rollup, and the UTC days that it answers for (it may hold more, which were folded again since)."""

    path: str
    rows: int
    bytes: int
    days: list[date]
    held: int  # how many days the file holds
    sha256: str = ""  # of its bytes; empty: an earlier learnfold wrote it


@dataclass
class AllTimeSegment:
    """A file of a rollup merged over the dates of some UTC days."""

    path: str  # empty: merging was no use, and there is no file
    rows: int
    bytes: int
    days: list[date]
    day_rows: int  # about how many rows the days have unmerged
    sha256: str = ""


@dataclass
class RollupRecord:
    """A rollup: what its definition was, and its files."""

    fingerprint: str
    files: list[RollupFile] = field(default_factory=list)
    segments: list[AllTimeSegment] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        """All its files, those of its segments too."""
        return [file.path for file in self.files] + [segment.path for segment in self.segments if segment.path]

    @property
    def days(self) -> set[date]:
        """The UTC days that its files answer for."""
        return {day for file in self.files for day in file.days}


@dataclass
class IdsFile:
    """A file of the hashes of events' ids, those of a UTC day together and sorted, and the days that it answers for."""

    path: str
    ids: int  # that the file holds, those of days that were folded again since too
    days: dict[date, list[int]]  # by UTC day: before how many others its hashes begin, and how many they are


@dataclass
class KeptRecord:
    """A file that answers beside the views: a state's rows, or the hashes of a set of tuples."""

    path: str
    rows: int
    bytes: int
    fingerprint: str  # of what it is made by
    batch: str  # that it was made in
    read: dict[str, str]  # by rollup that it was made from, a digest of that as it was
    sha256: str = ""


@dataclass
class WrittenFile:
    """What was written into a file."""

    bytes: int
    sha256: str


@dataclass
class TopicRecord:
    """A topic: what was read, and what was found by UTC day."""

    reading: str  # fingerprint of how events are read
    files: dict[str, FileRecord] = field(default_factory=dict)
    days: dict[date, DayCounts] = field(default_factory=dict)  # by UTC day
    rollups: dict[str, RollupRecord] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)  # files left out, and why
    offsets: dict[str, int] = field(
        default_factory=dict
    )  # by Kafka partition: the offset before which this holds everything
    generations: dict[str, int] = field(default_factory=dict)  # of the topic that these offsets count in, by partition
    ids: list[IdsFile] = field(default_factory=list)  # of the days whose events' ids were kept
    quarantines: dict[str, WrittenFile] = field(default_factory=dict)
    """The files that hold invalid events, by path; those that an earlier learnfold wrote aren't here."""

    retractions: dict[str, str] = field(default_factory=dict)  # files that take events back: the tag of each

    @property
    def events(self) -> int:
        """Valid events, each once."""
        return sum(counts.events for counts in self.days.values())

    def events_after(self, day: date) -> int:
        """Valid events of days behind that one."""
        return sum(counts.events for other, counts in self.days.items() if other > day)

    @property
    def duplicates(self) -> int:
        """Events dropped since the same one was there already."""
        return sum(counts.duplicates for counts in self.days.values())

    @property
    def retracted(self) -> int:
        """Events that were taken back."""
        return sum(counts.retracted for counts in self.days.values())

    @property
    def conflicting(self) -> int:
        """Dropped duplicates that say something else than the event that counts."""
        return sum(counts.conflicting for counts in self.days.values())

    @property
    def quarantined(self) -> dict[str, int]:
        """Invalid events by reason."""
        reasons: dict[str, int] = {}
        for file in self.files.values():
            for reason, count in file.quarantined.items():
                reasons[reason] = reasons.get(reason, 0) + count
        return reasons


@dataclass
class ViewRecord:
    """A view's files and what is in them."""

    paths: list[str]
    fingerprint: str
    rows: int
    bytes: int
    digest: str  # of the rows in any order, by the engine named before the colon
    seconds: float
    how: str  # FULL or INCREMENTAL
    batch: str  # that it was refreshed in
    checks: list[str] = field(default_factory=list)  # that its rows passed
    read: dict[str, str] = field(default_factory=dict)
    """By rollup or view that it was made from, a digest of that as it was; empty where its own job's days tell what changed."""

    sha256: list[str] = field(default_factory=list)
    """Of the bytes of each of its files; empty: an earlier learnfold wrote them."""

    @property
    def digests(self) -> dict[str, str]:
        """By path the SHA-256 of each of its files; empty where it isn't known."""
        return dict(zip(self.paths, self.sha256 or [""] * len(self.paths), strict=True))


@dataclass(frozen=True)
class StoredFile:
    """A file below OUT as it was written."""

    path: str
    bytes: int | None  # None: it isn't known
    sha256: str  # empty: it isn't known


@dataclass
class JobRecord:
    """A job: its input, topics and views, and the batch that published them last."""

    batch: str
    input: str
    whole: bool  # whether the input was a whole master dataset, not some days of it
    topics: dict[str, TopicRecord] = field(default_factory=dict)
    views: dict[str, ViewRecord] = field(default_factory=dict)
    folded_days: int = 0  # by that batch
    reused_days: int = 0
    states: dict[str, KeptRecord] = field(default_factory=dict)  # those that no view lists
    sets: dict[str, KeptRecord] = field(default_factory=dict)
    without_states: str = ""  # why there are none though they were asked for

    @property
    def kept(self) -> dict[str, KeptRecord]:
        """States and sets by name, which none of them share."""
        return self.states | self.sets

    def stored(self) -> Iterator[StoredFile]:
        """Its files below OUT."""
        for view in self.views.values():
            size = view.bytes if len(view.paths) == 1 else None
            for path in view.paths:
                yield StoredFile(path, size, view.digests[path])
        yield from (StoredFile(kept.path, kept.bytes, kept.sha256) for kept in self.kept.values())
        for topic in self.topics.values():
            yield from (StoredFile(file.path, None, "") for file in topic.ids)
            for rollup in topic.rollups.values():
                yield from (StoredFile(file.path, file.bytes, file.sha256) for file in rollup.files)
                yield from (StoredFile(file.path, file.bytes, file.sha256) for file in rollup.segments if file.path)
            for path in {file.quarantine for file in topic.files.values() if file.quarantine}:
                written = topic.quarantines.get(path)
                yield StoredFile(path, written.bytes if written else None, written.sha256 if written else "")


@dataclass
class Manifest:
    """One batch."""

    batch: str
    parent: str | None
    action: str  # run, rollback or erase
    started_at: str  # UTC
    ended_at: str
    versions: dict[str, str]
    settings: dict[str, Any]
    jobs: dict[str, JobRecord] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)  # the jobs that this batch ran; the others are the parent's
    format: int = FORMAT
    of: str | None = None  # the batch whose content a rollback published again; None for any other action

    @property
    def views(self) -> dict[str, ViewRecord]:
        """Every view of every job."""
        return {name: view for job in self.jobs.values() for name, view in job.views.items()}

    def files(self) -> set[str]:
        """Every file below OUT that this batch needs, its own manifest too."""
        return {manifest_path(self.batch), *(file.path for job in self.jobs.values() for file in job.stored())}

    def sealed(self) -> bytes:
        """The manifest as it is stored: its JSON, ending in the digest of what is before that."""
        body = self.to_json()
        return body[:-1] + f',"sha256":"{hashlib.sha256(body).hexdigest()}"}}'.encode()

    def to_json(self) -> bytes:
        """The manifest without its seal."""
        return json.dumps(self, default=_stored, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, data: bytes, where: str) -> Manifest:
        """The manifest that was stored; raises DataError where it can't be one."""
        try:
            value = json.loads(_unsealed(data))
            value.pop("sha256", None)  # of what was written in another form since
            if value["format"] > FORMAT:
                raise NewerError(f"{where} was written by a newer learnfold; update this one")
            value["jobs"] = {name: _job(job) for name, job in value["jobs"].items()}
            manifest = cls(**value)
            check(manifest)
            _check_sense(manifest)
        except UNREADABLE as error:
            raise DataError(
                f"{where} is no manifest of a batch ({error!r}); 'learnfold rollback' to an older batch, or run --full"
            ) from error
        return manifest


def _unsealed(data: bytes) -> bytes:
    """A manifest's JSON; raises ValueError where it isn't what was sealed. Earlier versions sealed none."""
    found = _SEAL.search(data)
    if found is None:
        return data
    body = data[: found.start()] + b"}"
    if hashlib.sha256(body).hexdigest().encode() != found[1]:
        raise ValueError("its bytes aren't those that were written")
    return body


_SEAL = re.compile(rb',"sha256":"([0-9a-f]{64})"\}$')


def _check_sense(manifest: Manifest) -> None:
    """Raises ValueError for times that can't be compared, names that are none, and files that hold no day or an unknown one."""
    for text in (manifest.started_at, manifest.ended_at):
        if datetime.fromisoformat(text).tzinfo is None:
            raise ValueError(f"{text} has no zone")
    for name in (manifest.batch, *manifest.jobs, *manifest.views):
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name")
    if not all(view.paths and len(view.sha256) in {0, len(view.paths)} for view in manifest.views.values()):
        raise ValueError("a view has no file, or more or fewer digests than files")
    for topic in (topic for job in manifest.jobs.values() for topic in job.topics.values()):
        if not all(file.held for rollup in topic.rollups.values() for file in rollup.files):
            raise ValueError("a file of a rollup holds no day")
        if any(len(place) != 2 or sum(place) > file.ids for file in topic.ids for place in file.days.values()):  # noqa: PLR2004
            raise ValueError("a day's ids lie beyond their file")
        read = (file.days for path, file in topic.files.items() if path not in topic.unreadable)
        if not set().union(*read) <= topic.days.keys():
            raise ValueError("a file holds a day that its topic doesn't")


def _stored(record: Any) -> Any:
    """A record as JSON has it: by its stored names, days as texts, the counts of a day as two to five numbers."""
    match record:
        case FileRecord() | IdsFile():  # first, since most records are of files
            return {**vars(record), "days": _by_day(record.days)}
        case TopicRecord():
            return _filled(
                {**vars(record), "days": _by_day(record.days)}, "generations", "ids", "quarantines", "retractions"
            )
        case DayCounts():
            last = [] if record.newest is None else [record.newest]
            more = (
                [record.retracted, record.conflicting, *last] if record.retracted or record.conflicting or last else []
            )
            return [record.events, record.duplicates, *more]
        case RollupRecord():
            return {"fingerprint": record.fingerprint, "parts": record.files, "blocks": record.segments}
        case RollupFile() | AllTimeSegment():
            return _filled({**vars(record), "days": [day.isoformat() for day in record.days]}, "sha256")
    return _filled(vars(record), *_OPTIONAL.get(type(record), ()))


_OPTIONAL = {ViewRecord: ("read", "sha256"), KeptRecord: ("sha256",), JobRecord: ("states", "sets", "without_states")}
"""The keys that aren't written where they say nothing: earlier versions didn't know them."""


def _by_day(values: dict[date, Any]) -> dict[str, Any]:
    return {day.isoformat(): value for day, value in values.items()}


def _filled(record: dict[str, Any], *optional: str) -> dict[str, Any]:
    """Without those of the optional values that say nothing."""
    return {name: value for name, value in record.items() if name not in optional or value}


def _job(value: dict[str, Any]) -> JobRecord:
    topics = {name: _topic(topic) for name, topic in value["topics"].items()}
    views = {name: ViewRecord(**view) for name, view in value["views"].items()}
    kept = {
        what: {name: KeptRecord(**record) for name, record in value.get(what, {}).items()}
        for what in ("states", "sets")
    }
    return JobRecord(**{**value, "topics": topics, "views": views, **kept})


def _topic(value: dict[str, Any]) -> TopicRecord:
    files = {
        path: FileRecord(**{**file, "days": {date.fromisoformat(day): n for day, n in file["days"].items()}})
        for path, file in value["files"].items()
    }
    days = {date.fromisoformat(day): _counts(counts) for day, counts in value["days"].items()}
    rollups = {name: _rollup(record) for name, record in value["rollups"].items()}
    ids = [
        IdsFile(**{**file, "days": {date.fromisoformat(day): place for day, place in file["days"].items()}})
        for file in value.get("ids", ())
    ]
    quarantines = {path: WrittenFile(**written) for path, written in value.get("quarantines", {}).items()}
    return TopicRecord(
        **{**value, "files": files, "days": days, "rollups": rollups, "quarantines": quarantines, "ids": ids}
    )


def _counts(value: list[int]) -> DayCounts:
    if len(value) not in {2, 4, 5}:
        raise ValueError(f"{value!r} are no counts of a day")
    return DayCounts(*value)


def _rollup(value: dict[str, Any]) -> RollupRecord:
    files = [RollupFile(**{**file, "days": list(map(date.fromisoformat, file["days"]))}) for file in value["parts"]]
    segments = [
        AllTimeSegment(**{**segment, "days": list(map(date.fromisoformat, segment["days"]))})
        for segment in value["blocks"]
    ]
    return RollupRecord(value["fingerprint"], files, segments)


def new_batch() -> str:
    """A name that sorts by the time it was made and is never given twice."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"


def read_manifest(out: Storage, batch: str) -> Manifest | None:
    """A batch's manifest; None where there is no such batch."""
    data = out.read(manifest_path(batch))
    return None if data is None else Manifest.from_json(data, f"{out.url}/{manifest_path(batch)}")


def read_current(out: Storage) -> tuple[Manifest | None, str | None]:
    """The published batch and the pointer's tag; both None where nothing was published yet.

    Raises DataError where the pointer or the batch's manifest can't be read.
    """
    found = out.read_tagged(POINTER)
    if found is None:
        return None, None
    data, tag = found
    try:
        batch = json.loads(data)["batch"]
        if not isinstance(batch, str) or not _NAME.fullmatch(batch):
            raise ValueError(f"{batch!r} is no name")
    except UNREADABLE as error:
        raise DataError(
            f"{out.url}/{POINTER} names no batch; 'learnfold rollback' publishes the newest one that can be read, run --full makes one"
        ) from error
    manifest = read_manifest(out, batch)
    if manifest is None:
        # a pointer is written after its manifest and a batch is never removed while it is pointed to: someone else removed it
        raise DataError(
            f"{out.url}/{POINTER} points to batch {batch}, which is gone; 'learnfold rollback' publishes the newest one "
            "that can be read, run --full makes one"
        )
    if manifest.batch != batch:
        raise DataError(
            f"{out.url}/{manifest_path(batch)} is the manifest of {manifest.batch!r}; 'learnfold rollback' to an older batch, or run --full"
        )
    return manifest, tag


_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.-]*")


def read_replaceable(out: Storage) -> tuple[Manifest | None, str | None]:
    """The same for who publishes something in its place: where it can't be read, None and the pointer's tag.

    Raises DataError where a newer learnfold wrote it.
    """
    try:
        return read_current(out)
    except NewerError:
        raise
    except DataError:
        found = out.read_tagged(POINTER)
        return None, None if found is None else found[1]
