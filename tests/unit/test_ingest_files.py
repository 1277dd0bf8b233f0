"""Files into the master dataset: every format gives the same events, and the same file again changes nothing."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from ingested import KilledError, column_types, dying_after, quarantine, rows, visible

from learnfold import catalog
from learnfold.cli import main
from learnfold.errors import DataError, UsageError
from learnfold.ingest.files import texts
from learnfold.ingest.files.backfill import Backfill
from learnfold.ingest.files.located import located, topic_named
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage
from oracle import Message, read_events
from promises.dataset import Dataset
from promises.messages import TOPICS, as_message, streams
from promises.views import differences, run_job

EVENT = {
    "event_id": "e1",
    "event_category": "VIDEO",
    "event_type": "VIDEO_WATCHED",
    "user_id": "u",
    "timestamp": "2025-11-01T17:00:00+07:00",
    "video_id": "v",
    "watch_duration_seconds": 90,
}


def take(master: Path, *files: Path, topic: str | None = None, settings: Settings | None = None, **more: object):
    """The reports of files that are ingested as a library call."""
    settings = settings or Settings()
    taker = Backfill(FolderStorage(str(master)), catalog.load(), settings, topic, **more)
    try:
        return [taker.take(source) for source in located([str(file) for file in files], settings)]
    finally:
        taker.close()


def lines(*items: object) -> bytes:
    """JSON lines."""
    return b"\n".join(item if isinstance(item, bytes) else json.dumps(item).encode() for item in items)


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file below a folder and its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("job", TOPICS)
@given(data=st.data())
def test_any_mix_of_formats_gives_the_views_of_the_contract(job: str, data: st.DataObject) -> None:
    """Events spread over JSON lines, arrays, packed files and Parquet of either shape give the oracle's views, some files twice."""
    with TemporaryDirectory() as name:
        folder, messages = Path(name), {}
        for topic in TOPICS[job]:
            stream = data.draw(streams(topic, 15))
            told = messages.setdefault(topic, [])
            for number in range(data.draw(st.integers(1, 3))):
                piece, stream = (stream, []) if number == 2 else (stream[:6], stream[6:])
                file, sent = _written(folder, topic, number, piece, data.draw(st.sampled_from(FORMATS)))
                told += sent
                for _ in range(data.draw(st.integers(1, 2))):
                    take(folder / "master", file, topic=topic)
        if not any(read_events(sent, topic)[0] for topic, sent in messages.items()):
            return
        run_job(folder / "master", folder / "out", job)
        assert differences(folder / "out", messages, job) == []


FORMATS = ["lines", "gzip", "zstd", "array", "flat", "envelope", "bytes", "kafka"]


def _written(folder: Path, topic: str, number: int, items: list, form: str) -> tuple[Path, list[Message]]:
    """A file of some items, and what the oracle is told of it."""
    if form in {"flat", "envelope", "bytes", "kafka"}:
        dataset = Dataset(folder / f"{topic}-{number}")
        dataset.offsets = 1000 * number  # a place in Kafka is had once
        file = dataset.add(topic, items, shape=form, folder="{topic}")
        return file, dataset.messages[topic]
    if form == "array":
        items = [item for item in items if isinstance(item, dict)]
        file = folder / f"{topic}-{number}.json"
        file.write_text(json.dumps([{"n": number}, *items]))
        return file, [as_message({"n": number}), *map(as_message, items)]
    # lines that are blank are none, and a line can't hold a line's end
    body = lines({"n": number}, *(item for item in items if not isinstance(item, bytes) or item.strip()))
    ending, pack = {"lines": ("", bytes), "gzip": (".gz", gzip.compress), "zstd": (".zst", zstandard.compress)}[form]
    file = folder / f"{topic}-{number}.jsonl{ending}"
    file.write_bytes(pack(body))
    return file, [as_message(line) for line in body.split(b"\n")]


def test_identical_files_change_nothing(tmp_path: Path) -> None:
    """A file that was ingested, or a copy of it by another name, leaves every byte of the master dataset as it is."""
    file = tmp_path / "video_topic.jsonl"
    file.write_bytes(lines(EVENT, {**EVENT, "event_id": None}, b"rubbish"))
    first = take(tmp_path / "master", file)[0]
    before = snapshot(tmp_path / "master")
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(file.read_bytes())
    again = take(tmp_path / "master", file)[0]
    other = take(tmp_path / "master", copy, topic=None)[0]
    assert snapshot(tmp_path / "master") == before
    assert (first.known, again.known, other.known) == (False, True, True)
    assert first.events == again.events == {"video_topic": 2}


