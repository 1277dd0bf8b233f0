"""What must be true of real platforms, point by point; each names the tests that hold the rest of it.

1. Current platforms: test_mapping_platforms, test_equal_ways. 2. Raw logs and records: test_ingest_platforms, test_mapping_samples. 3. Kafka, a learning
record store: test_ingest_lrs, and services' test_ingest_kafka, test_lrs. 4. Watched seconds: test_mapping_xapi. 5. Scores: test_mapping_xapi.
6. Roles: test_roster. 7. What is taken back: test_retract. 8. Speed and memory: benchmarks/statements.py.
"""

from __future__ import annotations

import io
import json
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import duckdb
import platform_canvas
import platform_moodle
import platform_openedx
import platform_others
import platform_records
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_lrs import BEGIN, SmallLrs, statement

from learnfold.cli import main
from learnfold.ingest.files import json_values
from learnfold.ingest.files.json_values import JsonValues
from learnfold.ingest.mapping.conversions import segments_seconds
from learnfold.ingest.mapping.file import load
from learnfold.ingest.mapping.translate import Translated, translate

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import platform_views  # noqa: E402 - of the tools

LEARNING = {"COURSE_ENROLLED", "COURSE_DROPPED", "QUIZ_COMPLETED"}
FORUM = {"POST_CREATED", "REPLY_CREATED", "POST_VIEWED"}
SIGNS = {"LOGIN", "LOGOUT"}
TOLD = {
    ("openedx", "xAPI"): LEARNING | FORUM | {"VIDEO_WATCHED", "HINT_SHOWN", "SUBMIT_ASSIGNMENT"},
    ("openedx", "Caliper"): LEARNING | {"VIDEO_WATCHED", "HINT_SHOWN"},
    ("openedx", "tracking logs"): LEARNING | FORUM | {"VIDEO_WATCHED", "HINT_SHOWN", "SUBMIT_ASSIGNMENT"},
    ("moodle", "xAPI, by the plugin"): LEARNING | FORUM | SIGNS | {"SUBMIT_ASSIGNMENT", "GRADE_ASSIGNMENT"},
    ("moodle", "its own log"): LEARNING | FORUM | SIGNS | {"SUBMIT_ASSIGNMENT", "GRADE_ASSIGNMENT"},
    ("canvas", "Canvas's form"): LEARNING | SIGNS | {"SUBMIT_ASSIGNMENT", "GRADE_ASSIGNMENT", "POST_CREATED"},
    ("canvas", "Caliper"): LEARNING | SIGNS | {"SUBMIT_ASSIGNMENT", "GRADE_ASSIGNMENT", "POST_CREATED"},
    ("blackboard", "Caliper"): {"QUIZ_COMPLETED", "SUBMIT_ASSIGNMENT", "GRADE_ASSIGNMENT", "GRADE_CALCULATED"},
    ("xapi", "H5P"): {"QUIZ_COMPLETED", "QUESTION_ANSWERED", "ACCESS_COURSE_MATERIAL"},
    ("xapi", "cmi5"): {"ACCESS_COURSE_MATERIAL", "MATERIAL_COMPLETED", "GRADE_ASSIGNMENT", "COURSE_COMPLETED"},
    ("xapi", "SCORM's profile"): {"COURSE_VIEW", "MATERIAL_STARTED", "MATERIAL_LEFT"},
    ("caliper", "all that is known"): LEARNING | SIGNS | {"POST_VIEWED", "SUBMIT_ASSIGNMENT", "GRADE_ASSIGNMENT"},
}
"""What each way tells of: sign-ins, enrolments and leaving, viewings, hand-ins, grades, quizzes, discussions, hints, as far as it does."""


def events(mapping: str, *documents: Any) -> list[dict[str, Any]]:
    """The events of documents, each of which must give one at least."""
    found = []
    for document in documents:
        results = translate(document, load(mapping))
        assert all(isinstance(one, Translated) for one in results), results
        found += [dict(one.event) for one in results if isinstance(one, Translated)]
    return found


