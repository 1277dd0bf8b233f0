"""One small term of each platform, sent by each of its ways: the same views where the ways tell the same, and the right ones.

The term: ana (21), bob (22) and cem (23) enrol, cem leaves. Ana begins a video twice, bob once. Ana gets 2 of 3 points of a quiz, bob 3.
Both hand in, and teacher 3 gives them 14 and 18 of 20.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import platform_canvas
import platform_moodle
import platform_openedx
import platform_others
import platform_records
import pytest
import xapi_statements

from learnfold.cli import main

Document = dict[str, Any]

TERM = [
    ("enrol", 21, None), ("enrol", 22, None), ("enrol", 23, None), ("leave", 23, None),
    ("play", 21, None), ("play", 21, None), ("play", 22, None), ("mark", 21, 2), ("mark", 22, 3),
    ("hand in", 21, None), ("hand in", 22, None), ("grade", 21, 14), ("grade", 22, 18),
]  # fmt: skip
"""What happens, minute by minute from 10:00 on: what, to whom, with how many points."""


class Way(NamedTuple):
    """How a platform tells it: what it sends of student 21 in the first minute, and how it writes what differs."""

    mapping: str
    tells: dict[str, Callable[[Any], Document]]  # by what happens, from the points
    person: Callable[[int], str]  # how a student's number is written
    number: str  # in every statement's id
    course: str  # what the course is called in the views


def written(way: Way, path: Path) -> Path:
    """The term as the way tells it, a document a line; everything is sent twice."""
    lines = []
    for minute, (what, who, points) in enumerate(TERM):
        if what not in way.tells:
            continue
        text = json.dumps(way.tells[what](points))
        text = text.replace(way.person(21), way.person(who))
        text = text.replace("2026-03-02T10:00:", f"2026-03-02T10:{minute:02d}:").replace(
            "1772445600", str(1772445600 + 60 * minute)
        )
        lines.append(text.replace(way.number, f"{minute:0{len(way.number)}d}") if way.number else text)
    path.write_text("\n".join([*lines, *lines]), "utf-8")
    return path


def views(way: Way, folder: Path) -> Callable[..., list[tuple[Any, ...]]]:
    """What ``learnfold ingest`` and ``run`` make of it: asked for a view and columns, its rows with students by their numbers."""
    master, out = folder / "master", folder / "out"
    assert main(["ingest", str(written(way, folder / "term.jsonl")), "--from", way.mapping, "--into", str(master)]) == 0
    assert main(["run", str(master), str(out), "--job", "course", "--job", "video", "--job", "assessment"]) == 0
    people = {way.person(number): number for number in (21, 22, 23)}

    def rows(view: str, *columns: str) -> list[tuple[Any, ...]]:
        found = duckdb.sql(f"SELECT {', '.join(columns)} FROM read_parquet('{out}/{view}/*.parquet')").fetchall()
        return sorted(tuple(people.get(value, value) for value in row) for row in found)

    return rows


def edx_user(number: int) -> str:
    """The id that Open edX makes up for a student."""
    return f"0b0e6a3c-1111-4222-8333-4444555566{number}"


def as_edx(document: Document) -> Document:
    """The same of student 21."""
    return json.loads(json.dumps(document).replace(platform_openedx.USER, edx_user(21)))


EDX, LINE = platform_openedx, platform_records
FIRST = {title: document for title, document, _, _ in reversed(EDX.XAPI)}
CFIRST = {title: document for title, document, _, _ in reversed(EDX.CALIPER)}
OPENEDX = {
    "xAPI": Way("xapi", {
        "enrol": lambda _: as_edx(FIRST["enrolled"]),
        "leave": lambda _: as_edx(FIRST["left"]),
        "play": lambda _: as_edx(FIRST["played"]),
        "mark": lambda points: as_edx(EDX.said(f"{EDX.ACROSS}/verbs/evaluated", EDX.block(EDX.PROBLEM, EDX.QUESTION), result={"score": {"raw": points, "min": 0, "max": 3}})),
    }, edx_user, "0000000000bb", EDX.KEY),
    "Caliper": Way("caliper", {
        "enrol": lambda _: as_edx(CFIRST["enrolled"]),
        "leave": lambda _: as_edx(CFIRST["left"]),
        "play": lambda _: as_edx(CFIRST["played"]),
        "mark": lambda points: as_edx(EDX.told("GradeEvent", "Graded", EDX.TRY, generated={"score": {"id": "_:score", "type": "Score", "scoreGiven": points, "maxScore": 3}})),
    }, edx_user, "0000000000cc", EDX.KEY),
    "tracking log": Way("openedx-tracking-log", {
        "enrol": lambda _: LINE.line("edx.course.enrollment.activated", {"course_id": LINE.KEY, "user_id": 99921, "mode": "audit"}, user=1),
        "leave": lambda _: LINE.line("edx.course.enrollment.deactivated", {"course_id": LINE.KEY, "user_id": 99921}, user=99921),
        "play": lambda _: LINE.line("play_video", {**LINE.CLIP, "currentTime": 1.5}, source="browser", user=99921),
        "mark": lambda points: LINE.line("problem_check", {"problem_id": EDX.PROBLEM, "grade": points, "max_grade": 3}, user=99921),
    }, lambda number: f"999{number}", "", EDX.KEY),
}  # fmt: skip


@pytest.mark.parametrize("name", OPENEDX)
def test_open_edx_tells_the_same_term_by_each_of_its_ways(name: str, tmp_path: Path) -> None:
    """The same course, video and quiz, by the same keys; people by the id of the way."""
    way = OPENEDX[name]
    rows = views(way, tmp_path)
    assert rows("course_enrollment_stats", "course_id", "new_enrollments", "unique_new_students") == [
        (way.course, 3, 3)
    ]
    assert rows("video_popularity", "course_id", "video_id", "unique_viewers", "total_view_events") == [
        (way.course, EDX.VIDEO, 2, 3)
    ]
    assert rows("video_total_watch_time", "user_id", "total_watch_sessions", "total_watch_seconds") == [
        (21, 2, None),
        (22, 1, None),
    ]
    assert rows("assessment_quiz_performance", "user_id", "course_id", "total_quizzes_completed", "total_correct_answers") == [
        (21, way.course, 1, 2), (22, way.course, 1, 3)
    ]  # fmt: skip
    assert rows("assessment_grading_stats", "student_id") == []
    dropped = rows("course_daily_engagement", "event_type", "event_count")
    assert ("COURSE_DROPPED", 1) in dropped


MOODLE, OLD = platform_moodle, xapi_statements
IN_COURSE, ASSIGN = MOODLE.IN_COURSE, MOODLE.ASSIGN
WORK_OF_21 = {**LINE.IN_MODULE, "userid": "99921"}


def moodle_user(number: int) -> str:
    """A student's number, long enough to be found."""
    return f"999{number}"


