"""Parts: the events behind a batch's border as a job on Spark has read them, each part for a range of offsets, written once.

Below PARTS, ``topic=<topic>/<id>-<reading>/`` holds the parts of one life of a Kafka topic, read by one set of rules: first files of
rows, then a record that names them, create-only. What no record names isn't there. ``head.json`` says how far Kafka and the parts are.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from learnfold.errors import ConflictError, DataError
from learnfold.storage.concurrency import map_concurrently

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from learnfold.storage import Storage

HEAD = "head.json"

_RECORDS, _ROWS = "parts", "rows"
_NAME = re.compile(r"\d{19}-\d{19}-[0-9a-f]{16}\.json")

Ranges = dict[int, tuple[int, int]]
"""By Kafka partition, the first offset and the one behind the last."""


@dataclass(frozen=True)
class Part:
    """What one record says."""

    path: str  # the record's own
    ranges: Ranges
    files: tuple[str, ...]  # of rows, in order of their offsets within a partition


@dataclass(frozen=True)
class PartRows:
    """Rows of a part in local files: those of one partition from an offset to before another."""

    files: tuple[str, ...]
    partition: int
    first: int
    end: int

    def holds(self, partition: int, offset: int) -> bool:
        """Whether a row of this place is in."""
        return partition == self.partition and self.first <= offset < self.end

    def only(self, offset: int) -> PartRows:
        """The row of one offset alone."""
        return PartRows(self.files, self.partition, offset, offset + 1)


@dataclass
class TopicHead:
    """One topic as the job saw it last."""

    folder: str = ""  # of its parts
    ends: dict[int, int] = field(default_factory=dict)  # of Kafka's partitions, the offset behind the last message
    newest: list[str] = field(default_factory=list)  # names of its latest records
    removed: dict[int, int] = field(default_factory=dict)  # by partition, the offset before which parts were removed


@dataclass
class Head:
    """How far Kafka was at a moment (seconds since 1970), and which parts there are since."""

    at: float = 0.0
    topics: dict[str, TopicHead] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """As it is stored."""
        return json.dumps({"at": self.at, "topics": {name: vars(one) for name, one in self.topics.items()}}).encode()

    @classmethod
    def read(cls, parts: Storage) -> Head:
        """What is stored; nothing where no job has written yet. Raises DataError where it is no such file."""
        data = parts.read(HEAD)
        if data is None:
            return cls()
        try:
            value = json.loads(data)
            topics = {
                name: TopicHead(
                    one["folder"], _by_number(one["ends"]), list(one["newest"]), _by_number(one.get("removed", {}))
                )
                for name, one in value["topics"].items()
            }
            return cls(float(value["at"]), topics)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(
                f"{parts.url}/{HEAD} can't be read ({error!r}); the job on Spark writes it again"
            ) from error


def topic_folder(topic: str, topic_id: str, reading: str) -> str:
    """Where the parts of a topic are, of the one that Kafka gave this id, read by the rules with this fingerprint."""
    return f"topic={topic}/{plain_id(topic_id)}-{reading[:16]}"


def plain_id(topic_id: str) -> str:
    """A topic's id as a folder can be called: Kafka's clients spell it in two ways."""
    return topic_id.replace("+", "-").replace("/", "_").rstrip("=")


def rows_folder(folder: str, attempt: str) -> str:
    """Where one attempt at a part puts its files of rows."""
    return f"{folder}/{_ROWS}/{attempt}"


def record_path(folder: str, name: str) -> str:
    """Where the record of that name is."""
    return f"{folder}/{_RECORDS}/{name}"


def write_record(parts: Storage, folder: str, ranges: Ranges, files: Sequence[str]) -> str | None:
    """Makes files a part; the record's name. None: a part of these ranges is there already, and stays."""
    shown = {str(partition): list(its) for partition, its in sorted(ranges.items())}
    digest = hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:16]
    first, end = (sum(its[side] for its in ranges.values()) for side in (0, 1))
    name = f"{first:019d}-{end:019d}-{digest}.json"
    try:
        parts.swap(record_path(folder, name), json.dumps({"ranges": shown, "files": list(files)}).encode(), None)
    except ConflictError:
        return None
    return name


def read_record(parts: Storage, path: str) -> Part | None:
    """The part; None where it isn't there any more. Raises DataError where it is no such file."""
    data = parts.read(path)
    if data is None:
        return None
    try:
        value = json.loads(data)
        ranges = {int(partition): (int(first), int(end)) for partition, (first, end) in value["ranges"].items()}
        return Part(path, ranges, tuple(map(str, value["files"])))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{parts.url}/{path} can't be read as a part's record ({error!r})") from error


def records(parts: Storage, folder: str) -> list[str]:
    """The paths of all records of a topic, in order of their offsets."""
    paths = [entry.path for entry in parts.list(f"{folder}/{_RECORDS}")]
    return [path for path in paths if _NAME.fullmatch(path.rpartition("/")[2])]


def superseded(parts: Storage, folder: str, border: Mapping[int, int]) -> list[Part]:
    """The parts that lie before a batch's border whole, which no base over this batch asks for."""
    before = sum(border.values())
    likely = [path for path in records(parts, folder) if _end(path) <= before]
    return [
        part
        for part in _read(parts, likely)
        if all(end <= border.get(partition, 0) for partition, (_, end) in part.ranges.items())
    ]


def remove(parts: Storage, part: Part) -> None:
    """Deletes a part: first its record, so that it isn't there, then its rows and what Spark left beside them."""
    parts.delete([part.path])
    folders = {file.rpartition("/")[0] for file in part.files}
    parts.delete([entry.path for folder in sorted(folders) for entry in parts.list(folder)])


def orphans(parts: Storage, folder: str, before: datetime) -> list[str]:
    """Files of rows that no record names and that were there before a time: of attempts that were cut short."""
    files = [entry.path for entry in parts.list(f"{folder}/{_ROWS}") if entry.modified_at < before]
    named = {file.rpartition("/")[0] for part in _read(parts, records(parts, folder)) for file in part.files}
    return [file for file in files if file.rpartition("/")[0] not in named]


def _read(parts: Storage, paths: Sequence[str]) -> list[Part]:
    found = map_concurrently(partial(read_record, parts), paths, parts.max_concurrency)
    return [part for part in found if part is not None]


def _end(path: str) -> int:
    """The ends of a record's ranges together, as its name says."""
    return int(path.rpartition("/")[2].split("-")[1])


def _by_number(value: Mapping[str, Any]) -> dict[int, int]:
    return {int(number): int(one) for number, one in value.items()}
