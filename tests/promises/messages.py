"""Random messages of every awkward kind the contract knows, from pools so small that they meet each other."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import duckdb
from hypothesis import strategies as st

from learnfold import catalog
from learnfold.catalog import Field, Topic
from oracle import Message
from oracle.fields import TOPIC_FIELDS

TOPICS = {job.name: tuple(topic.name for topic in job.topics) for job in catalog.load().jobs.values() if job.topics}
"""The topics of every subject that has some, those beyond the contract among them."""

TYPES = {
    "auth_topic": ["LOGIN", "LOGOUT", "SIGNUP"],
    "assessment_topic": [
        "VIEW_ASSIGNMENT_FIRST_TIME",
        "SUBMIT_ASSIGNMENT",
        "SUBMIT_ASSIGNMENT",
        "QUIZ_COMPLETED",
        "VIEW_STUDENT_WORK",
        "GRADE_ASSIGNMENT",
        "EDIT_ASSIGNMENT",
        "QUESTION_ANSWERED",
    ],
    "video_topic": ["VIDEO_WATCHED", "VIDEO_WATCHED", "VIDEO_RATED"],
    "course_topic": [
        "COURSE_ENROLLED",
        "COURSE_DROPPED",
        "COURSE_VIEW",
        "ITEM_CLICK",
        "ACCESS_COURSE_MATERIAL",
        "DOWNLOAD_MATERIAL",
        "COURSE_CREATED",
    ],
    "profile_topic": ["UPDATE_PROFILE", "UPDATE_PROFILE", "CHANGE_AVATAR", "PROFILE_PICTURE_UPDATED", "CREATE_PROFILE"],
    "notification_topic": ["NOTIFICATION_SENT", "NOTIFICATION_CLICKED", "NOTIFICATION_OPENED"],
}


def _ids(letter: str, count: int) -> st.SearchStrategy[str | None]:
    return st.sampled_from([None, *(f"{letter}{number}" for number in range(count))])


_SECONDS = st.one_of(
    st.integers(0, 400),
    st.sampled_from([0, 59, 60, 179, 180, "120", "12.0", 45.0, 2**31 - 1, None]),
    st.sampled_from(["abc", -5, 1.5, 2**31, True, "", [1]]),
)
_COUNTS = st.one_of(st.integers(0, 20), st.sampled_from([None, "7", 3.0]), st.sampled_from(["x", -1, 0.5]))
_SCORES = st.one_of(
    st.integers(0, 100),
    st.floats(0, 100, allow_nan=False).map(lambda x: round(x, 3)),
    st.sampled_from([None, "8.5", 0]),
    st.sampled_from(["?", -0.1]),
)
_FIELDS = st.one_of(
    st.none(),
    st.lists(st.sampled_from(["email", "phone", None]), max_size=3),
    st.sampled_from(['["bio"]', "[]"]),
    st.sampled_from(["bio", {"a": 1}, 7]),
)

OWN: dict[str, dict[str, Any]] = {
    "auth_topic": {
        "session_id": _ids("s", 4),
        "email": st.sampled_from([None, "a@x", "b@x"]),
        "registration_source": _ids("r", 2),
    },
    "assessment_topic": {
        "course_id": _ids("c", 2),
        "assignment_id": _ids("a", 3),
        "assignment_type": _ids("t", 2),
        "correct_answers": _COUNTS,
        "student_id": _ids("u", 3),
        "score": _SCORES,
        "feedback": st.sampled_from([None, "good", "bad"]),
        "quiz_id": _ids("q", 2),
        "max_score": st.sampled_from([None, 100, 100, 8, 0.5, "20", 1e-300, 0]),
        "question_count": st.sampled_from([None, 20, 10, "5", 1, 0, 2.5]),
        "question_id": _ids("p", 2),
        "due_date": st.sampled_from([None, "2025-11-02 12:00:00", "2025-11-04T23:59:59Z", "soon"]),
        "is_correct": st.sampled_from([None, True, False, "TRUE", "0", "perhaps"]),
    },
    "video_topic": {
        "video_id": _ids("v", 3),
        "course_id": _ids("c", 2),
        "session_id": _ids("s", 2),
        "watch_duration_seconds": _SECONDS,
        "played_seconds": st.sampled_from([None, None, 0, 4.5, "12.25", 30, 1e9, -1, "x"]),
        "video_length_seconds": st.sampled_from([None, None, 100, "60", 2**31 - 1, 0]),
        "from_second": st.sampled_from([None, 0, 10, 44.5, "3", 1e300, -1]),
        "to_second": st.sampled_from([None, 0, 30, 59.49, "100", 1e300, "x"]),
    },
    "course_topic": {
        "course_id": _ids("c", 2),
        "material_id": _ids("m", 2),
        "material_type": _ids("k", 2),
        "resource_id": _ids("f", 2),
        "item_id": _ids("i", 2),
        "item_type": _ids("j", 2),
    },
    "profile_topic": {"field_name": st.sampled_from([None, None, "email", ""]), "updated_fields": _FIELDS},
    "notification_topic": {
        "notification_id": _ids("x", 3),
        "notification_type": _ids("n", 2),
        "channel": _ids("h", 2),
    },
    "forum_topic": {"course_id": _ids("c", 2), "thread_id": _ids("t", 2), "post_id": _ids("p", 3)},
}


def _plain(field: Field) -> st.SearchStrategy[object]:
    """Valid values of a field that the contract doesn't know, as its type and CHECK let them pass."""
    whole = [number for number in (0, 1, 5, 50) if field.check is None or _passes(field, number)]
    values: dict[str, list[object]] = {
        "VARCHAR": ["x1", "x2", "X"],
        "INTEGER": [*whole, *(str(number) for number in whole)],
        "DOUBLE": [*whole, *(f"{number}.0" for number in whole)],
        "TIMESTAMP": ["2025-11-05 10:00:00", "2025-11-06T10:00:00Z"],
        "VARCHAR[]": [[], ["x1", None]],
    }
    return st.sampled_from(values[field.type] if field.required else [None, *values[field.type]])


