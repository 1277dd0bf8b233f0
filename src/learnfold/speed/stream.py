"""The job on Spark: it follows Kafka from the published batch's border, and writes parts, for `learnfold speed --parts`.

Nothing here is counted or compared: a part holds the events of a range of offsets as Spark has read them. What a checkpoint lost, or a
second job writes too, is the same rows again, so that nothing hangs on it but how soon a part comes.
"""

from __future__ import annotations

import secrets
import threading
import time
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from learnfold.batch.manifest import read_current
from learnfold.batch.plan import reading_fingerprint
from learnfold.errors import ConflictError, DataError, LearnfoldError, MissingDataError, UsageError
from learnfold.master.committed_offsets import CommittedOffsets
from learnfold.master.layout import whole_dataset
from learnfold.speed.parts import (
    HEAD,
    Head,
    TopicHead,
    orphans,
    plain_id,
    remove,
    rows_folder,
    superseded,
    topic_folder,
    write_record,
)
from learnfold.speed.reports import StreamReport
from learnfold.storage import open_storage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyspark.sql.streaming.query import StreamingQuery

    from learnfold.batch.manifest import Manifest, TopicRecord
    from learnfold.catalog import Catalog, Topic
    from learnfold.engines.spark.kafka import KafkaTopic
    from learnfold.engines.spark.stream import Ranges
    from learnfold.settings import Settings
    from learnfold.speed.parts import Part
    from learnfold.telemetry.reporter import Reporter

_HEAD_SECONDS = 1.0
_AGAIN_SECONDS = 30.0
_TIDY_SECONDS = 60.0
_SWEEP_SECONDS = 3600.0
_GRACE_SECONDS = 600.0
_ATTEMPT = timedelta(hours=1)  # longer than any takes
_NEWEST = 100


@dataclass(frozen=True)
class StreamRequest:
    """What is to be followed, and where to."""

    output: str
    parts: str
    checkpoint: str  # empty: below ``parts``
    once: bool = False  # up to what is in Kafka now, then stop


