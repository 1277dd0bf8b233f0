"""What the progress of ingestion promises: it never speaks of what isn't in files, and never goes back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingested import Log, visible

from learnfold import catalog
from learnfold.batch.manifest import read_current
from learnfold.batch.request import RunRequest, Scope
from learnfold.batch.run import run
from learnfold.errors import BusyError, DataError
from learnfold.ingest.stream.partition import FencedError, claim
from learnfold.master.committed_offsets import (
    CommittedOffsets,
    PartitionProgress,
    read_committed_offsets,
    read_partition,
)
from learnfold.master.file_names import KafkaRange, is_own, kafka_range
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage

DAY = "topic=video_topic/year=2025/month=11/day=01"
NAMES = st.builds(
    KafkaRange,
    st.sampled_from(["video_topic", "auth_topic", "a-1-2-3", "x.g1"]),
    st.integers(0, 10**6),
    st.integers(0, 3),
    st.integers(0, 10**18),
    st.integers(0, 10**18),
)


def watched(number: int) -> dict[str, object]:
    """A valid event."""
    return {"event_id": f"e{number}", "event_type": "VIDEO_WATCHED", "user_id": "u", "timestamp": "2025-11-01 10:00:00"}


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """A partition of ten messages."""
    log = Log(FolderStorage(str(tmp_path)), "video_topic")
    log.send([watched(number) for number in range(10)])
    return log


@given(NAMES, st.sampled_from(["video_topic", "auth_topic", None]))
def test_a_name_tells_what_it_was_made_of(held: KafkaRange, topic: str | None) -> None:
    """The offsets that a file's name is made of are read from it, whatever the topic is called, and of whatever topic the events are."""
    topic = topic or held.topic
    path = f"topic={topic}/year=2025/month=11/day=01/{held.name(topic)}"
    assert kafka_range(path) == held
    assert is_own(path)


@pytest.mark.parametrize(
    "name",
    [
        "part-00000.parquet",
        "auth_topic-0-1-2.parquet",
        "video_topic-0-1.parquet",
        "video_topic-0-1-2.parquet.tmp",
        "video_topic-x-1-2.parquet",
        "video_topic-file-0123456789012345-0.parquet",
        "video_topic+0+0000000001.parquet",
    ],
)
def test_other_names_tell_no_offsets(name: str) -> None:
    """Files of other tools, other topics or other kinds are never taken for files of Kafka's messages."""
    assert kafka_range(f"{DAY}/{name}") is None


def test_what_ends_before_the_progress_is_all_there_is_of_it(log: Log) -> None:
    """A reader leaves out a file that ends at or behind the progress, even where it begins before."""
    log.claim()
    log.read(4)
    log.flush()
    progress = CommittedOffsets.read(log.master)
    assert read_committed_offsets(log.master) == {"video_topic": {0: 4}}
    left_out = {
        name: progress.beyond(f"{DAY}/video_topic-{name}.parquet") for name in ("0-0-3", "0-2-4", "0-4-9", "1-4-9")
    }
    assert left_out == {"0-0-3": False, "0-2-4": True, "0-4-9": True, "1-4-9": False}
    assert not progress.beyond(f"{DAY}/part-00000.parquet")


def test_a_topic_made_again_begins_behind_all_that_was_before(log: Log) -> None:
    """Offsets that begin anew belong to a later generation: files of an earlier one stay, however large their offsets."""
    log.claim()
    log.read()
    log.flush()
    found = read_partition(log.master, "video_topic", 0)
    assert found is not None
    claim(log.master, ["topic=video_topic"], replace(found[0], offset=2, generation=1), "group")
    progress = CommittedOffsets.read(log.master)
    assert not progress.beyond(f"{DAY}/video_topic-0-0-9.parquet")
    assert not progress.beyond(f"{DAY}/video_topic-0.g1-0-1.parquet")
    assert progress.beyond(f"{DAY}/video_topic-0.g1-2-9.parquet")
    assert len(visible(Path(log.master.url))) == 1


