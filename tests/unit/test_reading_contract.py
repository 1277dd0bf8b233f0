"""One meaning of a value, whatever carries it: ids, types, roles, blanks, what paths say, and what makes events the same."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rotten
from seen import expected, see, watched, write

from learnfold.cli import main

TOPIC = "video_topic"
NIL = "00000000-0000-0000-0000-000000000000"


def sent(**fields: Any) -> dict[str, Any]:
    """A viewing of its own user, with these fields over it."""
    return {name: column[0] for name, column in watched(1).items()} | fields


def envelopes(master: Path, *events: dict[str, Any], folder: str = "", **columns: Any) -> None:
    """A file of these events as messages."""
    write(master, TOPIC, {"value": [json.dumps(event) for event in events], **columns}, folder)


def test_a_whole_number_as_an_id_is_its_digits_in_a_column_of_any_type(tmp_path: Path) -> None:
    """As pandas and Spark leave ids where one is missing; a text stays as it is."""
    columns = {
        "double": pa.array([1001.0]),
        "float": pa.array([1001.0], pa.float32()),
        "decimal": pa.array([Decimal("1001.0000000000")], pa.decimal128(38, 10)),
        "integer": pa.array([1001]),
        "text": pa.array(["1001"]),
    }
    for name, column in columns.items():
        write(tmp_path / "master", TOPIC, watched(1, user_id=column, course_id=column, video_id=[name]))
    write(tmp_path / "master", TOPIC, watched(3, user_id=["007", "1001.0", "1e3"], video_id=["texts"] * 3))
    write(tmp_path / "master", TOPIC, watched(1, user_id=pa.array([1.5]), video_id=["a half"]))
    seen = see(tmp_path / "master", TOPIC)
    found = {event["video_id"]: (event["user_id"], event["course_id"]) for event in seen.events}
    assert {name: found[name] for name in columns} == dict.fromkeys(columns, ("1001", "1001"))
    assert {event["user_id"] for event in seen.events} == {"1001", "007", "1001.0", "1e3", "1.5"}
    assert not seen.quarantined


def test_a_number_as_an_id_is_its_digits_in_messages(tmp_path: Path) -> None:
    """A number of JSON with a point or an exponent; a text that looks like one is no number."""
    numbers = {"1001.0": "1001", "1e3": "1000", "-2.0": "-2", "1001": "1001", '"1001.0"': "1001.0", '"1e3"': "1e3"}
    texts = [json.dumps(sent(user_id="ID", course_id=str(n))).replace('"ID"', id_) for n, id_ in enumerate(numbers)]
    write(tmp_path / "master", TOPIC, {"value": texts})
    seen = see(tmp_path / "master", TOPIC)
    assert {event["course_id"]: event["user_id"] for event in seen.events} == {
        str(n): text for n, text in enumerate(numbers.values())
    }
    assert (seen.events, 0) == expected(tmp_path / "master", TOPIC)


def test_an_id_that_is_no_finite_number_makes_its_event_invalid(tmp_path: Path) -> None:
    """NaN is nobody."""
    write(tmp_path / "master", TOPIC, watched(3, user_id=pa.array([float("nan"), float("inf"), 7.0])))
    seen = see(tmp_path / "master", TOPIC)
    assert [event["user_id"] for event in seen.events] == ["7"]
    assert seen.quarantined == {"user_id can't be read as text": 2}


SPELLINGS = {
    ("VIDEO_WATCHED", "teacher"): [
        ("video_watched", "Instructor"),
        (" VIDEO_WATCHED\t", " TEACHER "),
        ("Video_Watched", "ta"),
    ],
    ("VIDEO_WATCHED", "student"): [("VIDEO_WATCHED", "learner"), ("VIDEO_WATCHED", "Student")],
    ("VIDEO_RATED", "observer"): [("video_rated", "Observer")],
    ("VIDEO_RATED", None): [("Video_Rated", " \u3000")],
}


@pytest.mark.parametrize("shape", ["flat", "envelope"])
def test_event_types_and_roles_have_one_spelling(tmp_path: Path, shape: str) -> None:
    """Types in upper case, roles in lower case and by one word each; a blank role is none."""
    rows = [(type_, role, *said) for said, ways in SPELLINGS.items() for type_, role in ways]
    events = [sent(user_id=f"u{n}", event_type=row[0], role=row[1]) for n, row in enumerate(rows)]
    if shape == "flat":
        write(tmp_path / "master", TOPIC, pa.Table.from_pylist(events).to_pydict())
    else:
        envelopes(tmp_path / "master", *events)
    seen = see(tmp_path / "master", TOPIC)
    found = {event["user_id"]: (event["event_type"], event["role"]) for event in seen.events}
    assert found == {f"u{n}": (row[2], row[3]) for n, row in enumerate(rows)}
    assert (seen.events, 0) == expected(tmp_path / "master", TOPIC)


@pytest.mark.parametrize("shape", ["flat", "envelope"])
def test_a_blank_text_is_no_value_in_any_field(tmp_path: Path, shape: str) -> None:
    """Empty, or white space of any kind."""
    blanks = dict.fromkeys(["event_id", "role", "video_id", "course_id", "session_id", "watch_duration_seconds"])
    events = [sent(user_id=f"u{n}", **dict.fromkeys(blanks, blank)) for n, blank in enumerate(["", "  ", "\u00a0\t\n"])]
    if shape == "flat":
        write(tmp_path / "master", TOPIC, pa.Table.from_pylist(events).to_pydict())
    else:
        envelopes(tmp_path / "master", *events)
    seen = see(tmp_path / "master", TOPIC)
    assert [{name: event[name] for name in blanks} for event in seen.events] == [blanks] * 3


def test_columns_called_as_the_engines_own_are_unknown_fields(tmp_path: Path) -> None:
    """They say nothing of which file or row an event is of: late events, duplicates and invalid ones come out right."""
    odd = {
        "file_index": [7, 7],
        "file_row_number": [0, 0],
        "FILENAME": ["x", "x"],
        "_row": [0, 0],
        "raw user_id": ["x", "x"],
    }
    for number in range(3):
        columns = watched(
            2, event_id=[f"e{number}"] * 2, user_id=[f"u{number}"] * 2, watch_duration_seconds=[number, number]
        )
        write(tmp_path / "master", TOPIC, columns | odd)
    write(tmp_path / "master", TOPIC, watched(2, user_id=["bad"] * 2, watch_duration_seconds=[-1, -1]) | odd)
    seen = see(tmp_path / "master", TOPIC)
    assert seen.by_user("watch_duration_seconds") == {f"u{number}": number for number in range(3)}
    assert len(seen.events) == 3
    assert seen.quarantined.total() == 2


def test_a_field_that_is_only_in_the_path_is_the_files(tmp_path: Path) -> None:
    """As partitioned writers leave it; a column of the file wins, and Hive's word for none is none."""
    master = tmp_path / "master"
    for course, user in (("c1", "a"), ("c%202", "b"), ("__HIVE_DEFAULT_PARTITION__", "c")):
        write(master, TOPIC, watched(1, user_id=[user]), f"course_id={course}")
    write(master, TOPIC, watched(1, user_id=["d"], course_id=["own"]), "course_id=c1")
    write(master, TOPIC, watched(1, user_id=["e"]), "watch_duration_seconds=90/video_id=v")
    seen = see(master, TOPIC)
    assert seen.by_user("course_id") == {"a": "c1", "b": "c 2", "c": None, "d": "own", "e": None}
    assert seen.by_user("watch_duration_seconds")["e"] == 90
    assert seen.by_user("video_id")["e"] == "v"