def _passes(field: Field, value: int) -> bool:
    with duckdb.connect() as connection:
        (found,) = connection.execute(f"SELECT {field.check} FROM (SELECT {value} AS {field.name})").fetchone() or (0,)
    return bool(found)


def _beyond(topic: Topic) -> dict[str, st.SearchStrategy[object]]:
    """The fields of a topic for which no values are written down here."""
    common = {"event_id", "event_category", "event_type", "user_id", "role", "timestamp"}
    known = common | OWN.get(topic.name, {}).keys() | set(TOPIC_FIELDS.get(topic.name, ()))
    return {field.name: _plain(field) for field in topic.sent if field.name not in known}


def _types(topic: str) -> list[str]:
    """The types of events that a topic's rollups ask for, and one they don't."""
    rollups = [rollup for rollup in catalog.load().rollups.values() if rollup.topic.name == topic]
    return [*{word for r in rollups for word in re.findall(r"'([A-Z][A-Z0-9_]*)'", r.query)}, "SOMETHING_ELSE"]


BEYOND = {topic.name: _beyond(topic) for topic in catalog.load().topics.values()}
TYPES |= {topic: sorted(_types(topic)) for topic in catalog.load().topics if topic not in TYPES}

FIRST_DAY = datetime(2025, 11, 1, tzinfo=UTC)  # the night of 1 to 2 November has an hour twice in New York


@st.composite
def timestamps(draw: st.DrawFn) -> object:
    """A time within four days, in any of the ways it may be written; now and then one that can't be read."""
    if draw(st.integers(0, 29)) == 0:
        return draw(st.sampled_from(["yesterday", "", "2025-02-30 10:00:00", None, 17, "2025-11-02T25:00:00Z"]))
    moment = FIRST_DAY + timedelta(
        seconds=draw(st.integers(0, 4 * 86400 - 1)), microseconds=draw(st.sampled_from([0, 0, 1, 500000, 999999]))
    )
    way = draw(st.integers(0, 6))
    if way == 0:
        return moment.strftime("%Y-%m-%d %H:%M:%S")
    if way == 1:
        return moment.replace(tzinfo=None).isoformat(sep=" ")
    if way == 2:
        return moment.replace(tzinfo=None).isoformat() + "Z"
    if way == 3:
        return moment.astimezone(timezone(timedelta(hours=7))).isoformat()
    if way == 4:
        return moment.astimezone(timezone(-timedelta(hours=3, minutes=30))).isoformat()
    if way == 5:
        return moment.strftime("%Y%m%dT%H%M%SZ")
    return moment.strftime("%Y-%m-%dT%H:%M:%S,25")


@st.composite
def events(draw: st.DrawFn, topic: str, number: int) -> dict[str, object]:
    """One event, mostly valid; its id is ``number`` where it has one."""
    event: dict[str, object] = {}
    identity = draw(st.integers(0, 9))
    if identity:
        event["event_id"] = f"e{number}" if identity > 1 else " "
    event["event_type"] = (
        draw(st.sampled_from(TYPES[topic])) if draw(st.integers(0, 39)) else draw(st.sampled_from([None, "", "  "]))
    )
    event["user_id"] = (
        draw(st.sampled_from(["u0", "u1", "u2"])) if draw(st.integers(0, 39)) else draw(st.sampled_from([None, " "]))
    )
    event["role"] = draw(st.sampled_from([None, "student", "teacher"]))
    event["timestamp"] = draw(timestamps())
    for name, values in (OWN.get(topic, {}) | BEYOND[topic]).items():
        if draw(st.integers(0, 4)):
            event[name] = draw(values)
    if draw(st.integers(0, 9)) == 0:
        event["something_new"] = draw(st.sampled_from([1, "x", {"a": [1]}]))
    return event


@st.composite
def copies(draw: st.DrawFn, event: dict[str, object]) -> dict[str, object]:
    """The same event delivered again, sometimes with other fields or a little later."""
    copy = dict(event)
    change = draw(st.integers(0, 3))
    if change == 0:
        copy["role"] = draw(st.sampled_from([None, "student", "teacher"]))
    elif change == 1:
        copy["event_category"] = draw(st.sampled_from([None, "A", "B"]))
        copy["user_id"] = draw(st.sampled_from(["u0", "u1"]))
    elif change == 2:
        copy["timestamp"] = draw(timestamps())
    return copy


@st.composite
def streams(draw: st.DrawFn, topic: str, most: int = 30) -> list[dict[str, object] | bytes]:
    """What arrives on a topic: events, copies of them, and rubbish."""
    stream: list[dict[str, object] | bytes] = []
    for number in range(draw(st.integers(0, most))):
        event = draw(events(topic, number))
        stream.append(event)
        if str(event.get("event_id", "")).strip() and draw(st.integers(0, 3)) == 0:
            stream.append(draw(copies(event)))
        if draw(st.integers(0, 29)) == 0:
            stream.append(
                draw(
                    st.sampled_from([b"", b"not json", b"[1, 2]", b'"text"', b"\xff\xfe", b'{"event_type": ', b"null"])
                )
            )
    return stream


def as_message(item: dict[str, object] | bytes, partition: int | None = None, offset: int | None = None) -> Message:
    """What the oracle reads: the JSON text as it was sent."""
    body = item if isinstance(item, bytes) else json.dumps(item).encode()
    return Message(body, partition, offset)
