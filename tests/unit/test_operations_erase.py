"""Erasing a person: what goes, what stays to the letter, what is refused, and what is left to show for it."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_place import Place, data, learnfold

from learnfold.batch.erasure_receipt import receipts_of
from learnfold.batch.history import batch_names
from learnfold.cli import main
from learnfold.errors import BusyError, DataError, LearnfoldError, ShrunkError, UsageError
from learnfold.generate import TRUTH
from learnfold.privacy.erase import erase
from learnfold.privacy.erasure import Erasure
from learnfold.settings import Settings
from learnfold.speed.place import state_folder
from learnfold.storage.folder import FolderStorage
from learnfold.storage.lease import held
from promises.absence import places

pytestmark = pytest.mark.slow


def erased(place: Place, who: str = "SV00042", settings: Settings | None = None, *, yes: bool = True) -> Erasure:
    """What erasing did, or with ``yes=False`` would do."""
    return erase(place.workspace(settings), who, str(place.master), dry_run=not yes)


def bytes_with(root: Path, text: str) -> list[str]:
    """The files whose bytes hold the text as it is: statistics and packed pages may give a person away."""
    return [str(path) for path in root.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def grown(tmp_path: Path) -> Place:
    """Three batches in which SV00042 watched, and others did, SV000420 among them."""
    place = Place(tmp_path)
    place.watch(1, "SV00042", "SV000420", "GV1")
    place.run()
    place.watch(2, "SV000420", "GV1")
    place.run()
    place.watch(3, "SV00042", "GV1")
    place.run()
    return place


def test_live_states_are_said_not_to_be_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where this machine keeps any of OUT: the speed layer drops them, or whoever deletes the folder."""
    monkeypatch.setenv("LEARNFOLD_CACHE", str(tmp_path / "cache"))
    place = Place(tmp_path)
    place.watch(1, "SV00042", "SV1", "GV1")
    place.run()
    command = ["erase", "SV1", str(place.master), str(place.out), "--yes"]
    assert main(command) == 0
    assert "live states" not in capsys.readouterr().err
    folder = Path(state_folder(str(place.out)))
    folder.mkdir(parents=True)
    command[1] = "SV00042"
    assert main(command) == 0
    assert f"not searched: the live states in {folder}" in capsys.readouterr().err


def test_a_person_is_gone_from_both_places_and_others_are_not(tmp_path: Path) -> None:
    """Events, views, rollups, older batches; somebody whose id begins the same keeps every row."""
    place = grown(tmp_path)
    before = [row for row in place.rows("video_total_watch_time") if row["user_id"] != "SV00042"]
    done = erased(place)
    assert places(tmp_path, "SV00042") == []
    assert place.viewers() == {"SV000420", "GV1"}
    assert place.rows("video_total_watch_time") == before
    assert place.rows("video_popularity")[0]["unique_viewers"] == 2
    assert done.receipt is not None
    assert done.receipt.rows_by_topic == {"video_topic": 2}
    assert done.receipt.found == 0
    assert place.current().action == "erase"
    assert batch_names(place.storage) == [place.current().batch]
    assert [path for path in bytes_with(tmp_path, "SV00042") if b"SV000420" not in Path(path).read_bytes()] == []


def test_a_batch_that_never_held_them_stays(tmp_path: Path) -> None:
    """Only batches that hold the person go, and what is left can still be published again."""
    place = Place(tmp_path)
    place.watch(1, "GV1")
    first = place.run().manifest.batch
    place.watch(2, "SV00042")
    place.run()
    erased(place)
    assert batch_names(place.storage) == sorted([first, place.current().batch])
    assert learnfold("rollback", place.out).returncode == 0
    assert place.viewers() == {"GV1"}


def test_a_dry_run_changes_nothing_and_tells_what_would(tmp_path: Path) -> None:
    """Files, rows by topic, quarantine, batches; not even a lease is taken."""
    place = grown(tmp_path)
    place.add("video_topic", pa.table({"value": ['{"user_id": "SV00042", bro', "not json"]}))
    place.run()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    told = erased(place, yes=False)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert told.rows_by_topic == {"video_topic": 3}
    assert told.quarantine_rows == 1
    assert len(told.master.traces) == 3
    assert len(told.batches) == 4
    assert told.receipt is None