@pytest.mark.parametrize("id_", ["", " ", "null", "None", "undefined", "NaN", "0", NIL])
def test_an_id_that_tells_nothing_makes_no_event_anothers_copy(tmp_path: Path, id_: str) -> None:
    """A producer that gives all its events one loses none."""
    write(tmp_path / "master", TOPIC, watched(2, user_id=["u", "u"], event_id=[id_, id_]))
    envelopes(tmp_path / "master", sent(event_id=id_, user_id="u"))
    assert len(see(tmp_path / "master", TOPIC).events) == 3


def test_an_id_is_one_users_and_one_types(tmp_path: Path) -> None:
    """Events of others by the same id count; a UUID is the same in any case."""
    uuid = "5f0c7c5e-2d0a-4f4e-9d3a-00c04fd430c8"
    events = [sent(event_id=uuid), sent(event_id=uuid.upper()), sent(event_id=uuid, user_id="other")]
    envelopes(tmp_path / "master", *events, sent(event_id=uuid, event_type="VIDEO_RATED"))
    seen = see(tmp_path / "master", TOPIC)
    found = sorted((event["user_id"], event["event_type"]) for event in seen.events)
    assert found == [("other", "VIDEO_WATCHED"), ("u0", "VIDEO_RATED"), ("u0", "VIDEO_WATCHED")]
    assert (seen.events, 0) == expected(tmp_path / "master", TOPIC)


