"""The quarantine: what is in it, and taking it in again after a fix."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from learnfold.engines.duckdb.session import DuckDBSession
from learnfold.engines.duckdb.sql import quoted
from learnfold.errors import BusyError, ConflictError
from learnfold.ingest.decoder import MESSAGE, Decoder
from learnfold.ingest.files.receipt import digest_of
from learnfold.kafka.messages import message_batches
from learnfold.master.committed_offsets import CommittedOffsets
from learnfold.master.file_names import QUARANTINE, REWRITE_LEASE, UNMAPPED, topic_of
from learnfold.master.rewriting import check_unchanged, entry_of
from learnfold.storage.concurrency import map_concurrently
from learnfold.storage.lease import held

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from learnfold.catalog import Catalog, Topic
    from learnfold.ingest.decoder import DataFile
    from learnfold.ingest.mapping.model import Mapping
    from learnfold.settings import Settings
    from learnfold.storage import Entry, Storage
    from learnfold.storage.lease import Lease

COLUMNS = ("topic", "reason", "file", "row", "kafka_partition", "kafka_offset", "event", "bytes")

_PARQUET = "FORMAT parquet, COMPRESSION zstd"
_CONTENT = 12
"""Letters of a digest that stand for the content of a quarantine file, in the names of what it gave; four more make a name unique."""

_STOPPED = (
    "what was taken in before is complete; give the command again, and that of an erasure that was at work meanwhile"
)


@dataclass
class Quarantined:
    """What quarantine files hold."""

    counts: list[tuple[str, str, int]] = field(default_factory=list)  # by topic and reason, the most first
    rows: list[tuple[Any, ...]] = field(default_factory=list)  # some of them, in the columns' order


@dataclass
class Replayed:
    """What taking a topic's quarantine in again gave."""

    topic: str  # whose quarantine it was
    taken: int = 0  # events that are valid now
    left: int = 0  # that still aren't


def quarantine_files(master: Storage, topic: str | None = None) -> list[str]:
    """The quarantine files of a master dataset, of all topics or one; without those of writes that are under way."""
    progress = CommittedOffsets.read(master)
    folder = f"{QUARANTINE}/topic={topic}" if topic else QUARANTINE
    paths = [entry.path for entry in master.list(folder)]
    return [path for path in paths if path.endswith(".parquet") and topic_of(path) and not progress.beyond(path)]


def read_quarantine(storage: Storage, files: Sequence[str], settings: Settings, limit: int | None) -> Quarantined:
    """What quarantine files of a master dataset or of a batch hold; ``limit``: so many rows of each topic and reason (None: all)."""
    if not files:
        return Quarantined()
    with storage.local(files) as local, DuckDBSession(settings) as session, session.cursor() as cursor:
        source = f"read_parquet([{', '.join(map(quoted, local))}], hive_partitioning=false, union_by_name=true)"
        counts = cursor.execute(
            f"SELECT topic, reason, count(*) FROM {source} GROUP BY ALL ORDER BY 1, 3 DESC, 2"
        ).fetchall()
        few = (
            ""
            if limit is None
            else (
                f" QUALIFY row_number() OVER (PARTITION BY topic, reason ORDER BY file, row, kafka_partition, kafka_offset) <= {limit}"
            )
        )
        rows = cursor.execute(
            f"SELECT {', '.join(COLUMNS[:-1])}, hex(bytes) FROM {source}{few} ORDER BY ALL"
        ).fetchall()
    return Quarantined(counts, rows)


def replay(
    master: Storage, catalog: Catalog, settings: Settings, topic: str | None = None, mapping: Mapping | None = None
) -> list[Replayed]:
    """Takes the quarantine of a master dataset in again; what is valid now becomes events, the rest stays with the reason of today.

    With a ``mapping``, the statements that became nothing are translated by it, and nothing else is taken.
    Raises BusyError where someone else writes files of the master dataset again (after the time to wait). Killed anywhere, the
    same again ends it.
    """
    done: dict[str, Replayed] = {}
    with held(master, [REWRITE_LEASE], settings) as lease:
        decoder = Decoder(settings)
        try:
            replaying = _Replay(master, lease, catalog, decoder, mapping)
            for path in quarantine_files(master, UNMAPPED if mapping is not None else topic):
                name = topic_of(path) or ""
                report = done.setdefault(name, Replayed(name))
                taken, left = replaying.take(path, name)
                report.taken += taken
                report.left += left
        finally:
            decoder.close()
    return list(done.values())


