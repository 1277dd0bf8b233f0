"""Messages as a Kafka sink keeps them, and which of the same event's copies counts: by real runs, compared with the oracle."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from seen import expected, see, watched, write

TOPIC = "video_topic"


def event(**fields: Any) -> dict[str, Any]:
    """A viewing."""
    return {"event_type": "VIDEO_WATCHED", "user_id": "u", "timestamp": "2025-12-10 14:30:00"} | fields


def sent(**fields: Any) -> bytes:
    """The same as a message."""
    return json.dumps(event(**fields)).encode()


def messages(master: Path, *values: bytes | None, kind: pa.DataType | None = None, **columns: Any) -> Path:
    """A file of messages."""
    return write(master, TOPIC, {"value": pa.array(values, kind or pa.binary())} | columns)


def kafka(master: Path, *rows: tuple[bytes, int, int]) -> Path:
    """A file of messages with their partitions and offsets."""
    values, partitions, offsets = zip(*rows, strict=True)
    return messages(
        master,
        *values,
        partition=pa.array(partitions, pa.int32()),
        offset=pa.array(offsets, pa.int64()),
        key=[b"k"] * len(rows),
    )


KINDS = [pa.binary(), pa.string(), pa.large_binary(), pa.large_string(), pa.string_view(), pa.binary_view(), pa.json_()]


def test_messages_of_every_type_of_text_are_read(tmp_path: Path) -> None:
    """As text or bytes, of any width, also from a dictionary, beside columns of Kafka's own."""
    master = tmp_path / "master"
    for kind in KINDS:
        value = sent(user_id=str(kind))
        messages(master, value if "binary" in str(kind) else value.decode(), kind=kind)  # type: ignore[arg-type]
    write(master, TOPIC, {"value": pa.array([sent(user_id="dictionary").decode()]).dictionary_encode()})
    theirs = {
        "timestamp": pa.array([0], pa.timestamp("ms")),
        "topic": ["x"],
        "headers": pa.array([[{"key": "a", "value": b"b"}]]),
    }
    messages(master, sent(user_id="with others"), **theirs)
    seen = see(master, TOPIC)
    assert not seen.quarantined
    assert set(seen.by_user()) == {*map(str, KINDS), "dictionary", "with others"}
    assert {moment.year for moment in seen.by_user().values()} == {2025}, "Kafka's own timestamp isn't the event's"


BROKEN = {
    None: "the message is empty",
    b"": "not JSON",
    b"  ": "not JSON",
    b"not json": "not JSON",
    sent()[:-1]: "not JSON",
    sent() + sent(): "not JSON",
    b"\xef\xbb\xbf" + sent(): "not JSON",
    b"{'event_type': 'A'}": "not JSON",
    b'{"event_type": "A\t"}': "not JSON",
    b'{"event_type": "\\ud83d"}': "not JSON",
    b'{"event_type": 01}': "not JSON",
    b"\xff\xfe": "not UTF-8",
    sent(user_id="x").replace(b"x", b"\xe9"): "not UTF-8",
    b"[1, 2]": "not a JSON object",
    b'"text"': "not a JSON object",
    b"7": "not a JSON object",
    b"null": "not a JSON object",
    b"true": "not a JSON object",
    b"{}": "event_type is missing",
    sent(event_type=None): "event_type is missing",
    sent(event_type="  "): "event_type is blank",
    sent(user_id=None): "user_id is missing",
    sent(user_id=""): "user_id is blank",
    sent(user_id=" \u3000\t\n\u00a0"): "user_id is blank",
    sent(timestamp=None): "timestamp is missing",
    sent(timestamp=" "): "timestamp is blank",
    sent(timestamp="1969-12-31 23:59:59"): "timestamp isn't plausible: it is before 1970 or after 2200",
    sent(timestamp="2201-01-01 00:00:00"): "timestamp isn't plausible: it is before 1970 or after 2200",
    sent(timestamp="9999-12-31T23:59:59.999999Z"): "timestamp isn't plausible: it is before 1970 or after 2200",
    sent(timestamp="0001-01-01"): "timestamp isn't plausible: it is before 1970 or after 2200",
    sent(timestamp="soon"): "timestamp can't be read as a time",
    sent(timestamp=17): "timestamp can't be read as a time",
    sent(timestamp=["2025-12-10"]): "timestamp can't be read as a time",
    sent(watch_duration_seconds="abc"): "watch_duration_seconds can't be read as an integer",
    sent(watch_duration_seconds=2**31): "watch_duration_seconds can't be read as an integer",
    sent(watch_duration_seconds=10**400): "watch_duration_seconds can't be read as an integer",
    sent(watch_duration_seconds=True): "watch_duration_seconds can't be read as an integer",
    sent(watch_duration_seconds={}): "watch_duration_seconds can't be read as an integer",
    sent(watch_duration_seconds=-5): "watch_duration_seconds breaks watch_duration_seconds >= 0",
}


