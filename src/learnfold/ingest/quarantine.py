"""The quarantine: what is in it, and taking it in again after a fix."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from learnfold.engines.duckdb.session import DuckDBSession
from learnfold.engines.duckdb.sql import quoted
from learnfold.ingest.decoder import MESSAGE, Decoder
from learnfold.ingest.files.receipt import digest_of
from learnfold.kafka.messages import message_batches
from learnfold.master.committed_offsets import CommittedOffsets
from learnfold.master.file_names import QUARANTINE, REWRITE_LEASE, UNMAPPED, topic_of
from learnfold.storage.concurrency import map_concurrently
from learnfold.storage.lease import held

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from learnfold.catalog import Catalog, Topic
    from learnfold.ingest.decoder import DataFile
    from learnfold.ingest.mapping.model import Mapping
    from learnfold.settings import Settings
    from learnfold.storage import Storage

COLUMNS = ("topic", "reason", "file", "row", "kafka_partition", "kafka_offset", "event", "bytes")

_PARQUET = "FORMAT parquet, COMPRESSION zstd"


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
    with held(master, [REWRITE_LEASE], settings):
        return _replay(master, catalog, settings, topic, mapping)


def _replay(
    master: Storage, catalog: Catalog, settings: Settings, topic: str | None, mapping: Mapping | None
) -> list[Replayed]:
    wanted = UNMAPPED if mapping is not None else topic
    decoder = Decoder(settings)
    done: dict[str, Replayed] = {}
    try:
        for path in quarantine_files(master, wanted):
            name = topic_of(path) or ""
            report = done.setdefault(name, Replayed(name))
            taken, left = _Replay(master, catalog, decoder, mapping).take(path, name)
            report.taken += taken
            report.left += left
    finally:
        decoder.close()
    return list(done.values())


class _Replay:
    """One quarantine file."""

    def __init__(self, master: Storage, catalog: Catalog, decoder: Decoder, mapping: Mapping | None) -> None:
        self.master, self.catalog, self.decoder, self.mapping = master, catalog, decoder, mapping

    def take(self, path: str, name: str) -> tuple[int, int]:
        """Events that are valid now, and what still isn't."""
        with self.master.local([path]) as (local,):
            content = digest_of(Path(local))[:16]
            self.decoder.connection.execute(
                "CREATE OR REPLACE TABLE replayed AS SELECT *, file_row_number AS place, "
                "CAST(NULL AS VARCHAR) AS today, coalesce(bytes, encode(event)) AS value "
                f"FROM read_parquet({quoted(local)}, hive_partitioning=false)"
            )
        taken = 0
        for topic, parts in self._parts(name):
            taken += self._write(topic, [part for part in parts if part.day], content)
            self.decoder.connection.execute(
                "UPDATE replayed SET today = greatest(today, found) FROM "
                "(SELECT _row, max(coalesce(_reason, '')) AS found FROM decoded GROUP BY ALL) WHERE _row = place"
            )
        (left,) = self.decoder.connection.execute(
            "SELECT count(*) FROM replayed WHERE coalesce(today, reason) <> ''"
        ).fetchone() or (0,)
        if taken:  # the events are in files now, so they may go from here
            self._keep_rest(path, int(left))
        self.decoder.connection.execute("DROP TABLE replayed")
        self.decoder.drop()
        return taken, int(left)

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
        from learnfold.ingest.mapping.translate import Translated, translate

        events: dict[str, list[tuple[int, bytes]]] = {}
        connection = self.decoder.connection
        for place, event in connection.execute("SELECT place, event FROM replayed WHERE json_valid(event)").fetchall():
            results = translate(json.loads(event), mapping)
            if results and all(isinstance(result, Translated) for result in results):
                for result in results:
                    if isinstance(result, Translated):
                        events.setdefault(result.topic, []).append((place, json.dumps(result.event).encode()))
            else:
                reason = next((r.reason for r in results if not isinstance(r, Translated)), "it tells of nothing")
                connection.execute("UPDATE replayed SET reason = $1 WHERE place = $2", [reason, place])
        for name, texts in sorted(events.items()):
            topic = self.catalog.topic(name)
            self.decoder.receive(message_batches(texts), self.catalog, name, forced=True)
            yield topic, self.decoder.take_received(topic)

    def _write(self, topic: Topic, parts: Sequence[DataFile], content: str) -> int:
        def write(part: DataFile) -> None:
            with self.master.new(f"{part.folder(topic.name)}/{topic.name}-replayed-{content}.parquet") as file:
                self.decoder.write(topic, part, file)

        map_concurrently(write, parts, max(4, self.master.max_concurrency))
        return sum(part.rows for part in parts)

    def _keep_rest(self, path: str, left: int) -> None:
        """Leaves in the quarantine file what is still invalid, with the reason of today."""
        if not left:
            self.master.delete([path])
            return
        with self.master.new(path) as file:
            self.decoder.connection.execute(
                "COPY (SELECT * EXCLUDE (place, value, today) REPLACE (coalesce(today, reason) AS reason) "
                f"FROM replayed WHERE coalesce(today, reason) <> '' ORDER BY place) TO {quoted(str(file))} ({_PARQUET})"
            )
