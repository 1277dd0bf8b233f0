"""Events behind a batch's border from parts, which a job on Spark has written, in place of Kafka: never over a hole.

Positions are Kafka's offsets, as where Kafka is read here. So batch, hand-over, repair and what waits are the same.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from learnfold.errors import MissingDataError
from learnfold.master.committed_offsets import CommittedOffsets
from learnfold.speed.part_index import PartIndex
from learnfold.speed.parts import Head, PartRows, plain_id, read_record, record_path, records, topic_folder
from learnfold.speed.source import MOST_AT_ONCE, Polled
from learnfold.storage.concurrency import map_concurrently

if TYPE_CHECKING:
    from collections.abc import Mapping

    from learnfold.speed.base import About
    from learnfold.speed.live import Positions
    from learnfold.speed.parts import Part
    from learnfold.speed.source import Key
    from learnfold.storage import Storage
    from learnfold.telemetry.reporter import Reporter

_LOOK_SECONDS = 0.1
_LIST_SECONDS = 5.0


class PartSource:
    """All partitions of the topics that a batch can be followed in."""

    def __init__(  # noqa: PLR0913 - as a source of Kafka's is made, and what it is made of
        self,
        parts: Storage,
        master: Storage,
        about: About,
        start: Positions,
        readings: Mapping[str, str],
        reporter: Reporter,
    ) -> None:
        """Begins at ``start``, else at the border; ``readings``: by topic the fingerprint of how its events are read."""
        self._parts, self._reporter = parts, reporter
        self.positions: Positions = {topic: dict(its) for topic, its in about.border.items()}
        for topic, its in start.items():
            self.positions.setdefault(topic, {}).update(its)
        self.blocked: dict[Key, str] = {}
        self.missing: dict[Key, int] = {}
        self._refused: dict[str, str] = {}  # topics of which nothing more is taken, and why
        self._held: dict[str, tuple[ExitStack, tuple[str, ...]]] = {}  # local files of parts, by the record's path
        self._gone: set[str] = set()  # paths of records that aren't there any more
        self._lost: set[tuple[str, ...]] = set()  # files of parts that aren't there any more
        self._head, self._looked = Head(), 0.0
        self._topics: dict[str, PartIndex] = {}
        self._about, self._readings = about, readings
        self._ingested = CommittedOffsets.read(master).partitions
        self._look()

    def poll(self, seconds: float) -> Polled:
        """What there is, at most so much that memory is bounded; where there is nothing, some of the time is waited."""
        self._let_go()
        self._look()
        polled = Polled({topic: dict(its) for topic, its in self.positions.items()}, complete_until=self._complete())
        ready = [key for key in self._keys() if self._next(key) is not None]
        for topic, partition in ready:
            at = polled.positions.setdefault(topic, {}).get(partition, 0)
            part = self._topics[topic].holding(partition, at)
            files = None if part is None else self._local(topic, part)
            if part is None or files is None:
                continue
            end = min(part.ranges[partition][1], at + max(1, MOST_AT_ONCE // len(ready)))
            polled.batches.setdefault(topic, []).append(PartRows(files, partition, at, end))
            polled.positions[topic][partition] = end
            polled.messages += end - at
        self.positions = polled.positions
        if not ready:
            time.sleep(min(seconds, _LOOK_SECONDS))
        return polled

    def block(self, topic: str, before: Positions, why: str) -> None:
        """Takes nothing more of a topic, whose events can't be added; its positions are those before."""
        self.positions[topic] = dict(before.get(topic, {}))
        self._refused[topic] = why
        self._find_holes()

    def fetch(self, topic: str, partition: int, offset: int) -> PartRows | None:
        """One event again; None where its part is gone."""
        part = self._topics[topic].holding(partition, offset) if topic in self._topics else None
        files = None if part is None else self._local(topic, part)
        return None if files is None else PartRows(files, partition, offset, offset + 1)

    def targets(self) -> Positions:
        """Behind the last event that parts without a hole between them have now."""
        for known in self._topics.values():
            self._list(known)
        found: Positions = {}
        for topic, partition in self._keys():
            at = self.positions.get(topic, {}).get(partition, 0)
            while (part := self._topics[topic].holding(partition, at)) is not None:
                at = part.ranges[partition][1]
            found.setdefault(topic, {})[partition] = at
        return found

    def lag(self) -> Positions:
        """Messages that Kafka had and that aren't in, as the job on Spark said last."""
        return {
            topic: {p: max(0, end - self.positions.get(topic, {}).get(p, 0)) for p, end in head.ends.items()}
            for topic, head in self._head.topics.items()
            if topic in self._about.border
        }

    def shown_blocked(self) -> dict[str, str]:
        """Which partitions stand still, and why."""
        return {f"{topic}/{partition}": why for (topic, partition), why in sorted(self.blocked.items())}

    def close(self) -> None:
        """Lets go of all files."""
        for held, _ in self._held.values():
            held.close()
        self._held.clear()

    def _keys(self) -> list[Key]:
        """The partitions that are followed: the border's, and those that parts have."""
        found: set[Key] = set()
        for name, topic in self._topics.items():
            if name not in self._refused:
                found |= {(name, partition) for partition in self.positions.get(name, {})}
                found |= {(name, partition) for partition in topic.partitions}
        return sorted(found)

    def _next(self, key: Key) -> Part | None:
        topic, partition = key
        return self._topics[topic].holding(partition, self.positions.get(topic, {}).get(partition, 0))

    def _look(self) -> None:
        """Finds parts that are new."""
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        self._head = Head.read(self._parts)
        for name, head in self._head.topics.items():
            if name not in self._about.border:
                continue
            if name not in self._topics:
                self._begin(name, head.folder)
            topic = self._topics.get(name)
            if topic is None:
                continue
            if head.folder == topic.folder:
                self._add(topic, [record_path(topic.folder, one) for one in head.newest])
            behind = any(end > self.positions.get(name, {}).get(p, 0) for p, end in head.ends.items())
            if behind and now - topic.listed >= _LIST_SECONDS and not any(map(self._next, self._keys_of(name))):
                self._list(topic)
        self._find_holes()

    def _keys_of(self, topic: str) -> list[Key]:
        return [key for key in self._keys() if key[0] == topic]

    def _begin(self, name: str, folder: str) -> None:
        """Takes up the parts of a topic, if they are of the one that ingestion knows, read by this process's rules."""
        known = {one.topic_id for (topic, _), one in self._ingested.items() if topic == name and one.topic_id}
        generations = self._about.generations.get(name, {})
        later = [
            partition
            for partition, generation in generations.items()
            if (one := self._ingested.get((name, partition))) is not None and one.generation != generation
        ]
        given = folder.rpartition("/")[2].rpartition("-")[0]
        why = None
        if later:
            why = "the topic was deleted and made again; the next batch goes on with it"
        elif known and {plain_id(one) for one in known} != {given}:
            why = "the parts are of a topic that was deleted and made again, which ingestion has to take note of first"
        elif folder != topic_folder(name, given, self._readings[name]):
            why = (
                "its parts were read by other rules; start the job on Spark again, with this learnfold and these zones"
            )
        if why is None:
            self._refused.pop(name, None)
            self._topics[name] = PartIndex(folder)
            self._list(self._topics[name])
        elif self._refused.get(name) != why:
            self._refused[name] = why
            self._reporter.log("alarm", topic=name, why=why, note="it stands still")

    def _list(self, topic: PartIndex) -> None:
        topic.listed = time.monotonic()
        paths = records(self._parts, topic.folder)
        self._gone.difference_update(paths)
        self._add(topic, paths)

    def _add(self, topic: PartIndex, paths: list[str]) -> None:
        new = [path for path in paths if path not in topic.parts and path not in self._gone]
        found = map_concurrently(partial(read_record, self._parts), new, self._parts.max_concurrency)
        for path, part in zip(new, found, strict=True):
            if part is None or part.files in self._lost:
                self._gone.add(path)  # a record is written before it is named; this one was removed
            else:
                topic.add(part)

    def _find_holes(self) -> None:
        """Partitions of which parts are there, but not the next."""
        found: dict[Key, str] = {}
        self.missing = {}
        for name, its in self.positions.items():
            for partition in its if name in self._refused else ():
                found[name, partition] = self._refused[name]
        for key in self._keys():
            at = self.positions.get(key[0], {}).get(key[1], 0)
            following = self._topics[key[0]].beyond(key[1], at) or self._removed(key, at)
            if self._of_another(key[0]):
                found[key] = (
                    "the job on Spark reads the topic as it was made again, or by other rules; the next batch goes on with it"
                )
            elif following is not None and self._next(key) is None:
                found[key] = (
                    f"no part holds the messages from offset {at} to {following - 1}; the next batch goes on behind them"
                )
                self.missing[key] = following - at
        for key in found.keys() - self.blocked.keys():
            if key[0] not in self._refused:
                self._reporter.log("alarm", topic=key[0], partition=key[1], why=found[key], note="it stands still")
        self.blocked = found

    def _removed(self, key: Key, at: int) -> int | None:
        """Up to where the job removed parts, as it says, if that is behind ``at``: they don't come any more."""
        head = self._head.topics.get(key[0])
        until = head.removed.get(key[1], 0) if head else 0
        return until if until > at else None

    def _of_another(self, name: str) -> bool:
        """Whether what the job says isn't said of the parts that are taken."""
        head = self._head.topics.get(name)
        return head is not None and head.folder != self._topics[name].folder

    def _complete(self) -> float:
        """When all that Kafka held was in what is in now; 0: that isn't known."""
        heads = self._head.topics
        if self.blocked or not heads:
            return 0.0
        behind = any(
            end > self.positions.get(topic, {}).get(partition, 0)
            for topic, head in heads.items()
            if topic in self._about.border
            for partition, end in head.ends.items()
        )
        return 0.0 if behind else self._head.at

    def _local(self, topic: str, part: Part) -> tuple[str, ...] | None:
        """The part's files here; they stay until everything of it is in. None: the part was removed, and isn't known any more."""
        if part.path not in self._held:
            try:
                with ExitStack() as held:
                    files = tuple(held.enter_context(self._parts.local(part.files)))
                    self._held[part.path] = held.pop_all(), files
            except MissingDataError:
                self._lost.add(part.files)
                self._topics[topic].forget(part)
                return None
        return self._held[part.path][1]

    def _let_go(self) -> None:
        for name, topic in self._topics.items():
            at = self.positions.get(name, {})
            for path in [path for path in topic.parts if path in self._held]:
                if all(end <= at.get(partition, 0) for partition, (_, end) in topic.parts[path].ranges.items()):
                    self._held.pop(path)[0].close()