class _Replay:
    """Takes quarantine files in again, one after the other.

    What a file gives is named after its content, and by a name that is given once. So what an earlier replay left that died, or that
    slept and lost its lease, is known: the file still has that content. It goes before the same is written again.
    """

    def __init__(
        self, master: Storage, lease: Lease, catalog: Catalog, decoder: Decoder, mapping: Mapping | None
    ) -> None:
        self.master, self.lease, self.catalog, self.decoder, self.mapping = master, lease, catalog, decoder, mapping
        self._token = secrets.token_hex(2)
        self._written: list[str] = []  # of the quarantine file at hand
        self._taken_back = 0  # statements of it that take others back

    def take(self, path: str, name: str) -> tuple[int, int]:
        """How many events are valid now, and statements that take others back among them; and what still is neither."""
        read = entry_of(self.master, path)
        with self.master.local([path]) as (local,):
            content = digest_of(Path(local))[:_CONTENT]
            self.decoder.connection.execute(
                "CREATE OR REPLACE TABLE replayed AS SELECT *, file_row_number AS place, "
                "CAST(NULL AS VARCHAR) AS today, coalesce(bytes, encode(event)) AS value "
                f"FROM read_parquet({quoted(local)}, hive_partitioning=false)"
            )
        taken, self._taken_back, self._written = 0, 0, []
        try:
            for topic, parts in self._parts(name):
                taken += self._write(topic, [part for part in parts if part.day or part.retracts], content)
                if not any(part.retracts for part in parts):
                    self.decoder.connection.execute(
                        "UPDATE replayed SET today = greatest(today, found) FROM "
                        "(SELECT _row, max(coalesce(_reason, '')) AS found FROM decoded GROUP BY ALL) WHERE _row = place"
                    )
            (left,) = self.decoder.connection.execute(
                "SELECT count(*) FROM replayed WHERE coalesce(today, reason) <> ''"
            ).fetchone() or (0,)
            self._check(read)
        except (BusyError, ConflictError):
            self.master.delete(self._written)  # nobody else's, and what is in them is in the quarantine still
            raise
        taken += self._taken_back
        if taken:  # they are in files now, so they may go from here
            self._keep_rest(read, int(left))
        self.decoder.connection.execute("DROP TABLE replayed")
        self.decoder.drop()
        return taken, int(left)

    def _check(self, read: Entry) -> None:
        """Raises where the lease was lost, or the quarantine file isn't what was read."""
        self.lease.check(_STOPPED)
        check_unchanged(self.master, [read])

    def _parts(self, name: str) -> Iterator[tuple[Topic, list[DataFile]]]:
        """What is read, topic by topic; ``_row`` is the row of the quarantine file."""
        if name in self.catalog.topics:
            source = (
                '(SELECT value, kafka_partition AS partition, kafka_offset AS "offset", '
                "epoch_ms(kafka_timestamp) AS timestamp, place FROM replayed)"
            )
            topic = self.catalog.topic(name)
            yield topic, self.decoder.take_from(topic, MESSAGE, source, row="place")
        elif self.mapping is not None:
            yield from self._translated(self.mapping)

    def _translated(self, mapping: Mapping) -> Iterator[tuple[Topic, list[DataFile]]]:
        from learnfold.ingest.mapping.translate import Retracted, Translated, Unmapped, translate

        events: dict[str, list[tuple[int, bytes]]] = {}
        retracted: list[Retracted] = []
        connection = self.decoder.connection
        for place, event in connection.execute("SELECT place, event FROM replayed WHERE json_valid(event)").fetchall():
            results = translate(json.loads(event), mapping)
            reason = next((one.reason for one in results if isinstance(one, Unmapped)), None)
            if reason is not None or not results:
                connection.execute(
                    "UPDATE replayed SET reason = $1 WHERE place = $2", [reason or "it tells of nothing", place]
                )
                continue
            for result in results:
                if isinstance(result, Translated):
                    events.setdefault(result.topic, []).append((place, json.dumps(result.event).encode()))
                elif isinstance(result, Retracted):
                    retracted.append(result)
                    connection.execute("UPDATE replayed SET today = '' WHERE place = $1", [place])
        for name, texts in sorted(events.items()):
            topic = self.catalog.topic(name)
            self.decoder.receive(message_batches(texts), self.catalog, name, forced=True)
            yield topic, self.decoder.take_received(topic)
        ids, times = [one.event_id for one in retracted], [one.at for one in retracted]
        for name in mapping.topics if retracted else ():  # which of them its events were of isn't known
            yield self.catalog.topic(name), self.decoder.take_retracted(ids, times, mapping.name)
        self._taken_back = len(retracted)

    def _write(self, topic: Topic, parts: Sequence[DataFile], content: str) -> int:
        beginning = f"{topic.name}-replayed-{content}"
        before = [e.path for e in self.master.list(f"topic={topic.name}") if f"/{beginning}" in e.path] if parts else []
        if left_behind := sorted(set(before).difference(self._written)):
            self.lease.check(_STOPPED)
            self.master.delete(left_behind)

        def write(part: DataFile) -> None:
            path = f"{part.folder(topic.name)}/{beginning}{self._token}.parquet"
            self._written.append(path)
            with self.master.new(path) as file:
                self.decoder.write(topic, part, file)
                self.lease.check(_STOPPED)

        map_concurrently(write, parts, max(4, self.master.max_concurrency))
        return sum(part.rows for part in parts if not part.retracts)

    def _keep_rest(self, read: Entry, left: int) -> None:
        """Leaves in the quarantine file what is still invalid, with the reason of today."""
        if left:
            with self.master.new(read.path) as file:
                self.decoder.connection.execute(
                    "COPY (SELECT * EXCLUDE (place, value, today) REPLACE (coalesce(today, reason) AS reason) "
                    f"FROM replayed WHERE coalesce(today, reason) <> '' ORDER BY place) TO {quoted(str(file))} ({_PARQUET})"
                )
                self._check(read)
        else:
            self.master.delete([read.path])
        self.lease.check(_STOPPED)