def test_everything_else_in_a_file_is_what_it_was(tmp_path: Path) -> None:
    """Other rows in their order, every column and type, metadata, codec and the file's name."""
    place = Place(tmp_path)
    time = dt.datetime(2025, 12, 1, 10, 0, 0, 123456)  # noqa: DTZ001 - naive, as many files have it
    users = ["SV00042", "a", None, "b", "SV00042", "c"]
    table = pa.table(
        {
            "event_type": ["VIDEO_WATCHED"] * 6,
            "user_id": users,
            "timestamp": pa.array([time] * 6, pa.timestamp("us")),
            "zoned": pa.array([time] * 6, pa.timestamp("us", "UTC")),
            "nanoseconds": pa.array([time] * 6, pa.timestamp("ns")),
            "small": pa.array(range(6), pa.uint8()),
            "large": pa.array([2**63 + n for n in range(6)], pa.uint64()),
            "price": pa.array([Decimal("1.23")] * 6, pa.decimal128(38, 10)),
            "bytes": pa.array([b"\xff\x00", None, b"", b"x", b"y", b"z"]),
            "list": pa.array([["a"], [], None, [None], ["b"], ["c", "d"]]),
            "struct": pa.array([{"a": 1, "b": [1]}, None, {"a": None, "b": None}] * 2),
            "map": pa.array([[("k", 1)], [], None] * 2, pa.map_(pa.string(), pa.int64())),
            "words": pa.array(["x", "y", None] * 2).dictionary_encode(),
            "a \"strange' name": range(6),
            "double": [float("nan"), 1.5, float("inf"), -0.0, None, 1e300],
            "day": pa.array([dt.date(2025, 1, 1)] * 6),
            "flag": [True, None, False] * 2,
        }
    ).replace_schema_metadata({"made by": "a producer"})
    path = place.master / "topic=video_topic/a b.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(table, path, compression="gzip")
    erased(place)
    left = pq.read_table(path)
    expected = table.filter(pa.array([user != "SV00042" for user in users]))
    assert left.schema.names == table.schema.names
    assert left.schema.types == table.schema.types
    assert repr(left.to_pylist()) == repr(expected.to_pylist())
    assert left.schema.metadata == {b"made by": b"a producer"}
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "GZIP"


def test_old_instants_of_spark_mean_the_same_afterwards(tmp_path: Path) -> None:
    """An INT96 is written as an instant: in another platform zone the views would show it if it weren't."""
    settings = Settings(platform_zone="Asia/Ho_Chi_Minh")
    place = Place(tmp_path)
    times = pa.array([dt.datetime(2025, 12, 1, 20)] * 2, pa.timestamp("ns"))  # noqa: DTZ001
    table = pa.table({"event_type": ["VIDEO_WATCHED"] * 2, "user_id": ["SV00042", "a"], "timestamp": times})
    path = place.master / "topic=video_topic/part.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(table, path, use_deprecated_int96_timestamps=True)
    place.run(settings=settings)
    before = place.rows("video_daily_engagement")
    erased(place, settings=settings)
    (after,) = place.rows("video_daily_engagement")
    assert before[0]["date"] == after["date"] == dt.date(2025, 12, 1)
    assert after["active_video_watchers"] == 1


GONE = [
    ({"user_id": "SV00042"}, None),
    ({"user_id": " SV00042 "}, None),
    ({"user_id": "GV1", "student_id": "SV00042"}, None),
    ({"user_id": ["SV00042"]}, None),
    (b'{"user_id": "\\u0053V00042", "event_type": "X"}', None),
    (b'{"user_id": "SV00042", "event_type": ', None),
    (b"\xff\xfe SV00042 \x00", None),
    (b"LOGIN;SV00042;2025", None),
    (b'["SV00042"]', None),
    (b'{"actor": {"account": {"name": "SV00042"}, "name": "Anna"}, "verb": {}}', None),
    (b"", b"SV00042"),
    (None, b"SV00042"),
    (b"{}", b"SV00042"),
    (b"{}", b'{"user_id": "SV00042"}'),
]
STAY = [
    ({"user_id": "SV000420"}, b"SV000420"),
    (b'{"user_id": "SV000420", "event_type": ', None),
    (b"\xff\xfe SV000420", None),
    ({"user_id": "GV1", "course_id": "SV00042"}, None),
    ({"user_id": "GV1", "session_id": "SV00042-7"}, None),
    (None, None),
]
NAMED = [
    ({"user_id": "GV1", "feedback": "ask SV00042."}, None, {"user_id": "GV1", "feedback": "ask [erased]."}, None),
    (
        {"user_id": "GV1", "more": {"friends": ["SV00042"]}},
        None,
        {"user_id": "GV1", "more": {"friends": ["[erased]"]}},
        None,
    ),
    (
        {"user_id": "GV1", "related_object_id": "SV00042"},
        None,
        {"user_id": "GV1", "related_object_id": "[erased]"},
        None,
    ),
    ({"user_id": "GV1"}, b"SV00042", {"user_id": "GV1"}, None),
]


