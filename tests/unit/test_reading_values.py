"""Columns of any type as the fields of an event: read by a real run, compared with the oracle or reckoned by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pytest
from seen import expected, see, watched, write

FIELD = {"watch_duration_seconds": "video_topic", "score": "assessment_topic"}
UNREADABLE = "unreadable"


def each(master: Path, topic: str, field: str, columns: Mapping[str, object]) -> dict[str, object]:
    """What a run reads of one field, each column being a file of one event, by name; ``unreadable`` where it's quarantined."""
    for name, column in columns.items():
        write(master, topic, watched(1, user_id=[name], **{field: column}))
    return dict.fromkeys(columns, UNREADABLE) | see(master, topic).by_user(field)


NUMBERS = {
    "int8": (pa.array([120], pa.int8()), 120),
    "uint64": (pa.array([120], pa.uint64()), 120),
    "int64, the largest": (pa.array([2**31 - 1]), 2**31 - 1),
    "float32": (pa.array([120.0], pa.float32()), 120),
    "float16": (pa.array([120.0], pa.float16()), 120),
    "minus zero": (pa.array([-0.0]), 0),
    "decimal": (pa.array([Decimal("120.00")], pa.decimal128(10, 2)), 120),
    "wide decimal": (pa.array([Decimal(120)], pa.decimal256(50, 3)), 120),
    "dictionary of text": (pa.array(["120"]).dictionary_encode(), 120),
    "large text": (pa.array(["120"], pa.large_string()), 120),
    "bytes": (pa.array([b"120"], pa.binary()), 120),
    "null": (pa.nulls(1), None),
    "no number of that file": (pa.array([None], pa.float64()), None),
}
NO_NUMBERS = {
    "negative": pa.array([-5], pa.int32()),
    "not a number": pa.array([float("nan")]),
    "infinite": pa.array([float("inf")]),
    "huge": pa.array([1e300]),
    "boolean": pa.array([True]),
    "date": pa.array([date(2025, 1, 1)]),
    "list": pa.array([[1]]),
    "struct": pa.array([{"seconds": 1}]),
    "bytes that are no text": pa.array([b"\xff"], pa.binary()),
}
NO_INTEGERS = {
    "beyond 32 bits": pa.array([2**31]),
    "beyond 64 bits": pa.array([2**64 - 1], pa.uint64()),
}
HALVES = {"a half": pa.array([120.5]), "a decimal half": pa.array([Decimal("120.50")], pa.decimal128(10, 2))}


def test_a_duration_is_rounded_half_up_a_count_is_whole_or_none(tmp_path: Path) -> None:
    """Below zero it stays below zero; a count of answers may have no fraction."""
    more = {"less": pa.array([120.4999]), "text": pa.array(["120.5"]), "nearly none": pa.array([-0.4])}
    found = each(tmp_path / "video" / "master", "video_topic", "watch_duration_seconds", HALVES | more)
    expected = {"a half": 121, "a decimal half": 121, "less": 120, "text": 121, "nearly none": UNREADABLE}
    assert found == expected
    counts = each(tmp_path / "quiz" / "master", "assessment_topic", "correct_answers", HALVES)
    assert counts == dict.fromkeys(HALVES, UNREADABLE)


def test_a_whole_number_is_read_from_a_column_of_any_type(tmp_path: Path) -> None:
    """Whatever kind of number or text the column is, if the number is whole, not negative and of 32 bits."""
    columns = {name: column for name, (column, _) in NUMBERS.items()} | NO_NUMBERS | NO_INTEGERS
    found = each(tmp_path / "master", "video_topic", "watch_duration_seconds", columns)
    assert found == {name: value for name, (_, value) in NUMBERS.items()} | dict.fromkeys(
        [*NO_NUMBERS, *NO_INTEGERS], UNREADABLE
    )