MOODLE_WAYS = {
    "plugin 5": Way("xapi", {
        "enrol": lambda _: MOODLE.said(f"{MOODLE.EDLM}/verbs/enrolled", MOODLE.COURSE, by=MOODLE.TUTOR, who="99921"),
        "leave": lambda _: MOODLE.said(f"{MOODLE.AS}/leave", MOODLE.COURSE, by=MOODLE.TUTOR, who="99921"),
        "hand in": lambda _: MOODLE.said(f"{MOODLE.AS}/schema/1.0/submit", MOODLE.HANDED, ASSIGN, *IN_COURSE, who="99921"),
        "grade": lambda points: MOODLE.said(f"{MOODLE.TLA}/scored", MOODLE.HANDED, ASSIGN, *IN_COURSE, by=MOODLE.TUTOR, who="99921", result=MOODLE.score(points, 20)),
        "mark": lambda points: MOODLE.said(f"{MOODLE.ADL}/verbs/completed", MOODLE.TRY, MOODLE.QUIZ, *IN_COURSE, who="99921", result=MOODLE.score(points, 3)),
    }, moodle_user, "0000000000aa", MOODLE.COURSE["id"]),
    "plugin 4": Way("xapi", {
        "leave": lambda _: OLD.moodle("http://activitystrea.ms/leave", OLD.activity(f"{OLD.MOODLE}/course/view.php?id=5", "https://w3id.org/xapi/cmi5/activitytype/course"), actor=old_person()),
        "hand in": lambda _: OLD.moodle("http://activitystrea.ms/schema/1.0/submit", OLD.activity(OLD.ASSIGN, OLD.ASSESSMENT), actor=old_person(), timestamp="2026-03-02T10:00:00Z"),
        "grade": lambda points: OLD.moodle(f"{OLD.ADL}/verbs/scored", OLD.activity(OLD.ASSIGN, OLD.ASSESSMENT), context={"instructor": {"account": {"homePage": OLD.MOODLE, "name": "3"}}}, actor=old_person(), result=MOODLE.score(points, 20), timestamp="2026-03-02T10:00:00Z"),
        "mark": lambda points: OLD.moodle(f"{OLD.ADL}/verbs/completed", OLD.activity(OLD.QUIZ, OLD.ASSESSMENT), event="\\mod_quiz\\event\\attempt_submitted", actor=old_person(), result=MOODLE.score(points, 3)),
    }, moodle_user, "000000000002", f"{OLD.MOODLE}/course/view.php?id=5"),
    "its own log": Way("moodle-log", {
        "enrol": lambda _: LINE.logged("\\core\\event\\user_enrolment_created", userid="3", relateduserid="99921"),
        "leave": lambda _: LINE.logged("\\core\\event\\user_enrolment_deleted", userid="3", relateduserid="99921"),
        "hand in": lambda _: LINE.logged("\\mod_assign\\event\\assessable_submitted", **WORK_OF_21),
        "grade": lambda points: LINE.logged("\\core\\event\\user_graded", userid="3", relateduserid="99921", other=json.dumps({"itemid": "5", "overridden": False, "finalgrade": points})),
        "mark": lambda _: LINE.logged("\\mod_quiz\\event\\attempt_submitted", **WORK_OF_21),
    }, moodle_user, "5001", "9"),
}  # fmt: skip


