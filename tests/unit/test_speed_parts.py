"""Parts in place of Kafka: which are taken, which never are, and that a partition stands still before a hole."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnfold import catalog
from learnfold.cli import main
from learnfold.errors import DataError, MissingDataError, UsageError
from learnfold.master.committed_offsets import PartitionProgress
from learnfold.settings import Settings
from learnfold.speed.base import About
from learnfold.speed.part_index import PartIndex
from learnfold.speed.part_source import PartSource
from learnfold.speed.parts import (
    HEAD,
    Head,
    Part,
    PartRows,
    TopicHead,
    orphans,
    plain_id,
    read_record,
    record_path,
    records,
    remove,
    superseded,
    topic_folder,
    write_record,
)
from learnfold.speed.stream import Stream, StreamRequest
from learnfold.storage.folder import FolderStorage
from learnfold.telemetry.reporter import Reporter
from promises.streamed import World

if TYPE_CHECKING:
    from learnfold.speed.parts import Ranges
    from learnfold.storage import Storage

TOPIC, ID, READING = "video_topic", "aB-_9w", "0123456789abcdef0123"
FOLDER = topic_folder(TOPIC, ID, READING)


class Parts:
    """A place for parts, and a master dataset."""

    def __init__(self, folder: Path) -> None:
        self.storage, self.master = FolderStorage(str(folder / "parts")), FolderStorage(str(folder / "master"))

    def add(self, ranges: Ranges, *, told: bool = True) -> str | None:
        """One part, with a file of no rows; ``told``: the head names it."""
        file = f"{FOLDER}/rows/{len(self.storage.list())}/part-0.parquet"
        self.storage.write(file, b"rows")
        name = write_record(self.storage, FOLDER, ranges, [file])
        if told:
            self.head([name] if name else [], {p: end for p, (_, end) in ranges.items()})
        return name

    def head(
        self, newest: list[str], ends: dict[int, int], folder: str = FOLDER, removed: dict[int, int] | None = None
    ) -> None:
        """What the job says."""
        self.storage.write(HEAD, Head(5.0, {TOPIC: TopicHead(folder, ends, newest, removed or {})}).to_json())

    def source(self, border: dict[int, int], start: dict[int, int] | None = None, reading: str = READING) -> PartSource:
        """One that begins at a border."""
        about = About("b", "", {TOPIC: border}, {TOPIC: dict.fromkeys(border, 0)})
        return PartSource(
            self.storage, self.master, about, {TOPIC: start} if start else {}, {TOPIC: reading}, Reporter()
        )

    def ingested(self, topic_id: str, generation: int = 0) -> None:
        """What ingestion noted."""
        one = PartitionProgress(TOPIC, 0, 5, generation, topic_id)
        self.master.write(one.path, one.to_json())


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    """Empty ones."""
    return Parts(tmp_path)


def taken(source: PartSource) -> list[tuple[int, int, int]]:
    """What one poll gives: partition, first offset, and the one behind the last."""
    given = source.poll(0.0).batches.get(TOPIC, [])
    return [(rows.partition, rows.first, rows.end) for rows in given if isinstance(rows, PartRows)]


def test_parts_are_taken_from_the_border_on(parts: Parts) -> None:
    """In the middle of the first, then the next; then everything that the job saw is in."""
    parts.add({0: (0, 10), 1: (0, 4)})
    parts.add({0: (10, 12), 1: (4, 4)})
    source = parts.source({0: 7, 1: 4})
    assert taken(source) == [(0, 7, 10)]
    assert taken(source) == [(0, 10, 12)]
    assert taken(source) == []
    assert source.positions == {TOPIC: {0: 12, 1: 4}}
    assert source.poll(0.0).complete_until == 5.0
    assert source.lag() == {TOPIC: {0: 0, 1: 0}}
    source.close()


def test_parts_that_overlap_are_taken_once(parts: Parts) -> None:
    """Those of a job whose checkpoint was lost: no offset twice."""
    parts.add({0: (0, 10)})
    parts.add({0: (5, 20)})
    source = parts.source({0: 0})
    assert taken(source) == [(0, 0, 10)]
    assert taken(source) == [(0, 10, 20)]
    assert source.targets() == {TOPIC: {0: 20}}
    source.close()


def test_a_partition_stands_still_before_a_hole(parts: Parts) -> None:
    """It says which messages no part holds; the other goes on; when the part comes after all, it is taken."""
    parts.add({0: (0, 3), 1: (0, 3)})
    parts.add({0: (8, 9), 1: (3, 9)})
    source = parts.source({0: 0, 1: 0})
    assert taken(source) == [(0, 0, 3), (1, 0, 3)]
    assert taken(source) == [(1, 3, 9)]
    source._looked = 0.0
    assert taken(source) == []
    assert list(source.shown_blocked()) == [f"{TOPIC}/0"]
    assert "offset 3 to 7" in source.shown_blocked()[f"{TOPIC}/0"]
    assert source.missing == {(TOPIC, 0): 5}
    assert source.poll(0.0).complete_until == 0.0
    parts.add({0: (3, 8)})
    source._looked = 0.0
    assert taken(source) == [(0, 3, 8)]
    assert taken(source) == [(0, 8, 9)]
    assert source.blocked == {}
    source.close()


def test_a_part_that_the_head_does_not_name_is_found(parts: Parts) -> None:
    """Where Kafka is farther than what the head names, all records are listed."""
    parts.add({0: (0, 3)})
    source = parts.source({0: 0})
    assert taken(source) == [(0, 0, 3)]
    parts.add({0: (3, 5)}, told=False)
    parts.head([], {0: 5})
    source._looked = source._topics[TOPIC].listed = -1000.0
    assert taken(source) == [(0, 3, 5)]
    source.close()


def test_a_large_part_comes_in_pieces(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that memory is bounded."""
    monkeypatch.setattr("learnfold.speed.part_source.MOST_AT_ONCE", 6)
    parts.add({0: (0, 7), 1: (0, 2)})
    source = parts.source({0: 0, 1: 0})
    assert taken(source) == [(0, 0, 3), (1, 0, 2)]
    assert taken(source) == [(0, 3, 7)]
    source.close()


