"""Nothing invalid is lost, and nothing unreadable goes unsaid."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from seen import see, watched, write
from unreadable import broken_files

from learnfold.batch.manifest import read_current
from learnfold.batch.request import Scope
from learnfold.cli import main
from learnfold.errors import DataError
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage

TOPIC = "video_topic"
GOOD = b'{"event_type": "VIDEO_WATCHED", "user_id": "u", "timestamp": "2025-12-10 14:30:00"}'


def quarantined(out: Path) -> list[dict[str, Any]]:
    """The rows of all files of the quarantine, by file and row."""
    rows = [row for file in (out / "_quarantine").rglob("*.parquet") for row in pq.ParquetFile(file).read().to_pylist()]
    return sorted(rows, key=lambda row: (row["file"], row["row"]))


def files(out: Path) -> dict[str, bytes]:
    """The files of the quarantine and what is in them."""
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in (out / "_quarantine").rglob("*.parquet")}


def test_an_invalid_event_is_kept_whole_with_reason_and_origin(tmp_path: Path) -> None:
    """Of a flat file all its columns as JSON, also those that no topic has; of messages the text, or the bytes where it is none."""
    master = tmp_path / "master"
    more = {"extra": pa.array([{"a": [1]}] * 3), "blob": pa.array([b"\xff", b"ok", None], pa.binary())}
    columns = watched(3, watch_duration_seconds=["x", "5", "-1"]) | more
    columns |= {"kafka_partition": [0, 0, 1], "kafka_offset": [7, 8, 9]}
    write(master, TOPIC, columns, folder="year=2025/month=12/day=10", name="flat.parquet")
    values = pa.array([None, GOOD, b"{", b"\xff\x00", b'{"event_type": "A", "x": "\xc3\xa9"}'], pa.binary())
    write(master, TOPIC, {"value": values, "partition": [2] * 5, "offset": list(range(5))}, name="messages.parquet")
    see(master, TOPIC)
    rows = quarantined(tmp_path / "out")
    assert {row["topic"] for row in rows} == {TOPIC}
    places = [(row["file"].rpartition("/")[2], row["row"], row["kafka_partition"], row["kafka_offset"]) for row in rows]
    assert places == [
        ("messages.parquet", 0, 2, 0),
        ("messages.parquet", 2, 2, 2),
        ("messages.parquet", 3, 2, 3),
        ("messages.parquet", 4, 2, 4),
        ("flat.parquet", 0, 0, 7),
        ("flat.parquet", 2, 1, 9),
    ]
    assert [row["reason"] for row in rows] == [
        "the message is empty",
        "not JSON",
        "not UTF-8",
        "user_id is missing",
        "watch_duration_seconds can't be read as an integer",
        "watch_duration_seconds breaks watch_duration_seconds >= 0",
    ]
    assert [(row["event"], row["bytes"]) for row in rows[:4]] == [
        (None, None),
        ("{", None),
        (None, b"\xff\x00"),
        ('{"event_type": "A", "x": "é"}', None),
    ]
    assert [json.loads(row["event"]) for row in rows[4:]] == [
        {name: values[place] for name, values in watched(3).items()}
        | {
            "watch_duration_seconds": wrong,
            "extra": {"a": [1]},
            "blob": blob,
            "kafka_partition": at[0],
            "kafka_offset": at[1],
        }
        for place, wrong, blob, at in ((0, "x", "\\xFF", (0, 7)), (2, "-1", None, (1, 9)))
    ]
    assert all((master / row["file"]).exists() for row in rows)


def test_an_invalid_event_keeps_values_of_any_type(tmp_path: Path) -> None:
    """Times, numbers and nested values, as JSON says them; also a field that came twice, told apart by case."""
    columns = watched(1, user_id=[None]) | {
        "at": pa.array([datetime.fromisoformat("2025-01-02 03:04:05")]),
        "many": pa.array([[1.5, None]]),
        'it"s': ["x"],
        "USER_ID": ["LOUD"],
    }
    columns["user_id"] = pa.array([None], pa.string())
    write(tmp_path / "master", TOPIC, columns)
    see(tmp_path / "master", TOPIC)
    (row,) = quarantined(tmp_path / "out")
    event = json.loads(row["event"])
    assert event == {
        "event_type": "VIDEO_WATCHED",
        "user_id": None,
        "timestamp": "2025-12-10 14:30:00",
        "at": "2025-01-02 03:04:05",
        "many": [1.5, None],
        'it"s': "x",
        "USER_ID": "LOUD",
    }
    assert (row["kafka_partition"], row["kafka_offset"]) == (None, None)


def test_the_quarantine_has_its_columns_whatever_is_in_it(tmp_path: Path) -> None:
    """The same types from flat files and messages, so that its files are one table."""
    write(tmp_path / "master", TOPIC, {"value": pa.array([b"{"], pa.binary())})
    see(tmp_path / "master", TOPIC)
    write(tmp_path / "master", "auth_topic", watched(1, timestamp=["soon"]))
    see(tmp_path / "master", "auth_topic", out=tmp_path / "other")
    schemas = [
        pq.read_schema(file) for out in ("out", "other") for file in (tmp_path / out / "_quarantine").rglob("*.parquet")
    ]
    assert [dict(zip(schema.names, map(str, schema.types), strict=True)) for schema in schemas] == [
        {
            "topic": "string",
            "reason": "string",
            "file": "string",
            "row": "int64",
            "kafka_partition": "int32",
            "kafka_offset": "int64",
            "event": "string",
            "bytes": "binary",
        }
    ] * 2


def test_a_repeated_run_writes_the_same_quarantine(tmp_path: Path) -> None:
    """What a batch left out lies in files of its own, which hold the same again; so no batch counts anything twice."""
    master, out = tmp_path / "master", tmp_path / "out"
    write(master, TOPIC, watched(4, watch_duration_seconds=["x", "5", "-1", "y"]), folder="year=2025/month=12/day=10")
    write(master, TOPIC, {"value": pa.array([b"{", GOOD], pa.binary())}, folder="year=2025/month=12/day=11")
    first = see(master, TOPIC)
    before = held(out)
    for scope in (Scope(full=True), Scope(), Scope(full=True)):
        again = see(master, TOPIC, scope=scope)
        assert again.quarantined == first.quarantined
        assert held(out) == before
    assert len(before) == first.quarantined.total() == 4


def held(out: Path) -> list[dict[str, Any]]:
    """What the published batch left out, by row."""
    manifest, _ = read_current(FolderStorage(str(out)))
    records = [file for job in manifest.jobs.values() for topic in job.topics.values() for file in topic.files.values()]
    paths = {record.quarantine for record in records if record.quarantine}
    rows = [row for path in sorted(paths) for row in pq.read_table(out / path).to_pylist()]
    return sorted(rows, key=lambda row: (row["file"], row["row"]))


def test_what_was_quarantined_stays_when_more_events_come(tmp_path: Path) -> None:
    """A later run counts and keeps the earlier ones too, and forgets those whose file was mended."""
    master, out = tmp_path / "master", tmp_path / "out"
    bad = write(master, TOPIC, watched(2, watch_duration_seconds=["x", "5"]), folder="year=2025/month=12/day=10")
    see(master, TOPIC)
    write(master, TOPIC, watched(1, user_id=[" "]), folder="year=2025/month=12/day=11")
    seen = see(master, TOPIC)
    assert seen.quarantined == {"watch_duration_seconds can't be read as an integer": 1, "user_id is blank": 1}
    assert len(quarantined(out)) == 2
    pq.write_table(pa.table(watched(2, watch_duration_seconds=["6", "5"])), bad)
    seen = see(master, TOPIC)
    assert seen.quarantined == {"user_id is blank": 1}
    assert len(seen.events) == 2
    manifest, _ = read_current(FolderStorage(str(out)))
    assert manifest is not None
    assert len({path for path in manifest.files() if path.startswith("_quarantine/")}) == 1


def test_counts_are_printed_and_in_the_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By topic and reason; how many events, copies and invalid ones there are."""
    master, out = str(tmp_path / "master"), str(tmp_path / "out")
    write(
        tmp_path / "master",
        TOPIC,
        watched(
            5, event_id=["a", "b", "b", "c", "d"], user_id=["u"] * 5, watch_duration_seconds=["x", "5", "5", "-1", "y"]
        ),
    )
    assert main(["run", master, out, "--job", "video"]) == 0
    shown = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in shown]
    assert [TOPIC, "1", "1", "1", "3"] in cells
    assert [TOPIC, "watch_duration_seconds can't be read as an integer", "2"] in cells
    assert [TOPIC, "watch_duration_seconds breaks watch_duration_seconds >= 0", "1"] in cells
    assert main(["run", master, out, "--job", "video", "--full", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["topics"] == {
        TOPIC: {
            "files": 1,
            "events": 1,
            "duplicates": 1,
            "conflicting": 0,
            "retracted": 0,
            "from_future": 0,
            "quarantined": {
                "watch_duration_seconds can't be read as an integer": 2,
                "watch_duration_seconds breaks watch_duration_seconds >= 0": 1,
            },
            "unreadable": {},
        }
    }


@pytest.mark.parametrize("how", ["empty", "text", "cut short", "without an end", "no footer", "garbled"])
def test_a_file_that_cannot_be_read_fails_the_run_by_name(tmp_path: Path, how: str) -> None:
    """Nothing is published, since the data may be fine tomorrow; the message says what to do."""
    master, out = tmp_path / "master", tmp_path / "out"
    write(master, TOPIC, watched(2))
    see(master, TOPIC)
    before = read_current(FolderStorage(str(out)))[0]
    broken = broken_files(tmp_path / "broken")[how]
    broken.rename(master / f"topic={TOPIC}" / broken.name)
    with pytest.raises(DataError) as caught:
        see(master, TOPIC)
    assert f"topic={TOPIC}/{broken.name}: " in str(caught.value)
    assert "1 file can't be read as Parquet; nothing was published" in str(caught.value)
    assert "--skip-unreadable" in str(caught.value)
    assert read_current(FolderStorage(str(out)))[0] == before


def test_all_files_that_cannot_be_read_are_named_at_once(tmp_path: Path) -> None:
    """Not one a run: whoever mends them sees them all, and why."""
    master = tmp_path / "master"
    write(master, TOPIC, watched(2))
    named = broken_files(master / f"topic={TOPIC}")
    with pytest.raises(DataError) as caught:
        see(master, TOPIC)
    for name, path in named.items():
        assert (path.name in str(caught.value)) == (name != "garbled"), name  # that one is found only when it is read
    assert "5 files can't be read as Parquet" in str(caught.value)


def test_a_run_may_go_on_without_them_and_says_so(tmp_path: Path) -> None:
    """The rest counts; they are named in the record, tried again by the next run, and counted once they are fine."""
    master, out = tmp_path / "master", tmp_path / "out"
    write(master, TOPIC, watched(2), name="fine.parquet")
    named = broken_files(master / f"topic={TOPIC}")
    skipping = Settings(skip_unreadable=True)
    seen = see(master, TOPIC, skipping)
    assert len(seen.events) == 2
    left_out = seen.report.manifest.jobs["seen"].topics[TOPIC].unreadable
    assert {path.rpartition("/")[2] for path in left_out} == {path.name for path in named.values()}
    assert all(left_out.values()), "each with the reason"
    assert see(master, TOPIC, skipping).report.batch is None, "nothing is new"
    with pytest.raises(DataError, match="can't be read"):
        see(master, TOPIC)
    for number, path in enumerate(named.values()):
        pq.write_table(pa.table(watched(1, user_id=[f"mended{number}"])), path)
    seen = see(master, TOPIC)
    assert len(seen.events) == 2 + len(named)
    assert seen.report.manifest.jobs["seen"].topics[TOPIC].unreadable == {}
    manifest, _ = read_current(FolderStorage(str(out)))
    assert manifest is not None
    assert manifest.batch == seen.report.batch


def test_a_topic_of_unreadable_files_alone_is_empty_when_they_are_skipped(tmp_path: Path) -> None:
    """Its views are there, without rows."""
    broken_files(tmp_path / "master" / f"topic={TOPIC}")
    assert see(tmp_path / "master", TOPIC, Settings(skip_unreadable=True)).events == []