def old_person() -> Document:
    """Student 21 as plugin 4 writes them."""
    return {"name": "Ana", "account": {"homePage": OLD.MOODLE, "name": "99921"}}


@pytest.mark.parametrize("name", MOODLE_WAYS)
def test_moodle_tells_the_same_term_by_each_of_its_ways(name: str, tmp_path: Path) -> None:
    """Enrolments, hand-ins, grades and finished quizzes; the teacher who graded is no student of it."""
    way = MOODLE_WAYS[name]
    rows = views(way, tmp_path)
    enrolled = [(way.course, 3, 3)] if "enrol" in way.tells else []
    assert rows("course_enrollment_stats", "course_id", "new_enrollments", "unique_new_students") == enrolled
    assert rows("assessment_student_submissions", "user_id", "course_id", "total_assignments_submitted", "total_submissions") == [
        (21, way.course, 1, 1), (22, way.course, 1, 1)
    ]  # fmt: skip
    assert rows("assessment_grading_stats", "student_id", "course_id", "total_assignments_graded", "avg_assignment_score") == [
        (21, way.course, 1, 14.0), (22, way.course, 1, 18.0)
    ]  # fmt: skip
    assert rows("assessment_teacher_workload", "user_id", "total_assignments_graded") == [("3", 2)]
    assert rows("assessment_quiz_performance", "user_id", "total_quizzes_completed") == [(21, 1), (22, 1)]
    assert ("COURSE_DROPPED", 1) in rows("course_daily_engagement", "event_type", "event_count")


CANVAS = platform_canvas
SENT = {title: document for title, document, _, _ in reversed(CANVAS.CASES)}
ROW = {title: document for title, document, _, _ in reversed(LINE.CANVAS)}


def as_row(document: Document, **body: Any) -> Document:
    """A live event, with an id of its own."""
    return {
        "metadata": document["metadata"] | {"event_time": "2026-03-02T10:00:00.000Z"},
        "body": document["body"] | body,
    }


