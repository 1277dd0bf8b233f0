"""How events lie in the master dataset, and what is there now.

``MASTER/topic=<topic>/…/*.parquet`` at any depth; below ``year=YYYY/month=MM/day=DD`` folders, before or after the topic's, a file
is expected to hold that UTC day. Names that begin with ``_`` or ``.`` are not events.
"""

from __future__ import annotations

import calendar
import itertools
import re
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from learnfold.errors import MissingDataError, UsageError
from learnfold.master.committed_offsets import CommittedOffsets
from learnfold.master.compaction_log import superseded
from learnfold.master.file_names import RETRACTIONS
from learnfold.master.tables import LOGS, refuse_table, table_roots
from learnfold.storage import open_storage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from learnfold.settings import Settings
    from learnfold.storage import Entry, Storage

_PART = re.compile(r"(topic|year|month|day)=([^/]+)")


@dataclass(frozen=True)
class Narrowing:
    """What the input's own path says: only these of the master dataset's folders."""

    topic: str | None = None
    year: int | None = None
    month: int | None = None
    day: int | None = None

    @property
    def whole(self) -> bool:
        """Whether it leaves everything in."""
        return self == Narrowing()


@dataclass
class Listing:
    """What is there: by topic its files, each with the day its folder says (None: outside day folders)."""

    files: dict[str, dict[str, Entry]] = field(default_factory=dict)
    days: dict[str, dict[str, date | None]] = field(default_factory=dict)
    unknown_topics: dict[str, int] = field(default_factory=dict)  # files of topics that no subject reads, by topic
    retractions: dict[str, dict[str, Entry]] = field(
        default_factory=dict
    )  # by topic, the files that take its events back
    offsets: dict[str, dict[int, int]] = field(
        default_factory=dict
    )  # by topic and Kafka partition, the offset before which the files hold everything and behind which nothing
    generations: dict[str, dict[int, int]] = field(default_factory=dict)  # that these offsets count in