def test_a_file_read_another_way_replaces_what_it_gave(tmp_path: Path) -> None:
    """The same file with the right topic, after the wrong one, leaves nothing of the first attempt."""
    file = tmp_path / "events.jsonl"
    file.write_bytes(lines({**EVENT, "event_category": None}))
    take(tmp_path / "master", file, topic="auth_topic")
    take(tmp_path / "master", file, topic="video_topic")
    assert {str(path.relative_to(tmp_path / "master")).split("/")[0] for path in visible(tmp_path / "master")} == {
        "topic=video_topic"
    }


def test_what_compaction_took_is_not_replaced(tmp_path: Path) -> None:
    """A file whose events were put together with others can't be read another way: that is said, and nothing changes."""
    files = [tmp_path / f"{name}.jsonl" for name in "ab"]
    for number, file in enumerate(files):
        file.write_bytes(lines({**EVENT, "event_id": f"e{number}"}))
    take(tmp_path / "master", *files)
    assert main(["compact", str(tmp_path / "master"), "--grace-minutes", "0"]) == 0
    assert main(["compact", str(tmp_path / "master"), "--grace-minutes", "0"]) == 0
    before = snapshot(tmp_path / "master")
    with pytest.raises(DataError, match="put together"):
        take(tmp_path / "master", files[0], topic="auth_topic")
    assert snapshot(tmp_path / "master") == before
    assert take(tmp_path / "master", files[0])[0].known


@pytest.mark.slow
def test_killed_at_any_write_the_same_command_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut short before any of its writes, a file is taken up by the next attempt; events without an id count once."""
    monkeypatch.setattr(texts, "PART_ROWS", 3)
    events = [
        {
            "event_type": "VIDEO_WATCHED",
            "user_id": f"u{n}",
            "timestamp": f"2025-11-0{1 + n % 3} 10:00:00",
            "video_id": "v",
        }
        for n in range(10)
    ]
    file = tmp_path / "video.jsonl"
    file.write_bytes(lines(*events, b"rubbish"))
    take(tmp_path / "whole", file)
    expected = {path: data for path, data in snapshot(tmp_path / "whole").items() if not path.startswith("_files")}
    for writes in range(1, 100):
        master = tmp_path / f"master{writes}"
        try:
            with dying_after(writes):
                take(master, file)
        except KilledError:
            take(master, file)
            assert {p: d for p, d in snapshot(master).items() if not p.startswith("_files")} == expected
        else:
            break
    assert writes > 20


def test_columns_are_typed_and_unknown_fields_kept(tmp_path: Path) -> None:
    """A file has a typed column a field, Kafka's place as the message's, and what no field is for as JSON."""
    file = tmp_path / "e.jsonl"
    file.write_bytes(lines({**EVENT, "watch_duration_seconds": "90", "app": {"os": "ios", "n": None}, "x": 1.50}))
    take(tmp_path / "master", file)
    (written,) = visible(tmp_path / "master")
    assert str(written.relative_to(tmp_path / "master")).startswith(
        "topic=video_topic/year=2025/month=11/day=01/video_topic-file-"
    )
    (row,) = rows([written])
    assert row["timestamp"] == datetime(2025, 11, 1, 10, tzinfo=UTC)
    assert row["watch_duration_seconds"] == 90
    assert json.loads(row["extra_fields"]) == {"app": {"os": "ios", "n": None}, "x": 1.5}
    types = column_types(written)
    assert types["timestamp"] == pa.timestamp("us", tz="UTC")
    assert (types["watch_duration_seconds"], types["kafka_partition"], types["kafka_offset"]) == (
        pa.int32(),
        pa.int32(),
        pa.int64(),
    )
    names = [field.name for field in catalog.load().topic("video_topic").sent]
    assert list(types) == [*names, "kafka_partition", "kafka_offset", "kafka_timestamp", "extra_fields"]


def test_of_a_name_given_twice_the_last_is_kept(tmp_path: Path) -> None:
    """Of a field and of what no field is for: each is there once, with its last value."""
    text = json.dumps(EVENT)[1:-1]
    file = tmp_path / "e.jsonl"
    file.write_text(f'{{"x": 1, "user_id": "first", {text}, "user_id": "last", "y": {{"x": 3, "x": 4}}, "x": null}}\n')
    take(tmp_path / "master", file)
    (row,) = rows(visible(tmp_path / "master"))
    assert row["user_id"] == "last"
    assert sorted(json.loads(row["extra_fields"], object_pairs_hook=list)) == [
        ("x", None),
        ("y", [("x", 3), ("x", 4)]),
    ]


def test_columns_that_differ_by_case_are_different_columns(tmp_path: Path) -> None:
    """USER_ID is another field than user_id, before it and behind it: kept with the event, and with one that is quarantined."""
    loud = {"USER_ID": ["LOUD", "LOUD"], "EVENT_CATEGORY": ["COURSE"] * 2, "KAFKA_PARTITION": [9, 9]}
    quiet = {
        "event_category": ["VIDEO", "VIDEO"],
        "event_type": ["VIDEO_WATCHED"] * 2,
        "user_id": ["u", "u"],
        "timestamp": ["2025-11-01 10:00:00", "soon"],
        "kafka_partition": [3, 3],
        "kafka_offset": [7, 8],
    }
    for number, columns in enumerate((loud | quiet, quiet | loud)):
        pq.write_table(pa.table(columns), tmp_path / f"{number}.parquet")
        take(tmp_path / f"master{number}", tmp_path / f"{number}.parquet")
        (event,) = rows(visible(tmp_path / f"master{number}"))
        assert (event["user_id"], event["kafka_partition"]) == ("u", 3)
        told = {name: values[0] for name, values in loud.items()}
        assert json.loads(event["extra_fields"]) == told
        (bad,) = quarantine(tmp_path / f"master{number}")
        assert json.loads(bad["event"]) == {name: values[1] for name, values in (quiet | loud).items()}


def test_csv_of_any_delimiter_gives_the_cells_that_are_not_empty(tmp_path: Path) -> None:
    """Cells are fields by the header's names, an empty one is none, text may hold line ends; what is too much is kept."""
    for delimiter, name in ((",", "a.csv"), (";", "b.csv"), ("\t", "c.tsv")):
        with (tmp_path / name).open("w", newline="", encoding="utf-8-sig") as file:
            writer = csv.writer(file, delimiter=delimiter)
            writer.writerow([*EVENT, "note"])
            writer.writerow([*EVENT.values(), f'two\nlines, "{name}"', "too much"])
            writer.writerow(["", "VIDEO", "VIDEO_WATCHED", "u2", "2025-11-01 10:00:00", "", "", ""])
    reports = take(tmp_path / "master", *(tmp_path / name for name in ("a.csv", "b.csv", "c.tsv")))
    assert [report.events for report in reports] == [{"video_topic": 2}] * 3
    found = rows(visible(tmp_path / "master"))
    assert {row["watch_duration_seconds"] for row in found} == {90, None}
    assert {row["event_id"] for row in found} == {"e1", None}
    assert sorted(json.loads(row["extra_fields"])["note"] for row in found if row["extra_fields"]) == [
        f'two\nlines, "{name}"' for name in ("a.csv", "b.csv", "c.tsv")
    ]
    assert {json.loads(row["extra_fields"])["column_9"] for row in found if row["extra_fields"]} == {"too much"}