def test_a_score_is_read_from_a_column_of_any_type(tmp_path: Path) -> None:
    """With its fraction; from 0 to 1e15."""
    halves = {"a half": (pa.array([120.5]), 120.5), "a decimal half": (HALVES["a decimal half"], 120.5)}
    good = NUMBERS | halves | {"the largest": (pa.array([1e15]), 1e15)}
    columns = {name: column for name, (column, _) in good.items()} | NO_NUMBERS | {"too large": pa.array([1.1e15])}
    found = each(tmp_path / "master", "assessment_topic", "score", columns)
    assert found == {name: value for name, (_, value) in good.items()} | dict.fromkeys(
        [*NO_NUMBERS, "too large"], UNREADABLE
    )


@pytest.mark.parametrize("field", FIELD)
def test_a_number_written_as_text_is_read_as_the_contract_says(tmp_path: Path, field: str) -> None:
    """As people and programs write numbers, and nothing that only some programs take for one."""
    texts = "120| 120 |120.0|120.|.5|1.2e2|1E+2|+5|-0|0|2147483647|2147483648|-1|1.5|1e400|1e15|1e16|120\n|\t7"
    texts += "||  |NaN|inf|Infinity|0x10|1_000|1,000|12 0|--5|5-|1e|e5|.|null|true|١٢٠|½|120s|'1'|\"1\"|1;2"
    rows = texts.split("|")
    write(tmp_path / "master", FIELD[field], watched(len(rows), **{field: rows}))
    seen = see(tmp_path / "master", FIELD[field])
    assert (seen.events, seen.quarantined.total()) == expected(tmp_path / "master", FIELD[field])
    assert len(seen.events) > 10
    assert seen.quarantined.total() > 10


TEXTS = {
    "text": (pa.array(["käse 😀 \"q\" 's' \\ \t\n"]), "käse 😀 \"q\" 's' \\ \t\n"),
    "large text": (pa.array(["abc"], pa.large_string()), "abc"),
    "text view": (pa.array(["abc"], pa.string_view()), "abc"),
    "dictionary": (pa.array(["abc"]).dictionary_encode(), "abc"),
    "bytes": (pa.array(["käse".encode()], pa.binary()), "käse"),
    "large bytes": (pa.array([b"abc"], pa.large_binary()), "abc"),
    "bytes of one length": (pa.array([b"abc"], pa.binary(3)), "abc"),
    "bytes that are no text": (pa.array([b"\xff\x01"], pa.binary()), "\\xFF01"),
    "integer": (pa.array([7]), "7"),
    "huge integer": (pa.array([2**64 - 1], pa.uint64()), "18446744073709551615"),
    "float": (pa.array([7.5]), "7.5"),
    "decimal": (pa.array([Decimal("1.50")], pa.decimal128(5, 2)), "1.50"),
    "boolean": (pa.array([True]), "true"),
    "uuid": (pa.array([UUID(int=5).bytes], pa.uuid()), "00000000-0000-0000-0000-000000000005"),
    "json": (pa.array(['{"a": 1}'], pa.json_()), '{"a": 1}'),
    "date": (pa.array([date(2025, 1, 2)]), "2025-01-02"),
    "time of day": (pa.array([time(3, 4, 5)]), "03:04:05"),
    "time": (pa.array([datetime.fromisoformat("2025-01-02 03:04:05.000006")]), "2025-01-02 03:04:05.000006"),
    "list": (pa.array([["a", None, 'b"']]), '["a",null,"b\\""]'),
    "struct": (pa.array([{"id": 1, "of": {"x": ["y"]}, "no": None}]), '{"id":1,"of":{"x":["y"]},"no":null}'),
    "map": (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), '{"a":1}'),
}


def test_a_text_is_read_from_a_column_of_any_type(tmp_path: Path) -> None:
    """Numbers as they are written, what is nested as JSON; bytes as text, or in hexadecimal where they are none."""
    found = each(tmp_path / "master", "video_topic", "course_id", {name: column for name, (column, _) in TEXTS.items()})
    assert found == {name: text for name, (_, text) in TEXTS.items()}