@pytest.mark.parametrize(("page", "way"), TOLD)
def test_1_what_platforms_send_today_is_in_its_topic(page: str, way: str) -> None:
    """By each way that a platform has; and no way is without a promise."""
    mapping, *sources = platform_views.WAYS[page][way]
    documents = [one for source in sources for _, one in platform_views.titled(source)]
    results = [one for document in documents for one in translate(document, load(mapping))]
    types = {one.event["event_type"] for one in results if isinstance(one, Translated)}
    assert TOLD[page, way] - types == set()
    assert {(page, way) for page, ways in platform_views.WAYS.items() for way in ways} - {
        ("xapi", "all that is known")
    } == set(TOLD)


def test_1_a_video_and_a_course_are_the_same_by_whichever_way() -> None:
    """Open edX's three ways name them by their keys."""
    openedx, records = platform_openedx, platform_records
    (played,) = [one for title, one, *_ in openedx.XAPI if title == "played"]
    (told,) = [one for title, one, *_ in openedx.CALIPER if title == "played"]
    (logged,) = [one for title, one, *_ in records.TRACKING if title == "played"]
    ways = events("xapi", played) + events("caliper", told) + events("openedx-tracking-log", logged)
    assert [(one["video_id"], one["course_id"]) for one in ways] == [(openedx.VIDEO, openedx.KEY)] * 3


def test_2_a_row_is_the_same_event_in_any_file(tmp_path: Path) -> None:
    """CSV, JSON lines, Parquet: by a mapping that reads records, whatever the platform is."""
    row = {"log_id": "7", "person": "ana", "when": "1772445600", "action": "open", "course": "c1", "page": "p1"}
    mapping = tmp_path / "own.toml"
    shown = (ROOT / "docs" / "platforms" / "own.md").read_text("utf-8").split("```toml\n")[1].split("```")[0]
    mapping.write_text(shown, "utf-8")
    (tmp_path / "a.jsonl").write_text(json.dumps(row), "utf-8")
    (tmp_path / "a.csv").write_text(f"{','.join(row)}\n{','.join(row.values())}\n", "utf-8")
    duckdb.sql(f"COPY (SELECT * FROM read_csv('{tmp_path}/a.csv', all_varchar=true)) TO '{tmp_path}/a.parquet'")
    for name in ("a.jsonl", "a.csv", "a.parquet"):
        words = ["ingest", str(tmp_path / name), "--from", str(mapping), "--into", str(tmp_path / name[2:])]
        assert main(words) == 0
    found = [
        duckdb.sql(f"SELECT event_id, user_id, course_id, material_id FROM read_parquet('{tmp_path}/{form}/topic=course_topic/**/*.parquet')").fetchall()
        for form in ("jsonl", "csv", "parquet")
    ]  # fmt: skip
    assert found == [[("7", "ana", "c1", "p1")]] * 3


