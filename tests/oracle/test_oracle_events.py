"""How the oracle reads messages: small cases, each outcome worked out by hand from the contract."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import permutations

import pytest

from oracle import Message, read_events

PLAIN = {"event_type": "LOGIN", "user_id": "u1", "timestamp": "2024-03-01 10:00:00"}


def sent(**fields):
    """A plain event as a producer sends it, with these fields changed or added."""
    return json.dumps(PLAIN | fields)


def read(*bodies, topic="auth_topic", platform_zone="UTC"):
    """The valid events of bodies without a place in Kafka."""
    valid, invalid = read_events([Message(body) for body in bodies], topic, platform_zone)
    assert invalid == []
    return valid


def reason(body, topic="auth_topic"):
    """Why the body is invalid, without what the reading of a value said."""
    message = Message(body, 3, 14)
    valid, invalid = read_events([message], topic)
    assert valid == []
    assert [found.message for found in invalid] == [message]
    return invalid[0].reason.split(" (")[0]


@pytest.mark.parametrize(
    ("title", "written", "utc"),
    [
        ("space", "2024-03-01 10:20:30", (2024, 3, 1, 10, 20, 30)),
        ("T", "2024-03-01T10:20:30", (2024, 3, 1, 10, 20, 30)),
        ("no seconds", "2024-03-01 10:20", (2024, 3, 1, 10, 20)),
        ("date only is midnight", "2024-03-01", (2024, 3, 1)),
        ("white space around", " 2024-03-01 10:20:30\n", (2024, 3, 1, 10, 20, 30)),
        ("microseconds", "2024-03-01 10:20:30.123456", (2024, 3, 1, 10, 20, 30, 123456)),
        ("one digit is a tenth", "2024-03-01 10:20:30.5", (2024, 3, 1, 10, 20, 30, 500000)),
        ("comma", "2024-03-01 10:20:30,25", (2024, 3, 1, 10, 20, 30, 250000)),
        ("more digits are cut, not rounded", "2024-03-01T10:20:30.999999999Z", (2024, 3, 1, 10, 20, 30, 999999)),
        ("Z", "2024-03-01T10:20:30Z", (2024, 3, 1, 10, 20, 30)),
        ("+HH", "2024-03-01T10:20:30+02", (2024, 3, 1, 8, 20, 30)),
        ("+HHMM", "2024-03-01T10:20:30+0530", (2024, 3, 1, 4, 50, 30)),
        ("+HH:MM", "2024-03-01 10:20:30.5+05:30", (2024, 3, 1, 4, 50, 30, 500000)),
        ("the last minute of an offset's hour", "2024-03-01T10:20:30-00:59", (2024, 3, 1, 11, 19, 30)),
        ("-HH:MM into the next day", "2024-02-29T20:00-05:00", (2024, 3, 1, 1)),
        ("basic", "20240301T102030Z", (2024, 3, 1, 10, 20, 30)),
        ("basic with a space, fraction and offset", "20240301 102030,5-0100", (2024, 3, 1, 11, 20, 30, 500000)),
        ("basic without seconds", "20240301T1020", (2024, 3, 1, 10, 20)),
        ("basic date only", "20240301", (2024, 3, 1)),
        ("a Parquet timestamp", datetime(2024, 3, 1, 10, 20, 30, 7, tzinfo=UTC), (2024, 3, 1, 10, 20, 30, 7)),
    ],
)
def test_a_timestamp_is_read_in_every_form_the_contract_allows(title, written, utc):
    """The plain form, ISO 8601 extended and basic, with or without an offset, all become naive UTC."""
    (event,) = read(PLAIN | {"timestamp": written})
    assert datetime(*utc) == event["timestamp"], title  # noqa: DTZ001 - naive is the claim


@pytest.mark.parametrize(
    ("title", "written", "utc"),
    [
        ("winter", "2024-01-15 12:00:00", (2024, 1, 15, 11)),
        ("summer", "2024-07-15 12:00:00", (2024, 7, 15, 10)),
        ("midnight of a date", "2024-01-15", (2024, 1, 14, 23)),
        ("came twice: the earlier", "2024-10-27 02:30:00", (2024, 10, 27, 0, 30)),
        ("skipped: the offset before", "2024-03-31 02:30:00", (2024, 3, 31, 1, 30)),
        ("an offset wins", "2024-07-15T12:00:00Z", (2024, 7, 15, 12)),
        ("a naive Parquet timestamp", datetime(2024, 7, 15, 12), (2024, 7, 15, 10)),  # noqa: DTZ001 - naive is the case
    ],
)
def test_a_timestamp_without_an_offset_is_in_the_platforms_zone(title, written, utc):
    """Berlin is an hour ahead of UTC in winter and two in summer."""
    (event,) = read(PLAIN | {"timestamp": written}, platform_zone="Europe/Berlin")
    assert datetime(*utc) == event["timestamp"], title  # noqa: DTZ001 - naive is the claim


@pytest.mark.parametrize(
    "written",
    [
        "yesterday",
        "2024-02-30",
        "2024-13-01 00:00:00",
        "2024-03-01 24:00:00",
        "2024-03-01 10:60:00",
        "2024-03-01 10:00:60",
        "2024-03-01 10",
        "2024-03-01 10:00:00.",
        "2024-03-01 10:00.5",
        "2024-03-01T",
        "2024-03-01Z",
        "2024-03-01  10:00:00",
        "2024-03-01T10:00:00+2",
        "2024-03-01T10:00:00+02:60",
        "2024-03-01T10:00:00+24:00",
        "2024-03-01T1000",
        "20240301T10:00",
        "2024-3-1 10:00:00",
        "01.03.2024",
        "2024-W09-5",
        "99999999",
        "1e20",
        "-1709287200",
        "0000-01-01",
        "9999-12-31T23:00:00-02:00",
        17,
        True,
        ["2024-03-01"],
    ],
)
def test_a_timestamp_that_is_none_is_unreadable(written):
    """A day the calendar lacks, a time a clock lacks, half a form or a mix of two: none of them is guessed at."""
    assert reason(sent(timestamp=written)) == "timestamp: unreadable"


@pytest.mark.parametrize(
    "written", [1709287200, "1709287200", 1709287200.0, 1709287200000, "1709287200000000", 17092872e11]
)
def test_a_number_is_a_time_since_1970(written):
    """Of what unit is told by its size."""
    (event,) = read(sent(timestamp=written))
    assert event["timestamp"] == datetime(2024, 3, 1, 10, 0)  # noqa: DTZ001 - UTC without saying so, as events have it


@pytest.mark.parametrize("written", ["1969-12-31 23:59:59", "2201-01-01", "0001-01-01", "9999-12-31T23:59:59Z"])
def test_a_time_before_1970_or_after_2200_is_not_plausible(written):
    """A producer's 'never' is no event of the year 9999."""
    assert reason(sent(timestamp=written)) == "timestamp: not plausible"


