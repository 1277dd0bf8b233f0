"""Events that are taken back, by hand and by their platform's word: what is written, counted and said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ingested import quarantine

from learnfold.cli import main

EVENT = {
    "event_type": "VIDEO_WATCHED",
    "user_id": "u1",
    "video_id": "v1",
    "course_id": "c1",
    "watch_duration_seconds": 60,
    "event_category": "VIDEO",
}


def ingested(folder: Path, *events: dict[str, Any]) -> Path:
    """A master dataset of these events, each of a day of its own."""
    file = folder / f"{len(list(folder.glob('*.jsonl')))}.jsonl"
    file.write_text("\n".join(json.dumps(EVENT | event) for event in events))
    assert main(["ingest", str(file), "--into", str(folder / "master")]) == 0
    return folder / "master"


def ran(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What a run of the videos' views says."""
    capsys.readouterr()
    assert main(["run", str(folder / "master"), str(folder / "out"), "--job", "video", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_an_event_taken_back_by_hand_counts_no_longer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only its day is folded again, what it was is counted, and ``verify`` agrees; the same word again changes nothing."""
    master = ingested(tmp_path, *({"event_id": f"e{n}", "timestamp": f"2025-11-0{n} 10:00:00"} for n in (1, 2, 3)))
    assert ran(tmp_path, capsys)["days_folded"] == 3
    assert main(["retract", str(master), "e2", "unknown", "--topic", "video_topic", "--reason", "a test"]) == 0
    report = ran(tmp_path, capsys)
    counts = report["topics"]["video_topic"]
    assert (report["days_folded"], counts["events"], counts["retracted"]) == (1, 2, 1)
    (word,) = (master / "_retractions" / "topic=video_topic").iterdir()
    rows = pq.ParquetFile(word).read().to_pylist()
    assert [(row["event_id"], row["reason"], row["source"]) for row in rows] == [
        ("e2", "a test", "by hand"),
        ("unknown", "a test", "by hand"),
    ]
    assert main(["retract", str(master), "unknown", "e2", "--topic", "video_topic", "--reason", "a test"]) == 0
    assert ran(tmp_path, capsys)["published"] is False
    assert main(["verify", str(master), str(tmp_path / "out")]) == 0


def test_a_word_that_goes_lets_its_events_count_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As if it had never been there."""
    master = ingested(tmp_path, {"event_id": "e1", "timestamp": "2025-11-01 10:00:00"})
    main(["retract", str(master), "e1", "--topic", "video_topic"])
    assert ran(tmp_path, capsys)["topics"]["video_topic"]["events"] == 0
    (word,) = (master / "_retractions" / "topic=video_topic").iterdir()
    word.unlink()
    assert ran(tmp_path, capsys)["topics"]["video_topic"]["events"] == 1


@pytest.mark.parametrize("ids", [[], [" "], ["None"], ["00000000-0000-0000-0000-000000000000"]])
def test_what_is_no_id_takes_nothing_back(tmp_path: Path, ids: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """It would take back every event without one: refused, and nothing is written."""
    master = ingested(tmp_path, {"timestamp": "2025-11-01 10:00:00"})
    assert main(["retract", str(master), *ids, "--topic", "video_topic"]) == 2
    assert "event_id" in capsys.readouterr().err
    assert not (master / "_retractions").exists()


def test_a_word_that_cannot_be_read_stops_a_run_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without it events would count that never were."""
    master = ingested(tmp_path, {"event_id": "e1", "timestamp": "2025-11-01 10:00:00"})
    word = master / "_retractions" / "topic=video_topic" / "torn.parquet"
    word.parent.mkdir(parents=True)
    word.write_bytes(b"PAR1 torn")
    assert main(["run", str(master), str(tmp_path / "out"), "--job", "video"]) == 1
    assert "torn.parquet" in capsys.readouterr().err


def voided() -> tuple[dict[str, object], dict[str, object]]:
    """A statement of two users, and one that takes it back, with its id in another case."""
    id_ = "0A000000-0000-4000-8000-000000000001"
    video = {"id": "https://lms.example/v/1", "definition": {"type": "https://w3id.org/xapi/video/activity-type/video"}}
    segments = {"https://w3id.org/xapi/video/extensions/played-segments": "0[.]10"}
    statement = {
        "id": id_,
        "actor": {
            "objectType": "Group",
            "member": [{"account": {"homePage": "https://lms.example", "name": f"u{n}"}} for n in (1, 2)],
        },
        "verb": {"id": "https://w3id.org/xapi/video/verbs/paused"},
        "object": video,
        "result": {"extensions": {**segments, "https://w3id.org/xapi/video/extensions/time": 10}},
        "timestamp": "2025-11-01T10:00:00Z",
    }
    voiding = {
        "actor": {"account": {"homePage": "https://lms.example", "name": "admin"}},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/voided"},
        "object": {"objectType": "StatementRef", "id": id_.lower()},
        "timestamp": "2025-11-02T10:00:00Z",
    }
    return statement, voiding


def test_a_voided_statement_takes_all_its_events_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whichever of the two statements comes first; the voiding one is no rubbish for the quarantine, and ids in any spelling are one."""
    statement, voiding = voided()
    others = [statement | {"id": "0b000000-0000-4000-8000-000000000001"}]
    for number, order in enumerate(([statement, *others, voiding], [voiding, *others, statement])):
        folder = tmp_path / str(number)
        for place, one in enumerate(order):
            file = folder / f"{place}.json"
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps(one))
            assert main(["ingest", str(file), "--from", "xapi", "--into", str(folder / "master")]) == 0
        counts = ran(folder, capsys)["topics"]["video_topic"]
        assert (counts["events"], counts["retracted"]) == (2, 2)
        assert quarantine(folder / "master") == []


def test_a_voiding_statement_is_taken_from_the_quarantine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where a mapping knew no rule for it: a replay by one that does takes back what it says, once, and leaves the rest."""
    statement, voiding = voided()
    master = tmp_path / "master"
    (tmp_path / "x.json").write_text(
        json.dumps([statement, statement | {"id": "0b000000-0000-4000-8000-000000000001"}])
    )
    assert main(["ingest", str(tmp_path / "x.json"), "--from", "xapi", "--into", str(master)]) == 0
    texts = [json.dumps(voiding), json.dumps({**voiding, "object": {}}), json.dumps({"verb": "x"})]
    columns = {
        "topic": ["unmapped"] * 3,
        "reason": ["no rule"] * 3,
        "file": ["y.json"] * 3,
        "row": [0, 1, 2],
        "kafka_partition": pa.nulls(3, pa.int32()),
        "kafka_offset": pa.nulls(3, pa.int64()),
        "event": texts,
        "bytes": pa.nulls(3, pa.binary()),
        "kafka_timestamp": pa.nulls(3, pa.timestamp("us", "UTC")),
    }
    kept = master / "_quarantine/topic=unmapped/unmapped-file-0123456789abcdef.parquet"
    kept.parent.mkdir(parents=True)
    pq.write_table(pa.table(columns), kept)
    assert ran(tmp_path, capsys)["topics"]["video_topic"]["events"] == 4
    for taken, left in ((1, 2), (0, 2)):
        assert main(["quarantine", str(master), "--replay", "--from", "xapi", "--json"]) == 0
        (done,) = json.loads(capsys.readouterr().out)
        assert (done["taken"], done["left"]) == (taken, left)
        counts = ran(tmp_path, capsys)["topics"]["video_topic"]
        assert (counts["events"], counts["retracted"]) == (2, 2)
    assert {row["event"] for row in quarantine(master)} == set(texts[1:])