def test_a_part_that_was_removed_meanwhile_is_a_hole(parts: Parts) -> None:
    """Its record had been read before: the partition stands still, nothing of it counts; written again, it is taken."""
    first = parts.add({0: (0, 3)})
    parts.add({0: (3, 9)})
    source = parts.source({0: 0})
    assert first is not None
    (removed,) = superseded(parts.storage, FOLDER, {0: 3})
    remove(parts.storage, removed)
    assert taken(source) == []
    assert source.fetch(TOPIC, 0, 1) is None
    source._looked = 0.0
    assert taken(source) == []
    assert "offset 0 to 2" in source.shown_blocked()[f"{TOPIC}/0"]
    assert parts.add({0: (0, 3)}) == first
    source._looked = source._topics[TOPIC].listed = -1000.0
    assert taken(source) == [(0, 0, 3)]
    source.close()


def test_a_record_that_is_gone_is_asked_for_once(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job names the latest long after it removed them; each look would be a request for each."""
    asked: list[str] = []

    def asking(storage: Storage, path: str) -> Part | None:
        asked.append(path)
        return read_record(storage, path)

    monkeypatch.setattr("learnfold.speed.part_source.read_record", asking)
    parts.head(["0" * 19 + "-" + "1" * 19 + "-" + "a" * 16 + ".json"], {0: 4})
    source = parts.source({0: 4})
    for _ in range(3):
        source._looked = 0.0
        assert taken(source) == []
    assert len(asked) == 1
    source.close()


def test_nobody_waits_for_parts_that_were_removed(parts: Parts) -> None:
    """A batch of before is the published one again, and nothing came since: it stands still, so that it can be handed over to."""
    parts.add({0: (0, 10)})
    remove(parts.storage, superseded(parts.storage, FOLDER, {0: 10})[0])
    parts.head([], {0: 10}, removed={0: 10})
    source = parts.source({0: 4})
    assert taken(source) == []
    assert "offset 4 to 9" in source.shown_blocked()[f"{TOPIC}/0"]
    assert source.missing == {(TOPIC, 0): 6}
    behind = parts.source({0: 10})
    assert behind.shown_blocked() == {}
    source.close()
    behind.close()


def test_what_the_job_says_of_another_life_makes_nothing_complete(parts: Parts) -> None:
    """The topic was made again while its parts were taken: that little is in the new one doesn't say that all of it is in."""
    parts.add({0: (0, 10)})
    source = parts.source({0: 0})
    assert taken(source) == [(0, 0, 10)]
    assert source.poll(0.0).complete_until == 5.0
    parts.head([], {0: 2}, folder=topic_folder(TOPIC, "another", READING))
    source._looked = 0.0
    assert source.poll(0.0).complete_until == 0.0
    assert "made again" in source.shown_blocked()[f"{TOPIC}/0"]
    source.close()


def test_parts_of_another_life_of_the_topic_are_not_taken(parts: Parts) -> None:
    """Kafka's id isn't the one that ingestion noted, or ingestion is a generation farther than the batch."""
    parts.add({0: (0, 10)})
    parts.ingested("another")
    source = parts.source({0: 5})
    assert taken(source) == []
    assert "deleted and made again" in source.shown_blocked()[f"{TOPIC}/0"]
    parts.ingested(ID, generation=1)
    assert "the next batch goes on" in parts.source({0: 5}).shown_blocked()[f"{TOPIC}/0"]
    parts.ingested("aB+/9w==")
    assert taken(parts.source({0: 5})) == [(0, 5, 10)]
    assert plain_id("aB+/9w==") == ID


def test_parts_read_by_other_rules_are_not_taken(parts: Parts) -> None:
    """Another zone, or another definition of a field: the topic stands still, and says what to do."""
    parts.add({0: (0, 10)})
    source = parts.source({0: 5}, reading="f" * 20)
    assert taken(source) == []
    assert "by other rules" in source.shown_blocked()[f"{TOPIC}/0"]


def test_a_part_is_written_once(parts: Parts) -> None:
    """Who comes second with the same ranges leaves the first one's as it is."""
    first = parts.add({0: (0, 10)})
    assert first is not None
    before = parts.storage.read(record_path(FOLDER, first))
    assert parts.add({0: (0, 10)}) is None
    assert parts.storage.read(record_path(FOLDER, first)) == before
    assert len(records(parts.storage, FOLDER)) == 1


def test_parts_before_the_border_are_superseded(parts: Parts) -> None:
    """Those of which nothing lies at or behind it, in any partition."""
    parts.add({0: (0, 10), 1: (0, 4)})
    parts.add({0: (10, 12), 1: (4, 9)})
    found = superseded(parts.storage, FOLDER, {0: 12, 1: 8})
    assert [part.ranges for part in found] == [{0: (0, 10), 1: (0, 4)}]


def test_what_is_removed_is_a_part_with_its_rows_or_what_no_record_names(parts: Parts) -> None:
    """The record goes first; rows of an attempt that was cut short go once they are old."""
    parts.add({0: (0, 10)})
    parts.add({0: (10, 12)})
    parts.storage.write(f"{FOLDER}/rows/cut/part-0.parquet", b"rows")
    soon, before = datetime.now(UTC) + timedelta(minutes=1), datetime.now(UTC) - timedelta(hours=1)
    assert orphans(parts.storage, FOLDER, before) == []
    assert orphans(parts.storage, FOLDER, soon) == [f"{FOLDER}/rows/cut/part-0.parquet"]
    (old,) = superseded(parts.storage, FOLDER, {0: 10})
    remove(parts.storage, old)
    assert [read_record(parts.storage, path).ranges for path in records(parts.storage, FOLDER)] == [{0: (10, 12)}]
    assert not any(parts.storage.read(file) for file in old.files)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 6)), max_size=12), st.integers(0, 26))