def test_an_offset_is_one_clusters(tmp_path: Path) -> None:
    """Of two regions, before and after a move, or as a column says; within one, the same place is one event."""
    place = {"partition": [0], "offset": [7]}
    for folder in ("region=eu", "region=us", "generation=2", "", "region=eu/more"):
        envelopes(tmp_path / "master", sent(), folder=folder, **place)
    envelopes(tmp_path / "master", sent(), kafka_cluster=["blue"], **place)
    envelopes(tmp_path / "master", sent(), kafka_cluster=["blue"], **place)
    assert len(see(tmp_path / "master", TOPIC).events) == 5


def kept(out: Path) -> list[dict[str, Any]]:
    """The rows of a run's quarantine."""
    files = sorted((out / "_quarantine").rglob("*.parquet"))
    return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]


def test_a_time_that_is_none_costs_its_event_alone(tmp_path: Path) -> None:
    """Milliseconds that no microseconds can hold, a date out of the calendar: of each file's three rows two are events."""
    for kind, column in rotten.TIMES.items():
        write(tmp_path / "master", TOPIC, watched(3, timestamp=column, video_id=[kind] * 3))
    seen = see(tmp_path / "master", TOPIC)
    assert Counter((event["user_id"], event["video_id"]) for event in seen.events) == {
        (user, kind): 1 for user in ("u0", "u1") for kind in rotten.TIMES
    }
    assert seen.quarantined == {"timestamp can't be read as a time": len(rotten.TIMES)}
    assert {event["timestamp"].date().isoformat() for event in seen.events} == {"2025-12-10"}


def test_a_text_that_is_none_costs_its_event_alone(tmp_path: Path) -> None:
    """What isn't UTF-8, and a time as no day has it, where a text is meant: of three rows two are events, the third is kept whole."""
    for kind, field in itertools.product(rotten.TEXTS, ("user_id", "course_id")):
        write(
            tmp_path / "master",
            TOPIC,
            watched(3, video_id=[f"{kind} {field} {n} é" for n in range(3)]) | {field: rotten.TEXTS[kind]},
        )
    seen = see(tmp_path / "master", TOPIC)
    cases = [f"{kind} {field}" for kind in rotten.TEXTS for field in ("user_id", "course_id")]
    assert sorted(event["video_id"] for event in seen.events) == sorted(
        f"{case} {n} é" for case in cases for n in (0, 1)
    )
    assert seen.quarantined == {
        f"{field} can't be read as text": len(rotten.TEXTS) for field in ("user_id", "course_id")
    }
    assert sorted((json.loads(bad["event"])["video_id"], bad["row"]) for bad in kept(tmp_path / "out")) == sorted(
        (f"{case} 2 é", 2) for case in cases
    )