@dataclass
class Master:
    """The master dataset: where it lies, and which part of it was asked for."""

    storage: Storage
    narrowing: Narrowing

    def listing(self, topics: Collection[str], known: Collection[str]) -> Listing:
        """The files of ``topics`` now; raises MissingDataError where there are none of any of the ``known`` topics.

        Left out are those of Kafka's messages that ingestion is still at, and those in whose place compaction put another.
        """
        progress = CommittedOffsets.read(self.storage)  # before the files are listed
        entries = list(self._entries(known))
        gone = superseded(self.storage, [entry.path for entry in entries])  # and this after
        offsets = {topic: ends for topic, ends in progress.offsets().items() if topic in topics}
        found = Listing({topic: {} for topic in topics}, {topic: {} for topic in topics}, offsets=offsets)
        found.generations = {topic: its for topic, its in progress.generations().items() if topic in topics}
        any_known = False
        tables = table_roots(entry.path for entry in entries)
        for entry in entries:
            if entry.path in gone or progress.beyond(entry.path):
                continue
            name = entry.path.rsplit("/", 1)[-1]
            if entry.path.startswith(f"{RETRACTIONS}/topic=") and name.endswith(".parquet"):
                _, folder, _ = f"{entry.path}/".split("/", 2)
                if folder.removeprefix("topic=") in topics:
                    found.retractions.setdefault(folder.removeprefix("topic="), {})[entry.path] = entry
                continue
            if not name.endswith((".parquet", ".parq")) or any(part[0] in "_." for part in entry.path.split("/")):
                continue
            parts = {part[1]: part[2] for part in map(_PART.fullmatch, entry.path.split("/")[:-1]) if part}
            topic = parts.get("topic")
            day = _day(parts)
            if topic is None or not self._wanted(topic, day):
                continue
            any_known = any_known or topic in known
            if topic in found.files:
                refuse_table(entry.path, tables, self.storage.url)
                found.files[topic][entry.path] = entry
                found.days[topic][entry.path] = day
            elif topic not in known:
                found.unknown_topics[topic] = found.unknown_topics.get(topic, 0) + 1
        if not any_known:
            raise MissingDataError(
                f"there are no events at {self.shown}: no Parquet file below topic=… there. "
                "Has ingestion run? Is the path right? (learnfold generate makes a dataset to try with)"
            )
        return found

    def days(self) -> tuple[date, date] | None:
        """The first and last day that the narrowing leaves in; None where it says no year."""
        only = self.narrowing
        if only.year is None:
            return None
        last_month = only.month or 12
        last_day = only.day or calendar.monthrange(only.year, last_month)[1]
        return date(only.year, only.month or 1, only.day or 1), date(only.year, last_month, last_day)

    @property
    def shown(self) -> str:
        """The input as it was asked for."""
        parts = [
            f"{name}={value:02d}" if isinstance(value, int) else f"{name}={value}"
            for name, value in vars(self.narrowing).items()
            if value is not None
        ]
        return "/".join([self.storage.url, *parts])

    def _entries(self, known: Collection[str]) -> Iterable[Entry]:
        if self.narrowing.whole:
            return self.storage.list()
        numbers = [
            (name, value) for name, value in vars(self.narrowing).items() if name != "topic" and value is not None
        ]
        spelled = [[f"{name}={value:02d}", f"{name}={value}"] for name, value in numbers]  # Spark writes month=9
        days = sorted({"/".join(parts) for parts in itertools.product(*spelled)}) if spelled else []
        topics = [self.narrowing.topic] if self.narrowing.topic else list(known)
        below = [f"topic={topic}/{day}" for topic in topics for day in days] or [f"topic={topic}" for topic in topics]
        logs = [f"topic={topic}/{log}" for topic in topics for log in LOGS] if days else []
        retractions = [f"{RETRACTIONS}/topic={topic}" for topic in topics]
        return [entry for prefix in (*below, *days, *logs, *retractions) for entry in self.storage.list(prefix)]

    def _wanted(self, topic: str, day: date | None) -> bool:
        only = self.narrowing
        if only.topic is not None and topic != only.topic:
            return False
        if only.year is None:
            return True
        return (
            day is not None
            and day.year == only.year
            and only.month in {None, day.month}
            and only.day in {None, day.day}
        )


def whole_dataset(url: str) -> str:
    """The URL of the whole master dataset that ``url`` names a folder of, or names."""
    return _narrowed(url)[0]


def open_master(url: str, settings: Settings) -> Master:
    """The master dataset at ``url``, which may name one topic's or one day's folder of it (the seed's reprocessing path).

    Raises MissingDataError where there is none, UsageError where the folder names no day.
    """
    base, parts = _narrowed(url)
    numbers = {name: _number(url, name, text) for name, text in parts.items() if name != "topic"}
    storage = open_storage(base, settings)
    if not storage.exists():
        raise MissingDataError(f"there is no master dataset at {storage.url}: has ingestion run? Is the path right?")
    return Master(storage, Narrowing(parts.get("topic"), **numbers))


def _narrowed(url: str) -> tuple[str, dict[str, str]]:
    """The whole dataset's URL, and the values of the folders below it that ``url`` names."""
    base, parts = url.rstrip("/"), {}
    while match := _PART.fullmatch(base.rsplit("/", 1)[-1]):
        parts[match[1]] = match[2]
        base = base.rsplit("/", 1)[0] if "/" in base else "."
    return "/" if url.startswith("/") and not base else base, parts


def _number(url: str, name: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise UsageError(f"{url}: {name}={text} names no {name}; one is called year=2025/month=12/day=10")
    return int(text)


def _day(parts: dict[str, str]) -> date | None:
    try:
        return date(int(parts["year"]), int(parts["month"]), int(parts["day"]))
    except (KeyError, ValueError, OverflowError):
        return None