@pytest.mark.parametrize("field", ["event_type", "user_id", "timestamp"])
@pytest.mark.parametrize(("value", "why"), [(None, "missing"), ("", "blank"), (" \t\n", "blank")])
def test_a_required_field_is_present_and_not_blank(field, value, why):
    """JSON null counts as absent, white space as blank."""
    assert reason(sent(**{field: value})) == f"{field}: {why}"


@pytest.mark.parametrize("field", ["event_type", "user_id", "timestamp"])
def test_a_required_field_may_not_be_left_out(field):
    """Leaving it out is the same as null."""
    assert reason({name: value for name, value in PLAIN.items() if name != field}) == f"{field}: missing"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "null",
        "[]",
        '"LOGIN"',
        "7",
        None,
        sent() + "}",
        sent().replace('"u1"', "NaN"),
        sent().replace('"u1"', "'u1'"),
        sent()[:-1] + ",}",
        b"\xff" + sent().encode(),
        sent().encode("utf-16"),
    ],
)
def test_what_is_no_json_object_is_invalid(body):
    """Half a text, another JSON value, a tombstone, a dialect of JSON, bytes that aren't UTF-8."""
    assert reason(body) == "not a JSON object"


def test_a_body_is_the_same_event_as_text_bytes_or_row():
    """JSON text, the same in UTF-8, and a flat row read alike, and have every field of their topic."""
    row = PLAIN | {"session_id": "é", "age": 7}
    wanted = {
        "event_id": None,
        "timestamp": datetime(2024, 3, 1, 10),  # noqa: DTZ001 - naive is the claim
        "event_category": None,
        "event_type": "LOGIN",
        "user_id": "u1",
        "role": None,
        "session_id": "é",
        "email": None,
        "registration_source": None,
    }
    text = json.dumps(row, ensure_ascii=False)
    assert read(text, text.encode(), row) == [wanted, wanted, wanted]