@pytest.mark.parametrize("shape", [pa.binary(), pa.string()])
@pytest.mark.parametrize("folder", ["topic=video_topic", "_quarantine/topic=video_topic"])
def test_messages_in_envelopes_go_stay_or_lose_a_name(tmp_path: Path, shape: pa.DataType, folder: str) -> None:
    """Theirs by user_id or student_id, by broken text, or by a key where the event says no other owner; others' only lose the name."""

    def body(value: object) -> bytes | None:
        return value if isinstance(value, bytes) or value is None else json.dumps(value).encode()

    def told(value: bytes | None) -> object:
        text = value.encode() if isinstance(value, str) else value
        try:
            return json.loads(text)  # type: ignore[arg-type]
        except (ValueError, TypeError):
            return text

    rows = [(body(value), key, None) for value, key in GONE]
    rows += [(body(value), key, (told(body(value)), key)) for value, key in STAY]
    rows += [(body(value), key, (after, after_key)) for value, key, after, after_key in NAMED]
    if shape == pa.string():
        rows = [row for row in rows if b"\xff" not in (row[0] or b"")]
    place = Place(tmp_path)
    table = pa.table(
        {
            "key": pa.array([key for _, key, _ in rows], pa.binary()),
            "value": pa.array([value for value, _, _ in rows], pa.binary()).cast(shape),
        }
    )
    path = place.master / folder / "part.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(table, path)
    erased(place)
    left = [(told(row["value"]), row["key"]) for row in pq.read_table(path).to_pylist()]
    assert left == [after for _, _, after in rows if after is not None]


def test_names_in_columns_of_any_type_are_blanked(tmp_path: Path) -> None:
    """Words, unknown fields' JSON, lists, structs, maps, Kafka headers: the event of somebody else stays, the name goes."""
    place = Place(tmp_path)
    headers = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))
    table = pa.table(
        {
            "event_type": ["VIDEO_WATCHED"] * 2,
            "user_id": ["GV1", "GV1"],
            "timestamp": ["2025-12-01 10:00:00"] * 2,
            "feedback": ["SV00042 helped", None],
            "extra_fields": ['{"mentor":"SV00042","course_id":"SV00042"}', '{"n":1}'],
            "course_id": ["SV00042", "c"],
            "tags": pa.array([["SV00042", "x", None], []]),
            "headers": pa.array([[{"key": "by", "value": b"SV00042"}, {"key": "n", "value": b"\xff"}], None], headers),
            "attributes": pa.array(
                [[("SV00042", "x"), ("k", "for SV00042")], [("k", None)]], pa.map_(pa.string(), pa.string())
            ),
            "actor": pa.array([{"name": "SV00042", "age": 7}, None]),
            "kafka_key": pa.array([b"SV00042", b"k"]),
        }
    ).replace_schema_metadata({"exported for": "SV00042"})
    path = place.add("video_topic", table)
    done = erased(place)
    first, second = pq.read_table(path).to_pylist()
    assert first == {
        "event_type": "VIDEO_WATCHED",
        "user_id": "GV1",
        "timestamp": "2025-12-01 10:00:00",
        "feedback": "[erased] helped",
        "extra_fields": '{"mentor":"[erased]","course_id":"SV00042"}',
        "course_id": "SV00042",
        "tags": ["[erased]", "x", None],
        "headers": [{"key": "by", "value": b"[erased]"}, {"key": "n", "value": b"\xff"}],
        "attributes": [("[erased]", "x"), ("k", "for [erased]")],
        "actor": {"name": "[erased]", "age": 7},
        "kafka_key": None,
    }
    assert second == table.to_pylist()[1]
    assert not pq.read_metadata(path).metadata or b"exported for" not in pq.read_schema(path).metadata
    assert done.receipt is not None
    assert (done.receipt.rows_by_topic, done.receipt.mentions) == ({}, 8)