@pytest.mark.parametrize("field", ["course_id", "note"])
def test_a_nested_value_that_holds_none_costs_its_event_alone(tmp_path: Path, field: str) -> None:
    """In structs, lists of lists and maps; and nothing at all where no field is for it."""
    for kind, column in rotten.NESTED.items():
        write(tmp_path / "master", TOPIC, watched(3, video_id=[f"{kind} {n} é" for n in range(3)]) | {field: column})
    seen = see(tmp_path / "master", TOPIC)
    rows = (0, 1) if field == "course_id" else (0, 1, 2)
    assert sorted(event["video_id"] for event in seen.events) == sorted(
        f"{kind} {n} é" for kind in rotten.NESTED for n in rows
    )
    bad = {} if field == "note" else {"course_id can't be read as text": len(rotten.NESTED)}
    assert seen.quarantined == bad
    told = {row["event"] for row in kept(tmp_path / "out")}
    assert len(told) == sum(bad.values())
    assert all(r"\\xFFFE" in event or str(rotten.MOST) in event or str(rotten.LEAST) in event for event in told)
    if field == "course_id":
        courses = {event["video_id"]: event["course_id"] for event in seen.events}
        assert json.loads(courses["text in a struct 0 é"]) == {"n": 1, 'it\'s "so"': "a"}
        assert json.loads(courses["text in a struct of maps 1 é"]) == {"m": {"k": "é"}}
        assert json.loads(courses["milliseconds in a list of lists 1 é"]) == [["2025-12-10 14:30:00"]]


@pytest.mark.parametrize("way", ["run", "ingest"])
def test_an_envelope_whose_value_is_a_struct_is_its_json(tmp_path: Path, way: str) -> None:
    """As some sinks write messages; one that holds what is no text costs itself, and is kept."""
    texts = {name: [column[0]] * 3 for name, column in watched(1).items()}
    fields = {**texts, "course_id": rotten.TEXTS["text"], "watch_duration_seconds": pa.array([1, 2, 3])}
    value = pa.StructArray.from_arrays([pa.array(column) for column in fields.values()], list(fields))
    master = tmp_path / "master"
    write(tmp_path / "given", TOPIC, {"value": value.take(pa.array([0, 1])), "offset": [0, 1], "partition": [0, 0]})
    write(tmp_path / "given", TOPIC, {"value": value, "offset": [2, 3, 4], "partition": [0, 0, 0]})
    if way == "ingest":
        assert main(["ingest", str(tmp_path / "given"), "--into", str(master), "--topic", TOPIC]) == 0
    else:
        (tmp_path / "given").rename(master)
    seen = see(master, TOPIC)
    found = Counter((event["course_id"], event["watch_duration_seconds"]) for event in seen.events)
    assert found == {("a", 1): 2, ("é", 2): 2}
    (bad,) = kept(master if way == "ingest" else tmp_path / "out")
    assert (bad["reason"], json.loads(bad["event"])["course_id"]) == ("not UTF-8", r"\xFFFE")


def test_what_is_no_text_and_nobody_reads_costs_nothing(tmp_path: Path) -> None:
    """A message whose column says that it is a text costs itself and its bytes are kept; what no field is for may hold anything."""
    good, columns = (
        json.dumps(sent()).encode(),
        watched(3, timestamp=["2025-12-10 14:30:00", "2025-12-10 14:30:00", "soon"]),
    )
    write(tmp_path / "master", TOPIC, {"value": rotten.text(good, rotten.NOT_UTF8, good)})
    write(tmp_path / "master", TOPIC, columns | {"note": rotten.TEXTS["text"], "_rotten": ["x", "y", "z"]})
    write(tmp_path / "master", TOPIC, columns | {"_rotten": rotten.TEXTS["times of day"]})
    seen = see(tmp_path / "master", TOPIC)
    assert (len(seen.events), seen.quarantined) == (6, {"not UTF-8": 1, "timestamp can't be read as a time": 2})
    bad = kept(tmp_path / "out")
    assert [row["bytes"] for row in bad if row["event"] is None] == [rotten.NOT_UTF8]
    events = [json.loads(row["event"]) for row in bad if row["event"]]
    assert sorted((str(event.get("note")), str(event["_rotten"])) for event in events) == [
        ("None", str(rotten.MOST)),
        (r"\xFFFE", "z"),
    ]