@pytest.mark.parametrize(
    ("topic", "fields"),
    [
        ("auth_topic", "session_id email registration_source"),
        (
            "assessment_topic",
            "course_id assignment_id assignment_type file_url quiz_id correct_answers student_id score feedback new_due_date max_score question_count question_id due_date is_correct",
        ),
        (
            "video_topic",
            "video_id course_id session_id watch_duration_seconds played_seconds video_length_seconds from_second to_second",
        ),
        (
            "course_topic",
            "course_id material_id material_type resource_id item_id item_type course_name section_id module_id",
        ),
        ("profile_topic", "field_name updated_fields new_value picture_url"),
        ("notification_topic", "notification_id notification_type channel related_object_id"),
    ],
)
def test_an_event_has_its_topics_fields_and_no_other(topic, fields):
    """The fields of the contract's table, whichever were sent, in the table's order."""
    (event,) = read(sent(extra=1), topic=topic)
    assert ["event_id", "timestamp", "event_category", "event_type", "user_id", "role", *fields.split()] == list(event)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("120", 120),
        ("120.0", 120),
        ("1.2e2", 120),
        ("12000E-2", 120),
        ('"120"', 120),
        ('"120.0"', 120),
        ('"1.2e2"', 120),
        ('" 120 "', 120),
        ("0", 0),
        ("-0", 0),
        ("2147483647", 2147483647),
        ("null", None),
    ],
)
def test_a_whole_number_is_read_however_it_is_written(written, seconds):
    """With a point, an exponent or quotes; null is absent."""
    body = sent()[:-1] + f', "watch_duration_seconds": {written}}}'
    (event,) = read(body, topic="video_topic")
    assert seconds == event["watch_duration_seconds"]
    assert type(seconds) is type(event["watch_duration_seconds"])


@pytest.mark.parametrize("written", ["120.5", '"120.5"', "120.00000000000000000000000000001"])
def test_a_duration_may_have_a_fraction_a_count_may_not(written):
    """The fraction is rounded half up."""
    (event,) = read(sent()[:-1] + f', "watch_duration_seconds": {written}}}', topic="video_topic")
    assert event["watch_duration_seconds"] == (121 if ".5" in written else 120)
    assert (
        reason(sent()[:-1] + f', "correct_answers": {written}}}', "assessment_topic") == "correct_answers: unreadable"
    )


@pytest.mark.parametrize(
    ("topic", "field"),
    [
        ("video_topic", "watch_duration_seconds"),
        ("assessment_topic", "score"),
        ("profile_topic", "updated_fields"),
        ("auth_topic", "session_id"),
        ("auth_topic", "event_id"),
    ],
)
@pytest.mark.parametrize("blank", ["", "  ", " \t\n\u3000"])
def test_a_blank_text_is_no_value(topic, field, blank):
    """In every field that isn't required."""
    (event,) = read(sent(**{field: blank}), topic=topic)
    assert event[field] is None


@pytest.mark.parametrize(
    ("topic", "field"), [("video_topic", "watch_duration_seconds"), ("assessment_topic", "correct_answers")]
)
@pytest.mark.parametrize(
    "written",
    [
        "-1",
        '"-5"',
        "2147483648",
        "1e400",
        "1e99999999999999999999",
        "true",
        '"true"',
        '"abc"',
        '"1_000"',
        '"0x10"',
        "[120]",
        "{}",
    ],
)
def test_what_is_no_32_bit_count_is_invalid(topic, field, written):
    """A fraction, a negative or too big number, a boolean, a blank or another text, an array, an object."""
    assert reason(sent()[:-1] + f', "{field}": {written}}}', topic) == f"{field}: unreadable"


@pytest.mark.parametrize(
    ("written", "score"), [("0", 0.0), ("7.25", 7.25), ('"7.25"', 7.25), ("1e15", 1e15), ("-0.0", 0.0), ("null", None)]
)
def test_a_score_is_a_number_from_0_to_1e15(written, score):
    """It may have a fraction, and quotes."""
    (event,) = read(sent()[:-1] + f', "score": {written}}}', topic="assessment_topic")
    assert repr(score) == repr(event["score"])


@pytest.mark.parametrize("written", ["-0.1", "1000000000000001", "1e999", '"inf"', '"nan"', "false"])
def test_what_is_no_score_is_invalid(written):
    """Negative, too big, not finite, no number."""
    assert reason(sent()[:-1] + f', "score": {written}}}', "assessment_topic") == "score: unreadable"


def test_a_flat_rows_numbers_are_read_as_its_texts_are():
    """A Parquet column may be of integers, doubles or texts; NaN is no number."""
    rows = [PLAIN | {"correct_answers": value, "score": value} for value in (3, 3.0, "3")]
    found = read(*rows, topic="assessment_topic")
    assert [(event["correct_answers"], event["score"]) for event in found] == [(3, 3.0)] * 3
    assert reason(PLAIN | {"score": float("nan")}, "assessment_topic") == "score: unreadable"
    assert reason(PLAIN | {"score": True}, "assessment_topic") == "score: unreadable"