def test_events_whose_unknown_fields_say_whose_they_are_go(tmp_path: Path) -> None:
    """Ingestion keeps what a topic doesn't know as JSON, a student_id too."""
    place = Place(tmp_path)
    path = place.watch(1, "GV1", "GV2", extra_fields='{"student_id":"SV00042"}')
    place.watch(1, "GV3")
    erased(place)
    assert pq.read_table(path).num_rows == 0
    place.run()
    assert place.viewers() == {"GV3"}


@pytest.mark.parametrize("kind", [pa.int64(), pa.string()])
def test_a_number_is_a_person_only_in_fields_that_name_persons(tmp_path: Path, kind: pa.DataType) -> None:
    """Seven right answers, course 7 and page 7 stay; the user 7 goes, as a number or as text."""
    place = Place(tmp_path)
    table = pa.table(
        {
            "event_type": ["QUIZ_COMPLETED"] * 3,
            "user_id": pa.array([7, 70, 8]).cast(kind),
            "timestamp": ["2025-12-01 10:00:00"] * 3,
            "correct_answers": [7] * 3,
            "course_id": ["7"] * 3,
            "feedback": ["page 7"] * 3,
        }
    )
    path = place.add("assessment_topic", table)
    place.run("assessment")
    done = erased(place, "7")
    assert not done.searched_in_texts
    assert pq.read_table(path).to_pylist() == table.to_pylist()[1:]
    assert {row["user_id"] for row in place.rows("assessment_quiz_performance")} == {"70", "8"}


def test_stale_rows_in_a_rollup_that_is_still_needed_go(tmp_path: Path) -> None:
    """A first run writes all days into one file; the days without the person are still answered from it."""
    place = Place(tmp_path)
    for day in range(1, 6):
        place.watch(day, "GV1", *(["SV00042"] if day == 3 else []))
    first = place.run().manifest
    erased(place)
    parts = {p.path for p in first.jobs["video"].topics["video_topic"].rollups["video_watches"].files}
    assert not parts & place.names()
    assert places(tmp_path, "SV00042") == []
    assert learnfold("verify", place.master, place.out).returncode == 0
    place.watch(9, "GV1")
    assert place.run().manifest.jobs["video"].folded_days == 1


def test_quarantine_that_is_still_needed_is_written_without_them(tmp_path: Path) -> None:
    """One quarantine file may hold the bad events of several files; those of files that didn't change stay in it."""
    place = Place(tmp_path)
    for day, text in ((1, "not json at all"), (2, '{"user_id": "SV00042", bro')):
        place.add("video_topic", pa.table({"value": [text]}), f"year=2025/month=12/day={day:02d}")
    place.run()
    erased(place)
    assert place.current().jobs["video"].topics["video_topic"].quarantined == {"not JSON": 1}
    held_now = {file.quarantine for file in place.current().jobs["video"].topics["video_topic"].files.values()} - {None}
    rows = [row for path in sorted(held_now) for row in pq.read_table(place.out / str(path)).to_pylist()]
    assert [row["event"] for row in rows] == ["not json at all"]
    assert learnfold("verify", place.master, place.out).returncode == 0


def test_published_files_that_hold_somebody_no_event_is_of_are_made_anew(tmp_path: Path) -> None:
    """Where an earlier erasure was done by hand, or a view was tampered with, the views are asked anew from all events."""
    place = grown(tmp_path)
    path = place.out / place.current().views["video_total_watch_time"].paths[0]
    table = pq.read_table(path)
    path.unlink()
    stranger = table.slice(0, 1).set_column(0, "user_id", pa.array(["XX99"]))
    pq.write_table(pa.concat_tables([table, stranger], promote_options="permissive"), path)
    done = erased(place, "XX99")
    assert done.receipt is not None
    assert places(tmp_path, "XX99") == []
    assert learnfold("verify", place.master, place.out).returncode == 0