class Stream:
    """The job, a query a topic."""

    def __init__(
        self, request: StreamRequest, catalog: Catalog, settings: Settings, reporter: Reporter, stop: threading.Event
    ) -> None:
        self.request, self.catalog, self.reporter, self.stop = request, catalog, reporter, stop
        self.settings = replace(settings, engine="spark")
        self.parts = open_storage(request.parts, self.settings)
        self.out = open_storage(request.output, self.settings)
        self._mutex = threading.Lock()
        self._head, self._said, self._report = Head(), Head(), StreamReport()
        self._queries: dict[str, StreamingQuery] = {}
        self._ended: dict[str, float] = {}
        self._old: dict[str, float] = {}
        self._tidied = time.monotonic()
        self._swept: dict[str, float] = {}

    def run(self) -> StreamReport:
        """Follows until it is told to stop, or all that was there is in parts.

        Raises UsageError where the parts would be among others' files, MissingDataError without a batch, MissingPartError without Spark or its jars, StorageError where Kafka or a place is away.
        """
        from learnfold.engines.spark.stream import Streaming

        began = time.monotonic()
        self.reporter.run_id = str(uuid.uuid4())
        manifest = self._published()
        self._must_be_apart(manifest)
        self.parts.exists()
        self._said = self._before()
        self.streaming = Streaming(self.settings, [self.parts.url, self.out.url, self._checkpoints()])
        try:
            self._start(manifest, self._broker())
            while not self.stop.is_set():
                self._look()
                if self.request.once and not any(query.isActive for query in self._queries.values()):
                    break
                self.stop.wait(_HEAD_SECONDS)
            self._show_head()
        finally:
            self.streaming.close()
        self._report.seconds = time.monotonic() - began
        return self._report

    def _must_be_apart(self, manifest: Manifest) -> None:
        """Parts within the views or the events would be taken for what lies there."""
        for other, what in ((self.out, "the views"), (self._master(manifest), "the master dataset")):
            if f"{self.parts.url}/".startswith(f"{other.url}/"):
                raise UsageError(f"the parts can't be within {what} ({other.url}); name a place beside it by --parts")

    def _look(self) -> None:
        try:
            topics = self._broker()
            self._show_head(topics)
            self._start(self._published(), topics)
            self._tidy()
        except LearnfoldError as error:
            if self.request.once:
                raise
            self.reporter.log_rarely("waiting", why=str(error))

    def _broker(self) -> dict[str, KafkaTopic]:
        self._asked = time.time()
        return self.streaming.broker.topics(list(self.catalog.topics))

    def _start(self, manifest: Manifest, topics: Mapping[str, KafkaTopic]) -> None:
        """Starts the queries of topics that have none: new ones, those made again, and those whose query ended."""
        now = time.monotonic()
        for name, there in topics.items():
            query, folder = self._queries.get(name), self._folder(name, there.id)
            if query is not None and query.isActive:
                if self._head.topics[name].folder == folder:
                    continue
                why = "the topic was deleted and made again; its parts begin again"
                self.reporter.log("alarm", topic=name, why=why)
                query.stop()
            elif query is not None and not self._goes_on(name, query, now):
                continue
            border = self._border(manifest, name, there)
            said = self._head.topics.get(name) or self._said.topics.get(name)
            removed = said.removed if said is not None and said.folder == folder else {}
            with self._mutex:
                self._head.topics[name] = TopicHead(folder, there.ends, removed=removed)
            self._queries[name] = self._query(self.catalog.topics[name], there, folder, border)

    def _goes_on(self, name: str, query: StreamingQuery, now: float) -> bool:
        """Whether a query that ended is to be started again now."""
        from learnfold.engines.spark.stream import why

        error = why(query)
        if error is None and self.request.once:
            return False
        if error is not None and name not in self._ended:
            self._report.stopped[name] = error
            self.reporter.log("alarm", topic=name, why=error, note="no parts of it come until it can be read again")
        if self.request.once or now - self._ended.setdefault(name, now) < _AGAIN_SECONDS:
            return False
        del self._ended[name]
        self._report.stopped.pop(name, None)  # until it ends again
        return True

    def _query(self, topic: Topic, there: KafkaTopic, folder: str, first: dict[int, int]) -> StreamingQuery:
        from learnfold.engines.spark.stream import Follow

        checkpoint = f"{self._checkpoints()}/{folder}"
        return self.streaming.start(
            Follow(topic, first, checkpoint, partial(self._write, topic.name, there.id, folder)), once=self.request.once
        )

    def _write(self, topic: str, topic_id: str, folder: str, ranges: Ranges, rows: Callable[[str], None]) -> None:
        """Makes one part: rows, then the record; what was written before, or by another, stays."""
        from learnfold.engines.spark.s3a import place

        if all(first == end for first, end in ranges.values()):
            return  # a query begins so where nothing came yet
        attempt = rows_folder(folder, secrets.token_hex(8))
        rows(place(self.parts.url, attempt))
        now = self.streaming.broker.topics([topic]).get(topic)
        if now is None or now.id != topic_id:
            raise ConflictError(f"{topic} was deleted and made again while it was read")
        files = [entry.path for entry in self.parts.list(attempt)]
        name = write_record(self.parts, folder, ranges, [path for path in files if _is_rows(path, attempt)])
        if name is None:
            self.parts.delete(files)
            return
        messages = sum(end - first for first, end in ranges.values())
        with self._mutex:
            self._report.parts += 1
            self._report.messages += messages
            head = self._head.topics[topic]
            head.newest = [*head.newest, name][-_NEWEST:]
        self._show_head()
        self.reporter.log("part", topic=topic, messages=messages)

    def _show_head(self, topics: Mapping[str, KafkaTopic] | None = None) -> None:
        """Says how far Kafka and the parts are."""
        with self._mutex:
            for name, there in (topics or {}).items():
                if name in self._head.topics:
                    self._head.topics[name].ends = there.ends
                    self._head.at = self._asked
            self.parts.write(HEAD, self._head.to_json())

    def _border(self, manifest: Manifest, name: str, there: KafkaTopic) -> dict[int, int]:
        """By partition, where to begin: at the batch's border, if it counts in the topic that Kafka has now."""
        record = _record(manifest, name)
        ingested = CommittedOffsets.read(self._master(manifest)).partitions
        ids = {plain_id(one.topic_id) for (topic, _), one in ingested.items() if topic == name and one.topic_id}
        if record is None or (ids and ids != {plain_id(there.id)}):
            return {}
        known = {str(number): one.generation for (topic, number), one in ingested.items() if topic == name}
        if any(known.get(number, generation) != generation for number, generation in record.generations.items()):
            return {}
        return {partition: record.offsets.get(str(partition), 0) for partition in there.ends}

    def _tidy(self) -> None:
        """Removes parts that lie before the published batch's border, once nobody is likely to read them, and what no record names."""
        now = time.monotonic()
        if now - self._tidied < _TIDY_SECONDS:
            return
        self._tidied = now
        manifest = self._published()
        for name, head in self._head.topics.items():
            record = _record(manifest, name)
            border = {int(partition): offset for partition, offset in record.offsets.items()} if record else {}
            for part in superseded(self.parts, head.folder, border):
                if now - self._old.setdefault(part.path, now) >= _GRACE_SECONDS:
                    self._remove(head, part)
                    del self._old[part.path]
            if now - self._swept.get(name, 0.0) >= _SWEEP_SECONDS:
                self._swept[name] = now
                self.parts.delete(orphans(self.parts, head.folder, datetime.now(UTC) - _ATTEMPT))

    def _remove(self, head: TopicHead, part: Part) -> None:
        """Removes a part once it is said: who is before it, after a rollback, must not wait for it."""
        with self._mutex:
            for partition, (_, end) in part.ranges.items():
                head.removed[partition] = max(end, head.removed.get(partition, 0))
        self._show_head()
        remove(self.parts, part)

    def _before(self) -> Head:
        """What the job before said."""
        try:
            return Head.read(self.parts)
        except DataError:
            return Head()

    def _folder(self, topic: str, topic_id: str) -> str:
        return topic_folder(topic, topic_id, reading_fingerprint(self.catalog.topics[topic], self.settings))

    def _checkpoints(self) -> str:
        """Where the queries' checkpoints are; a folder as an absolute path, since Spark takes another for a machine's name."""
        given = (self.request.checkpoint or f"{self.parts.url}/checkpoints").rstrip("/")
        return given if "://" in given else str(Path(given).absolute())

    def _published(self) -> Manifest:
        manifest, _ = read_current(self.out)
        if manifest is None:
            out = self.out.url
            raise MissingDataError(f"no batch is published at {out} yet; 'learnfold run MASTER {out}' publishes one")
        return manifest

    def _master(self, manifest: Manifest):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a Storage
        jobs = list(manifest.jobs.values())
        inputs = [job.input for job in jobs if job.topics] or [job.input for job in jobs]
        return open_storage(whole_dataset(inputs[0]), self.settings)


def _is_rows(path: str, attempt: str) -> bool:
    """Whether a file is one of rows that Spark has made good: what a lost executor still writes lies in a folder below."""
    folder, _, name = path.rpartition("/")
    return folder == attempt and name.startswith("part-")


def _record(manifest: Manifest, topic: str) -> TopicRecord | None:
    return next((job.topics[topic] for job in manifest.jobs.values() if topic in job.topics), None)