def test_users_and_identities_are_read_from_a_column_of_any_type(tmp_path: Path) -> None:
    """Also from a nested one: an event is never refused for how its producer types ids."""
    for name, (column, _) in TEXTS.items():
        write(tmp_path / "master", "video_topic", watched(1, video_id=[name], user_id=column, event_id=column))
    write(tmp_path / "master", "video_topic", watched(1, video_id=["blank"], event_id=pa.array([b" \t"], pa.binary())))
    seen = see(tmp_path / "master", "video_topic")
    found = {event["video_id"]: (event["user_id"], event["event_id"]) for event in seen.events}
    assert found.pop("blank") == ("u0", None)
    copies = {name for name, (_, text) in TEXTS.items() if text == "abc"}
    assert len(copies & found.keys()) == 1, "events with the same id are one, whatever the types"
    assert {name: text for name, (_, text) in TEXTS.items() if name in found} == {
        name: id_ for name, (_, id_) in found.items()
    }
    assert len(found) == len(TEXTS) - len(copies) + 1


LISTS = {
    "list": (pa.array([["email", None, "phone"]]), ["email", None, "phone"]),
    "large list": (pa.array([["email"]], pa.large_list(pa.string())), ["email"]),
    "list of one length": (pa.array([["a", "b"]], pa.list_(pa.string(), 2)), ["a", "b"]),
    "of dictionaries": (pa.array([["a"]], pa.list_(pa.dictionary(pa.int32(), pa.string()))), ["a"]),
    "of bytes": (pa.array([[b"a"]], pa.list_(pa.binary())), ["a"]),
    "of integers": (pa.array([[1, 2]]), ["1", "2"]),
    "of booleans": (pa.array([[True]]), ["true"]),
    "of lists": (pa.array([[["a"], None]]), ['["a"]', None]),
    "of structs": (pa.array([[{"a": 1}]]), ['{"a":1}']),
    "of nulls": (pa.array([[None]], pa.list_(pa.null())), [None]),
    "empty": (pa.array([[]], pa.list_(pa.string())), []),
    "none": (pa.array([None], pa.list_(pa.string())), None),
    "json": (pa.array(['["a", 1]'], pa.json_()), ["a", "1"]),
    "text": (
        pa.array([' ["a", null, "\\ud83d\\ude00", 1, true, {"b": [1]}] ']),
        ["a", None, "😀", "1", "true", '{"b":[1]}'],
    ),
    "text of an empty one": (pa.array(["[]"]), []),
    "bytes of text": (pa.array([b'["a"]'], pa.binary()), ["a"]),
    "not json": (pa.array(["a"]), UNREADABLE),
    "an object": (pa.array(['{"a": 1}']), UNREADABLE),
    "a string": (pa.array(['"a"']), UNREADABLE),
    "json null": (pa.array(["null"]), UNREADABLE),
    "blank": (pa.array([" "]), None),
    "cut off": (pa.array(['["a"']), UNREADABLE),
    "as Python writes it": (pa.array(["['a']"]), UNREADABLE),
    "integer": (pa.array([7]), UNREADABLE),
    "struct": (pa.array([{"a": 1}]), UNREADABLE),
}


def test_a_list_is_read_from_lists_and_from_their_json_text(tmp_path: Path) -> None:
    """Elements as text, NULL among them; what is no array is quarantined."""
    found = each(
        tmp_path / "master", "profile_topic", "updated_fields", {name: column for name, (column, _) in LISTS.items()}
    )
    assert found == {name: value for name, (_, value) in LISTS.items()}