def test_the_part_with_an_offset_is_found(ranges: list[tuple[int, int]], offset: int) -> None:
    """Of ranges that overlap anyhow the one that goes farthest, and where the next begins."""
    index = PartIndex("")
    for number, (first, length) in enumerate(ranges):
        index.add(Part(str(number), {0: (first, first + length)}, ()))
    held = [first + length for first, length in ranges if first <= offset < first + length]
    found = index.holding(0, offset)
    assert (found.ranges[0][1] if found else None) == max(held, default=None)
    assert index.beyond(0, offset) == min((first for first, _ in ranges if first > offset), default=None)


def test_an_event_is_given_again(parts: Parts) -> None:
    """By its offset, as long as its part is there."""
    parts.add({0: (0, 10)})
    source = parts.source({0: 0})
    again = source.fetch(TOPIC, 0, 4)
    assert again is not None
    assert (again.partition, again.first, again.end) == (0, 4, 5)
    assert source.fetch(TOPIC, 0, 10) is None
    assert source.fetch("no_topic", 0, 0) is None
    source.close()


def test_what_is_no_record_is_named(parts: Parts) -> None:
    """Rubbish in the head or a record: its address, and no traceback."""
    for rubbish in (b"{", b"[]", json.dumps({"ranges": 3, "files": []}).encode()):
        parts.storage.write(record_path(FOLDER, "x.json"), rubbish)
        with pytest.raises(DataError, match=r"x\.json"):
            read_record(parts.storage, record_path(FOLDER, "x.json"))
    parts.storage.write(HEAD, b"[1]")
    with pytest.raises(DataError, match=r"head\.json"):
        parts.source({0: 0})


