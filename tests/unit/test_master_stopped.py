"""Stopped for longer than its lease, what writes files of the master dataset again changes nothing afterwards."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ingested import rows, visible
from small_place import Place, learnfold
from stopping import Stopped

pytestmark = pytest.mark.slow

LEASE = {"LEARNFOLD_LEASE_SECONDS": "5", "LEARNFOLD_GRACE_MINUTES": "0"}
COMPACT = ("compact", "--foreign", "--before", "2100-01-01", "--grace-minutes", "0")
EVENT = {"event_type": "VIDEO_WATCHED", "timestamp": "2025-12-04 10:00:00", "video_id": "v", "course_id": "c"}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A day of three files, whose events nothing tells apart from copies, and their views."""
    place = Place(tmp_path)
    for user in ("u1", "u2", "u3"):
        place.watch(4, user, user, event_id=None)
    place.run()
    return place


def others(*words: object) -> None:
    """Somebody else's command, which must end well though the stopped one holds what it needs."""
    done = learnfold(*words, **LEASE)
    assert done.returncode == 0, done.stderr


def gives_up(stopped: Stopped) -> None:
    """It goes on, and ends with a message that says why it changed nothing more."""
    code, said = stopped.go_on()
    assert (code, "Traceback" in said) == (1, False), said
    assert "was silent so long that another one took over" in said, said


def events(place: Place) -> Counter[str]:
    """How often each user's event counts for a reader of the master dataset."""
    return Counter(row["user_id"] for row in rows(visible(place.master)))


def named(place: Place, user: str) -> list[Path]:
    """The files of the master dataset that hold the user."""
    return [file for file in place.master.rglob("*.parquet") if f'"{user}"' in json.dumps(_texts(file))]


def _texts(file: Path) -> list[str]:
    return [str(value).replace('\\"', '"') for row in pq.ParquetFile(file).read().to_pylist() for value in row.values()]


def test_a_stopped_compaction_brings_no_erased_person_back(place: Place) -> None:
    """Its file was ready: it would have taken the place of those that were written again meanwhile."""
    stopped = Stopped(place, 1, *COMPACT, place.master)
    others("erase", "u2", place.master, place.out, "--yes")
    gives_up(stopped)
    assert named(place, "u2") == []
    assert events(place) == {"u1": 2, "u3": 2}
    for _ in range(2):
        others(*COMPACT, place.master)
        assert events(place) == {"u1": 2, "u3": 2}


@pytest.mark.parametrize("number", [1, 3])
def test_a_stopped_compaction_counts_nothing_twice(place: Place, number: int) -> None:
    """Somebody merged the same files and more, before its own was there, or while it removed the old ones."""
    if number > 1:
        others(*COMPACT, place.master)
    stopped = Stopped(place, 1 if number == 1 else 2, *COMPACT, place.master)
    place.watch(4, "u4", event_id=None)
    for _ in range(2):
        others(*COMPACT, place.master)
    wanted = {"u1": 2, "u2": 2, "u3": 2, "u4": 1}
    assert events(place) == wanted
    gives_up(stopped)
    assert events(place) == wanted
    others(*COMPACT, place.master)
    assert events(place) == wanted


def quarantined(place: Place) -> Path:
    """A quarantine file of events that are valid today, but for one."""
    texts = [json.dumps({**EVENT, "user_id": user}) for user in ("u8", "u8", "u9", "u9")] + ["no JSON"]
    count = len(texts)
    columns = {
        "topic": ["video_topic"] * count,
        "reason": ["it was of an older time"] * count,
        "file": ["x.jsonl"] * count,
        "row": list(range(count)),
        "kafka_partition": pa.nulls(count, pa.int32()),
        "kafka_offset": pa.nulls(count, pa.int64()),
        "event": texts,
        "bytes": pa.nulls(count, pa.binary()),
        "kafka_timestamp": pa.nulls(count, pa.timestamp("us", "UTC")),
    }
    path = place.master / "_quarantine/topic=video_topic/video_topic-file-0123456789abcdef.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table(columns), path)
    return path


def test_a_stopped_replay_brings_no_erased_person_back(place: Place) -> None:
    """The file that it was about to put in place goes; the same again takes in what is left."""
    path = quarantined(place)
    replay = ("quarantine", place.master, "--replay")
    stopped = Stopped(place, 1, *replay)
    others("erase", "u8", place.master, place.out, "--yes")
    gives_up(stopped)
    assert named(place, "u8") == []
    assert (events(place)["u9"], pq.read_metadata(path).num_rows) == (0, 3)
    others(*replay)
    assert (events(place)["u9"], pq.read_metadata(path).num_rows) == (2, 1)


@pytest.mark.parametrize("number", [1, 2])
def test_a_stopped_replay_counts_nothing_twice(place: Place, number: int) -> None:
    """Somebody replayed the same: before its own file was there, or before it left the rest in the quarantine."""
    path = quarantined(place)
    stopped = Stopped(place, number, "quarantine", place.master, "--replay")
    others("quarantine", place.master, "--replay")
    gives_up(stopped)
    assert events(place) == {"u1": 2, "u2": 2, "u3": 2, "u8": 2, "u9": 2}
    assert pq.read_metadata(path).num_rows == 1


def test_a_stopped_erasure_puts_no_file_back_that_was_merged_meanwhile(place: Place) -> None:
    """Its events would count twice."""
    erase = ("erase", "u2", place.master, place.out, "--yes")
    place.watch(4, "u2", "u5", event_id=None)
    place.run()
    stopped = Stopped(place, 1, *erase)
    for _ in range(2):
        others(*COMPACT, place.master)
    gives_up(stopped)
    assert events(place) == {"u1": 2, "u2": 3, "u3": 2, "u5": 1}
    assert [file.parent.name for file in named(place, "u5")] == ["day=04"]
    place.run()
    others(*erase)
    assert events(place) == {"u1": 2, "u3": 2, "u5": 1}