def test_a_text_given_as_another_json_value_reads_as_its_json_text():
    """A number keeps the digits it was sent with; a text keeps its white space."""
    body = '{"event_type": 7, "user_id": 1.50, "timestamp": "2024-03-01", "role": true, "session_id": " s ", '
    (event,) = read(body + '"email": {"a": [1, null, "é"], "b": {}}, "registration_source": 1.0, "event_id": 123}')
    assert [event[name] for name in ("event_type", "user_id", "role", "session_id")] == ["7", "1.50", "true", " s "]
    assert event["email"] == '{"a":[1,null,"é"],"b":{}}'
    assert event["registration_source"] == "1.0"
    assert event["event_id"] == "123"


@pytest.mark.parametrize(
    ("written", "id_"),
    [("1001.0", "1001"), ("1e3", "1000"), ('"1001.0"', "1001.0"), ('"007"', "007"), ("1.5", "1.5"), ("-2.0", "-2")],
)
def test_a_whole_number_as_an_id_is_its_digits(written, id_):
    """However it is written; a text stays as it is."""
    (event,) = read('{"event_type": "A", "timestamp": "2024-03-01", "user_id": ' + written + "}")
    assert event["user_id"] == id_


def test_event_types_and_roles_have_one_spelling():
    """Types in upper case, roles in lower case by one word each; others stay."""
    (event,) = read(sent(event_type=" login\t", role=" Instructor "))
    assert (event["event_type"], event["role"]) == ("LOGIN", "teacher")
    assert [read(sent(role=role))[0]["role"] for role in ("LEARNER", "TA", "Observer")] == [
        "student",
        "teacher",
        "observer",
    ]


@pytest.mark.parametrize("id_", ["null", "None", "UNDEFINED", "NaN", "0", 0, "00000000-0000-0000-0000-000000000000"])
def test_an_id_that_cannot_tell_events_apart_is_none(id_):
    """So events with it are themselves."""
    found = read(sent(event_id=id_), sent(event_id=id_))
    assert [event["event_id"] for event in found] == [None, None]


def test_a_uuid_is_compared_in_lower_case():
    """One event, in whichever case its id came."""
    id_ = "5f0c7c5e-2d0a-4f4e-9d3a-00C04FD430C8"
    assert [event["event_id"] for event in read(sent(event_id=id_), sent(event_id=id_.upper()))] == [id_.lower()]


def test_an_id_is_of_one_user_and_one_type():
    """A producer that gives several events one id loses none of them."""
    assert len(read(sent(event_id="e"), sent(event_id="e", user_id="other"), sent(event_id="e", event_type="B"))) == 3


def test_a_place_in_kafka_is_of_one_cluster_and_generation():
    """Two clusters have the same offsets."""
    body = sent()
    assert (
        len(
            read_events(
                [Message(body, 0, 7, "eu"), Message(body, 0, 7, "us"), Message(body, 0, 7, "eu")], "auth_topic"
            )[0]
        )
        == 2
    )


def test_half_a_surrogate_pair_is_no_text():
    """JSON can spell it, no text can hold it."""
    assert reason(sent(role="\ud800")) == "role: unreadable"


@pytest.mark.parametrize(
    ("title", "value", "fields"),
    [
        ("array", ["name", "bio"], ["name", "bio"]),
        ("its JSON text", '["name", "bio"]', ["name", "bio"]),
        ("copies and nulls stay", ["bio", None, "bio"], ["bio", None, "bio"]),
        ("other values read as text", [1, True, 2.5], ["1", "true", "2.5"]),
        ("empty", [], []),
        ("null", None, None),
    ],
)
def test_updated_fields_is_an_array_of_texts(title, value, fields):
    """An array or its JSON text, as JSON or in a flat row."""
    body = PLAIN | {"updated_fields": value}
    assert [fields, fields] == [
        event["updated_fields"] for event in read(json.dumps(body), body, topic="profile_topic")
    ]


@pytest.mark.parametrize("value", ["name", '"name"', "null", 7, True, {"name": 1}, "[1"])
def test_updated_fields_that_is_no_array_is_invalid(value):
    """Nor is a text that isn't the JSON text of an array."""
    assert reason(sent(updated_fields=value), "profile_topic") == "updated_fields: unreadable"