def test_a_job_needs_a_batch_and_a_place_apart(tmp_path: Path) -> None:
    """Before Spark starts: without a batch there is no border, and parts within views or events would be taken for such."""
    world = World(tmp_path, "video", Settings(threads=1))
    world.log.add("video_topic", [(0, b"{}")], 1)

    def stream(parts: str) -> Stream:
        request = StreamRequest(str(tmp_path / "out"), str(tmp_path / parts), "")
        return Stream(request, catalog.load(), Settings(), Reporter(), Event())

    with pytest.raises(MissingDataError, match="no batch is published"):
        stream("parts").run()
    world.batch({"video_topic": {0: 1}}).close()
    for inside, what in (("out/parts", "the views"), ("master", "the master dataset")):
        with pytest.raises(UsageError, match=f"within {what}"):
            stream(inside).run()


def test_a_job_begins_at_the_border_of_the_topic_that_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a partition that is new at 0; of a topic that was made again since the batch at the first message there is."""
    monkeypatch.chdir(tmp_path)
    world = World(tmp_path, "video", Settings(threads=1))
    world.log.add("video_topic", [(0, b"{}"), (0, b"{}")], 1)
    world.batch({"video_topic": {0: 1}}).close()
    request = StreamRequest(str(tmp_path / "out"), str(tmp_path / "parts"), "a/checkpoint/")
    stream = Stream(request, catalog.load(), Settings(), Reporter(), Event())
    assert stream._checkpoints() == f"{tmp_path}/a/checkpoint"
    there = SimpleNamespace(id=ID, ends={0: 2, 1: 7})
    assert stream._border(stream._published(), "video_topic", there) == {0: 1, 1: 0}
    for generation, topic_id in ((0, "another"), (1, ID)):
        one = PartitionProgress("video_topic", 0, 1, generation, topic_id)
        FolderStorage(str(tmp_path / "master")).write(one.path, one.to_json())
        assert stream._border(stream._published(), "video_topic", there) == {}


@pytest.fixture
def job(tmp_path: Path, parts: Parts) -> Stream:
    """One that follows a topic, whose Spark and Kafka aren't there."""
    request = StreamRequest(str(tmp_path / "out"), parts.storage.url, "")
    stream = Stream(request, catalog.load(), Settings(), Reporter(), Event())
    stream._head = Head(1.0, {TOPIC: TopicHead(FOLDER, {0: 10})})
    topics = {TOPIC: SimpleNamespace(id=ID, ends={0: 10})}
    stream.streaming = SimpleNamespace(broker=SimpleNamespace(topics=lambda _: topics))
    return stream


def test_a_part_names_the_files_that_spark_made_good(parts: Parts, job: Stream) -> None:
    """Not those that a lost executor still writes: an event without an id would count twice."""

    def rows(folder: str) -> None:
        attempt = f"{FOLDER}/rows/{folder.rpartition('/')[2]}"
        for name in ("part-0.parquet", "_SUCCESS", "_temporary/0/_temporary/attempt_7/part-0.parquet"):
            parts.storage.write(f"{attempt}/{name}", b"rows")

    job._write(TOPIC, ID, FOLDER, {0: (0, 10)}, rows)
    (path,) = records(parts.storage, FOLDER)
    written = read_record(parts.storage, path)
    assert written is not None
    assert [file.count("/") for file in written.files] == [FOLDER.count("/") + 3]


def test_a_job_says_what_it_removes(parts: Parts, job: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    """So does the one that comes after it."""
    parts.add({0: (0, 10), 1: (2, 4)})
    record = SimpleNamespace(offsets={"0": 10, "1": 4})
    manifest = SimpleNamespace(jobs={"video": SimpleNamespace(topics={TOPIC: record})})
    monkeypatch.setattr(job, "_published", lambda: manifest)
    monkeypatch.setattr("learnfold.speed.stream._GRACE_SECONDS", 0.0)
    job._tidied = -1000.0
    job._tidy()
    assert records(parts.storage, FOLDER) == []
    assert Head.read(parts.storage).topics[TOPIC].removed == {0: 10, 1: 4}
    assert job._before().topics[TOPIC].removed == {0: 10, 1: 4}


@pytest.mark.parametrize("flags", [["--engine", "spark"], ["--checkpoint", "here"]])
def test_flags_that_need_another_are_refused(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A job without a place for its parts, a checkpoint without a job."""
    assert main(["speed", "out", *flags]) == 2
    assert {"--engine": "needs --parts", "--checkpoint": "goes with --engine spark"}[
        flags[0]
    ] in capsys.readouterr().err