def test_the_receipt_proves_it_and_says_nothing_of_the_person(tmp_path: Path) -> None:
    """Counts, files, batch, who and when; the id only as a salted digest against which it can be held."""
    place = grown(tmp_path)
    done = erased(place)
    assert done.receipt is not None
    text = (place.out / done.receipt.path).read_text()
    assert "SV0" not in text
    told = json.loads(text)
    assert told["rows_by_topic"] == {"video_topic": 2}
    assert sum(file["rows"] for file in told["files"].values()) == 2
    assert (told["found"], told["not_searched"]) == (0, {})
    assert told["files_searched"] > 0
    assert told["batch"] == place.current().batch
    assert len(told["batches_removed"]) >= 3
    assert told["by"]
    assert told["started_at"] < told["finished_at"]
    assert [receipt.path for receipt in receipts_of(place.storage, "SV00042")] == [done.receipt.path]
    assert receipts_of(place.storage, "SV000420") == []


def test_said_again_there_is_nothing_to_do(tmp_path: Path) -> None:
    """No second receipt, no second batch; somebody who was never there is no error."""
    place = grown(tmp_path)
    erased(place)
    batch, names = place.current().batch, place.names()
    again = erased(place)
    assert again.nothing
    assert again.earlier is not None
    assert (place.current().batch, place.names()) == (batch, names)
    assert erased(place, "NOBODY99").nothing


def test_events_alone_can_be_erased_before_there_are_views(tmp_path: Path) -> None:
    """The output may be empty; the receipt lies there all the same."""
    place = Place(tmp_path)
    path = place.watch(1, "SV00042", "GV1")
    done = erased(place)
    assert done.receipt is not None
    assert done.receipt.batch is None
    assert pq.read_table(path).column("user_id").to_pylist() == ["GV1"]


def test_the_last_person_can_be_erased(tmp_path: Path) -> None:
    """Files without rows stay under their names, and the views are empty."""
    place = Place(tmp_path)
    path = place.watch(1, "SV00042")
    place.run()
    erased(place)
    assert pq.read_table(path).num_rows == 0
    assert place.viewers() == set()


def test_the_zones_of_the_views_stay(tmp_path: Path) -> None:
    """Views made with a zone keep it, whatever the environment of who erases says."""
    place = Place(tmp_path)
    place.watch(1, "SV00042", "GV1")
    place.run(settings=Settings(reporting_zone="Pacific/Kiritimati"))
    erased(place)
    assert place.current().settings["reporting_zone"] == "Pacific/Kiritimati"
    assert [row["date"] for row in place.rows("video_daily_engagement")] == [dt.date(2025, 12, 2)]


def test_views_of_a_days_folder_are_made_from_it_again(tmp_path: Path) -> None:
    """What was made from a part of the master dataset stays what it was made from."""
    place = Place(tmp_path)
    place.watch(1, "SV00042", "GV1")
    place.watch(2, "GV2")
    day = place.master / "year=2025/month=12/day=01"
    assert learnfold("run", day, place.out, "--job", "video").returncode == 0
    erased(place)
    assert place.viewers() == {"GV1"}
    assert place.current().jobs["video"].input == str(day)


REFUSED = "nothing was changed"


def test_other_changes_of_the_master_dataset_are_not_covered_up(tmp_path: Path) -> None:
    """Files that vanished since the last batch would be taken for erased: first a run must look at them."""
    place = grown(tmp_path)
    lost = place.watch(5, "GV1")
    place.run()
    lost.unlink()
    with pytest.raises(DataError, match="are gone or have changed") as told:
        erased(place)
    assert lost.name in str(told.value)
    assert place.viewers() == {"SV00042", "SV000420", "GV1"}
    assert not (place.out / "_erasures").exists()


def test_new_files_are_taken_in_by_the_way(tmp_path: Path) -> None:
    """What arrived since the last batch is no reason to refuse."""
    place = grown(tmp_path)
    place.watch(9, "SV00042", "NEW1")
    erased(place)
    assert place.viewers() == {"SV000420", "GV1", "NEW1"}