def test_a_field_of_another_topic_is_only_an_extra_field():
    """A typed field is typed where the contract lists it; unknown types and categories are kept."""
    (event,) = read(sent(score="abc", event_type="LOGIN_V2", event_category="?"))
    assert "score" not in event
    assert event["event_type"] == "LOGIN_V2"
    assert event["event_category"] == "?"


def kept(*messages, topic="auth_topic", field="role"):
    """The field of the events kept, sorted, the same for every order of the messages."""
    answers = {
        tuple(sorted(event[field] or "-" for event in read_events(order, topic)[0])) for order in permutations(messages)
    }
    assert len(answers) == 1
    return list(answers.pop())


def test_one_event_id_is_one_event():
    """The earliest copy stays, wherever in Kafka the copies lay."""
    late, early = (sent(event_id="e", role=role, timestamp=f"2024-03-01 1{role}:00:00") for role in ("2", "1"))
    assert kept(Message(late, 0, 1), Message(early, 0, 2), Message(early, 1, 1)) == ["1"]


def test_the_earliest_copy_is_by_instant_not_by_text():
    """11:00+02:00 is before 10:00Z."""
    first = sent(event_id="e", role="first", timestamp="2024-03-01T11:00:00+02:00")
    second = sent(event_id="e", role="second", timestamp="2024-03-01T10:00:00Z")
    assert kept(Message(first), Message(second)) == ["first"]


def test_one_event_id_on_two_days_is_two_events():
    """The day is the UTC day: an offset decides it."""
    one = sent(event_id="e", role="day 1", timestamp="2024-03-02T00:30:00+01:00")
    other = sent(event_id="e", role="day 2", timestamp="2024-03-02T00:00:00Z")
    assert kept(Message(one), Message(other)) == ["day 1", "day 2"]


def test_without_an_event_id_the_place_in_kafka_is_the_event():
    """A blank event_id is none; one of partition and offset isn't a place; a row with neither is itself."""
    body = sent(event_id=" ")
    assert len(kept(Message(body, 0, 7), Message(sent(), 0, 7), Message(body, 0, 8), Message(body, 1, 7))) == 3
    assert len(kept(Message(body, 0), Message(body, 0), Message(body, None, 7), Message(body))) == 4


def test_an_event_id_is_never_matched_with_a_place():
    """With an event_id the place says nothing, and an event_id isn't guessed from a place."""
    messages = [Message(sent(event_id="a"), 0, 7), Message(sent(event_id="b"), 0, 7), Message(sent(), 0, 7)]
    assert len(kept(*messages)) == 3


def test_an_invalid_copy_takes_no_part():
    """Only valid events are copies of one another: the valid one stays, though the invalid is smaller."""
    valid, invalid = read_events(
        [Message(sent(event_id="e", user_id="")), Message(sent(event_id="e")), Message(sent(event_id="e", role=None))],
        "auth_topic",
    )
    assert [event["user_id"] for event in valid] == ["u1"]
    assert [found.reason for found in invalid] == ["user_id: blank"]


@pytest.mark.parametrize(
    ("title", "topic", "smaller", "larger"),
    [
        (
            "category before role",
            "auth_topic",
            {"event_category": "A", "role": "b"},
            {"event_category": "B", "role": "a"},
        ),
        ("role before the topic's", "auth_topic", {"role": "a", "email": "z"}, {"role": "b", "email": "a"}),
        ("the topic's in order", "auth_topic", {"session_id": "a", "email": "z"}, {"session_id": "b", "email": "a"}),
        ("absent first", "auth_topic", {"session_id": None}, {"session_id": "!"}),
        ("numbers by size", "video_topic", {"watch_duration_seconds": 9}, {"watch_duration_seconds": "10"}),
        ("texts by code point", "auth_topic", {"role": "\uffff"}, {"role": "\U00010000"}),
        ("the shorter list", "profile_topic", {"updated_fields": ["a"]}, {"updated_fields": ["a", None]}),
        ("absent first in a list", "profile_topic", {"updated_fields": [None, "b"]}, {"updated_fields": ["a"]}),
    ],
)
def test_at_one_instant_the_smallest_copy_stays(title, topic, smaller, larger):
    """The first field that differs decides; an extra field never does."""
    copies = [
        Message(sent(event_id="e", **smaller, extra="z"), 0, 2),
        Message(sent(event_id="e", **larger, extra="a"), 0, 1),
    ]
    (wanted,) = read(sent(event_id="e", **smaller), topic=topic)
    for order in permutations(copies):
        assert ([wanted], []) == read_events(order, topic), title
