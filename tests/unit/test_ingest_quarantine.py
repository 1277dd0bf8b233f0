"""The quarantine of the master dataset: nothing invalid is lost, and a fix takes it in."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from ingested import KilledError, Log, dying_after, quarantine, rows, visible

from learnfold import catalog
from learnfold.catalog import Catalog
from learnfold.cli import main
from learnfold.errors import MissingDataError
from learnfold.ingest.quarantine import Replayed, replay
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage

EVENT = {"event_type": "VIDEO_WATCHED", "user_id": "u", "timestamp": "2025-11-01 10:00:00", "video_id": "v"}
BAD = [
    b"not json",
    None,
    b"\xff\xfe",
    b"[1]",
    {**EVENT, "user_id": " "},
    {**EVENT, "watch_duration_seconds": -5},
    {**EVENT, "watch_duration_seconds": -6, "timestamp": "2025-11-02 10:00:00"},
    {**EVENT, "timestamp": "yesterday"},
]
REASONS = [
    "not JSON",
    "the message is empty",
    "not UTF-8",
    "not a JSON object",
    "user_id is blank",
    "watch_duration_seconds breaks watch_duration_seconds >= 0",
    "watch_duration_seconds breaks watch_duration_seconds >= 0",
    "timestamp can't be read as a time",
]


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """A partition with a poison message at its head, more of them behind, and a valid event last."""
    log = Log(FolderStorage(str(tmp_path)), "video_topic", number=2)
    log.send([*BAD, EVENT])
    log.claim()
    log.read()
    log.flush()
    return log


def mended(minimum: int = -100) -> Catalog:
    """The subjects after a fix: durations may be a little negative."""
    found = catalog.load()
    topic = found.topic("video_topic")
    fields = tuple(
        replace(field, check=f"watch_duration_seconds >= {minimum}")
        if field.name == "watch_duration_seconds"
        else field
        for field in topic.fields
    )
    job = found.jobs["video"]
    return Catalog({**found.jobs, "video": replace(job, topics=(replace(topic, fields=fields),))})


def test_a_poison_message_stops_nothing_and_is_kept_whole(log: Log) -> None:
    """Each invalid message is in the quarantine with its partition, offset, reason and every byte; the valid one is in its file."""
    found = sorted(quarantine(Path(log.master.url)), key=lambda row: row["kafka_offset"])
    assert [row["reason"] for row in found] == REASONS
    assert [(row["kafka_partition"], row["kafka_offset"]) for row in found] == [(2, offset) for offset in range(8)]
    for row, sent in zip(found, log.items, strict=False):
        kept = row["bytes"] if row["bytes"] is not None else row["event"] and row["event"].encode()
        assert kept == sent
    assert [row["kafka_offset"] for row in rows(visible(Path(log.master.url)))] == [8]


def test_a_fix_takes_in_what_is_valid_now_and_no_more(log: Log) -> None:
    """After a fix the events lie in their days with their place in Kafka; the rest stays, and a second replay finds nothing."""
    root = Path(log.master.url)
    assert replay(log.master, catalog.load(), Settings()) == [Replayed("video_topic", 0, 8)]
    assert replay(log.master, mended(-5), Settings()) == [Replayed("video_topic", 1, 7)]
    assert replay(log.master, mended(), Settings()) == [Replayed("video_topic", 1, 6)]
    assert replay(log.master, mended(), Settings()) == [Replayed("video_topic", 0, 6)]
    assert sorted(row["kafka_offset"] for row in rows(visible(root))) == [5, 6, 8]
    assert {row["kafka_timestamp"].timestamp() for row in rows(visible(root))} == {
        1_700_000_000.005,
        1_700_000_000.006,
        1_700_000_000.008,
    }
    assert sorted(row["reason"] for row in quarantine(root)) == sorted(set(REASONS) - {REASONS[5]})


@pytest.mark.slow
def test_a_replay_that_dies_is_ended_by_the_next(tmp_path: Path) -> None:
    """Killed before any of its writes, a replay leaves each event in the quarantine or in files or both; the next one ends it."""
    for writes in range(1, 50):
        log = Log(FolderStorage(str(tmp_path / str(writes))), "video_topic")
        log.send([BAD[5], BAD[6], BAD[0]])
        log.claim()
        log.read()
        log.flush()
        root, over = Path(log.master.url), False
        with contextlib.suppress(KilledError), dying_after(writes):
            replay(log.master, mended(), Settings())
            over = True
        there: set[int] = set()
        with contextlib.suppress(MissingDataError):
            there = {row["kafka_offset"] for row in rows(visible(root))}
        assert there | {row["kafka_offset"] for row in quarantine(root)} == {0, 1, 2}
        replay(log.master, mended(), Settings())
        assert sorted(row["kafka_offset"] for row in rows(visible(root))) == [0, 1]
        assert [row["kafka_offset"] for row in quarantine(root)] == [2]
        if over:
            break
    assert writes > 4


def test_a_better_mapping_takes_in_statements(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Statements that no rule fitted become events by a mapping with a rule for them; the others stay, with today's reason."""
    statement = {
        "actor": {"account": {"name": "u1", "homePage": "http://lms"}},
        "object": {"id": "http://lms/v1", "definition": {"type": "https://w3id.org/xapi/video/activity-type/video"}},
        "timestamp": "2025-11-01T10:00:00Z",
    }
    yawned = {**statement, "id": "1", "verb": {"id": "http://example.org/verbs/yawned"}}
    sighed = {**statement, "id": "2", "verb": {"id": "http://example.org/verbs/sighed"}}
    store, master = tmp_path / "store.jsonl", str(tmp_path / "master")
    store.write_text("\n".join(map(json.dumps, (yawned, sighed))))
    better = tmp_path / "better.toml"
    better.write_text(
        'name = "better"\ntitle = "with yawns"\nreads = "xapi"\nextends = "xapi"\n'
        '[[rule]]\nabout = "a yawn"\nwhen = { verb = "http://example.org/verbs/yawned" }\n'
        'topic = "auth_topic"\nevent_type = "LOGIN"\n'
    )
    assert main(["ingest", str(store), "--into", master, "--from", "xapi"]) == 0
    capsys.readouterr()
    assert main(["quarantine", master, "--replay", "--from", str(better), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"topic": "unmapped", "taken": 1, "left": 1}]
    assert [row["event_id"] for row in rows(visible(Path(master)))] == ["1"]
    (left,) = quarantine(Path(master))
    assert json.loads(left["event"])["id"] == "2"