CANVAS_WAYS = {
    "Caliper": Way("caliper", {
        "enrol": lambda _: SENT["a student enrolled"],
        "leave": lambda _: SENT["taken out of the course"],
        "hand in": lambda _: SENT["handed in"],
        "mark": lambda _: SENT["a quiz handed in"],
        "grade": lambda points: CANVAS.graded(CANVAS.person(3), maxScore=20, scoreGiven=points),
    }, lambda number: f"21070000000000{number:03d}", "0000000000dd", "900"),
    "Canvas's form": Way("canvas-live-events", {
        "enrol": lambda _: as_row(ROW["a student enrolled"]),
        "leave": lambda _: as_row(ROW["taken out"]),
        "hand in": lambda _: as_row(ROW["handed in"]),
        "mark": lambda _: as_row(ROW["a quiz handed in"]),
        "grade": lambda points: as_row(LINE.canvas("grade_change", by=f"{LINE.SHARD}0003", role="TeacherEnrollment", grader_id=f"{LINE.SHARD}0003", points_possible=20, **(LINE.DONE | {"score": points}))),
    }, lambda number: f"21070000000000{number:03d}", "", "900"),
}  # fmt: skip


@pytest.mark.parametrize("name", CANVAS_WAYS)
def test_canvas_tells_the_same_term_in_each_of_its_forms(name: str, tmp_path: Path) -> None:
    """By the numbers of its addresses; a hand-in in Caliper's form names no course."""
    way = CANVAS_WAYS[name]
    rows = views(way._replace(person=way.person), tmp_path)
    in_course = None if name == "Caliper" else "900"
    assert rows("course_enrollment_stats", "course_id", "new_enrollments", "unique_new_students") == [("900", 3, 3)]
    assert rows("assessment_student_submissions", "user_id", "course_id", "total_submissions") == [
        ("21", in_course, 1), ("22", in_course, 1)
    ]  # fmt: skip
    assert rows("assessment_grading_stats", "student_id", "course_id", "total_assignments_graded", "avg_assignment_score") == [
        ("21", "900", 1, 14.0), ("22", "900", 1, 18.0)
    ]  # fmt: skip
    assert rows("assessment_teacher_workload", "user_id", "total_assignments_graded") == [("3", 2)]
    assert rows("assessment_quiz_performance", "user_id", "total_quizzes_completed") == [("21", 1), ("22", 1)]
    assert ("COURSE_DROPPED", 1) in rows("course_daily_engagement", "event_type", "event_count")


LEARN = platform_others
BLACKBOARD = Way("caliper", {
    "hand in": lambda _: LEARN.learn("AssignableEvent", "Submitted", LEARN.WORK),
    "mark": lambda _: LEARN.learn("AssessmentEvent", "Completed", LEARN.TEST),
    "grade": lambda points: LEARN.learn("GradeEvent", "Graded", LEARN.GIVEN, actor={"id": f"{LEARN.LEARN}/applications/learn", "type": "SoftwareApplication"}, generated={"type": "Result", "normalScore": points, "maxScore": 20}),
}, lambda number: f"{LEARN.LEARN}/users/u1" if number == 21 else f"{LEARN.LEARN}/users/{number}", "0000000000ff", f"{LEARN.LEARN}/courses/c1")  # fmt: skip


def test_blackboard_tells_what_it_can(tmp_path: Path) -> None:
    """Hand-ins, tests and grades by the program, who is no teacher."""
    rows, course = views(BLACKBOARD, tmp_path), BLACKBOARD.course
    assert rows("assessment_student_submissions", "user_id", "course_id", "total_submissions") == [
        (21, course, 1),
        (22, course, 1),
    ]
    assert rows("assessment_grading_stats", "student_id", "course_id", "avg_assignment_score") == [
        (21, course, 14.0),
        (22, course, 18.0),
    ]
    assert rows("assessment_teacher_workload", "user_id") == []
    assert rows("assessment_quiz_performance", "user_id", "total_quizzes_completed") == [(21, 1), (22, 1)]