def test_files_that_cannot_be_looked_into_are_refused_unless_told_so(tmp_path: Path) -> None:
    """Nobody can prove absence in what can't be read; what is left out is in the receipt."""
    place = grown(tmp_path)
    broken = place.master / "topic=video_topic/broken.parquet"
    broken.write_bytes(b"no parquet SV00042")
    (place.master / "backup.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"broken\.parquet(.|\n)*--skip-unreadable|backup"):
        erased(place)
    assert not (place.out / "_erasures").exists()
    done = erased(place, settings=Settings(skip_unreadable=True))
    assert done.receipt is not None
    assert set(done.receipt.not_searched) == {"topic=video_topic/broken.parquet", "backup.zip"}


@pytest.mark.parametrize("name", ["notes.txt", "export.jsonl.gz", "../out/report.csv"])
def test_other_peoples_files_that_name_them_are_refused(tmp_path: Path, name: str) -> None:
    """They can't be written anew by rule, and leaving them would make the proof a lie."""
    place = grown(tmp_path)
    content = b"x\nabout SV00042, once\n"
    (place.master / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    with pytest.raises(DataError, match=REFUSED):
        erased(place)
    (place.master / name).write_bytes(gzip.compress(b"SV000420") if name.endswith(".gz") else b"SV000420")
    assert erased(place).receipt is not None


def test_a_file_that_is_called_after_them_is_refused(tmp_path: Path) -> None:
    """Names of files stay, so a name that holds the person must be changed first."""
    place = Place(tmp_path)
    place.watch(1, "GV1")
    place.add("video_topic", pa.table({"value": ["{}"]}), "user=SV00042")
    with pytest.raises(DataError, match="name them otherwise"):
        erased(place)


def test_any_other_parquet_below_the_master_is_written_anew_too(tmp_path: Path) -> None:
    """Topics that no subject reads, quarantine, folders outside topics."""
    place = Place(tmp_path)
    place.watch(1, "GV1")
    table = pa.table({"user_id": ["SV00042", "GV1"]})
    paths = [place.add("strange_topic", table), place.master / "_backup/x.parquet"]
    paths[1].parent.mkdir()
    pq.write_table(table, paths[1])
    erased(place)
    assert [pq.read_table(path).num_rows for path in paths] == [1, 1]


def test_the_made_up_truth_goes_with_the_made_up_person(tmp_path: Path) -> None:
    """It says what the generated events hold, which is no longer so."""
    place = grown(tmp_path)
    (place.master / TRUTH).write_text('{"rows": [["SV00042", 3]]}')
    erased(place)
    assert not (place.master / TRUTH).exists()


def test_only_a_whole_master_dataset_will_do(tmp_path: Path) -> None:
    """A day's folder isn't where a person is; nor is the output, nor what the views weren't made from."""
    place = grown(tmp_path)
    with pytest.raises(UsageError, match="a part of a master dataset"):
        erase(place.workspace(), "SV00042", f"{place.master}/topic=video_topic")
    within = replace(place.workspace(), out=FolderStorage(str(place.master)))
    with pytest.raises(UsageError, match="the output is the input"):
        erase(within, "SV00042", str(place.master))
    other = Place(tmp_path / "other")
    other.watch(1, "SV00042")
    with pytest.raises(UsageError, match="is made from"):
        erase(place.workspace(), "SV00042", str(other.master))


@pytest.mark.parametrize("busy", ["master", "video"])
def test_nobody_is_disturbed_at_work(tmp_path: Path, busy: str) -> None:
    """Neither a compaction nor a run: refused before anything is changed."""
    place = grown(tmp_path)
    storage = FolderStorage(str(place.master)) if busy == "master" else place.storage
    with held(storage, [busy], Settings()), pytest.raises(BusyError, match=f"is writing {busy}"):
        erased(place)
    assert "SV00042" in {
        user for path in place.master.rglob("*.parquet") for user in pq.read_table(path)["user_id"].to_pylist()
    }


def test_a_master_that_lies_in_the_output_or_the_other_way_is_fine(tmp_path: Path) -> None:
    """Each is searched as what it is: views are never written anew as if they were events."""
    for inner, outer in (("out/events", "out"), ("events", "events/views")):
        root = tmp_path / inner.replace("/", "-")
        master, out = root / inner, root / outer
        place = Place(root)
        place.watch(1, "SV00042", "GV1")
        master.parent.mkdir(parents=True, exist_ok=True)
        place.master.rename(master)
        assert learnfold("run", master, out, "--job", "video").returncode == 0
        done = learnfold("erase", "SV00042", master, out, "--yes")
        assert done.returncode == 0, done.stderr
        assert places(root, "SV00042") == []
        assert learnfold("verify", master, out).returncode == 0


def test_a_run_after_a_killed_erasure_says_that_it_must_be_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The events are gone and the views aren't: a run refuses, it and the status name the erasure, and the same command ends it."""
    from learnfold.privacy import erase as module

    class Killed(BaseException):
        """What a kill looks like from within."""

    def dies(*_: object, **__: object) -> None:
        raise Killed

    place = grown(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(module, "run", dies)
        with pytest.raises(Killed):
            erased(place)
    assert "SV00042" in place.viewers()
    with pytest.raises(
        ShrunkError, match=r"An erasure that began .* was stopped before its end; give its command again"
    ):
        place.run()
    assert main(["status", str(place.out)]) == 0
    assert "an erasure that began" in capsys.readouterr().out
    erased(place)
    assert place.run().batch is None
    assert main(["status", str(place.out)]) == 0
    assert "an erasure" not in capsys.readouterr().out


def test_events_that_keep_coming_in_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where their source isn't stopped an erasure can't end, and says so; stopped, the same command ends it."""
    from learnfold.privacy import erase as module

    place = grown(tmp_path)
    original = module.Purge.remove

    def arriving(self: object, *words: object) -> object:
        place.watch(4, "SV00042")
        return original(self, *words)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(module.Purge, "remove", arriving)
        with pytest.raises(LearnfoldError, match="stop their source"):
            erased(place)
    done = erased(place)
    assert done.receipt is not None
    assert len(list((place.out / "_erasures").iterdir())) == 1
    assert done.receipt.rows_by_topic == {"video_topic": 5}
    assert places(tmp_path, "SV00042") == []


def test_what_a_dead_writer_left_in_the_master_goes_and_a_living_ones_stays(tmp_path: Path) -> None:
    """Nobody can look into half a file: long silent it goes, else it is named in the receipt."""
    place = grown(tmp_path)
    folder = place.master / "topic=video_topic"
    dead, young = folder / ".a.parquet.tmp-999999999-00", folder / f".b.parquet.tmp-{os.getpid()}-00"
    for path in (dead, young):
        path.write_bytes(b"half SV00042")
    os.utime(dead, (0, 0))
    done = erased(place)
    assert not dead.exists()
    assert young.exists()
    assert done.receipt is not None
    assert done.receipt.not_searched == {f"topic=video_topic/{young.name}": "it is being written"}


def test_the_command_asks_for_yes(tmp_path: Path) -> None:
    """Without, it lists and changes nothing; with, it says what was done and where the receipt is."""
    place = grown(tmp_path)
    told = learnfold("erase", "SV00042", place.master, place.out)
    assert told.returncode == 0, told.stderr
    assert "--yes does it" in told.stderr
    assert "would write 2 files of the master dataset again" in told.stdout
    assert "SV00042" in {
        user for path in place.master.rglob("*.parquet") for user in pq.read_table(path)["user_id"].to_pylist()
    }
    done = learnfold("erase", "SV00042", place.master, place.out, "--yes")
    assert done.returncode == 0, done.stderr
    assert "0 hold the person" in done.stdout
    (receipt,) = (place.out / "_erasures").iterdir()
    assert receipt.name in done.stdout
    again = learnfold("erase", "SV00042", place.master, place.out, "--yes")
    assert "nothing of this person is there" in again.stdout
    assert receipt.name in again.stdout
    assert data("erase", "GV1", place.master, place.out)["rows_by_topic"] == {"video_topic": 3}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("erase", " ", "master", "out"), 2, "blank"),
        (("erase", "SV00042", "nowhere", "out"), 1, "there is no master dataset"),
        (("erase", "SV00042", "master"), 2, "OUT"),
        (("erase", "SV00042", "master", "master"), 2, "the output is the input"),
    ],
)
def test_wrong_uses_are_refused_in_plain_words(tmp_path: Path, words: tuple[str, ...], code: int, said: str) -> None:
    """Never a traceback, and nothing is changed."""
    place = grown(tmp_path)
    names = {"master": place.master, "out": place.out, "nowhere": tmp_path / "nowhere"}
    result = learnfold(*(names.get(word, word) for word in words))
    assert (result.returncode, result.stdout) == (code, "")
    assert said in result.stderr
    assert "Traceback" not in result.stderr