def test_columns_may_be_missing_and_more(tmp_path: Path) -> None:
    """In any order, from file to file; what nobody knows changes nothing, whatever its type and name."""
    master = tmp_path / "master"
    write(master, "video_topic", watched(1))
    write(master, "video_topic", watched(1, video_id=["v"], user_id=["other"]))
    backwards = watched(1, watch_duration_seconds=[5], user_id=["backwards"])
    write(master, "video_topic", dict(reversed(backwards.items())))
    more = {
        "device": pa.array([{"os": {"name": "x"}, "sizes": [{"w": 1, "h": [2, 3]}]}]),
        "tags": pa.array([[("a", [1, 2])]], pa.map_(pa.string(), pa.list_(pa.int64()))),
        'quote " it': ["x"],
        "it's": ["x"],
        "größe (cm)": [1.5],
        "GRÖßE (CM)": [2.5],
        "A.B": [2],
        "a.b": [1],
        "_file": [99],
        "_row": [99],
        "_reason": ["none of your business"],
        "date": ["1999-01-01"],
        "hour": [99],
        "file_row_number": [99],
        "filename": ["x"],
        "topic": ["auth_topic"],
        "": ["no name"],
    }
    write(master, "video_topic", watched(1, user_id=["more"]) | more)
    write(master, "video_topic", {"event_id": ["lonely"]})
    seen = see(master, "video_topic")
    assert seen.quarantined == {"event_type is missing": 1}
    assert seen.by_user("date") == dict.fromkeys(["u0", "other", "backwards", "more"], date(2025, 12, 10))
    assert seen.by_user("watch_duration_seconds") == {"u0": None, "other": None, "backwards": 5, "more": None}


def test_names_of_fields_are_told_apart_by_case(tmp_path: Path) -> None:
    """USER_ID is another field than user_id, before it and behind it, in files as in JSON."""
    master = tmp_path / "master"
    wanted = watched(1)
    write(master, "video_topic", {"USER_ID": ["LOUD"], "Event_ID": ["E"]} | wanted)
    write(master, "video_topic", wanted | {"USER_ID": ["LOUD"], "Video_Id": ["V"]})
    write(master, "video_topic", {"EVENT_TYPE": ["LOUD"], **{k: v for k, v in wanted.items() if k != "event_type"}})
    write(master, "video_topic", {"value": [json.dumps({"USER_ID": "LOUD"} | {k: v[0] for k, v in wanted.items()})]})
    seen = see(master, "video_topic")
    assert [(e["user_id"], e["event_id"], e["video_id"]) for e in seen.events] == [("u0", None, None)] * 3
    assert seen.quarantined == {"event_type is missing": 1}


def test_times_of_another_zone_do_not_leak_into_other_fields(tmp_path: Path) -> None:
    """A time in a text field is shown in UTC."""
    aware = pa.array([datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)], pa.timestamp("us", "Asia/Tokyo"))
    found = each(tmp_path / "master", "assessment_topic", "new_due_date", {"aware": aware})
    assert found == {"aware": "2025-01-02 03:04:05+00"}


def test_a_field_declared_after_its_file_was_written_is_read_from_extra_fields(tmp_path: Path) -> None:
    """Its earlier values lie there as JSON, of any type; what can't be read as the field's type makes that event invalid, no other."""
    extra = [
        '{"watch_duration_seconds": 90, "video_id": "v1", "session_id": "", "other": {"a": [1]}}',
        '{"watch_duration_seconds": "12.0", "video_id": 1001, "session_id": null}',
        '{"watch_duration_seconds": "long", "video_id": "v3"}',
        "not json",
        None,
    ]
    write(tmp_path / "master", "video_topic", {**watched(5), "course_id": list("abcde"), "extra_fields": extra})
    found = see(tmp_path / "master", "video_topic")
    assert found.by_user("watch_duration_seconds") == {"u0": 90, "u1": 12, "u3": None, "u4": None}
    assert found.by_user("video_id") == {"u0": "v1", "u1": "1001", "u3": None, "u4": None}
    assert found.by_user("course_id") == {"u0": "a", "u1": "b", "u3": "d", "u4": "e"}
    assert found.quarantined == {"watch_duration_seconds can't be read as an integer": 1}