def test_every_broken_message_is_quarantined_with_its_reason(tmp_path: Path) -> None:
    """Whatever is wrong, with the first reason there is; the good ones around it count."""
    messages(tmp_path / "master", sent(user_id="first"), *BROKEN, sent(user_id="last"))
    seen = see(tmp_path / "master", TOPIC)
    assert set(seen.by_user()) == {"first", "last"}
    reasons = list(BROKEN.values())
    assert seen.quarantined == {reason: reasons.count(reason) for reason in reasons}
    assert expected(tmp_path / "master", TOPIC) == (seen.events, len(BROKEN))


ODD = [
    sent(user_id=7),
    sent(user_id=True),
    sent(user_id={"a": [1, None]}),
    sent(user_id=["x"]),
    sent(user_id=0.5),
    sent(user_id=12345678901234567890123),
    sent(user_id='käse 😀 \u2028 " \\ / \b'),
    sent(user_id="ka\u0308se"),
    sent(user_id="a\0b"),
    sent(user_id="g" * 100_000),
    sent(user_id="extra", anything={"nested": [[[[1]]]], "event_type": "no"}, other=None),
    sent(user_id="paths", **{"a.b": 1, "$": 2, "user_id.x": 3, "": 4}),
    sent(user_id="text", watch_duration_seconds=" 1.2e2 "),
    sent(user_id="whole", watch_duration_seconds=3.0),
    sent(user_id="nothing", watch_duration_seconds=None, course_id=None),
    sent(user_id="blank course", course_id=" "),
    b"  " + sent(user_id="spaces around") + b"\r\n",
    sent(user_id="escaped").replace(b"VIDEO", b"\\u0056IDEO"),
]


def test_every_odd_message_is_read_as_the_contract_says(tmp_path: Path) -> None:
    """Ids that are no text, letters of every kind, nesting, fields nobody knows."""
    messages(tmp_path / "master", *ODD)
    seen = see(tmp_path / "master", TOPIC)
    assert (seen.events, seen.quarantined.total()) == expected(tmp_path / "master", TOPIC)
    assert len(seen.events) == len(ODD)


@pytest.mark.parametrize(
    "value",
    [
        sent()[:-1] + b",}",
        sent()[:-1] + b', "x": [1,]}',
        sent()[:-1] + b', "x": [1 , \n ]}',
        sent()[:-1] + b', "x": NaN}',
        sent()[:-1] + b', "x": [-inf]}',
        sent()[:-1] + b', "x": "a\\" ,} NaN", "y": Infinity}',
    ],
)
def test_json_that_is_almost_json_is_none(tmp_path: Path, value: bytes) -> None:
    """Strict JSON only: a comma too many and numbers that are none are quarantined."""
    messages(tmp_path / "master", value, sent())
    seen = see(tmp_path / "master", TOPIC)
    assert (len(seen.events), seen.quarantined) == (1, {"not JSON": 1})


@pytest.mark.parametrize(
    "text", [", ]", ",}", ": NaN", "[nan, inf]", 'a \\" ,}', "a, information: inferred", "\\\\", "-Infinity"]
)
def test_texts_may_hold_what_looks_like_almost_json(tmp_path: Path, text: str) -> None:
    """What lies within a string breaks nothing."""
    value = sent()[:-1] + f', "x": "{text}", "more": ["{text}", {{"{text}": null}}]}}'.encode()
    messages(tmp_path / "master", value)
    seen = see(tmp_path / "master", TOPIC)
    assert (len(seen.events), seen.quarantined.total()) == (1, 0)