def test_the_topic_is_told_from_the_events_else_from_the_name(tmp_path: Path) -> None:
    """A topic or a category in the event decides, then the file's name or folder; what tells nothing is quarantined."""
    nameless = {key: value for key, value in EVENT.items() if key != "event_category"}
    mixed = tmp_path / "all.jsonl"
    mixed.write_bytes(
        lines(
            {**nameless, "event_id": "1", "topic": "course_topic"},
            {**nameless, "event_id": "2", "event_category": " notification "},
            {**nameless, "event_id": "3", "topic": "some_topic", "event_category": "AUTH"},
            {**nameless, "event_id": "4"},
            b"rubbish",
        )
    )
    named = tmp_path / "profile-2025.jsonl"
    named.write_bytes(lines({**nameless, "event_id": "5"}, {**nameless, "event_id": "6", "event_category": "VIDEO"}))
    one, other = take(tmp_path / "master", mixed, named)
    assert one.events == {"auth_topic": 1, "course_topic": 1, "notification_topic": 1}
    assert one.quarantined == {"unmapped": {"its topic can't be told": 1, "not JSON": 1}}
    assert other.events == {"profile_topic": 1, "video_topic": 1}
    assert {(row["topic"], row["row"], row["event"]) for row in quarantine(tmp_path / "master")} == {
        ("unmapped", 3, json.dumps({**nameless, "event_id": "4"})),
        ("unmapped", 4, "rubbish"),
    }


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("exports/auth_topic-2025.jsonl", "auth_topic"),
        ("lake/topic=video_topic/part-0.parquet", "video_topic"),
        ("Course.CSV", "course_topic"),
        ("auth-and-video.jsonl", None),
        ("authors.jsonl", None),
        ("events.jsonl", None),
    ],
)
def test_a_name_speaks_of_one_topic_or_none(name: str, topic: str | None) -> None:
    """Only a whole word of a file's name is a topic, and two are none."""
    assert topic_named(name, catalog.load()) == topic