def test_a_batch_says_of_which_generation_its_offsets_are(log: Log, tmp_path: Path) -> None:
    """As ingestion has it, whatever the files are called: compacted ones don't tell, nor an earlier generation's."""
    log.claim()
    log.read()
    log.flush()
    request = RunRequest(log.master.url, str(tmp_path / "out"), ("video",))
    first = run(request, catalog.load(), Settings()).manifest.jobs["video"].topics["video_topic"]
    assert (first.offsets, first.generations) == ({"0": len(log.items)}, {"0": 0})
    found = read_partition(log.master, "video_topic", 0)
    assert found is not None
    claim(log.master, ["topic=video_topic"], replace(found[0], offset=2, generation=1), "group")
    run(replace(request, scope=Scope(full=True)), catalog.load(), Settings())
    current, _ = read_current(FolderStorage(request.output))
    assert current is not None
    record = current.jobs["video"].topics["video_topic"]
    assert (record.offsets, record.generations) == ({"0": 2}, {"0": 1})


def test_who_lost_the_partition_can_not_move_its_progress(log: Log) -> None:
    """A process that slept through another's claim writes files that nobody reads, and learns that it lost."""
    sleeper = log.claim()
    log.read(6)
    log.claim()
    log.read(3)
    log.flush()
    with pytest.raises(FencedError, match="partition 0 of video_topic"):
        Log(log.master, "video_topic", partition=sleeper).flush()
    assert read_committed_offsets(log.master) == {"video_topic": {0: 3}}
    assert sorted(file.name for file in visible(Path(log.master.url))) == ["video_topic-0-0-2.parquet"]


def test_a_claim_removes_what_a_kill_left_in_the_making(log: Log) -> None:
    """Files behind the progress, which only a kill leaves, go when the next process begins; no others do."""
    log.claim()
    log.read(5)
    log.flush()
    folder = Path(log.master.url) / DAY
    for name in ("video_topic-0-5-7.parquet", "video_topic-1-5-7.parquet", "part-5-7.parquet"):
        (folder / name).write_bytes((folder / "video_topic-0-0-4.parquet").read_bytes())
    log.claim()
    assert sorted(file.name for file in folder.iterdir()) == [
        "part-5-7.parquet",
        "video_topic-0-0-4.parquet",
        "video_topic-1-5-7.parquet",
    ]


def test_two_groups_can_not_both_ingest_into_one_master_dataset(log: Log) -> None:
    """The second group's claim is found out by the first one's next flush, which names the group."""
    mine = log.claim()
    log.read(2)
    claim(log.master, ["topic=video_topic"], mine.progress, "another group")
    with pytest.raises(BusyError, match="another group"):
        log.flush()


def test_messages_that_come_again_are_held_once(log: Log) -> None:
    """What was read before, as after a rebalance, isn't held a second time."""
    log.claim()
    log.read(4)
    log.partition.add(log.items[2:6], range(2, 6), [0] * 4)
    assert (log.partition.rows, log.partition.next) == (6, 6)


def test_a_progress_that_can_not_be_read_is_said_with_what_to_do(log: Log) -> None:
    """A broken progress file stops readers and writers, who can't know what it said."""
    log.claim()
    (Path(log.master.url) / "_progress/topic=video_topic/partition=0.json").write_text("{")
    with pytest.raises(DataError, match="backup"):
        CommittedOffsets.read(log.master)


def test_no_two_writes_of_a_progress_are_the_same(log: Log) -> None:
    """Every write differs, so that a writer whose answer got lost knows its own."""
    seen = set()
    for _ in range(3):
        log.claim()
        seen.add(json.dumps(json.loads(log.master.read("_progress/topic=video_topic/partition=0.json") or b"")))
    assert len(seen) == 3
    assert PartitionProgress(**json.loads(min(seen))).topic == "video_topic"