def test_of_a_name_given_twice_the_last_counts(tmp_path: Path) -> None:
    """As Python reads it: a text, a number, null and a blank, the name of a field or any other, escaped or not, three times too."""
    values = ['"a"', "7.0", "null", '" "', '{"course_id": "x"}']
    texts = []
    for field, first, last in itertools.product(("course_id", "user_id", "watch_duration_seconds"), values, values):
        rest = sent(video_id=f"{field} {first} {last}")[1:-1].decode()
        texts.append(f'{{"{field}": {first}, "x": {{"y": 1}}, "x": 2, {rest}, "{field}": {last}}}')
        texts.append(
            f'{{"{field[:-1]}\\u00{ord(field[-1]):x}": {first}, "\\"": 1, "{field}": 9, {rest}, "{field}": {last}}}'
        )
    messages(tmp_path / "master", *(text.encode() for text in texts))
    seen = see(tmp_path / "master", TOPIC)
    assert (seen.events, seen.quarantined.total()) == expected(tmp_path / "master", TOPIC)


def count(master: Path) -> int:
    """How many events a run counts, as the oracle says too."""
    seen = see(master, TOPIC)
    assert (seen.events, seen.quarantined.total()) == expected(master, TOPIC)
    return len(seen.events)


def test_events_with_the_same_id_are_one_wherever_they_lie(tmp_path: Path) -> None:
    """In one file or several, flat or as messages, whatever their partitions and offsets."""
    master = tmp_path / "master"
    kafka(master, (sent(event_id="e"), 0, 1), (sent(event_id="e"), 1, 2))
    messages(master, sent(event_id="e"))
    write(
        master,
        TOPIC,
        {name: [value] for name, value in event(event_id="e").items()},
        folder="year=2025/month=12/day=11",
    )
    messages(master, sent(event_id="E"), sent(event_id=" e"))
    assert count(master) == 3


def test_events_without_an_id_are_told_apart_by_their_place_in_kafka(tmp_path: Path) -> None:
    """The same partition and offset is the same message read twice; a blank id is none."""
    master = tmp_path / "master"
    kafka(master, (sent(), 0, 1), (sent(), 0, 2), (sent(), 1, 1))
    kafka(master, (sent(), 0, 1), (sent(event_id=" "), 0, 2), (sent(event_id=None), 0, 3))
    flat = {name: [value] * 2 for name, value in event(event_id="").items()}
    write(master, TOPIC, flat | {"kafka_partition": [1, 1], "kafka_offset": [1, 7]})
    write(master, TOPIC, flat | {"partition": pa.array([1, 1], pa.int8()), "offset": pa.array([7, 8], pa.uint64())})
    assert count(master) == 6


def test_events_with_neither_are_themselves(tmp_path: Path) -> None:
    """Nothing says that they are the same, however alike they are."""
    master = tmp_path / "master"
    messages(master, sent(), sent())
    write(master, TOPIC, {"value": [sent()], "partition": [0], "offset": pa.nulls(1)})
    write(master, TOPIC, {"value": [sent()], "partition": pa.nulls(1), "offset": [1]})
    write(master, TOPIC, {"value": [sent()], "partition": ["0"], "offset": ["no number"]})
    assert count(master) == 5


def test_the_same_id_on_another_day_or_topic_is_another_event(tmp_path: Path) -> None:
    """A day is the UTC day of the event, wherever its file lies."""
    master = tmp_path / "master"
    days = ["2025-12-10T23:59:59.999999Z", "2025-12-11T00:00:00Z", "2025-12-10T17:00:00-07:00", "2025-12-10T00:00:00Z"]
    messages(master, *(sent(event_id="e", timestamp=day) for day in days))
    write(master, "auth_topic", {name: [value] for name, value in event(event_id="e").items()})
    assert [event["timestamp"].day for event in see(master, TOPIC).events] == [10, 11]