def test_our_own_files_keep_their_place_in_kafka(tmp_path: Path) -> None:
    """A master dataset ingested into another gives rows that are the same in every column."""
    table = pa.table(
        {
            "event_type": ["VIDEO_WATCHED"] * 2,
            "user_id": ["u"] * 2,
            "timestamp": pa.array([datetime(2025, 11, 1, tzinfo=UTC)] * 2, pa.timestamp("us", tz="UTC")),
            "kafka_partition": pa.array([3, 3], pa.int32()),
            "kafka_offset": pa.array([7, 8], pa.int64()),
            "kafka_timestamp": pa.array([datetime(2025, 11, 2, tzinfo=UTC)] * 2, pa.timestamp("us", tz="UTC")),
            "extra_fields": ['{"a":1}', None],
            "unknown": pa.array([None, 5], pa.int64()),
        }
    )
    pq.write_table(table, tmp_path / "video_topic.parquet")
    take(tmp_path / "one", tmp_path / "video_topic.parquet")
    take(tmp_path / "two", tmp_path / "one")
    found = rows(visible(tmp_path / "two"))
    assert found == rows(visible(tmp_path / "one"))
    assert [(row["kafka_partition"], row["kafka_offset"], row["extra_fields"]) for row in found] == [
        (3, 7, '{"a":1}'),
        (3, 8, '{"unknown":5}'),
    ]
    assert {row["kafka_timestamp"] for row in found} == {datetime(2025, 11, 2, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl.gz", gzip.compress(lines(EVENT) * 1000)[:-20]),
        ("a.jsonl.zst", zstandard.compress(lines(EVENT) * 1000)[:-5] + b"xxxxx"),
        ("a.parquet", b"PAR1 but no more"),
    ],
)
def test_a_broken_file_is_said_and_not_called_done(tmp_path: Path, name: str, content: bytes) -> None:
    """A file that ends too early is an error that names it, and it can be ingested when it is mended."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=name):
        take(tmp_path / "master", tmp_path / name)
    with pytest.raises(DataError, match=name):
        take(tmp_path / "master", tmp_path / name)


def test_what_is_no_file_of_events_is_refused(tmp_path: Path) -> None:
    """A missing file, a folder without events and a kind that nobody knows are errors that say what is."""
    (tmp_path / "notes.txt").write_text("hello")
    for name in (tmp_path / "nope.jsonl", tmp_path):
        with pytest.raises(UsageError):
            take(tmp_path / "master", name)
    with pytest.raises(UsageError, match="no known kind"):
        take(tmp_path / "master", tmp_path / "notes.txt")


def test_statements_become_events_and_the_rest_is_kept(tmp_path: Path) -> None:
    """Statements of xAPI go to their topics by the mapping; those that fit nowhere are in the quarantine, whole, with the reason."""
    verb = {"login": "https://w3id.org/xapi/adl/verbs/logged-in", "odd": "http://example.org/verbs/yawned"}
    statements = [
        {
            "id": f"00000000-0000-4000-8000-00000000000{number}",
            "actor": {"account": {"name": "u1", "homePage": "http://lms"}},
            "verb": {"id": verb[name]},
            "object": {"id": "http://lms", "definition": {"type": "http://adlnet.gov/expapi/activities/course"}},
            "timestamp": "2025-11-01T10:00:00Z",
        }
        for number, name in enumerate(["login", "odd"])
    ]
    (tmp_path / "store.json").write_text(json.dumps({"statements": statements}, indent=2))
    assert main(["ingest", str(tmp_path / "store.json"), "--into", str(tmp_path / "master"), "--from", "xapi"]) == 0
    (event,) = rows(visible(tmp_path / "master"))
    assert (event["event_type"], event["user_id"], event["event_id"]) == ("LOGIN", "u1", statements[0]["id"])
    (left,) = quarantine(tmp_path / "master")
    assert json.loads(left["event"]) == statements[1]
    assert "yawned" in left["reason"]


def test_the_command_reports_as_json_and_refuses_flags_of_kafka(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--json`` prints what each file gave; flags that mean nothing for files are an error."""
    (tmp_path / "auth.jsonl").write_bytes(lines({**EVENT, "event_category": None}))
    assert main(["ingest", str(tmp_path / "auth.jsonl"), "--into", str(tmp_path / "master"), "--json"]) == 0
    (report,) = json.loads(capsys.readouterr().out)["files"]
    assert (report["events"], report["known"]) == ({"auth_topic": 1}, False)
    assert main(["ingest", str(tmp_path / "auth.jsonl"), "--into", str(tmp_path / "master"), "--once"]) == 2
    assert "--once" in capsys.readouterr().err