def test_the_command_lists_what_ingestion_refused(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    """Counts by topic and reason, and a few of each with where they are from; ``--limit 0`` none, ``--json`` as data."""
    assert main(["quarantine", log.master.url, "--limit", "1"]) == 0
    shown = capsys.readouterr().out
    assert "not JSON" in shown
    assert "2@0" in shown
    assert main(["quarantine", log.master.url, "--limit", "0", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert sum(count["events"] for count in told["counts"]) == 8
    assert told["events"] == []
    assert main(["quarantine", log.master.url, "--topic", "auth_topic"]) == 0
    assert "empty" in capsys.readouterr().out


def test_the_command_lists_what_a_batch_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a place of views it is the quarantine of the published batch; that can't be replayed, and the message says what to do."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = tmp_path / "master/topic=video_topic"
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"value": [json.dumps(EVENT), "not json"]}), folder / "a.parquet")
    assert main(["run", str(tmp_path / "master"), str(tmp_path / "out")]) == 0
    capsys.readouterr()
    assert main(["quarantine", str(tmp_path / "out"), "--json"]) == 0
    (event,) = json.loads(capsys.readouterr().out)["events"]
    assert (event["reason"], event["file"], event["row"]) == ("not JSON", "topic=video_topic/a.parquet", 1)
    assert main(["quarantine", str(tmp_path / "out"), "--replay"]) == 2
    assert "learnfold run" in capsys.readouterr().err


def test_the_command_refuses_what_is_not_there_and_what_means_nothing(tmp_path: Path) -> None:
    """A place that isn't there fails, a mapping without a replay is misused."""
    assert main(["quarantine", str(tmp_path / "nope")]) == 1
    assert main(["quarantine", str(tmp_path), "--from", "xapi"]) == 2