def test_3_a_store_gives_what_a_file_of_it_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pulled by pages, and pulled again: the same events as the export, each once."""
    monkeypatch.delenv("LEARNFOLD_LRS_CREDENTIALS", raising=False)
    with SmallLrs(page=2) as lrs:
        lrs.store(*map(statement, range(5)), at=BEGIN)
        for _ in range(2):
            assert main(["ingest", "--into", str(tmp_path / "pulled"), "--lrs", lrs.url, "--from", "xapi"]) == 0
    (tmp_path / "export.jsonl").write_text("\n".join(json.dumps(statement(one)) for one in range(5)), "utf-8")
    assert main(["ingest", str(tmp_path / "export.jsonl"), "--into", str(tmp_path / "file"), "--from", "xapi"]) == 0
    pulled, file = (
        duckdb.sql(f"SELECT event_id, user_id, course_id FROM read_parquet('{tmp_path}/{one}/topic=course_topic/**/*.parquet') ORDER BY ALL").fetchall()
        for one in ("pulled", "file")
    )  # fmt: skip
    assert pulled == file
    assert len(file) == 5


stretches = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)).map(sorted), max_size=6)


@given(stretches)
def test_4_watched_seconds_are_never_more_than_were_watched(watched: list[list[int]]) -> None:
    """However a player lists the stretches of a visit: as they came, sorted, or those that touch made one."""
    merged: list[list[int]] = []
    for begin, end in sorted(watched):
        if merged and begin <= merged[-1][1]:
            merged[-1][1] = max(end, merged[-1][1])
        else:
            merged.append([begin, end])
    seconds = sum(end - begin for begin, end in watched)
    for listed in (watched, sorted(watched), merged):
        told = segments_seconds("[,]".join(f"{begin}[.]{end}" for begin, end in listed))
        assert (told or 0) <= seconds
        assert listed is merged or (told or 0) == seconds


def test_5_nobody_grades_the_own_work_and_no_program_is_a_person() -> None:
    """A quiz that marks itself, by each platform that has them: the student is both, and no teacher."""
    alone = ("a quiz that grades itself", "graded at night", "passed, with a share", "graded by the platform")
    lists = {
        "xapi": [*platform_others.XAPI, *platform_moodle.CASES],
        "caliper": [*platform_canvas.CASES, *platform_others.CALIPER],
        "canvas-live-events": platform_records.CANVAS,
    }
    tried = 0
    for mapping, cases in lists.items():
        for title, document, topic, _ in cases:
            for event in events(mapping, document) if topic else ():
                if event["event_type"] == "GRADE_ASSIGNMENT" and event.get("user_id") == event.get("student_id"):
                    assert event.get("role") != "teacher", title
                    tried += any(words in title for words in alone)
    assert tried >= 3


def test_5_scaled_and_raw_points_are_of_one_scale() -> None:
    """A share is a percentage: 80 of 100, as 8 of 10 is 80 percent."""
    passed = f"{platform_others.ADL}/verbs/passed"
    unit = platform_others.thing("/au/1")
    told = [
        platform_others.said(passed, unit, platform_others.UNIT, result={"score": score})
        for score in ({"scaled": 0.8}, {"raw": 8, "max": 10}, {"raw": 80, "min": 0, "max": 100, "scaled": 0.8})
    ]
    assert [100 * one["score"] / one["max_score"] for one in events("xapi", *told)] == [80.0] * 3


def test_6_the_pages_say_which_platforms_tell_no_roles() -> None:
    """And where a roster comes from; Canvas tells of everyone who teaches."""
    pages = ROOT / "docs" / "platforms"
    for page in ("openedx", "moodle", "xapi"):
        text = (pages / f"{page}.md").read_text("utf-8")
        assert "**Roles**" in text, page
        assert "README.md#who-teaches" in text, page
    for mapping, cases in (("caliper", platform_canvas.CASES), ("canvas-live-events", platform_records.CANVAS)):
        enrolled = [
            event
            for _, document, topic, _ in cases
            for event in (events(mapping, document) if topic else ())
            if event["event_type"] == "COURSE_ENROLLED"
        ]
        assert {event.get("role") for event in enrolled} >= {"student", "teacher"}, mapping


DELETED = {
    "openedx-tracking-log": [("platform_records.TRACKING", "left")],
    "moodle-log": [("platform_records.MOODLE", "taken out")],
    "canvas-live-events": [("platform_records.CANVAS", "taken out")],
    "caliper": [("platform_canvas.CASES", "taken out of the course"), ("platform_openedx.CALIPER", "left")],
    "xapi": [("platform_openedx.XAPI", "left")],
}


@pytest.mark.parametrize("mapping", DELETED)
def test_7_an_enrolment_that_is_deleted_is_left(mapping: str) -> None:
    """Who is taken out of a course is no longer enrolled, whoever did it."""
    for source, title in DELETED[mapping]:
        (document,) = [one for named, one in platform_views.titled(source) if named == title]
        assert [one["event_type"] for one in events(mapping, document)] == ["COURSE_DROPPED"]


class Answer(io.RawIOBase):
    """An answer of a learning record store of so many statements, of which nothing is held."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.left, self.rest = count, b'{"more": "", "statements": ['

    def read(self, size: int = -1) -> bytes:
        """So many bytes; fewer only at the end."""
        parts, length = [self.rest], len(self.rest)
        while length < size and self.left:
            self.left -= 1
            part = json.dumps(statement(self.left)).encode() + (b",\n" if self.left else b"]}")
            parts.append(part)
            length += len(part)
        data = b"".join(parts)
        self.rest = data[size:]
        return data[:size]


def test_8_a_document_of_any_size_is_read_in_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three times the statements in one answer of a store take no more memory."""
    monkeypatch.setattr(json_values, "BLOCK_BYTES", 1 << 18)

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            assert sum(len(batch) for batch in JsonValues(Answer(count), "statements")) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    some = 3 * json_values.BLOCK_BYTES // len(json.dumps(statement(1)))
    assert peak(3 * some) < 1.2 * peak(some)
