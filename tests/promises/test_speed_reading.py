"""Quick reading is a shortcut: what it accepts, the whole reading reads in the same way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import tries
from learnfold import catalog
from learnfold.kafka.messages import NONE, MessageBatch
from learnfold.settings import Settings
from learnfold.speed.row import OFFSET, REASON
from learnfold.speed.tick import Reader
from promises.messages import streams
from promises.streamed import LAYOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

ODD = st.one_of(
    st.sampled_from(
        ["", " ", "\u3000", " x", "x ", "\x7f", "\ttab", "é", "LOGIN ", "login", "null", "NaN", "0", "007"]
    ),
    st.sampled_from(
        [0, 7, -1, 1001, 1001.0, 1e3, 1.5, True, None, [], {}, "1001.0", "-5", "1e3", "12.", ".5", "1.2.3"]
    ),
    st.sampled_from(
        [
            "6F9619FF-8B86-D011-B42D-00C04FC964FF",
            "6f9619ff-8b86-d011-b42d-00c04fc964ff",
            "00000000-0000-0000-0000-000000000000",
        ]
    ),
    st.sampled_from(
        [
            "2025-11-02 01:30:00",
            "2025-02-30 10:00:00",
            "2025-11-01T10:00:00.5Z",
            "1969-12-31 23:59:59",
            "2201-01-01T00:00:00Z",
        ]
    ),
    st.sampled_from(
        ["2025-11-01 24:00:00", "2025-11-01T10:00:00+07:00", "1761991200", 1761991200, "0001-01-01 00:00:00"]
    ),
    st.sampled_from(
        ["999999999", "1000000000", "2147483648", 2147483648, "123456789012345", "1234567890123456", "Teacher", "ta"]
    ),
    st.text(max_size=6),
)

ZONES = [Settings(threads=1), Settings(platform_zone="America/New_York", reporting_zone="Asia/Ho_Chi_Minh", threads=1)]


@pytest.fixture(scope="module", params=ZONES, ids=["utc", "zones"])
def reader(request: pytest.FixtureRequest) -> Iterator[Reader]:
    """What reads messages, in two pairs of zones."""
    with Reader(request.param, LAYOUT) as found:
        yield found


@st.composite
def messages(draw: st.DrawFn, topic: str) -> list[bytes]:
    """Events with an odd value in any field, and texts that JSON's readers don't agree about."""
    fields = [field.name for field in catalog.load().topics[topic].sent]
    found = []
    for item in draw(streams(topic)):
        if isinstance(item, dict):
            changed = {**item, **draw(st.dictionaries(st.sampled_from(fields), ODD, max_size=2))}
            text = json.dumps(changed, ensure_ascii=draw(st.booleans()))
            for old, new in (
                ("}", ",}"),
                ('": ', '": NaN, "x": '),
                ('"event_type"', '"event_type": "A", "event_type"'),
            ):
                if draw(st.integers(0, 19)) == 0:
                    text = text.replace(old, new, 1)
            found.append(text.encode("utf-8", "surrogatepass"))
        else:
            found.append(item)
    return found


def _read(reader: Reader, topic: str, texts: list[bytes], *, quick: bool) -> list[list[Any]]:
    batch = MessageBatch.of(texts, 3, list(range(len(texts))), [NONE] * len(texts))
    return [sorted(rows, key=repr) for rows in reader.read(topic, [batch], quick=quick)]


@pytest.mark.parametrize("topic", LAYOUT.topics)
@settings(max_examples=tries(6))
@given(data=st.data())
def test_quick_reading_is_the_whole_reading(reader: Reader, topic: str, data: st.DataObject) -> None:
    """Each message alone gives the same row, and the same additions, by both."""
    texts = data.draw(messages(topic))
    assert _read(reader, topic, texts, quick=False) == _read(reader, topic, texts, quick=True)


def test_quick_reading_takes_what_is_plain(reader: Reader) -> None:
    """An event as most producers write it isn't read a second time: the whole reading isn't asked."""
    event = {"event_id": "6f9619ff-8b86-d011-b42d-00c04fc964ff", "event_type": "VIDEO_WATCHED", "user_id": "u1"}
    event |= {"role": "student", "timestamp": "2025-11-01T10:00:00.123Z", "watch_duration_seconds": 30}
    batch = MessageBatch.of([json.dumps(event).encode(), b"no"], 0, [7, 8], [NONE, NONE])
    rows = reader.plain("video_topic", [batch])
    assert [(row[OFFSET], row[REASON]) for row in rows] == [(7, None)]


def test_what_is_planned_ahead_reads_as_what_is_planned_when_it_is_needed(reader: Reader) -> None:
    """Every statement is planned once, and the second time none is left."""
    assert all(reader.plan())
    assert list(reader.plan()) == []
    event = {"event_id": "e1", "event_type": "LOGIN", "user_id": "u1", "role": "student"}
    text = json.dumps(event | {"timestamp": "2025-11-01T10:00:00Z"}).encode()
    assert _read(reader, "auth_topic", [text], quick=True) == _read(reader, "auth_topic", [text], quick=False)


@pytest.mark.parametrize("quick", [True, False])
def test_no_number_of_an_invalid_event_is_worked_with(reader: Reader, *, quick: bool) -> None:
    """A quiz of 0 questions, no answer right: 0 of 0 is no percentage, and not an error either."""
    event = {"event_id": "e1", "event_type": "QUIZ_COMPLETED", "user_id": "u1", "role": "student"}
    event |= {"timestamp": "2025-11-01T10:00:00Z", "correct_answers": 0, "question_count": 0}
    batch = MessageBatch.of([json.dumps(event).encode()], 0, [7], [NONE])
    ((row,), *_) = reader.read("assessment_topic", [batch], quick=quick)
    assert row[REASON] is not None