COPIES = [
    {"timestamp": "2025-12-10 14:30:00.000001"},
    {"event_category": "VIDEO"},
    {"role": "student"},
    {"video_id": "v"},
    {"video_id": "v10", "course_id": None},
    {"video_id": "v", "watch_duration_seconds": 10},
    {"video_id": "v", "watch_duration_seconds": "9"},
]


def test_of_two_different_copies_the_same_one_is_kept_in_any_order(tmp_path: Path) -> None:
    """The earliest, then the one with the smallest fields, NULL first, whichever comes first in whichever file: for all pairs."""
    pairs = list(itertools.combinations(COPIES, 2))
    files = [[sent(event_id=f"e{n}", **pair[side]) for n, pair in enumerate(pairs)] for side in (0, 1)]
    kept = []
    for order, name in ((files, "one"), (files[::-1], "other")):
        master = tmp_path / name / "master"
        for values in order:
            messages(master, *values)
        kept.append(see(master, TOPIC).events)
        assert kept[-1] == expected(master, TOPIC)[0]
    assert len(kept[0]) == len(pairs)
    assert kept[0] == kept[1]


def test_of_many_different_copies_the_same_one_is_kept(tmp_path: Path) -> None:
    """Of all at once, in one file and in many, counted as copies."""
    one, many = tmp_path / "one" / "master", tmp_path / "many" / "master"
    copies = [sent(event_id="e", **fields) for fields in COPIES]
    messages(one, *copies)
    for copy in reversed(copies):
        messages(many, copy)
    seen = [see(master, TOPIC) for master in (one, many)]
    assert seen[0].events == seen[1].events == expected(one, TOPIC)[0]
    records = [one.report.manifest.jobs["seen"].topics[TOPIC] for one in seen]
    assert [(record.duplicates, record.conflicting) for record in records] == [(len(COPIES) - 1, len(COPIES) - 1)] * 2


def test_copies_that_say_the_same_are_no_conflict(tmp_path: Path) -> None:
    """A copy conflicts where it says something else than the event that counts, not where Kafka gave it another place."""
    kafka(
        tmp_path / "master",
        (sent(event_id="e"), 0, 1),
        (sent(event_id="e"), 1, 7),
        (sent(event_id="e", course_id="c"), 1, 8),
        (sent(event_id="f", timestamp="2025-12-10 14:30:01"), 0, 2),
        (sent(event_id="f"), 0, 3),
    )
    record = see(tmp_path / "master", TOPIC).report.manifest.jobs["seen"].topics[TOPIC]
    assert (record.events, record.duplicates, record.conflicting) == (2, 3, 2)


def test_a_broken_copy_never_stands_in_for_a_good_one(tmp_path: Path) -> None:
    """An invalid event is quarantined, and no copy of anything."""
    messages(
        tmp_path / "master", sent(event_id="e", watch_duration_seconds=-1), sent(event_id="e", watch_duration_seconds=5)
    )
    seen = see(tmp_path / "master", TOPIC)
    assert seen.by_user("watch_duration_seconds") == {"u": 5}
    assert seen.quarantined.total() == 1


def test_files_of_both_shapes_and_any_layout_are_one_topic(tmp_path: Path) -> None:
    """Mixed as they are, with empty ones, in folders of any name."""
    master = tmp_path / "master"
    folders = ["", "a/b/c", "it's [x]*", "größe 100% ?{a,b}", "year=2025/month=12/day=10", "hour=3", "x=1/y=2"]
    for number, folder in enumerate(folders):
        write(
            master, TOPIC, watched(2, event_id=[f"{number}a", f"{number}b"]), folder=folder, name="quote\"d '.parquet"
        )
        write(master, TOPIC, {"value": pa.array([sent(event_id=f"{number}c")], pa.binary())}, folder=folder)
    write(master, TOPIC, watched(0, user_id=pa.array([], pa.string())), folder="empty")
    write(master, TOPIC, {"value": pa.array([], pa.binary())}, folder="empty")
    assert count(master) == 3 * len(folders)
